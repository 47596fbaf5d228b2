//! `results.jsonl`: one line a case, on the disk when the case is done.

use std::fs;
use std::path::Path;

use super::result::{CaseResult, SCHEMA};
use crate::durable_lines::{DurableLines, Words};

const NAME: &str = "results.jsonl";
const WORDS: Words = Words {
    schema: SCHEMA,
    foreign: "is no result of a case; remove the line, name another folder with -o, or start over with --fresh",
    again: "that case is run again",
    room: "make room or name another folder with -o, then run the suite again: finished cases are kept",
};

/// The open file, and what it holds.
#[derive(Debug)]
pub(super) struct Journal {
    lines: DurableLines,
    results: Vec<CaseResult>,
}

impl Journal {
    /// Opens the journal in `folder` and reads it. What a crash has left of a last line is cut off and told.
    pub(super) fn open(folder: &Path) -> anyhow::Result<(Self, Option<String>)> {
        let mut results = Vec::new();
        let (lines, cut) =
            DurableLines::open(folder.join(NAME), &WORDS, |result| keep(result, &mut results))?;
        Ok((Self { lines, results }, cut))
    }

    /// All results, in the order in which they were written. Of a case that was run again the last one counts.
    pub(super) fn results(&self) -> &[CaseResult] {
        &self.results
    }

    /// What became of a case.
    pub(super) fn of(&self, case: &str) -> Option<&CaseResult> {
        self.results.iter().rev().find(|result| result.case == case)
    }

    /// Writes a line and has it on the disk before it returns.
    pub(super) fn append(&mut self, result: CaseResult) -> anyhow::Result<()> {
        self.lines.append(&result)?;
        self.results.push(result);
        Ok(())
    }

    /// Forgets all results, and removes the recordings and logs that they name.
    pub(super) fn clear(&mut self) -> anyhow::Result<()> {
        let folder = self.lines.path().parent().unwrap_or(Path::new(""));
        let files = self.results.iter().flat_map(|result| [&result.recording, &result.log]);
        for name in files.flatten() {
            // Only names that it gave itself: a file in the folder, not somewhere else.
            if Path::new(name).file_name().is_some_and(|last| last == name.as_str()) {
                let _ = fs::remove_file(folder.join(name));
            }
        }
        self.lines.clear()?;
        self.results.clear();
        Ok(())
    }

    /// Removes the journal in `folder`, whatever it holds.
    pub(super) fn discard(folder: &Path) -> anyhow::Result<()> {
        super::remove(&folder.join(NAME))
    }
}

/// Keeps a result; not one of another schema.
fn keep(result: CaseResult, results: &mut Vec<CaseResult>) -> bool {
    let ours = result.schema == SCHEMA;
    if ours {
        results.push(result);
    }
    ours
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::{CaseResult, Journal, keep};
    use crate::durable_lines::parse;
    use crate::suite::place::Machine;
    use crate::suite::result::{SCHEMA, Status};

    fn result(case: &str) -> CaseResult {
        CaseResult {
            schema: SCHEMA.to_owned(),
            suite: "s".to_owned(),
            suite_hash: "sha256:0".to_owned(),
            case: case.to_owned(),
            options: serde_json::Map::new(),
            status: Status::Ok,
            reason: None,
            needed_bytes: None,
            available_bytes: None,
            exit_code: Some(0),
            duration_ns: 1,
            started: String::new(),
            result: None,
            recording: Some(format!("{case}.perfdb")),
            recording_bytes: None,
            log: Some("../outside.log".to_owned()),
            environment: Machine::this(),
        }
    }

    #[test]
    fn results_are_there_again_and_half_a_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        let (mut journal, cut) = Journal::open(folder.path()).unwrap();
        assert_eq!(cut, None);
        journal.append(result("a")).unwrap();
        journal.append(result("b")).unwrap();
        let whole = fs::read(&path).unwrap();
        for rest in [&whole[..7], &whole[..whole.len() / 2 - 1], &[0; 40][..]] {
            fs::write(&path, [&whole, rest].concat()).unwrap();
            let (mut journal, cut) = Journal::open(folder.path()).unwrap();
            assert!(cut.is_some_and(|cut| cut.contains("results.jsonl: ended within a line")));
            assert_eq!(journal.results().len(), 2);
            journal.append(result("c")).unwrap();
            let (journal, cut) = Journal::open(folder.path()).unwrap();
            assert_eq!((journal.results().len(), cut), (3, None));
        }
    }

    #[test]
    fn a_file_of_someone_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        for theirs in ["{\"loss\": 1}\n", "{\"loss\": 1}", "x"] {
            fs::write(&path, theirs).unwrap();
            let refused = Journal::open(folder.path()).unwrap_err().to_string();
            assert!(refused.contains("results.jsonl: line 1: is no result"), "{refused}");
            assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
        }
    }

    #[test]
    fn starting_over_removes_its_own_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("results");
        fs::create_dir(&inner).unwrap();
        for file in ["outside.log", "results/a.perfdb", "results/other.perfdb"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let (mut journal, _) = Journal::open(&inner).unwrap();
        journal.append(result("a")).unwrap();
        journal.clear().unwrap();
        assert!(journal.results().is_empty() && !inner.join("a.perfdb").exists());
        assert!(inner.join("other.perfdb").exists() && folder.path().join("outside.log").exists());
    }

    proptest! {
        /// Wherever a crash cuts the file, every line before the cut is there and no other.
        #[test]
        fn every_cut_keeps_the_lines_before_it(lines in 0_usize..4, at in 0.0..1.0_f64) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for line in 0..lines {
                serde_json::to_writer(&mut bytes, &result(&line.to_string())).unwrap();
                bytes.push(b'\n');
                ends.push(bytes.len());
            }
            let cut = (bytes.len() as f64 * at) as usize;
            let mut results = Vec::new();
            let whole = parse(&bytes[..cut], SCHEMA, |result| keep(result, &mut results)).unwrap();
            let kept = ends.iter().rposition(|end| *end <= cut).unwrap();
            prop_assert_eq!((results.len(), whole), (kept, ends[kept]));
        }
    }
}
