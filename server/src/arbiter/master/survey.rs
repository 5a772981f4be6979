//! Asking all workers for something, without waiting in the master's thread.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::Figures;
use super::super::message::{Question, ToWorker};
use super::reload::answer;
use super::{Master, Reply};

/// How long workers may take. Those that are blocked answer all the same, on a
/// thread of their own; only one that is stopped does not.
const LIMIT: Duration = Duration::from_secs(1);

/// A question that was asked.
pub(super) struct Survey {
    token: u64,
    question: Question,
    asker: Asker,
    /// By the workers' ages; `None` where none has come yet.
    answers: BTreeMap<u64, Option<String>>,
    deadline: Instant,
}

enum Asker {
    Worker(u64, u64),
    Control(Reply),
}

impl Survey {
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    fn is_over(&self, now: Instant) -> bool {
        self.deadline <= now || self.answers.values().all(Option::is_some)
    }
}

impl Master<'_> {
    pub(super) fn survey_for_worker(&mut self, age: u64, token: u64) {
        self.survey(Question::Figures, Asker::Worker(age, token), |_| true);
    }

    /// Asks those workers whose number and process are wanted.
    pub(super) fn survey_for_control(
        &mut self,
        question: Question,
        reply: Reply,
        wanted: impl Fn(&super::entry::Entry) -> bool,
    ) {
        self.survey(question, Asker::Control(reply), wanted);
    }

    fn survey(
        &mut self,
        question: Question,
        asker: Asker,
        wanted: impl Fn(&super::entry::Entry) -> bool,
    ) {
        // Never one that was used: an answer that comes too late belongs to no other.
        self.last_survey += 1;
        let token = self.last_survey;
        let mut answers = BTreeMap::new();
        for worker in self.workers.values().filter(|w| w.is_ready && wanted(w)) {
            worker.send(&ToWorker::Ask(token, question));
            answers.insert(worker.age, None);
        }
        let deadline = Instant::now() + LIMIT;
        self.surveys.push(Survey {
            token,
            question,
            asker,
            answers,
            deadline,
        });
        // Without workers it is over at the next look.
    }

    pub(super) fn answered(&mut self, age: u64, token: u64, text: String) {
        let survey = self.surveys.iter_mut().find(|survey| survey.token == token);
        let Some(survey) = survey else { return }; // too late
        if survey.question == Question::Figures
            && let Some(figures) = Figures::decode(&text)
            && let Some(worker) = self.workers.get_mut(&age)
        {
            worker.figures = figures;
        }
        if let Some(place) = survey.answers.get_mut(&age) {
            *place = Some(text);
        }
    }

    /// A worker that has ended answers nothing any more.
    pub(super) fn forget_in_surveys(&mut self, age: u64) {
        for survey in &mut self.surveys {
            survey.answers.remove(&age);
        }
    }

    /// Tells those who asked, when all have answered or it takes too long.
    pub(super) fn end_surveys(&mut self, now: Instant) {
        let all = std::mem::take(&mut self.surveys);
        let (over, open) = all.into_iter().partition(|survey| survey.is_over(now));
        self.surveys = open;
        let over: Vec<Survey> = over;
        for survey in over {
            let text = match survey.question {
                Question::Figures => self.total().to_string(),
                Question::Greenlets => self.trees(&survey.answers),
            };
            match survey.asker {
                Asker::Control(reply) => answer(Some(reply), Ok(text)),
                Asker::Worker(age, token) => {
                    let total = self.total();
                    if let Some(worker) = self.workers.get(&age) {
                        worker.send(&ToWorker::Total(token, total));
                    }
                }
            }
        }
    }

    /// What all workers have done, those that have ended included, and the master.
    pub(super) fn total(&self) -> Figures {
        let mut total = self.ended.clone();
        for worker in self.workers.values() {
            total.add_all(&worker.figures);
        }
        let counts = self.counts();
        let ready = self
            .workers
            .values()
            .filter(|worker| worker.is_ready)
            .count();
        total.add_all(
            &Figures::new()
                .gauge("maypole_workers", ready as f64)
                .gauge("maypole_workers_wanted", self.wanted as f64)
                .counter("maypole_workers_started_total", counts.started as f64)
                .counter("maypole_workers_ended_total", counts.ended as f64)
                .counter("maypole_workers_aborted_total", counts.aborted as f64)
                .counter("maypole_boot_failures_total", counts.boot_failures as f64)
                .counter("maypole_reloads_total", counts.reloads as f64)
                .gauge(
                    "maypole_uptime_seconds",
                    self.began.elapsed().as_secs() as f64,
                ),
        );
        total
    }

    fn trees(&self, answers: &BTreeMap<u64, Option<String>>) -> String {
        let mut text = String::new();
        for (age, tree) in answers {
            let Some(worker) = self.workers.get(age) else {
                continue;
            };
            let tree = tree.as_deref().unwrap_or("does not answer\n");
            text.push_str(&format!("{}: {tree}", worker.info()));
        }
        text
    }

    /// Sends the sum to statsd, when it is time to.
    pub(super) fn send_figures(&mut self, now: Instant) {
        if self
            .statsd
            .as_ref()
            .is_some_and(|statsd| statsd.next() <= now)
        {
            let total = self.total();
            if let Some(statsd) = &mut self.statsd {
                statsd.send(&total, now);
            }
        }
    }
}
