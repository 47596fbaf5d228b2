//! What is wrong with an export that can be read all the same, counted by table and kind, with the first row.

use crate::warning::Warning;

/// A kind of damage, and what was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Rows behind this one cannot be read; left out.
    Unreadable,
    /// A row without a usable time; left out.
    NoTime,
    /// A row that has a start and no end; kept without a length.
    NoEnd,
    /// A row that ends before it starts; kept without a length.
    Backwards,
    /// A value that its column cannot have, most often one of another type; ignored.
    Value(&'static str),
    /// A row whose name is not among the texts; its number stands for it.
    Name,
    /// A schema of which nothing is known yet.
    Newer,
    /// A fact that cannot be right; ignored.
    Fact,
}

impl Problem {
    /// Whether each of its occurrences is an event that is not in the recording.
    const fn loses_event(self) -> bool {
        matches!(self, Self::NoTime)
    }

    fn sentence(self, table: &str, count: u64, row: i64, detail: &str) -> String {
        let (first, rows) = if count == 1 {
            ("row", "1 row".to_owned())
        } else {
            ("the first is row", format!("{count} rows"))
        };
        match self {
            Self::Unreadable => format!("table {table} is damaged behind row {row}: {detail}"),
            Self::NoTime => {
                format!(
                    "table {table}: {rows} without a usable time left out ({first} {row}): {detail}"
                )
            }
            Self::NoEnd => {
                format!("table {table}: {rows} without an end kept with no length ({first} {row})")
            }
            Self::Backwards => {
                format!(
                    "table {table}: {rows} with an end before the start kept with no length ({first} {row}): {detail}"
                )
            }
            Self::Value(column) => format!(
                "table {table}: {rows} with an unusable value in column `{column}`, which is ignored ({first} {row}): {detail}"
            ),
            Self::Name => {
                format!(
                    "table {table}: {rows} without a name in StringIds ({first} {row}): {detail}"
                )
            }
            Self::Newer => format!(
                "table {table}, row {row}: {detail}; figures may be incomplete, so look for a newer perfagent"
            ),
            Self::Fact => format!("table {table}, row {row}: {detail}; it is ignored"),
        }
    }
}

/// The problems of one export.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems {
    entries: Vec<Entry>,
    /// Rows that are known to be lost to damage.
    lost: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    table: String,
    problem: Problem,
    count: u64,
    row: i64,
    detail: String,
}

impl Problems {
    /// Takes note of a problem in a row of `table`; only the first of a kind is described.
    pub(crate) fn add(
        &mut self,
        table: &str,
        problem: Problem,
        row: i64,
        detail: impl FnOnce() -> String,
    ) {
        let same = |entry: &&mut Entry| entry.problem == problem && entry.table == table;
        match self.entries.iter_mut().find(same) {
            Some(entry) => entry.count += 1,
            None => self.entries.push(Entry {
                table: table.to_owned(),
                problem,
                count: 1,
                row,
                detail: detail(),
            }),
        }
    }

    /// Takes note of rows that are lost to damage.
    pub(crate) fn lose(&mut self, rows: u64) {
        self.lost = self.lost.saturating_add(rows);
    }

    /// How many events are known to be missing. What nsys itself did is none.
    pub(crate) fn events_lost(&self) -> u64 {
        let lost = self
            .entries
            .iter()
            .filter(|entry| entry.problem.loses_event() && entry.table != super::PROFILER);
        lost.fold(self.lost, |sum, entry| sum.saturating_add(entry.count))
    }

    /// The first damage, for an export of which nothing could be read.
    pub(crate) fn damage(&self) -> Option<(String, &str)> {
        let entry = self.entries.iter().find(|entry| entry.problem == Problem::Unreadable)?;
        Some((format!("row {} of table {}", entry.row, entry.table), &entry.detail))
    }

    /// One warning a table and kind, in the order in which they were first met.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.entries
            .iter()
            .map(|entry| Warning {
                offset: u64::try_from(entry.row).unwrap_or(0),
                count: entry.count,
                text: entry.problem.sentence(&entry.table, entry.count, entry.row, &entry.detail),
            })
            .collect()
    }
}
