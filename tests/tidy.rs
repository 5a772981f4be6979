//! House rules that no lint knows; `CONTRIBUTING.md` says why they are there.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest a file of the libraries may be.
const MAX_LINES: usize = 600;

/// The only place for `unsafe`, and for the engine crate.
const ENGINE: &str = "runtime/src/engine";

/// Where the server of that crate's author is wrapped. It is safe code, and the
/// one other place that names the two.
const MINIHTTP: &str = "http/src/wsgi/minihttp";

/// What the libraries are made of.
const LIBRARIES: &[&str] = &["src", "runtime/src", "server/src", "http/src"];

/// All that is compiled, but for what stands outside the workspace.
const ALL: &[&str] = &[
    "src", "runtime", "server", "http", "examples", "tests", "benches",
];

/// A source file, named from the root of the workspace.
struct Source {
    name: String,
    text: String,
}

impl Source {
    /// Lines with their numbers, comments and documentation left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().map(str::trim_start);
        let numbered = lines.enumerate().map(|(at, line)| (at + 1, line));
        numbered.filter(|(_, line)| !line.starts_with("//"))
    }

    fn is_of_tests(&self) -> bool {
        let name = &self.name;
        ["/tests/", "/contract/"]
            .iter()
            .any(|part| name.contains(part))
            || name.ends_with("/tests.rs")
            || name.starts_with("tests/")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    let text = fs::read_to_string(root().join(name));
    text.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The source files under these folders, this one left out.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|name| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
            if path.is_dir() && name != "benches/compare" && !name.ends_with("/target") {
                folders.push(path);
            } else if name.ends_with(".rs") && name != "tests/tidy.rs" {
                sources.push(Source {
                    name: name.to_owned(),
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    assert!(!sources.is_empty());
    sources
}

/// Fails with all faults at once.
#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Where one of these strings occurs in code.
fn occurrences(sources: &[Source], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (number, line) in source.code() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{number}: {line}", source.name));
            }
        }
    }
    found
}

#[test]
fn files_are_short() {
    let faults: Vec<_> = sources(ALL)
        .iter()
        .map(|source| (&source.name, source.text.lines().count()))
        .filter(|(_, lines)| *lines >= MAX_LINES)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    none(&faults);
}

/// Blocks, functions, implementations and all else that `unsafe` begins.
fn is_unsafe(line: &str) -> bool {
    ["{", "fn", "impl", "extern", "trait"]
        .iter()
        .any(|what| line.contains(&format!("unsafe {what}")))
}

#[test]
fn unsafe_code_is_the_engine_s() {
    let mut faults = Vec::new();
    for source in sources(ALL) {
        if source.name.starts_with(ENGINE) {
            continue;
        }
        for (number, line) in source.code().filter(|(_, line)| is_unsafe(line)) {
            faults.push(format!("{}:{number}: {line}", source.name));
        }
    }
    none(&faults);
}

#[test]
fn unsafe_code_says_why_it_is_sound() {
    let mut faults = Vec::new();
    for source in sources(&[ENGINE]) {
        let lines: Vec<_> = source.text.lines().map(str::trim_start).collect();
        for (number, line) in source.code().filter(|(_, line)| is_unsafe(line)) {
            // The comment stands before the statement, which may have begun
            // some lines above.
            let before = lines[..number].iter().rev().take(20);
            let said = before.take_while(|line| !line.is_empty() && **line != "}");
            let mut said = said.filter(|line| line.starts_with("//"));
            let safe = said.any(|line| line.contains("SAFETY") || line.contains("# Safety"));
            // A type of a function is no code.
            if !safe && !line.contains("extern \"C\" fn(") {
                faults.push(format!("{}:{number}: {line}", source.name));
            }
        }
    }
    none(&faults);
}

#[test]
fn the_lints_stand() {
    let manifest = read("Cargo.toml");
    for lint in [
        "unsafe_code = \"deny\"",
        "undocumented_unsafe_blocks = \"deny\"",
        "disallowed_methods = \"deny\"",
    ] {
        assert!(manifest.contains(lint), "{lint}");
    }
    for name in [
        "Cargo.toml",
        "runtime/Cargo.toml",
        "server/Cargo.toml",
        "http/Cargo.toml",
    ] {
        let text = read(name);
        assert!(text.contains("[lints]\nworkspace = true"), "{name}");
    }
    // One place may have what is denied: where the engine is declared.
    let allowed = occurrences(&sources(ALL), &["unsafe_code"]);
    let elsewhere: Vec<_> = allowed
        .into_iter()
        .filter(|place| !place.starts_with("runtime/src/lib.rs:") && !place.starts_with(ENGINE))
        .collect();
    none(&elsewhere);
}

#[test]
fn the_engine_crate_is_the_engine_s() {
    let mut faults = Vec::new();
    for source in sources(ALL) {
        if source.name.starts_with(ENGINE) {
            continue;
        }
        let all = [
            "generator::",
            "extern crate may",
            "use may;",
            "may::",
            "may_minihttp",
        ];
        let names = if source.name.starts_with(MINIHTTP) {
            &all[..1]
        } else {
            &all[..]
        };
        for (number, line) in source.text.lines().enumerate() {
            let is_part = |at: usize| {
                let before = line[..at].chars().next_back();
                before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            };
            let found = |name: &&str| line.match_indices(*name).any(|(at, _)| !is_part(at));
            if names.iter().any(found) {
                faults.push(format!("{}:{}: {line}", source.name, number + 1));
            }
        }
    }
    none(&faults);
}

#[test]
fn nothing_is_left_undone() {
    let words = ["todo!", "unimplemented!", "#[ignore", "dbg!("];
    none(&occurrences(&sources(ALL), &words));
}

#[test]
fn libraries_do_not_print() {
    let sources = sources(LIBRARIES);
    let libraries: Vec<_> = sources
        .into_iter()
        .filter(|source| !source.is_of_tests())
        .collect();
    none(&occurrences(
        &libraries,
        &["println!", "eprintln!", " print!(", "eprint!("],
    ));
}

#[test]
fn the_front_page_is_short() {
    let lines = read("src/lib.rs").lines().count();
    assert!(lines < 100, "{lines} lines");
}

#[test]
fn the_changelog_knows_the_version() {
    let version = env!("CARGO_PKG_VERSION");
    let heading = format!("## {version}");
    assert!(read("CHANGELOG.md").contains(&heading), "no {heading:?}");
}

#[test]
fn lines_are_clean() {
    let mut faults = Vec::new();
    for source in sources(ALL) {
        for (number, line) in source.text.lines().enumerate() {
            if line.ends_with([' ', '\t']) || line.contains(['\t', '\r']) {
                faults.push(format!("{}:{}", source.name, number + 1));
            }
        }
        if !source.text.ends_with('\n') || source.text.ends_with("\n\n") {
            faults.push(format!("{}: its end", source.name));
        }
    }
    none(&faults);
}

/// What is not looked at: a folder yet, and what is no API.
const NOT_YET: &[&str] = &["server/src/arbiter/", "http/src/fuzzing.rs"];

/// A public function or type with its documentation.
struct Item<'a> {
    line: usize,
    name: &'a str,
    docs: Vec<&'a str>,
}

impl Item<'_> {
    /// An example, or a link to the item whose example shows this one too, or
    /// the link to another that it does the same as.
    fn has_example(&self) -> bool {
        let shown = ["```", "the example of [`", "# Examples"];
        let shows = |line: &&str| shown.iter().any(|part| line.contains(part));
        self.docs.iter().any(shows) || self.docs.first().is_some_and(|l| l.starts_with("See [`"))
    }
}

/// The public functions and types of a file, but for what is hidden or sealed;
/// those that a macro names are not seen. The lint `unreachable_pub` sees to it
/// that what says `pub` is public.
fn public_items(source: &Source) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let mut docs = Vec::new();
    let mut hidden = false;
    let lines = source.text.lines().map(str::trim_start).enumerate();
    for (at, line) in lines.take_while(|(_, line)| !line.starts_with("mod tests")) {
        if let Some(doc) = line.strip_prefix("///") {
            docs.push(doc.trim_start());
            continue;
        }
        if line.starts_with("#[") {
            hidden |= ["doc(hidden)", "unnameable_types"]
                .iter()
                .any(|word| line.contains(word));
            continue;
        }
        let found = name_of_item(line).filter(|_| !hidden);
        if let Some(name) = found {
            let docs = std::mem::take(&mut docs);
            let line = at + 1;
            items.push(Item { line, name, docs });
        }
        // The rest of an attribute, or a comment, may stand in between.
        if !line.ends_with(")]") && !line.starts_with("//") {
            docs.clear();
            hidden = false;
        }
    }
    items
}

fn name_of_item(line: &str) -> Option<&str> {
    let mut words = line.strip_prefix("pub ")?.split_whitespace();
    let kind = words.find(|word| !["const", "unsafe"].contains(word))?;
    let is_item = ["fn", "struct", "enum", "trait", "type"].contains(&kind);
    let rest = words.next().filter(|_| is_item)?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    let name = &rest[..end.unwrap_or(rest.len())];
    (!name.is_empty()).then_some(name)
}

#[test]
fn public_items_have_examples() {
    let mut faults = Vec::new();
    for source in sources(LIBRARIES).iter().filter(|s| !s.is_of_tests()) {
        if NOT_YET.iter().any(|folder| source.name.starts_with(folder)) {
            continue;
        }
        let items = public_items(source);
        let without = items.iter().filter(|item| !item.has_example());
        faults.extend(without.map(|item| format!("{}:{}: {}", source.name, item.line, item.name)));
    }
    none(&faults);
}

/// What a page of Markdown links to, but for other sites.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(link, _)| link))
        .chain(definitions(text).map(|(_, link)| link))
        .filter(|link| !link.contains("://"))
}

/// The links that a page of Markdown defines by name.
fn definitions(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
        .filter(|(_, link)| !link.contains(' '))
}

/// The anchors of a page: its headings in small letters, without punctuation,
/// hyphens for spaces.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| {
            heading
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

/// All pages, named from the root.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().display()));
    let others = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "docs/deploy/README.md",
        "examples/README.md",
        "benches/compare/README.md",
        "runtime/README.md",
        "server/README.md",
        "http/README.md",
    ];
    docs.filter(|name| name.ends_with(".md"))
        .chain(others.map(str::to_owned))
        .collect()
}

/// The README is the front page of the crate's documentation, too. What its
/// links name is not beside that: `src/front_page.md` says where it is.
#[test]
fn links_of_the_readme_lead_somewhere_from_the_documentation() {
    let (readme, front) = (read("README.md"), read("src/front_page.md"));
    let mut faults: Vec<_> = readme
        .split("](")
        .skip(1)
        .map(|link| format!("has no name: {link:.40}"))
        .collect();
    let is_known = |name: &str| definitions(&front).any(|(known, _)| known == name);
    let names = definitions(&readme).map(|(name, _)| name);
    faults.extend(names.filter(|name| !is_known(name)).map(str::to_owned));
    none(&faults);
}

#[test]
fn pages_link_to_what_is_there() {
    let mut faults = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = read(&page);
        let folder = root().join(&page).parent().unwrap().to_owned();
        for link in links(&text) {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                root().join(&page)
            } else {
                folder.join(file)
            };
            let is_there = match anchor {
                "" => target.exists(),
                _ => fs::read_to_string(&target)
                    .is_ok_and(|text| anchors(&text).iter().any(|one| one == anchor)),
            };
            if !is_there {
                faults.push(format!("{page}: {link}"));
            }
        }
    }
    none(&faults);
    assert!(count > 10, "only {count} links were found");
}

/// Words in the first column of `docs/gevent.md` that nobody would look up here:
/// fields of HTTP, a keyword, and methods that every socket of Python has.
const NO_NAMES: &[&str] = &[
    "Cookie", "Date", "Host", "Proxy", "Server", "dup", "fromfd", "in",
];

/// What gevent calls something that has its place here, and what that place is.
fn gevent_names(page: &str) -> Vec<(&str, &str)> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| {
        let mut cells = row.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?, cells.next()?))
    });
    let there = cells.filter(|(_, here)| here.contains("]("));
    there
        .flat_map(|(theirs, here)| {
            let codes = theirs.split('`').skip(1).step_by(2);
            codes.map(move |code| (code, here))
        })
        .filter_map(|(code, here)| {
            let path = code.split_once('(').map_or(code, |(path, _)| path).trim();
            let name = path.rsplit('.').next()?;
            let is_name = name.len() > 1
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            is_name.then_some((name, here))
        })
        .collect()
}

/// The names of public items and modules, and aliases, whole and without what
/// precedes their last dot.
fn names_to_find(sources: &[Source]) -> HashSet<&str> {
    let mut found = HashSet::new();
    for (_, line) in sources.iter().flat_map(Source::code) {
        found.extend(name_of_item(line));
        let module = line.strip_prefix("pub mod ");
        found.extend(module.map(|name| name.trim_end_matches([';', ' ', '{'])));
        if line.contains("doc(alias") {
            let aliases = line.split('"').skip(1).step_by(2);
            found.extend(aliases.flat_map(|alias| [alias, alias.rsplit('.').next().unwrap()]));
        }
    }
    found
}

/// Who searches the documentation for gevent's name finds ours: by the same
/// name, or by an alias.
#[test]
fn gevent_s_names_lead_to_ours() {
    let sources = sources(LIBRARIES);
    let found = names_to_find(&sources);
    let page = read("docs/gevent.md");
    let names = gevent_names(&page);
    assert!(names.len() > 100, "only {} names were found", names.len());
    let mut faults = Vec::new();
    for (name, here) in names {
        if !NO_NAMES.contains(&name) && !found.contains(name) {
            faults.push(format!("{name}: {here}"));
        }
    }
    none(&faults);
    for name in NO_NAMES {
        assert!(
            page.contains(&format!("`{name}")),
            "{name} is not on the page"
        );
    }
}
