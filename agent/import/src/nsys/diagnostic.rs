//! What nsys itself had to say about the session.

use super::database::Database;
use super::problem::Problems;
use super::row::row;
use super::vocabulary::{Concern, Vocabulary};

/// Different messages that are kept at most; they also repeat.
const MOST: usize = 32;

row! {
    /// Of `DIAGNOSTIC_EVENT`.
    Message { time: i64 = "timestamp", severity: i64 = "severity", text: String = "text", }
}

/// Warnings and errors, each text once, with the time of the first and how often.
pub(crate) fn messages(
    database: &Database,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Vec<(Option<i64>, String)> {
    let mut found: Vec<(Option<i64>, &'static str, String, u64)> = Vec::new();
    let mut more = 0;
    database.look("DIAGNOSTIC_EVENT", problems, |_, _, row: Message| {
        let says = match vocabulary.concerns.of(row.severity) {
            Some(Concern::Warning) => "nsys warned",
            Some(Concern::Error) => "nsys reported an error",
            None => return,
        };
        let text = row.text.unwrap_or_default();
        match found.iter().position(|(_, _, known, _)| *known == text) {
            Some(known) => found[known].3 += 1,
            None if found.len() < MOST => found.push((row.time, says, text, 1)),
            None => more += 1,
        }
    });
    let sentence = |(time, says, text, count): (Option<i64>, &str, String, u64)| {
        let times = if count == 1 { String::new() } else { format!(" {count} times") };
        (time, format!("{says}{times}: {}", text.trim()))
    };
    let mut sentences: Vec<_> = found.into_iter().map(sentence).collect();
    if more > 0 {
        sentences.push((None, format!("nsys had {more} further warnings and errors")));
    }
    sentences
}
