//! From the sources to the settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::value::Value;
use super::{Fault, Given, Setting, Settings, SettingsError, Source, check, file, variables};
use crate::standalone::logging::is_path;

/// The file that is read when none is named, if it is there.
const FILE: &str = "maypole.toml";

/// What was given, by setting; the strongest source's texts.
pub(super) type Gathered = BTreeMap<&'static str, Given>;

/// Where settings come from, apart from the table and the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// What the program sets, by name.
    pub(crate) program: Vec<(String, String)>,
    /// What flags set.
    pub(crate) flags: Vec<(&'static str, Given)>,
    /// The file that a flag names.
    pub(crate) file: Option<PathBuf>,
}

/// The settings, and where each comes from.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) sources: BTreeMap<&'static str, Source>,
    /// Variables that look like settings and are none.
    pub(crate) strangers: Vec<String>,
}

impl Sources {
    /// Reads all of them, the strongest last.
    ///
    /// # Errors
    ///
    /// All that is wrong, not only the first of it.
    pub(crate) fn load(&self) -> Result<Loaded, SettingsError> {
        self.load_with(&variables::all())
    }

    /// What is given for one setting, whatever is wrong with others.
    ///
    /// # Errors
    ///
    /// When that is no value of it, or was not found for a fault.
    pub(crate) fn only<T: Value>(&self, name: &'static str) -> Result<Option<T>, SettingsError> {
        let mut faults = Vec::new();
        let (gathered, _) = self.gather(&variables::all(), &mut faults);
        let is_given = gathered
            .get(name)
            .is_some_and(|given| given.source != Source::Default);
        if is_given {
            faults.clear();
        }
        let value = read::<Option<T>>(name, &gathered, &mut faults);
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(SettingsError(faults)),
        }
    }

    fn load_with(&self, environment: &[(String, String)]) -> Result<Loaded, SettingsError> {
        let mut faults = Vec::new();
        let (gathered, strangers) = self.gather(environment, &mut faults);
        let settings = Settings::of(&gathered, &mut faults);
        let mut settings = match settings {
            Some(settings) if faults.is_empty() => settings,
            _ => return Err(SettingsError(faults)),
        };
        settings.resolve();
        let sources: BTreeMap<_, _> = gathered
            .into_iter()
            .map(|(name, given)| (name, given.source))
            .collect();
        check::together(&settings, &sources, &mut faults);
        if !faults.is_empty() {
            return Err(SettingsError(faults));
        }
        Ok(Loaded {
            settings,
            sources,
            strangers,
        })
    }

    /// The strongest texts of all, and variables that look like settings.
    fn gather(
        &self,
        environment: &[(String, String)],
        faults: &mut Vec<Fault>,
    ) -> (Gathered, Vec<String>) {
        let mut gathered = defaults();
        for (name, text) in &self.program {
            let source = Source::Program;
            match Setting::named(name) {
                Some(setting) => give(&mut gathered, setting, vec![text.clone()], source),
                None => faults.push(unknown(source, name)),
            }
        }
        variables::common(environment, &mut gathered);
        let named = environment
            .iter()
            .find(|(name, _)| name == variables::CONFIG);
        let named = self
            .file
            .clone()
            .or_else(|| named.map(|(_, path)| path.into()));
        let path = named.clone().unwrap_or_else(|| FILE.into());
        if named.is_some() || path.exists() {
            file::read(&path, &mut gathered, faults);
        }
        let strangers = variables::read(environment, &mut gathered);
        for (name, given) in &self.flags {
            gathered.insert(name, given.clone());
        }
        (gathered, strangers)
    }
}

impl Settings {
    /// Reads what [`Loaded::show`] has written, in another process of the program.
    ///
    /// # Errors
    ///
    /// When that was another version of it.
    pub(crate) fn shown(text: &str) -> Result<Self, SettingsError> {
        let (mut gathered, mut faults) = (defaults(), Vec::new());
        file::parse(
            Path::new("the master's settings"),
            text,
            &mut gathered,
            &mut faults,
        );
        match Self::of(&gathered, &mut faults) {
            Some(settings) if faults.is_empty() => Ok(settings),
            _ => Err(SettingsError(faults)),
        }
    }

    /// Makes paths absolute: workers may go elsewhere, and open files again later.
    fn resolve(&mut self) {
        let files = [&mut self.certfile, &mut self.keyfile];
        for path in files.into_iter().flatten() {
            if let Ok(absolute) = std::path::absolute(&path) {
                *path = absolute;
            }
        }
        for target in self.accesslog.iter_mut().chain([&mut self.errorlog]) {
            if is_path(target)
                && let Ok(absolute) = std::path::absolute(&target)
                && let Ok(absolute) = absolute.into_os_string().into_string()
            {
                *target = absolute;
            }
        }
    }
}

impl Loaded {
    /// Where a setting's value comes from.
    pub(crate) fn source(&self, name: &str) -> Source {
        self.sources.get(name).cloned().unwrap_or(Source::Default)
    }
}

/// What the table says.
pub(super) fn defaults() -> Gathered {
    let given = |setting: &'static Setting| Given {
        texts: vec![setting.default.to_owned()],
        source: Source::Default,
    };
    let table = Settings::TABLE.iter();
    table
        .map(|setting| (setting.name, given(setting)))
        .collect()
}

pub(super) fn give(
    gathered: &mut Gathered,
    setting: &'static Setting,
    texts: Vec<String>,
    source: Source,
) {
    gathered.insert(setting.name, Given { texts, source });
}

pub(super) fn unknown(source: Source, name: &str) -> Fault {
    Fault::Unknown {
        source,
        name: name.to_owned(),
        similar: Setting::similar(name),
    }
}

/// Reads one setting's texts; `None`, and a fault, if they are none of its kind.
pub(super) fn read<T: Value>(
    name: &'static str,
    gathered: &Gathered,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let given = gathered.get(name)?;
    match T::read_all(&given.texts) {
        Ok(value) => Some(value),
        Err(text) => {
            faults.push(Fault::Value {
                source: given.source.clone(),
                name,
                text: text.to_owned(),
                expected: T::EXPECTED.to_owned(),
            });
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn variable(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    fn flag(name: &'static str, text: &str) -> (&'static str, Given) {
        let given = Given {
            texts: vec![text.to_owned()],
            source: Source::Flag(format!("--{name}")),
        };
        (name, given)
    }

    fn errors(sources: &Sources, environment: &[(String, String)]) -> String {
        sources.load_with(environment).unwrap_err().to_string()
    }

    #[test]
    fn the_table_is_valid() {
        let loaded = Sources::default().load_with(&[]).unwrap();
        assert_eq!(loaded.settings.bind, ["127.0.0.1:8000"]);
        assert_eq!(loaded.source("bind"), Source::Default);
    }

    #[test]
    fn the_strongest_source_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, "# nothing\nworkers = 4\n").unwrap();
        let workers = |sources: &Sources, environment: &[(String, String)]| {
            let loaded = sources.load_with(environment).unwrap();
            (
                loaded.settings.workers.get(),
                loaded.source("workers").to_string(),
            )
        };
        let mut sources = Sources::default();
        assert_eq!(workers(&sources, &[]), (1, "default".to_owned()));
        sources.program.push(("workers".to_owned(), "2".to_owned()));
        assert_eq!(workers(&sources, &[]), (2, "the program".to_owned()));
        let common = [variable("WEB_CONCURRENCY", "3")];
        assert_eq!(
            workers(&sources, &common),
            (3, "WEB_CONCURRENCY".to_owned())
        );
        sources.file = Some(path.clone());
        let line = format!("{}:2", path.display());
        assert_eq!(workers(&sources, &common), (4, line));
        let own = [variable("MAYPOLE_WORKERS", "5"), common[0].clone()];
        assert_eq!(workers(&sources, &own), (5, "MAYPOLE_WORKERS".to_owned()));
        sources.flags.push(flag("workers", "6"));
        assert_eq!(workers(&sources, &own), (6, "--workers".to_owned()));
    }

    #[test]
    fn all_faults_are_told_with_their_places() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, "workrs = 4\n\ntimeout = \"soon\"\nbind = [1, [2]]\n").unwrap();
        let sources = Sources {
            program: vec![variable("wibble", "2")],
            flags: vec![flag("workers", "0")],
            file: Some(path.clone()),
        };
        let text = errors(&sources, &[variable("MAYPOLE_BACKLOG", "x")]);
        let place = path.display();
        for line in [
            "the program: there is no setting \"wibble\"".to_owned(),
            format!("{place}:1: there is no setting \"workrs\"; is it \"workers\"?"),
            format!("{place}:3: timeout: \"soon\" is not a time, as in 30 (seconds), 500ms or 2m"),
            format!("{place}:4: bind: an array is not a text or a number"),
            "MAYPOLE_BACKLOG: \"x\" is not a number".to_owned(),
            "--workers: \"0\" is not a number of at least 1".to_owned(),
        ] {
            assert!(
                text.lines().any(|other| other.starts_with(&line)),
                "{line}\n{text}"
            );
        }
    }

    #[test]
    fn files_that_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let sources = Sources {
            file: Some(path.clone()),
            ..Sources::default()
        };
        let text = errors(&sources, &[]);
        assert!(text.starts_with(&format!("{}: ", path.display())), "{text}");
        fs::write(&path, "workers = 4\nbind = \n").unwrap();
        let text = errors(&sources, &[]);
        assert!(
            text.starts_with(&format!("{}:2: ", path.display())),
            "{text}"
        );
        fs::write(&path, [0xff]).unwrap();
        let text = errors(&sources, &[]);
        assert!(text.contains("UTF-8"), "{text}");
    }

    #[test]
    fn port_is_known() {
        let loaded = Sources::default()
            .load_with(&[variable("PORT", "81")])
            .unwrap();
        assert_eq!(loaded.settings.bind, ["0.0.0.0:81"]);
    }
}
