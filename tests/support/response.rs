//! A response, read strictly: anything odd fails the test.

use super::Client;

/// One response as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Status line and header lines, with the empty line.
    pub(crate) head: String,
    /// In the order in which they came; names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The body's chunks, if it came in chunks.
    pub(crate) chunks: Option<Vec<Vec<u8>>>,
}

impl Response {
    #[track_caller]
    pub(super) fn read(client: &mut Client, to_head: bool) -> Self {
        let mut response = Self::read_head(client);
        let status = response.status;
        if to_head || status < 200 || status == 204 || status == 304 {
            return response;
        }
        match (
            response.header("transfer-encoding"),
            response.header("content-length"),
        ) {
            (Some(coding), None) => {
                assert_eq!(coding, "chunked");
                let chunks = read_chunks(client);
                response.body = chunks.concat();
                response.chunks = Some(chunks);
            }
            (None, Some(length)) => response.body = client.read_exact(length.parse().unwrap()),
            (None, None) => response.body = client.read_to_end(),
            (Some(_), Some(_)) => panic!("length and coding: {}", response.head),
        }
        response
    }

    #[track_caller]
    pub(crate) fn read_head(client: &mut Client) -> Self {
        let head = String::from_utf8(client.read_until(b"\r\n\r\n")).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status_line = lines.next().unwrap();
        let rest = status_line.strip_prefix("HTTP/1.1 ");
        let rest = rest.unwrap_or_else(|| panic!("status line {status_line:?}"));
        let (status, reason) = rest.split_once(' ').unwrap();
        assert!(!reason.is_empty() && status.len() == 3, "{status_line:?}");
        let headers: Vec<_> = lines
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                (name.to_ascii_lowercase(), value.to_owned())
            })
            .collect();
        for name in ["date", "content-length", "transfer-encoding", "connection"] {
            let times = headers.iter().filter(|(other, _)| other == name).count();
            assert!(times <= 1, "{name} {times} times: {head}");
        }
        Self {
            status: status.parse().unwrap(),
            head,
            headers,
            body: Vec::new(),
            chunks: None,
        }
    }

    /// The value of the only header line with this name.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} twice: {}", self.head);
        value
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// The header lines but `Date`, for comparison.
    pub(crate) fn dateless(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        headers.retain(|(name, _)| name != "date");
        headers
    }
}

/// The chunks up to the last, and the end without trailers.
#[track_caller]
fn read_chunks(client: &mut Client) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    loop {
        let chunk = read_chunk(client);
        if chunk.is_empty() {
            return chunks;
        }
        chunks.push(chunk);
    }
}

/// One chunk with its framing; empty for the last one.
#[track_caller]
pub(crate) fn read_chunk(client: &mut Client) -> Vec<u8> {
    let line = String::from_utf8(client.read_until(b"\r\n")).unwrap();
    let len = usize::from_str_radix(line.trim_end(), 16).unwrap();
    let chunk = client.read_exact(len);
    client.expect(b"\r\n");
    chunk
}

impl Client {
    /// The next chunk of a response whose head has been read.
    #[track_caller]
    pub(crate) fn chunk(&mut self) -> Vec<u8> {
        read_chunk(self)
    }

    /// The head of a response; its body stays to be read.
    #[track_caller]
    pub(crate) fn response_head(&mut self) -> Response {
        Response::read_head(self)
    }
}
