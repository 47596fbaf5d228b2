//! The README's tables of the benchmark, made from runs that are stored in `data/runs` and can be made again by one command.

mod ceilings;
mod correctness;
mod suite;
mod training;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{cargo, shell};

/// Make the README's tables of the benchmark anew from the stored runs, or with --measure from new ones
///
/// Runs are stored in data/runs. Measuring takes the whole machine for some minutes; nothing else should run meanwhile.
#[derive(clap::Args)]
pub(crate) struct Tables {
    /// Measure on this machine and store that
    #[arg(long)]
    measure: bool,
    /// Only these tables
    #[arg(value_name = "NAME", value_parser = names())]
    names: Vec<String>,
}

/// One table.
struct Table {
    /// In the README's marks and of the file in `data/runs`.
    name: &'static str,
    /// Measures on this machine.
    measure: fn(&Bench) -> Result<Value>,
    /// Lays a stored result out as Markdown.
    render: fn(&Value) -> Result<String>,
}

const TABLES: [Table; 4] = [
    Table { name: "correctness", measure: correctness::measure, render: correctness::render },
    Table { name: "suite-ci", measure: suite::measure, render: suite::render },
    Table { name: "ceilings-cpu", measure: ceilings::measure, render: ceilings::render },
    Table { name: "training", measure: training::measure, render: training::render },
];

fn names() -> clap::builder::PossibleValuesParser {
    TABLES.map(|table| table.name).into()
}

/// A run and where it was made.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// `perfagent.stored-run/1`.
    schema: String,
    /// The command that makes it again.
    command: String,
    /// The day, UTC.
    date: String,
    /// Model of the processor.
    cpu: String,
    /// Logical processors.
    cpus: usize,
    /// What was measured.
    result: Value,
}

/// The programs and a folder to measure in.
struct Bench {
    programs: PathBuf,
    folder: PathBuf,
}

impl Bench {
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(&self.folder);
        command
    }
}

impl Tables {
    /// Measures if asked to, and writes the README.
    pub(crate) fn run(&self) -> Result<()> {
        let wanted = TABLES.iter().filter(|table| {
            self.names.is_empty() || self.names.iter().any(|name| name == table.name)
        });
        if self.measure {
            let programs = cargo::with_libtorch()?.build_programs(false)?;
            let folder =
                std::env::temp_dir().join(format!("perfagent-tables-{}", std::process::id()));
            fs::create_dir_all(&folder)
                .with_context(|| format!("{}: cannot be created", folder.display()))?;
            let bench = Bench { programs, folder };
            let measured = wanted.into_iter().try_for_each(|table| {
                println!("── {}", table.name);
                store(table, (table.measure)(&bench)?)
            });
            let _ = fs::remove_dir_all(&bench.folder);
            measured?;
        }
        let path = shell::workspace().join("README.md");
        fs::write(&path, fresh(&read(&path)?)?)
            .with_context(|| format!("{}: cannot be written", path.display()))
    }
}

/// The README's tables that are not what the stored runs make.
pub(crate) fn stale() -> Result<Vec<String>> {
    let text = read(&shell::workspace().join("README.md"))?;
    let same = fresh(&text)? == text;
    Ok(if same {
        Vec::new()
    } else {
        vec!["README.md: a table is not that of data/runs; run `cargo xtask tables`".to_owned()]
    })
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))
}

fn file(table: &Table) -> PathBuf {
    shell::workspace().join(format!("data/runs/{}.json", table.name))
}

fn store(table: &Table, result: Value) -> Result<()> {
    let stored = Stored {
        schema: "perfagent.stored-run/1".to_owned(),
        command: format!("cargo xtask tables --measure {}", table.name),
        date: shell::read(Command::new("date").args(["-u", "+%F"]))?.trim().to_owned(),
        cpu: processor().unwrap_or_else(|| "an unnamed processor".to_owned()),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        result,
    };
    let path = file(table);
    fs::write(&path, serde_json::to_string_pretty(&stored)? + "\n")
        .with_context(|| format!("{}: cannot be written", path.display()))
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

/// The README with every table as the stored runs have it.
fn fresh(readme: &str) -> Result<String> {
    let mut text = readme.to_owned();
    for table in &TABLES {
        let path = file(table);
        let stored: Stored = serde_json::from_str(&read(&path)?)
            .with_context(|| format!("{}: is no stored run", path.display()))?;
        let body = (table.render)(&stored.result).with_context(|| path.display().to_string())?;
        let Stored { command, date, cpu, cpus, .. } = &stored;
        let note = format!(
            "{date}, {cpu}, {cpus} logical processors; all of it is in [data/runs](data/runs/{}.json), and `{command}` makes it again.",
            table.name
        );
        text = replaced(&text, table.name, &format!("{}\n\n{note}\n", body.trim_end()))?;
    }
    Ok(text)
}

/// The text with what is between the marks of `name` replaced.
fn replaced(text: &str, name: &str, body: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- table {name} -->\n"), format!("<!-- end {name} -->"));
    let places = text.find(&begin).zip(text.find(&end)).filter(|(begin, end)| begin < end);
    ensure!(places.is_some(), "README.md: has no marks {} and {end}", begin.trim());
    let (before, rest) = text.split_once(&begin).unwrap_or((text, ""));
    let (_, after) = rest.split_once(&end).unwrap_or((rest, ""));
    Ok(format!("{before}{begin}{body}{end}{after}"))
}

/// A Markdown table.
fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head.to_vec());
    text += "|";
    text += &"---|".repeat(head.len());
    text += "\n";
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

/// A member of a document that must be there.
fn number(value: &Value, key: &str) -> Result<f64> {
    value[key].as_f64().with_context(|| format!("has no number `{key}`"))
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("has no text `{key}`"))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("has no list `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::{markdown, replaced};

    #[test]
    fn a_table_is_replaced_between_its_marks() {
        let text = "a\n<!-- table x -->\nold\n<!-- end x -->\nb\n";
        let new = replaced(text, "x", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- table x -->\nnew\n<!-- end x -->\nb\n");
        assert_eq!(replaced(&new, "x", "new\n").unwrap(), new, "it stays as it is");
        assert!(replaced(text, "y", "").unwrap_err().to_string().contains("<!-- table y -->"));
    }

    #[test]
    fn rows_have_as_many_cells_as_the_head() {
        let table = markdown(&["a", "b"], &[vec!["1".to_owned(), "2".to_owned()]]);
        assert_eq!(table, "| a | b |\n|---|---|\n| 1 | 2 |\n");
    }
}
