//! A table of a page.

use super::text::{KERNEL_WIDTH, NAME_WIDTH};

/// One cell.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// Words.
    Text(String),
    /// A name from the recording, of any length and with any characters.
    Name(String),
    /// A kernel's name, and how many characters of it are shown at most.
    Kernel(String, usize),
    /// A figure with its unit; aligned to the right.
    Figure(String),
    /// A share, 0..=1, drawn as a bar.
    Bar(f64),
}

/// Columns with headings, and rows.
#[derive(Debug)]
pub(crate) struct Table {
    pub(super) headings: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(headings: impl Into<Vec<&'static str>>) -> Self {
        Self { headings: headings.into(), rows: Vec::new() }
    }

    /// Appends a row, one cell a heading.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.headings.len());
        self.rows.push(cells);
    }

    /// Whether a column holds figures: what its first row holds.
    pub(super) fn is_right_aligned(&self, column: usize) -> bool {
        self.rows.first().is_some_and(|row| matches!(row.get(column), Some(Cell::Figure(_))))
    }
}

impl Cell {
    /// Words.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A name from the recording.
    pub(crate) fn name(name: impl Into<String>) -> Self {
        Self::Name(name.into())
    }

    /// The name of a kernel.
    pub(crate) fn kernel(name: impl Into<String>) -> Self {
        Self::Kernel(name.into(), KERNEL_WIDTH)
    }

    /// The name of a kernel, in a table that has many other columns.
    pub(crate) fn brief_kernel(name: impl Into<String>) -> Self {
        Self::Kernel(name.into(), NAME_WIDTH)
    }

    /// A figure with its unit.
    pub(crate) fn figure(figure: impl Into<String>) -> Self {
        Self::Figure(figure.into())
    }

    /// The share of `part` in `whole` as a bar.
    pub(crate) fn bar(part: i64, whole: i64) -> Self {
        Self::Bar(if whole > 0 { (part as f64 / whole as f64).clamp(0.0, 1.0) } else { 0.0 })
    }
}

/// A bar of up to `width` marks; a share that is not zero shows at least one.
pub(super) fn bar(share: f64, width: usize) -> String {
    let marks = (share * width as f64).round() as usize;
    "#".repeat(if share > 0.0 { marks.clamp(1, width) } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_show_what_is_not_zero() {
        assert_eq!([0.0, 0.001, 0.5, 1.0].map(|share| bar(share, 4)), ["", "#", "##", "####"]);
    }
}
