//! Answers to queries, row by row, in the formats a query can ask for.

mod csv;
mod json;
mod table;

use perfagent_recording::{QueryResult, Value};

use crate::printer::Printer;

/// A format of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, for reading.
    Table,
    /// Comma-separated values after RFC 4180, with a header line; NULL is empty, bytes are hexadecimal.
    Csv,
    /// One document, `perfagent.sql/1`, with one object a row; bytes are hexadecimal.
    Json,
}

/// Writes rows as they come.
trait Writer {
    /// The columns, before any row.
    fn columns(&mut self, names: &[String], printer: &mut Printer) -> anyhow::Result<()>;
    /// A row.
    fn row(&mut self, values: &[Value], printer: &mut Printer) -> anyhow::Result<()>;
    /// After the last row.
    fn end(&mut self, printer: &mut Printer) -> anyhow::Result<()>;
}

/// Receives an answer and prints it.
pub(crate) struct Rows<'a> {
    writer: Box<dyn Writer>,
    printer: &'a mut Printer,
    failure: Option<anyhow::Error>,
}

impl<'a> Rows<'a> {
    /// Prints to `printer` in `format`.
    pub(crate) fn new(format: Format, printer: &'a mut Printer) -> Self {
        let writer: Box<dyn Writer> = match format {
            Format::Table => Box::new(table::Rows::default()),
            Format::Csv => Box::new(csv::Rows),
            Format::Json => Box::new(json::Rows::default()),
        };
        Self { writer, printer, failure: None }
    }

    /// Completes the answer, or tells why it could not be printed.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        match self.failure {
            Some(failure) => Err(failure),
            None => self.writer.end(self.printer),
        }
    }
}

impl QueryResult for Rows<'_> {
    fn columns(&mut self, names: &[String]) {
        self.failure = self.writer.columns(names, self.printer).err();
    }

    fn row(&mut self, values: &[Value]) -> bool {
        if self.failure.is_none() {
            self.failure = self.writer.row(values, self.printer).err();
        }
        self.failure.is_none()
    }
}

/// Bytes as hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A value as text; NULL is empty. Reals keep a decimal point, so that they stay reals when read back.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => format!("{real:?}"),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => hexadecimal(bytes),
    }
}
