//! Calling the application, in a greenlet, and taking its answer apart.

use http::StatusCode;
use may_minihttp::Response;
use maypole_server::Addr;
use memchr::memmem;

use crate::app::{Application, Arriving, Input, Origin, Reply, Server, Verdict, Wire};
use crate::buffers;
use crate::observe::Observer;
use crate::proto::date::DateLine;
use crate::proto::{Exchange, HeadParser, Limits};
use crate::serving::Caller;

use super::kept::Kept;

/// Lines that `may_minihttp` writes itself, whatever the application says.
const THEIRS: [&str; 3] = ["content-length", "date", "server"];

/// What all connections of a server have in common.
pub(super) struct Shared {
    pub(super) application: Application,
    pub(super) limits: Limits,
    pub(super) max_body: usize,
    pub(super) server: Server,
    pub(super) observer: Observer,
    /// Where it listens.
    pub(super) local: Addr,
    /// Who sends a request: `may_minihttp` does not tell.
    pub(super) peer: Addr,
    pub(super) kept: Kept,
}

/// A whole answer, in the form that `may_minihttp` takes.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    lines: Vec<&'static str>,
    body: Vec<u8>,
    /// No request may follow.
    pub(super) is_last: bool,
}

impl Answer {
    /// An answer with nothing of anybody's in it.
    pub(super) fn fixed(status: StatusCode, to_head: bool) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        let body = if to_head { "" } else { reason };
        Self {
            status,
            lines: vec!["Connection: close", "Content-Type: text/plain"],
            body: body.into(),
            is_last: true,
        }
    }

    pub(super) fn put(self, response: &mut Response<'_>) {
        let reason = self.status.canonical_reason().unwrap_or("");
        response.status_code(self.status.as_u16().into(), reason);
        for line in self.lines {
            response.header(line);
        }
        response.body_vec(self.body);
    }
}

impl Shared {
    /// Calls the application with a request that was found right.
    pub(super) fn answer(&self, head: &[u8], body: Vec<u8>) -> Answer {
        let mut table = buffers::take_table(&self.limits).reuse();
        let parsed = HeadParser::default().parse(head, &self.limits, &mut table);
        let Ok(Some(head)) = parsed else {
            // Cannot be: these bytes were parsed before.
            return Answer::fixed(StatusCode::BAD_REQUEST, true);
        };
        let exchange = Exchange::of(&head);
        let wire = Wire::in_memory();
        let mut reply = Reply::new(exchange, DateLine::now(), None).gathering_all(true);
        let end = body.len();
        let mut body = Arriving::new(head.framing, body, end);
        let input = Input::new(&wire, &self.limits, &mut body);
        let caller = Caller {
            wire: &wire,
            local: &self.local,
            peer: &self.peer,
            direct: Origin {
                peer: None,
                is_https: false,
            },
            application: &self.application,
            server: &self.server,
            observer: &self.observer,
            proxies: None,
        };
        let mut environ = caller.environ(&head, input);
        let verdict = caller.call(&head, &mut environ, &mut reply);
        let whole = match (verdict, reply.status()) {
            (Verdict::Cut | Verdict::HandedOver, _) | (_, None) => None,
            // Would be followed by what this is the answer to.
            (_, Some(status)) if status.is_informational() => None,
            (verdict, Some(status)) => self.take_apart(status, verdict, wire.take_out()),
        };
        buffers::give_table(table.reuse());
        whole.unwrap_or_else(|| Answer::fixed(StatusCode::INTERNAL_SERVER_ERROR, exchange.head))
    }

    /// `bytes` are a whole answer as our own servers send it. `None` if
    /// `may_minihttp` cannot.
    fn take_apart(
        &self,
        status: StatusCode,
        verdict: Verdict,
        mut bytes: Vec<u8>,
    ) -> Option<Answer> {
        let end = memmem::find(&bytes, b"\r\n\r\n")?;
        let body = bytes.split_off(end + 4);
        bytes.truncate(end);
        let Ok(head) = String::from_utf8(bytes) else {
            log::error!("an answer has a header line that is not UTF-8");
            return None;
        };
        let lines: Vec<_> = head.split("\r\n").skip(1).filter(is_ours).collect();
        let Some(lines) = self.kept.keep(&lines) else {
            log::error!("answers have had more different header lines than there is room for");
            return None;
        };
        Some(Answer {
            status,
            lines,
            body,
            is_last: verdict != Verdict::KeepAlive,
        })
    }
}

fn is_ours(line: &&str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    !THEIRS
        .iter()
        .any(|theirs| name.eq_ignore_ascii_case(theirs))
}
