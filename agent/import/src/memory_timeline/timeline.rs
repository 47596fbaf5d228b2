//! Changes of memory by category.

use crate::decimal::is_base;
use crate::warning::{Problem, Problems};

/// What PyTorch's numbers of categories stand for; the last is what it does not know.
pub(super) const CATEGORIES: [&str; 8] = [
    "parameter",
    "optimizer_state",
    "input",
    "temporary",
    "activation",
    "gradient",
    "autograd_detail",
    "",
];

/// More than any machine has; what is greater is damage.
const MOST_BYTES: i64 = 1 << 48;

/// Times of the file of sizes are microseconds, which this is none of: the year 5138.
const NO_MICROS: i64 = 100_000_000_000_000_000;

/// A change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// ns since the Unix epoch.
    pub(super) time: i64,
    pub(super) bytes: i64,
    /// In [`CATEGORIES`].
    pub(super) category: u8,
    /// All bytes after it.
    pub(super) allocated: i64,
}

/// A timeline while it is read.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) rows: Vec<Row>,
    pub(super) problems: Problems,
    /// Entries of the file, and those of which something was made.
    pub(super) events: u64,
    pub(super) kept: u64,
    levels: [i64; CATEGORIES.len()],
    /// Of the last entry.
    latest: Option<i64>,
    /// Of the file of sizes: the times, of which the first ones have been used.
    times: Vec<Option<i64>>,
    used: usize,
}

impl Timeline {
    /// Takes in `[time, action, bytes, category]`.
    pub(super) fn change(&mut self, written: &str, offset: u64) {
        self.events += 1;
        let read = serde_json::from_str::<[i64; 4]>(written);
        let Ok([time, action, bytes, category]) = read else {
            return self.unreadable(offset, || format!("{} is no change", shown(written)));
        };
        let grows = match action {
            // Was there before the first event; came.
            1 | 2 => bytes >= 0,
            // Is of another category from now on: two entries, less of one and more of the other.
            3 => true,
            // Went.
            4 => bytes <= 0,
            _ => {
                return self.unreadable(offset, || format!("there is no action {action}"));
            }
        };
        if !grows || bytes.unsigned_abs() > MOST_BYTES.unsigned_abs() {
            return self.unreadable(offset, || format!("{bytes} bytes with the action {action}"));
        }
        let Some(category) = usize::try_from(category).ok().filter(|at| *at < CATEGORIES.len())
        else {
            return self.unreadable(offset, || format!("there is no category {category}"));
        };
        let Some(time) = self.moment(Some(time), offset) else { return };
        self.kept += 1;
        self.push(time, category, bytes, offset);
    }

    /// Takes in a time of the file of sizes.
    pub(super) fn time(&mut self, written: &str, _: u64) {
        let micros = serde_json::from_str::<i64>(written).ok();
        let nanos = micros.and_then(|micros| match micros {
            -1 => Some(-1),
            micros if micros >= NO_MICROS => Some(micros),
            micros => micros.checked_mul(1000),
        });
        self.times.push(nanos);
    }

    /// Takes in the sizes at the next time: one of no category, which is 0, and one each.
    pub(super) fn sizes(&mut self, written: &str, offset: u64) {
        self.events += 1;
        let time = self.times.get(self.used).copied();
        self.used += 1;
        let read = serde_json::from_str::<[i64; CATEGORIES.len() + 1]>(written).ok();
        let usable = read.filter(|sizes| sizes.iter().all(|size| (0..=MOST_BYTES).contains(size)));
        let Some([_, sizes @ ..]) = usable else {
            return self.unreadable(offset, || format!("{} are no sizes", shown(written)));
        };
        let Some(time) = time else {
            return self.unreadable(offset, || "there is no time for it".to_owned());
        };
        let Some(time) = self.moment(time, offset) else { return };
        self.kept += 1;
        let mut changes: Vec<(i64, usize)> = (0..CATEGORIES.len())
            .map(|category| (sizes[category] - self.levels[category], category))
            .filter(|(bytes, _)| *bytes != 0)
            .collect();
        // What goes first: else memory that changes its category would be there twice for a moment.
        changes.sort_unstable();
        for (bytes, category) in changes {
            self.push(time, category, bytes, offset);
        }
    }

    /// Times of what was there before the first event, now that this is known.
    pub(super) fn finish(&mut self) {
        let start = self.rows.iter().map(|row| row.time).find(|time| *time >= 0).unwrap_or(0);
        for row in self.rows.iter_mut().take_while(|row| row.time < 0) {
            row.time = start;
        }
        if let Some(missing) = self.times.len().checked_sub(self.used).filter(|count| *count > 0) {
            let what = || format!("{missing} times have no sizes");
            self.problems.add(Problem::Fact, 0, what);
        }
    }

    /// A time as it counts: not before that of the entry before. -1 only before all others.
    fn moment(&mut self, time: Option<i64>, offset: u64) -> Option<i64> {
        let usable = time.filter(|time| *time == -1 || is_base(*time));
        let Some(time) = usable else {
            let time = time.map_or("no number".to_owned(), |time| time.to_string());
            self.problems.add(Problem::NoTime, offset, || format!("its time is {time}"));
            return None;
        };
        if let Some(latest) = self.latest.filter(|latest| *latest > time) {
            let what = || format!("{time} comes after {latest}");
            self.problems.add(Problem::OutOfOrder, offset, what);
            return Some(latest);
        }
        self.latest = Some(time);
        Some(time)
    }

    fn push(&mut self, time: i64, category: usize, bytes: i64, offset: u64) {
        let level = &mut self.levels[category];
        let before = *level;
        *level = level.saturating_add(bytes);
        if *level < 0 && before >= 0 {
            let what = || format!("less than nothing is left of `{}`", CATEGORIES[category]);
            self.problems.add(Problem::Contradicts, offset, what);
        }
        let allocated = self.levels.iter().copied().fold(0, i64::saturating_add);
        self.rows.push(Row { time, bytes, category: category as u8, allocated });
    }

    fn unreadable(&mut self, offset: u64, what: impl FnOnce() -> String) {
        self.problems.add(Problem::Unreadable, offset, what);
    }
}

/// A value for a message, shortened.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("`{short}`")
}
