//! Rows in aligned columns. The first rows decide the widths, so that an answer of millions of rows
//! starts at once and is never held in memory.

use perfagent_recording::Value;

use super::{Writer, plain};
use crate::page::{cleaned, padded};
use crate::printer::Printer;

const ROWS_MEASURED: usize = 500;

/// The rows that wait for the widths, and the widths once they are known.
#[derive(Default)]
pub(super) struct Rows {
    names: Vec<String>,
    waiting: Vec<Vec<(String, bool)>>,
    layout: Option<Vec<Column>>,
}

struct Column {
    width: usize,
    right: bool,
}

impl Writer for Rows {
    fn columns(&mut self, names: &[String], _printer: &mut Printer) -> anyhow::Result<()> {
        self.names = names.iter().map(|name| cleaned(name)).collect();
        Ok(())
    }

    fn row(&mut self, values: &[Value], printer: &mut Printer) -> anyhow::Result<()> {
        let is_number = |value: &Value| matches!(value, Value::Integer(_) | Value::Real(_));
        let row: Vec<_> =
            values.iter().map(|value| (cleaned(&plain(value)), is_number(value))).collect();
        if let Some(layout) = &self.layout {
            return printer.line(line(layout, row.iter().map(|(text, _)| text.as_str())));
        }
        self.waiting.push(row);
        if self.waiting.len() < ROWS_MEASURED { Ok(()) } else { self.print_waiting(printer) }
    }

    fn end(&mut self, printer: &mut Printer) -> anyhow::Result<()> {
        if self.layout.is_none() && !self.names.is_empty() {
            self.print_waiting(printer)?;
        }
        Ok(())
    }
}

impl Rows {
    fn print_waiting(&mut self, printer: &mut Printer) -> anyhow::Result<()> {
        let layout: Vec<Column> = (0..self.names.len())
            .map(|column| {
                let cells = || self.waiting.iter().map(|row| &row[column]);
                let widest = cells().map(|(text, _)| text.chars().count()).max().unwrap_or(0);
                Column {
                    width: widest.max(self.names[column].chars().count()),
                    right: cells().any(|(_, is_number)| *is_number)
                        && cells().all(|(text, is_number)| *is_number || text.is_empty()),
                }
            })
            .collect();
        printer.line(line(&layout, self.names.iter().map(String::as_str)))?;
        let rules: Vec<String> = layout.iter().map(|column| "-".repeat(column.width)).collect();
        printer.line(line(&layout, rules.iter().map(String::as_str)))?;
        for row in std::mem::take(&mut self.waiting) {
            printer.line(line(&layout, row.iter().map(|(text, _)| text.as_str())))?;
        }
        self.layout = Some(layout);
        Ok(())
    }
}

fn line<'a>(layout: &[Column], cells: impl Iterator<Item = &'a str>) -> String {
    let cells = layout.iter().zip(cells);
    let padded: Vec<_> =
        cells.map(|(column, cell)| padded(cell, column.width, column.right)).collect();
    padded.join("  ").trim_end().to_owned()
}
