//! What master and workers say to each other.
//!
//! A message is a line, `word token length`, and as many bytes of text.

use std::io::{self, BufRead, Read};

use super::Figures;

/// The longest text: a tree of ten thousand greenlets fits.
const MAX_BODY: usize = 4 << 20;

/// The longest first line.
const MAX_LINE: u64 = 128;

/// How a worker is to end.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Stop {
    /// When it has finished what runs.
    Graceful,
    /// At once.
    Quick,
}

/// What workers can be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Question {
    /// Its figures.
    Figures,
    /// The tree of its greenlets.
    Greenlets,
}

/// Who a process is, and what the descriptors are that were passed to it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Hello {
    pub(super) number: usize,
    pub(super) age: u64,
    /// Name and place of each listener, in the order of the descriptors.
    pub(super) listeners: Vec<(String, String)>,
}

/// From the master.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ToWorker {
    Hello(Hello),
    Stop(Stop),
    Reopen,
    Ask(u64, Question),
    /// The sum that was asked for.
    Total(u64, Figures),
}

/// To the master.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ToMaster {
    Ready,
    /// It could not boot, for this reason.
    Failed(String),
    /// All its hubs run.
    Beat(Figures),
    /// A hub is blocked.
    Blocked(String),
    /// It would like to be replaced.
    Retire,
    /// It wants to know the sum of all figures.
    WantsTotal(u64),
    /// What it was asked for.
    Answer(u64, String),
}

/// A message as it goes.
pub(super) trait Message: Sized {
    fn parts(&self) -> (&'static str, u64, String);
    fn from_parts(word: &str, token: u64, body: String) -> Option<Self>;

    fn encode(&self) -> Vec<u8> {
        let (word, token, mut body) = self.parts();
        if body.len() > MAX_BODY {
            let end = (0..=MAX_BODY).rev().find(|at| body.is_char_boundary(*at));
            body.truncate(end.unwrap_or(0));
        }
        format!("{word} {token} {}\n{body}", body.len()).into_bytes()
    }

    /// The next one; `None` at the end.
    fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = Vec::new();
        from.take(MAX_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "not a message of ours");
        let line = String::from_utf8(line).map_err(|_| broken())?;
        let mut words = line.strip_suffix('\n').ok_or_else(broken)?.split(' ');
        let mut word = || words.next().ok_or_else(broken);
        let name = word()?.to_owned();
        let token = word()?.parse().map_err(|_| broken())?;
        let length: usize = word()?.parse().map_err(|_| broken())?;
        if length > MAX_BODY {
            return Err(broken());
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        let body = String::from_utf8(body).map_err(|_| broken())?;
        Self::from_parts(&name, token, body)
            .map(Some)
            .ok_or_else(broken)
    }
}

impl Message for ToWorker {
    fn parts(&self) -> (&'static str, u64, String) {
        match self {
            Self::Hello(hello) => {
                let lines = hello.listeners.iter();
                let lines = lines.map(|(name, place)| format!("{name}\t{place}\n"));
                (
                    "hello",
                    hello.age,
                    format!("{}\n{}", hello.number, lines.collect::<String>()),
                )
            }
            Self::Stop(Stop::Graceful) => ("finish", 0, String::new()),
            Self::Stop(Stop::Quick) => ("stop", 0, String::new()),
            Self::Reopen => ("reopen", 0, String::new()),
            Self::Ask(token, Question::Figures) => ("figures", *token, String::new()),
            Self::Ask(token, Question::Greenlets) => ("greenlets", *token, String::new()),
            Self::Total(token, figures) => ("total", *token, figures.encode()),
        }
    }

    fn from_parts(word: &str, token: u64, body: String) -> Option<Self> {
        Some(match word {
            "hello" => {
                let (number, lines) = body.split_once('\n')?;
                let listeners = lines.lines().map(|line| {
                    let (name, place) = line.split_once('\t')?;
                    Some((name.to_owned(), place.to_owned()))
                });
                Self::Hello(Hello {
                    number: number.parse().ok()?,
                    age: token,
                    listeners: listeners.collect::<Option<_>>()?,
                })
            }
            "finish" => Self::Stop(Stop::Graceful),
            "stop" => Self::Stop(Stop::Quick),
            "reopen" => Self::Reopen,
            "figures" => Self::Ask(token, Question::Figures),
            "greenlets" => Self::Ask(token, Question::Greenlets),
            "total" => Self::Total(token, Figures::decode(&body)?),
            _ => return None,
        })
    }
}

impl Message for ToMaster {
    fn parts(&self) -> (&'static str, u64, String) {
        match self {
            Self::Ready => ("ready", 0, String::new()),
            Self::Failed(reason) => ("failed", 0, reason.clone()),
            Self::Beat(figures) => ("beat", 0, figures.encode()),
            Self::Blocked(report) => ("blocked", 0, report.clone()),
            Self::Retire => ("retire", 0, String::new()),
            Self::WantsTotal(token) => ("total", *token, String::new()),
            Self::Answer(token, text) => ("answer", *token, text.clone()),
        }
    }

    fn from_parts(word: &str, token: u64, body: String) -> Option<Self> {
        Some(match word {
            "ready" => Self::Ready,
            "failed" => Self::Failed(body),
            "beat" => Self::Beat(Figures::decode(&body)?),
            "blocked" => Self::Blocked(body),
            "retire" => Self::Retire,
            "total" => Self::WantsTotal(token),
            "answer" => Self::Answer(token, body),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<M: Message>(bytes: &[u8]) -> io::Result<Option<M>> {
        M::read(&mut &*bytes)
    }

    #[test]
    fn what_is_written_is_read() {
        let figures = Figures::new().counter("a", 1.5);
        let hello = Hello {
            number: 2,
            age: 7,
            listeners: vec![
                (String::new(), "127.0.0.1:80".to_owned()),
                ("metrics".to_owned(), "unix:/run/a b".to_owned()),
            ],
        };
        for message in [
            ToWorker::Hello(hello),
            ToWorker::Hello(Hello::default()),
            ToWorker::Stop(Stop::Graceful),
            ToWorker::Stop(Stop::Quick),
            ToWorker::Reopen,
            ToWorker::Ask(3, Question::Figures),
            ToWorker::Ask(4, Question::Greenlets),
            ToWorker::Total(u64::MAX, figures.clone()),
        ] {
            assert_eq!(read(&message.encode()).unwrap(), Some(message));
        }
        for message in [
            ToMaster::Ready,
            ToMaster::Failed("two\nlines, ä".to_owned()),
            ToMaster::Beat(figures),
            ToMaster::Blocked(String::new()),
            ToMaster::Retire,
            ToMaster::WantsTotal(1),
            ToMaster::Answer(2, "x".repeat(100_000)),
        ] {
            assert_eq!(read(&message.encode()).unwrap(), Some(message));
        }
    }

    #[test]
    fn an_answer_that_is_too_long_is_cut_between_characters() {
        let long = ToMaster::Answer(1, "ä".repeat(MAX_BODY)).encode();
        let Some(ToMaster::Answer(1, text)) = read(&long).unwrap() else {
            panic!("another message");
        };
        assert!(text.len() <= MAX_BODY && text.len() > MAX_BODY - 4);
    }

    #[test]
    fn nonsense_is_an_error() {
        for bytes in [
            &b"ready 0 0"[..],
            b"ready 0\n",
            b"ready x 0\n",
            b"ready 0 99999999999\n",
            b"what 0 0\n",
            b"beat 0 3\nc x",
            b"beat 0 3\nc x\n",
            b"failed 0 1\n\xff",
            &[b'a'; 200],
        ] {
            assert!(read::<ToMaster>(bytes).is_err(), "{bytes:?}");
        }
        assert!(read::<ToMaster>(b"").unwrap().is_none());
    }
}
