//! The end of a child.

use super::*;

#[test]
fn the_status_is_that_of_the_child() {
    everywhere(|| {
        let mut child = shell("exit 10").spawn().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(10));
        assert_eq!(child.wait().unwrap().code(), Some(10));
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(10));
        assert_eq!(child.handle().wait().unwrap().code(), Some(10));
        assert!(!exists(child.id()));
    });
}

#[test]
fn try_wait_tells_whether_it_has_ended() {
    everywhere(|| {
        let mut child = piped("read line; exit 3");
        assert_eq!(child.try_wait().unwrap(), None);
        child.stdin = None;
        until(|| child.try_wait().unwrap().is_some());
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(3));
    });
}

#[test]
fn all_who_wait_are_told() {
    in_greenlet(|| {
        let mut child = piped("read line; exit 10");
        let greenlets: Vec<_> = (0..3)
            .map(|_| {
                let child = child.handle().clone();
                spawn(move || child.wait().unwrap().code())
            })
            .collect();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let child = child.handle().clone();
                thread::spawn(move || child.wait().unwrap().code())
            })
            .collect();
        sleep(MOMENT);
        assert!(greenlets.iter().all(|greenlet| !greenlet.is_finished()));
        child.stdin = None;
        for greenlet in greenlets {
            assert_eq!(greenlet.get().unwrap(), Some(10));
        }
        until(|| threads.iter().all(thread::JoinHandle::is_finished));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Some(10));
        }
    });
}

#[test]
fn a_waiter_that_is_killed_leaves_its_place_to_the_next() {
    in_greenlet(|| {
        let mut child = piped("read line; exit 10");
        let first = child.handle().clone();
        let first = spawn(move || first.wait().map(drop));
        let second = child.handle().clone();
        let second = spawn(move || second.wait().unwrap().code());
        sleep(MOMENT);
        first.kill();
        assert!(first.get().unwrap_err().is_killed());
        child.stdin = None;
        assert_eq!(second.get().unwrap(), Some(10));
    });
}

#[test]
fn waiting_has_a_limit() {
    everywhere(|| {
        let mut child = shell("exec sleep 1000").spawn().unwrap();
        assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), None);
        assert_eq!(child.wait_timeout(MOMENT).unwrap(), None);
        assert!(with_timeout(MOMENT, || child.wait().unwrap()).is_err());
        child.kill().unwrap();
        let status = child.wait_timeout(PATIENCE).unwrap().unwrap();
        assert_eq!(status.signal(), Some(9));
        child.kill().unwrap(); // has ended: left alone
    });
}

#[test]
fn waiting_closes_the_input() {
    everywhere(|| {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(cat.wait().unwrap().success());
    });
}

#[test]
fn others_run_while_one_waits() {
    in_greenlet(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        let other = spawn(move || {
            loop {
                counter.fetch_add(1, Ordering::SeqCst);
                sleep(Duration::from_micros(100));
            }
        });
        let mut child = piped("read line");
        let seen = count.clone();
        let input = child.stdin.take();
        let closer = spawn(move || {
            until(|| seen.load(Ordering::SeqCst) > 10);
            drop(input);
        });
        child.wait().unwrap();
        closer.join();
        assert!(count.load(Ordering::SeqCst) > 10);
        other.kill();
    });
}

#[test]
fn signals_are_sent() {
    in_greenlet(|| {
        let mut child = shell("exec sleep 1000").spawn().unwrap();
        let real_time = Signal::from_raw(40).unwrap();
        let refused = child.send_signal(real_time).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        child.send_signal(Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(15));
        child.send_signal(Signal::TERM).unwrap();
    });
}

#[test]
fn one_greenlet_kills_while_another_waits() {
    in_greenlet(|| {
        let mut child = shell("exec sleep 1000").spawn().unwrap();
        let killer = child.handle().clone();
        let killer = spawn(move || killer.kill());
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        killer.get().unwrap().unwrap();
    });
}

#[test]
fn links_are_called_at_the_end() {
    in_greenlet(|| {
        let mut child = piped("read line; exit 10");
        let count = Arc::new(AtomicUsize::new(0));
        let link = |child: &Child| {
            let counter = count.clone();
            let link = child.handle().link(move |child| {
                let status = child.try_wait().unwrap().unwrap();
                assert_eq!(status.code(), Some(10));
                counter.fetch_add(1, Ordering::SeqCst);
            });
            link.unwrap();
        };
        link(&child);
        link(&child);
        sleep(MOMENT);
        assert_eq!(count.load(Ordering::SeqCst), 0);
        child.stdin = None;
        until(|| count.load(Ordering::SeqCst) == 2);
        link(&child); // has ended
        until(|| count.load(Ordering::SeqCst) == 3);
    });
}

#[test]
fn children_and_signals_go_to_other_threads() {
    fn is_sent<T: Send + Sync + 'static>() {}
    is_sent::<Command>();
    is_sent::<Child>();
    is_sent::<maypole_runtime::process::ChildRef>();
    is_sent::<maypole_runtime::signal::SignalHandler>();
    is_sent::<maypole_runtime::signal::Signals>();
    // Started on a thread, waited for in a greenlet.
    let thread = thread::spawn(|| shell("exit 6").spawn().unwrap());
    until(|| thread.is_finished());
    let mut child = thread.join().unwrap();
    in_greenlet(move || assert_eq!(child.wait().unwrap().code(), Some(6)));
}

/// Waits in its destructor.
struct WaitsWhenDropped {
    child: Child,
    told: Arc<AtomicUsize>,
}

impl Drop for WaitsWhenDropped {
    fn drop(&mut self) {
        let refused = [
            self.child.wait().is_err(),
            self.child.wait_timeout(PATIENCE).is_err(),
            self.child.communicate(b"").is_err(),
        ];
        let count = refused.into_iter().filter(|refused| *refused).count();
        self.told.store(count, Ordering::SeqCst);
        let _ = self.child.kill();
    }
}

#[test]
fn nothing_waits_while_unwinding() {
    in_greenlet(|| {
        let told = Arc::new(AtomicUsize::new(0));
        let child = shell("exec sleep 1000").spawn().unwrap();
        let id = child.id();
        let waits = WaitsWhenDropped {
            child,
            told: told.clone(),
        };
        let sleeper = spawn(move || {
            let _waits = waits;
            sleep(Duration::MAX);
        });
        sleep(MOMENT);
        sleeper.kill();
        assert_eq!(told.load(Ordering::SeqCst), 3);
        until(|| !exists(id));
    });
}
