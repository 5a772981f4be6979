//! The TOML file.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::load::{Gathered, give, unknown};
use super::{Fault, Setting, Source};

/// Takes what the file at `path` sets.
pub(super) fn read(path: &Path, gathered: &mut Gathered, faults: &mut Vec<Fault>) {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            faults.push(Fault::File {
                path: path.to_owned(),
                text: format!("cannot read the configuration: {error}"),
            });
            return;
        }
    };
    parse(path, &text, gathered, faults);
}

/// Takes what the text of a file sets.
pub(super) fn parse(path: &Path, text: &str, gathered: &mut Gathered, faults: &mut Vec<Fault>) {
    let path: Arc<Path> = path.into();
    let place = |span: Range<usize>| {
        let before = text.as_bytes().iter().take(span.start);
        let line = 1 + before.filter(|&&byte| byte == b'\n').count();
        Source::File(Arc::clone(&path), line)
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            faults.push(Fault::Syntax {
                source: place(error.span().unwrap_or_default()),
                text: error.message().to_owned(),
            });
            return;
        }
    };
    for (key, value) in &table {
        let source = place(key.span());
        let Some(setting) = Setting::named(key.get_ref()) else {
            faults.push(unknown(source, key.get_ref()));
            continue;
        };
        match texts(value) {
            Ok(texts) => give(gathered, setting, texts, source),
            Err(kind) => faults.push(Fault::Syntax {
                source: place(value.span()),
                text: format!("{}: {kind} is not a text or a number", setting.name),
            }),
        }
    }
}

/// A value's texts: one, or those of an array.
fn texts(value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, &'static str> {
    match value.get_ref() {
        DeValue::Array(all) => all.iter().map(|one| text(one.get_ref())).collect(),
        one => Ok(vec![text(one)?]),
    }
}

fn text(value: &DeValue<'_>) -> Result<String, &'static str> {
    Ok(match value {
        DeValue::String(text) => text.clone().into_owned(),
        // `0o660` keeps its radix, for modes.
        DeValue::Integer(number) if number.radix() == 8 => format!("0o{}", number.as_str()),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(on) => on.to_string(),
        DeValue::Datetime(_) => return Err("a date"),
        DeValue::Array(_) => return Err("an array"),
        DeValue::Table(_) => return Err("a table"),
    })
}
