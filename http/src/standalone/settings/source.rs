//! Where a setting's value comes from, and what is wrong with it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a value comes from; the weakest first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Source {
    /// The table of settings.
    Default,
    /// The program, by `Standalone::default`.
    Program,
    /// A variable that gunicorn and others know, such as `PORT`.
    Common(&'static str),
    /// A line of the file.
    File(Arc<Path>, usize),
    /// A `MAYPOLE_…` variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl Source {
    /// The start of a message about the setting `name`. Its flag and its
    /// variable say the name themselves.
    fn write_place(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        match self {
            Self::Variable(_) | Self::Flag(_) => write!(f, "{self}: "),
            _ => write!(f, "{self}: {name}: "),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Program => f.write_str("the program"),
            Self::Common(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// What was given for a setting.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) texts: Vec<String>,
    pub(crate) source: Source,
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// A value that its setting cannot have.
    Value {
        source: Source,
        name: &'static str,
        text: String,
        expected: String,
    },
    /// A key or a name that is none of a setting.
    Unknown {
        source: Source,
        name: String,
        similar: Option<&'static str>,
    },
    /// The file is not TOML.
    Syntax { source: Source, text: String },
    /// The file cannot be read.
    File { path: PathBuf, text: String },
    /// A setting that does not go together with others, or with the program.
    Together {
        source: Source,
        name: &'static str,
        text: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value {
                source,
                name,
                text,
                expected,
            } => {
                source.write_place(f, name)?;
                write!(f, "{text:?} is not {expected}")
            }
            Self::Unknown {
                source,
                name,
                similar,
            } => {
                write!(f, "{source}: there is no setting {name:?}")?;
                similar.map_or(Ok(()), |similar| write!(f, "; is it {similar:?}?"))
            }
            Self::Together { source, name, text } => {
                source.write_place(f, name)?;
                f.write_str(text)
            }
            Self::Syntax { source, text } => write!(f, "{source}: {text}"),
            Self::File { path, text } => write!(f, "{}: {text}", path.display()),
        }
    }
}

/// All that is wrong with the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SettingsError(pub(crate) Vec<Fault>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.0.iter().enumerate() {
            let between = if n == 0 { "" } else { "\n" };
            write!(f, "{between}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

impl From<Fault> for SettingsError {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl From<SettingsError> for std::io::Error {
    fn from(error: SettingsError) -> Self {
        Self::new(std::io::ErrorKind::InvalidInput, error)
    }
}
