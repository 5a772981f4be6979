//! Checking responses, at the price of a comparison.

use anyhow::{Context, Result, bail, ensure};

use crate::scenario::{BODY, CONTENT_TYPE};

/// More headers than any peer sends.
const MAX_HEADERS: usize = 32;

/// The length of the response at the front of the input, or `None` while it is
/// incomplete. Fails when it is not the expected response.
pub(super) fn parse(input: &[u8]) -> Result<Option<usize>> {
    checked(input).with_context(|| {
        let shown = &input[..input.len().min(300)];
        format!("wrong response: {:?}", String::from_utf8_lossy(shown))
    })
}

/// The length of a head that announces a chunked body, or `None` while it is
/// incomplete.
pub(super) fn parse_chunked(input: &[u8]) -> Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(input)? else {
        return Ok(None);
    };
    ensure!(response.code == Some(200), "the status is not 200");
    ensure!(
        header(&response, "Transfer-Encoding")? == Some(b"chunked"),
        "the answer is not chunked"
    );
    Ok(Some(head))
}

fn checked(input: &[u8]) -> Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(input)? else {
        return Ok(None);
    };
    ensure!(response.code == Some(200), "the status is not 200");
    ensure!(header(&response, "Date")?.is_some(), "no Date");
    ensure!(
        header(&response, "Content-Type")? == Some(CONTENT_TYPE.as_bytes()),
        "the Content-Type is not {CONTENT_TYPE}"
    );
    let length = header(&response, "Content-Length")?.context("no Content-Length")?;
    ensure!(
        length == BODY.len().to_string().as_bytes(),
        "the Content-Length is not {}",
        BODY.len()
    );
    let end = head + BODY.len();
    if input.len() < end {
        return Ok(None);
    }
    ensure!(input[head..end] == *BODY.as_bytes(), "wrong body");
    Ok(Some(end))
}

/// The value of a header that may be there once.
fn header<'a>(response: &httparse::Response<'_, 'a>, name: &str) -> Result<Option<&'a [u8]>> {
    let mut found = None;
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case(name) && found.replace(header.value).is_some() {
            bail!("more than one {name}");
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Checker;

    const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\
        content-length: 18\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n<b>hello world</b>";

    #[test]
    fn takes_complete_responses_only() {
        let mut checker = Checker::Response { last: Vec::new() };
        for end in 0..GOOD.len() {
            assert_eq!(checker.front(&GOOD[..end]).unwrap(), None, "{end} bytes");
        }
        assert_eq!(checker.front(GOOD).unwrap(), Some(GOOD.len()));
        // The same again by comparison, whole, cut short and followed by more.
        assert_eq!(checker.front(GOOD).unwrap(), Some(GOOD.len()));
        assert_eq!(checker.front(&GOOD[..40]).unwrap(), None);
        assert_eq!(checker.front(&GOOD.repeat(2)).unwrap(), Some(GOOD.len()));
    }

    #[test]
    fn refuses_wrong_responses() {
        for (right, wrong) in [
            ("200 OK", "404 Not Found"),
            ("content-length: 18", "content-length: 17"),
            (
                "content-length: 18",
                "content-length: 18\r\ncontent-length: 18",
            ),
            ("content-length: 18", "transfer-encoding: chunked"),
            ("text/html", "text/plain"),
            ("date", "x-date"),
            ("hello world", "hello there"),
        ] {
            let response = String::from_utf8_lossy(GOOD).replace(right, wrong);
            let mut checker = Checker::Response { last: Vec::new() };
            checker.front(GOOD).unwrap();
            assert!(checker.front(response.as_bytes()).is_err(), "{wrong}");
        }
    }
}
