//! What compilers and clippy do not say: module docs, file sizes, crate arrows, the top level, stale
//! generated files.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{arrows, generated, shell, tables};

/// A longer file is a sign that a noun is missing.
const MOST_LINES: usize = 500;
/// Half of all files stay below this.
const MEDIAN_LINES: usize = 200;

/// All that may stand at the top of the repository, apart from files that begin with a dot.
const TOP_LEVEL: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "_typos.toml",
    "agent",
    "benchsuite",
    "clippy.toml",
    "data",
    "deny.toml",
    "gui",
    "kernels",
    "kittest.toml",
    "rustfmt.toml",
    "tests",
    "xtask",
];

/// Fails with a list of everything untidy; with the folder `examples` of what has just been built, nothing is built again.
pub(crate) fn run(examples: Option<&Path>) -> Result<()> {
    let root = shell::workspace();
    let files = tracked_files(&root)?;
    let mut untidy = top_level(&files);
    let mut lengths = Vec::new();
    for file in &files {
        let Some(kind) = Kind::of(file) else { continue };
        // A file that git still lists may be gone from the working tree.
        let Ok(text) = fs::read_to_string(root.join(file)) else { continue };
        untidy.extend(look_at(file, kind, &text));
        if kind == Kind::Rust {
            lengths.push(text.lines().count());
        }
    }
    lengths.sort_unstable();
    if let Some(&median) = lengths.get(lengths.len() / 2)
        && median >= MEDIAN_LINES
    {
        untidy
            .push(format!("the median Rust file has {median} lines; keep it under {MEDIAN_LINES}"));
    }
    untidy.extend(arrows::broken(&root)?);
    untidy.extend(generated::stale(examples)?);
    untidy.extend(tables::stale()?);
    if untidy.is_empty() {
        println!("tidy: {} files", files.len());
        return Ok(());
    }
    bail!("untidy:\n  {}", untidy.join("\n  "))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rust,
    OtherCode,
    Text,
}

impl Kind {
    fn of(file: &str) -> Option<Self> {
        let (_, extension) = file.rsplit_once('.')?;
        match extension {
            "rs" => Some(Self::Rust),
            "c" | "cc" | "cpp" | "cu" | "h" | "hpp" | "py" | "sh" => Some(Self::OtherCode),
            "md" | "toml" | "txt" | "yml" | "yaml" => Some(Self::Text),
            _ => None,
        }
    }
}

fn look_at(file: &str, kind: Kind, text: &str) -> Vec<String> {
    let mut untidy = Vec::new();
    let lines = text.lines().count();
    if kind != Kind::Text && lines > MOST_LINES {
        untidy.push(format!(
            "{file}: {lines} lines; more than {MOST_LINES} is a sign that a noun is missing"
        ));
    }
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    if kind == Kind::Rust && !first.is_some_and(|line| line.starts_with("//!") && line.len() > 10) {
        untidy
            .push(format!("{file}:1: begins without a `//!` doc that says what the module is for"));
    }
    for (index, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            untidy.push(format!("{file}:{}: ends in white space", index + 1));
        }
        if kind == Kind::Rust && unfinished(line) {
            untidy.push(format!("{file}:{}: is unfinished", index + 1));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        untidy.push(format!("{file}: ends without a line break"));
    }
    untidy
}

/// Marks of work left for later, spelled so that this file does not find itself.
fn unfinished(line: &str) -> bool {
    [
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X:"),
        concat!("to", "do!("),
        concat!("unimplement", "ed!("),
    ]
    .iter()
    .any(|mark| line.contains(mark))
}

fn top_level(files: &[String]) -> Vec<String> {
    let mut names: Vec<&str> = files.iter().filter_map(|file| file.split('/').next()).collect();
    names.dedup();
    let strangers =
        names.into_iter().filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(name));
    strangers.map(|name| format!("{name}: does not belong at the top level")).collect()
}

/// Everything that git tracks or would track.
fn tracked_files(root: &Path) -> Result<Vec<String>> {
    let listed = shell::read(Command::new("git").current_dir(root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]))
    .context("tidy looks at the files that git knows")?;
    let mut files: Vec<String> = listed.lines().map(str::to_owned).collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{Kind, look_at, top_level};

    #[test]
    fn a_module_without_docs_is_untidy() {
        assert!(look_at("a.rs", Kind::Rust, "//! What it is for.\nfn a() {}\n").is_empty());
        assert_eq!(look_at("a.rs", Kind::Rust, "fn a() {}\n").len(), 1);
    }

    #[test]
    fn a_long_file_is_untidy() {
        let text = format!("//! What it is for.\n{}", "// line\n".repeat(500));
        assert_eq!(look_at("a.rs", Kind::Rust, &text).len(), 1);
    }

    #[test]
    fn nothing_grows_at_the_top_level() {
        let files =
            ["README.md", "notes.txt", ".gitignore", "agent/cli/src/main.rs"].map(str::to_owned);
        assert_eq!(top_level(&files), ["notes.txt: does not belong at the top level"]);
    }
}
