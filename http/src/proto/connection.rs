//! Whether a connection lives on, RFC 9112 section 9.3.

use http::Version;

use super::grammar;

/// The options of the `Connection` lines that a server acts upon, RFC 9110 section 7.6.1.
///
/// Other options are not for us and pass unchecked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Options {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
}

impl Options {
    /// Adds the options of one line.
    pub(super) fn add(&mut self, value: &[u8]) {
        for option in grammar::elements(value) {
            match option.len() {
                5 => self.close |= option.eq_ignore_ascii_case(b"close"),
                7 => self.upgrade |= option.eq_ignore_ascii_case(b"upgrade"),
                10 => self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive"),
                _ => {}
            }
        }
    }

    /// Says whether the sender lets the connection live on. `close` outranks `keep-alive`.
    pub(super) fn keep_alive(self, version: Version) -> bool {
        !self.close && (self.keep_alive || version == Version::HTTP_11)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persistence() {
        // lines, kept in 1.0, kept in 1.1
        for (lines, in_10, in_11) in [
            (&[][..], false, true),
            (&[""], false, true),
            (&["keep-alive"], true, true),
            (&["Keep-Alive"], true, true),
            (&["close"], false, false),
            (&["CLOSE"], false, false),
            (&["close, te"], false, false),
            (&["te,\tClose"], false, false),
            (&["keep-alive, close"], false, false),
            (&["close, keep-alive"], false, false),
            (&["keep-alive", "close"], false, false),
            (&["upgrade,keep-alive"], true, true),
            (&["closed"], false, true),
            (&["not-close"], false, true),
            (&["close;a"], false, true),
        ] {
            let mut options = Options::default();
            for line in lines {
                options.add(line.as_bytes());
            }
            assert_eq!(options.keep_alive(Version::HTTP_10), in_10, "{lines:?}");
            assert_eq!(options.keep_alive(Version::HTTP_11), in_11, "{lines:?}");
        }
    }
}
