//! The configuration as `--print-config` shows it.

use std::fmt::Write as _;

use super::{Change, Loaded, Settings};

/// Where the comments begin, if they can.
const COLUMN: usize = 44;

impl Loaded {
    /// All settings, as a file that would set them; each with where it comes from.
    pub(crate) fn show(&self) -> String {
        let mut text = String::new();
        let mut group = "";
        let values = self.settings.show();
        for (setting, value) in Settings::TABLE.iter().zip(values) {
            if setting.group != group {
                let between = if group.is_empty() { "" } else { "\n" };
                let _ = writeln!(text, "{between}# {}", setting.group);
                group = setting.group;
            }
            let line = format!("{} = {value}", setting.name);
            let source = self.source(setting.name);
            let _ = writeln!(text, "{line:COLUMN$} # {source}");
        }
        text
    }

    /// The settings that a new start would change, and a reload does not.
    pub(crate) fn waiting(&self, running: &Settings) -> Vec<&'static str> {
        let values = self.settings.show().into_iter().zip(running.show());
        let settings = Settings::TABLE.iter().zip(values);
        settings
            .filter(|(setting, (new, old))| setting.change == Change::Restart && new != old)
            .map(|(setting, _)| setting.name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;
    use std::fs;

    #[test]
    fn what_is_shown_is_a_file() {
        let shown = Sources::default().load().unwrap().show();
        assert!(shown.contains("workers = 1"), "{shown}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, &shown).unwrap();
        let sources = Sources {
            file: Some(path),
            ..Sources::default()
        };
        let read = Settings::shown(&shown).unwrap();
        assert_eq!(read.workers.get(), 1);
        let again = sources.load().unwrap().show();
        let values = |text: &str| -> Vec<String> {
            let lines = text
                .lines()
                .map(|line| line.split(" #").next().unwrap_or(""));
            lines.map(|line| line.trim().to_owned()).collect()
        };
        assert_eq!(values(&again), values(&shown));
    }
}
