//! The texts that an export has once, under a number each.

use perfagent_recording::{StringId, WriteError, Writer};
use rustc_hash::FxHashMap;

use super::database::Database;
use super::problem::{Problem, Problems};
use super::row::row;

row! {
    /// Of `StringIds`.
    Text { id: i64 = "id", value: String = "value", }
}

/// What stands for the text under `number` when the export lacks it.
pub(crate) fn missing(number: i64) -> String {
    format!("[name {number}]")
}

/// The texts, and those that the recording has by now.
#[derive(Debug, Default)]
pub(crate) struct Names {
    texts: FxHashMap<i64, Box<str>>,
    stored: FxHashMap<i64, StringId>,
}

impl Names {
    /// Reads them.
    pub(crate) fn read(database: &Database, problems: &mut Problems) -> Self {
        let mut texts = FxHashMap::default();
        database.look("StringIds", problems, |_, _, row: Text| {
            if let (Some(id), Some(value)) = (row.id, row.value) {
                texts.insert(id, value.into_boxed_str());
            }
        });
        Self { texts, stored: FxHashMap::default() }
    }

    /// The text under `number`.
    pub(crate) fn text(&self, number: Option<i64>) -> Option<&str> {
        number.and_then(|number| self.texts.get(&number)).map(AsRef::as_ref)
    }

    /// The text under `number` in the recording. Where the export lacks it, as when it is damaged there, the number stands
    /// for it, so that what differs stays different.
    pub(crate) fn id(
        &mut self,
        writer: &mut Writer,
        problems: &mut Problems,
        (table, row): (&str, i64),
        number: Option<i64>,
    ) -> Result<StringId, WriteError> {
        let Some(number) = number else {
            problems.add(table, Problem::Name, row, || "it has none".to_owned());
            return writer.string("[no name]");
        };
        if let Some(&known) = self.stored.get(&number) {
            return Ok(known);
        }
        let Some(text) = self.texts.get(&number) else {
            problems.add(table, Problem::Name, row, || format!("number {number}"));
            // Not among the stored ones, so that every such row is counted.
            return writer.string(&missing(number));
        };
        let id = writer.string(text)?;
        self.stored.insert(number, id);
        Ok(id)
    }
}
