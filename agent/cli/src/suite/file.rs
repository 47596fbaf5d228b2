//! Reads a suite's TOML file. Whatever is wrong in it is told with its line and what would be right.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use super::case::{Case, Suite};
use super::matrix::{self, Axis, Frame};
use super::option::{self, Kind, Known, Options};
use super::place::Surroundings;

const DEFAULT_TIME_LIMIT: Duration = Duration::from_mins(30);
const LONGEST_TIME_LIMIT: u64 = 7 * 86_400;
const MOST_REPEATS: u64 = 100;

const SECTIONS: &str = "suite, defaults, case";
const SUITE_KEYS: &str = "name, about, time_limit, repeat, must_run";
const CASE_KEYS: &str = "name, time_limit, repeat, must_run, matrix";

/// A file while it is read.
pub(super) struct File<'a> {
    name: &'a str,
    folder: &'a Path,
    text: &'a str,
}

/// A key with its place, and its value.
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    pub(super) at: Range<usize>,
    pub(super) value: &'a Spanned<DeValue<'a>>,
}

/// Reads `text`, the file called `name` whose paths are relative to `folder`. `overrides` replace the options of every case.
pub(crate) fn parse(
    name: &str,
    folder: &Path,
    text: &str,
    surroundings: Surroundings,
    overrides: &Options,
) -> anyhow::Result<Suite> {
    let file = File { name, folder, text };
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or_default();
        file.wrong(&at, format!("{}; correct the TOML there", error.message()))
    })?;
    let mut head = None;
    let mut defaults = Options::new();
    let mut cases = Vec::new();
    for Entry { key, at, value } in entries(document.get_ref()) {
        match key {
            "suite" => head = Some(file.head(file.table(key, value)?, &at)?),
            "defaults" => {
                for entry in entries(file.table(key, value)?) {
                    let known = option::find(entry.key)
                        .ok_or_else(|| file.unknown(&entry, "[defaults]", &option::keys()))?;
                    defaults.insert(known.key.to_owned(), file.option(known, &entry)?);
                }
            }
            "case" => {
                let Some(array) = value.get_ref().as_array() else {
                    return Err(file.wrong(&at, "a case begins with [[case]], in two brackets"));
                };
                cases.extend(array.iter().map(|case| (case, at.clone())));
            }
            _ => return Err(file.unknown(&Entry { key, at, value }, "a suite", SECTIONS)),
        }
    }
    let Some(head) = head else {
        bail!("{name}: has no [suite] with a name; begin with [suite] and name = \"…\"");
    };
    let mut planned: Vec<Case> = Vec::new();
    for (case, at) in cases {
        let span = if case.span().is_empty() { at } else { case.span() };
        let frame = file.case(file.table("case", case)?, &span, &head, &defaults, overrides)?;
        let counted = matrix::cases(&frame, surroundings);
        for case in
            counted.map_err(|(at, problem)| file.wrong(&at.unwrap_or(span.clone()), problem))?
        {
            if planned.iter().any(|other| other.name == case.name) {
                let problem =
                    format!("a second case is called {}; give each its own name", case.name);
                return Err(file.wrong(&span, problem));
            }
            planned.push(case);
        }
        if planned.len() > matrix::MOST_CASES {
            return Err(file.wrong(&span, matrix::too_many()));
        }
    }
    ensure!(!planned.is_empty(), "{name}: has no case; add [[case]] with name = \"…\" and options");
    let mut hash = String::from("sha256:");
    for byte in Sha256::digest(text) {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    Ok(Suite { name: head.name, about: head.about, hash, cases: planned })
}

/// What `[suite]` says.
struct Head {
    name: String,
    about: String,
    run: RunKeys,
}

/// The keys that a case may have from `[suite]`.
#[derive(Clone, Copy)]
pub(super) struct RunKeys {
    pub(super) time_limit: Duration,
    pub(super) repeat: u64,
    pub(super) must_run: bool,
}

impl<'a> File<'a> {
    fn head(&self, table: &'a DeTable<'a>, at: &Range<usize>) -> anyhow::Result<Head> {
        let mut name = None;
        let mut about = "";
        let mut run = RunKeys { time_limit: DEFAULT_TIME_LIMIT, repeat: 1, must_run: false };
        for entry in entries(table) {
            match entry.key {
                "name" => name = Some(self.name_of(&entry)?),
                "about" => about = self.text_of(&entry)?,
                _ if self.run_key(&entry, &mut run)? => {}
                _ => return Err(self.unknown(&entry, "[suite]", SUITE_KEYS)),
            }
        }
        let name = name.ok_or_else(|| self.wrong(at, "[suite] has no name; write name = \"…\""))?;
        Ok(Head { name, about: about.to_owned(), run })
    }

    fn case(
        &self,
        table: &'a DeTable<'a>,
        at: &Range<usize>,
        head: &Head,
        defaults: &Options,
        overrides: &Options,
    ) -> anyhow::Result<Frame> {
        let mut name = None;
        let mut run = head.run;
        let mut own = Options::new();
        let mut axes = Vec::new();
        for entry in entries(table) {
            match entry.key {
                "name" => name = Some(self.name_of(&entry)?),
                "matrix" => {
                    for entry in entries(self.table("matrix", entry.value)?) {
                        axes.push(self.axis(&entry)?);
                    }
                }
                _ if self.run_key(&entry, &mut run)? => {}
                _ => {
                    let known = option::find(entry.key).ok_or_else(|| {
                        let known = format!("{CASE_KEYS}, {}", option::keys());
                        self.unknown(&entry, "[[case]]", &known)
                    })?;
                    own.insert(known.key.to_owned(), self.option(known, &entry)?);
                }
            }
        }
        let name =
            name.ok_or_else(|| self.wrong(at, "this case has no name; write name = \"…\""))?;
        for Axis { known, at, .. } in &axes {
            let twice = own.contains_key(known.key).then_some("the case has it as an option, too");
            let typed = overrides.contains_key(known.key);
            let typed = typed.then_some("the command line fixes it; leave it out there");
            if let Some(problem) = twice.or(typed) {
                return Err(
                    self.wrong(at, format!("the matrix varies {}, and {problem}", known.key))
                );
            }
        }
        let of_all = [overrides, &own, defaults].map(|options| options.get("model"));
        let model = of_all.into_iter().flatten().next().cloned();
        let applying = |options: &Options| -> Options {
            let all = options.iter().filter(|(key, _)| option::applies(key, model.as_ref()));
            all.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        let mut options = applying(defaults);
        options.extend(own);
        options.extend(applying(overrides));
        for axis in &axes {
            options.remove(axis.known.key);
        }
        Ok(Frame { name, options, axes, run })
    }

    fn axis(&self, entry: &Entry<'a>) -> anyhow::Result<Axis> {
        let known = option::find(entry.key)
            .ok_or_else(|| self.unknown(entry, "a matrix", &option::keys()))?;
        let values = match entry.value.get_ref() {
            DeValue::Array(array) if array.is_empty() => {
                return Err(self.wrong(&entry.at, format!("{} has no value to try", entry.key)));
            }
            DeValue::Array(array) => {
                let item = |value| {
                    self.option(known, &Entry { key: entry.key, at: entry.at.clone(), value })
                };
                matrix::Values::These(array.iter().map(item).collect::<anyhow::Result<_>>()?)
            }
            DeValue::String(text) if known.kind == Kind::Count => {
                matrix::Values::Range(text.to_string())
            }
            other => {
                let found = other.type_str();
                let wanted = if known.kind == Kind::Count {
                    "a list [..] or a range \"1..8\""
                } else {
                    "a list [..]"
                };
                let problem = format!("{} of a matrix is {found}, not {wanted}", entry.key);
                return Err(self.wrong(&entry.at, problem));
            }
        };
        Ok(Axis { known, values, at: entry.at.clone() })
    }

    /// Takes a key that `[suite]` and `[[case]]` both have; false when it is none.
    fn run_key(&self, entry: &Entry<'a>, run: &mut RunKeys) -> anyhow::Result<bool> {
        match entry.key {
            "time_limit" => {
                let seconds = self.number_of(entry, 1, LONGEST_TIME_LIMIT)?;
                run.time_limit = Duration::from_secs(seconds);
            }
            "repeat" => run.repeat = self.number_of(entry, 1, MOST_REPEATS)?,
            "must_run" => {
                run.must_run = entry
                    .value
                    .get_ref()
                    .as_bool()
                    .ok_or_else(|| self.type_of(entry, "true or false"))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The value of an option of `perfagent-bench`.
    fn option(&self, known: &Known, entry: &Entry<'a>) -> anyhow::Result<Value> {
        match known.kind {
            Kind::Word => {
                let word = self.text_of(entry)?;
                // The model stands first and must not be taken for an option or another command.
                if word.is_empty()
                    || word.starts_with('-')
                    || (known.key == "model" && word == "list")
                {
                    return Err(
                        self.wrong(&entry.at, format!("{} cannot be \"{word}\"", known.key))
                    );
                }
                if known.key == "mode" && !option::MODES.contains(&word) {
                    let modes = option::MODES.join(" or ");
                    return Err(self.wrong(&entry.at, format!("mode is \"{word}\", not {modes}")));
                }
                Ok(word.into())
            }
            Kind::Path => {
                let path = self.folder.join(self.text_of(entry)?);
                Ok(path.to_string_lossy().into_owned().into())
            }
            Kind::Count => Ok(self.number_of(entry, 0, i64::MAX as u64)?.into()),
            Kind::Number => {
                let number = written(entry).and_then(|text| text.parse::<f64>().ok());
                match number.filter(|number| number.is_finite()) {
                    Some(number) => Ok(number.into()),
                    None => Err(self.type_of(entry, "a number")),
                }
            }
            Kind::Rate => {
                let rate = written(entry).and_then(|text| option::rate(&text));
                rate.ok_or_else(|| self.type_of(entry, "a number or inf"))
            }
            Kind::Lengths => {
                let text = entry.value.get_ref().as_str().map(str::to_owned);
                let lengths = text.or_else(|| written(entry)).and_then(|t| option::lengths(&t));
                lengths.ok_or_else(|| self.type_of(entry, "a whole number or a text \"N..M\""))
            }
        }
    }

    fn text_of(&self, entry: &Entry<'a>) -> anyhow::Result<&'a str> {
        entry.value.get_ref().as_str().ok_or_else(|| self.type_of(entry, "a text in quotes"))
    }

    /// A name that becomes a file's.
    fn name_of(&self, entry: &Entry<'a>) -> anyhow::Result<String> {
        let name = self.text_of(entry)?;
        if option::is_case_name(name) {
            return Ok(name.to_owned());
        }
        Err(self.wrong(
            &entry.at,
            format!("the name \"{name}\" is none for a file; use up to 100 letters, digits, `-`, `_` and `.`"),
        ))
    }

    fn number_of(&self, entry: &Entry<'a>, least: u64, most: u64) -> anyhow::Result<u64> {
        let integer = entry.value.get_ref().as_integer();
        let integer = integer.ok_or_else(|| self.type_of(entry, "a whole number"))?;
        let digits = integer.as_str().replace(['_', '+'], "");
        let number = u64::from_str_radix(&digits, integer.radix()).ok();
        number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            let limit = if most == i64::MAX as u64 {
                String::new()
            } else {
                format!(" and at most {most}")
            };
            self.wrong(
                &entry.at,
                format!("{} is {}; give at least {least}{limit}", entry.key, integer.as_str()),
            )
        })
    }

    fn table(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> anyhow::Result<&'a DeTable<'a>> {
        let found = value.get_ref().type_str();
        value.get_ref().as_table().ok_or_else(|| {
            self.wrong(&value.span(), format!("{key} is {found}, not a table of keys and values"))
        })
    }

    fn type_of(&self, entry: &Entry<'_>, wanted: &str) -> anyhow::Error {
        let found = entry.value.get_ref().type_str();
        self.wrong(&entry.value.span(), format!("{} is {found}, not {wanted}", entry.key))
    }

    fn unknown(&self, entry: &Entry<'_>, whose: &str, known: &str) -> anyhow::Error {
        self.wrong(&entry.at, format!("`{}` is no key of {whose}, which has {known}", entry.key))
    }

    fn wrong(&self, at: &Range<usize>, problem: impl std::fmt::Display) -> anyhow::Error {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        anyhow!("{}: line {line}: {problem}", self.name)
    }
}

/// A number as it was written.
fn written(entry: &Entry<'_>) -> Option<String> {
    let value = entry.value.get_ref();
    let text = value.as_float().map(DeFloat::as_str);
    let text = text.or_else(|| value.as_integer().map(DeInteger::as_str));
    text.map(|text| text.replace('_', ""))
}

/// The entries of a table in the order of the file.
fn entries<'a>(table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| Entry { key: key.get_ref(), at: key.span(), value })
        .collect();
    entries.sort_by_key(|entry| entry.at.start);
    entries
}

#[cfg(test)]
mod tests;
