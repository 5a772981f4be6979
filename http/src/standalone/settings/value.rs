//! The kinds of values that settings have, and their texts.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::quoted;

/// What a setting may be: read from text, whatever source it comes from.
pub(crate) trait Value: Sized {
    /// What the text has to be, for messages.
    const EXPECTED: &'static str;
    /// Its place in the lines of `--help`.
    const META: &'static str;
    /// It has any number of texts.
    const IS_LIST: bool = false;
    /// A flag of it needs no text.
    const IS_SWITCH: bool = false;

    fn read(text: &str) -> Option<Self>;

    /// All texts that were given; a list takes all of them, others the last.
    fn read_all(texts: &[String]) -> Result<Self, &str> {
        let text = texts.last().map_or("", String::as_str);
        Self::read(text.trim()).ok_or(text)
    }

    /// As a TOML file has it.
    fn show(&self) -> String;
}

impl Value for String {
    const EXPECTED: &'static str = "a text";
    const META: &'static str = "TEXT";

    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn show(&self) -> String {
        quoted(self)
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "a path";
    const META: &'static str = "PATH";

    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }

    fn show(&self) -> String {
        quoted(&self.to_string_lossy())
    }
}

/// What may be left out: then its text is empty.
impl<T: Value> Value for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const META: &'static str = T::META;

    fn read(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(None);
        }
        T::read(text).map(Some)
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| quoted(""), T::show)
    }
}

/// Also with commas between its elements, as gunicorn has addresses.
impl Value for Vec<String> {
    const EXPECTED: &'static str = "a list of texts";
    const META: &'static str = "TEXT";
    const IS_LIST: bool = true;

    fn read(text: &str) -> Option<Self> {
        let parts = text.split(',').map(str::trim);
        Some(
            parts
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    fn read_all(texts: &[String]) -> Result<Self, &str> {
        Ok(texts
            .iter()
            .filter_map(|text| Self::read(text))
            .flatten()
            .collect())
    }

    fn show(&self) -> String {
        let parts: Self = self.iter().map(|part| quoted(part)).collect();
        format!("[{}]", parts.join(", "))
    }
}

/// Names with values, which may hold anything: a text is one of them, or in a
/// variable a line is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

impl Value for Pairs {
    const EXPECTED: &'static str = "NAME=VALUE";
    const META: &'static str = "NAME=VALUE";
    const IS_LIST: bool = true;

    fn read(text: &str) -> Option<Self> {
        let lines = text.lines().filter(|line| !line.is_empty());
        let pairs = lines.map(|line| line.split_once('=').filter(|(name, _)| !name.is_empty()));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        pairs
            .map(|pair| pair.map(owned))
            .collect::<Option<_>>()
            .map(Self)
    }

    fn read_all(texts: &[String]) -> Result<Self, &str> {
        let mut all = Self::default();
        for text in texts {
            all.0.extend(Self::read(text).ok_or(&**text)?.0);
        }
        Ok(all)
    }

    fn show(&self) -> String {
        let pairs = self.0.iter();
        let shown: Vec<_> = pairs
            .map(|(name, value)| quoted(&format!("{name}={value}")))
            .collect();
        format!("[{}]", shown.join(", "))
    }
}

impl Value for usize {
    const EXPECTED: &'static str = "a number";
    const META: &'static str = "N";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for NonZeroUsize {
    const EXPECTED: &'static str = "a number of at least 1";
    const META: &'static str = "N";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";
    const META: &'static str = "BOOL";
    const IS_SWITCH: Self = true;

    fn read(text: &str) -> Option<Self> {
        match text {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a time, as in 30 (seconds), 500ms or 2m";
    const META: &'static str = "TIME";

    fn read(text: &str) -> Option<Self> {
        // The longest first: "ms" ends in "s" too.
        let units = [
            ("us", 1e-6),
            ("ms", 1e-3),
            ("s", 1.0),
            ("m", 60.0),
            ("h", 3600.0),
        ];
        let with_unit = units
            .into_iter()
            .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
        let (digits, factor) = with_unit.unwrap_or((text, 1.0));
        let number: f64 = digits.trim_end().parse().ok()?;
        Self::try_from_secs_f64(number * factor).ok()
    }

    fn show(&self) -> String {
        let micros = self.as_micros();
        quoted(&match micros {
            0 => "0".to_owned(),
            _ if micros.is_multiple_of(1_000_000) => format!("{}s", micros / 1_000_000),
            _ if micros.is_multiple_of(1_000) => format!("{}ms", micros / 1_000),
            _ => format!("{micros}us"),
        })
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Bytes(pub(crate) usize);

impl Value for Bytes {
    const EXPECTED: &'static str = "a number of bytes, as in 8190, 64K or 1M";
    const META: &'static str = "BYTES";

    fn read(text: &str) -> Option<Self> {
        let units = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)];
        let with_unit = units
            .into_iter()
            .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
        let (digits, factor) = with_unit.unwrap_or((text, 1));
        digits
            .trim_end()
            .parse::<usize>()
            .ok()?
            .checked_mul(factor)
            .map(Self)
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// Permissions of a file, in octal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mode(pub(crate) u32);

/// All bits that permissions have.
const MODE_BITS: u32 = 0o7777;

impl Value for Mode {
    const EXPECTED: &'static str = "a mode in octal, as in 660";
    const META: &'static str = "MODE";

    fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let mode = u32::from_str_radix(digits, 8).ok()?;
        (mode <= MODE_BITS).then_some(Self(mode))
    }

    fn show(&self) -> String {
        quoted(&format!("{:03o}", self.0))
    }
}

/// One of several words.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident: $($word:literal => $variant:ident),+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum $name {
            $($variant),+
        }

        impl Value for $name {
            const EXPECTED: &'static str = concat!("one of" $(, " ", $word)+);
            const META: &'static str = "WORD";

            fn read(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            fn show(&self) -> String {
                quoted(match self {
                    $(Self::$variant => $word),+
                })
            }
        }
    };
}

choice! {
    /// Which server serves.
    Server: "pywsgi" => Pywsgi, "wsgi" => Wsgi
}

choice! {
    /// The least that the error log takes.
    Level: "off" => Off, "error" => Error, "warning" => Warning, "info" => Info,
        "debug" => Debug, "trace" => Trace
}

impl Level {
    pub(crate) fn filter(self) -> log::LevelFilter {
        match self {
            Self::Off => log::LevelFilter::Off,
            Self::Error => log::LevelFilter::Error,
            Self::Warning => log::LevelFilter::Warn,
            Self::Info => log::LevelFilter::Info,
            Self::Debug => log::LevelFilter::Debug,
            Self::Trace => log::LevelFilter::Trace,
        }
    }
}

choice! {
    /// The form of the error log's lines.
    LogFormat: "text" => Text, "json" => Json
}

choice! {
    /// What is done while the pool is full.
    WhenFull: "wait" => Wait, "refuse" => Refuse
}

choice! {
    /// The oldest version of TLS that clients may speak.
    Tls: "1.0" => Tls10, "1.1" => Tls11, "1.2" => Tls12, "1.3" => Tls13
}

choice! {
    /// The header lines by which a proxy tells whom it forwards for.
    ForwardedHeader: "x-forwarded" => XForwarded, "forwarded" => Forwarded, "none" => None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<T: Value>(text: &str) -> Option<String> {
        T::read(text).map(|value| value.show())
    }

    #[test]
    fn texts() {
        for (found, expected) in [
            (shown::<Duration>("30"), Some("\"30s\"")),
            (shown::<Duration>("0.5"), Some("\"500ms\"")),
            (shown::<Duration>("2m"), Some("\"120s\"")),
            (shown::<Duration>("10 ms"), Some("\"10ms\"")),
            (shown::<Duration>("7us"), Some("\"7us\"")),
            (shown::<Duration>("-1"), None),
            (shown::<Duration>("nan"), None),
            (shown::<Duration>("soon"), None),
            (shown::<Bytes>("64K"), Some("65536")),
            (shown::<Bytes>("99999999999G"), None),
            (shown::<Mode>("0o660"), Some("\"660\"")),
            (shown::<Mode>("77777"), None),
            (shown::<Mode>("9"), None),
            (shown::<bool>("on"), Some("true")),
            (shown::<bool>("maybe"), None),
            (shown::<NonZeroUsize>("0"), None),
            (shown::<Option<usize>>(""), Some("\"\"")),
            (shown::<Option<usize>>("3"), Some("3")),
            (shown::<Vec<String>>("a, b,"), Some("[\"a\", \"b\"]")),
            (
                shown::<Pairs>("A=b, c=d\nE="),
                Some(r#"["A=b, c=d", "E="]"#),
            ),
            (shown::<Pairs>("=b"), None),
            (shown::<Pairs>("A"), None),
            (shown::<Server>("wsgi"), Some("\"wsgi\"")),
            (shown::<Server>("gevent"), None),
        ] {
            assert_eq!(found.as_deref(), expected);
        }
    }

    #[test]
    fn what_is_shown_is_read_again() {
        let time = Duration::from_micros(1_500);
        let shown = time.show();
        assert_eq!(Duration::read(shown.trim_matches('"')), Some(time));
    }
}
