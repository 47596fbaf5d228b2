//! Rows as comma-separated values (RFC 4180, lines end with a line feed).

use perfagent_recording::Value;

use super::{Writer, plain};
use crate::printer::Printer;

/// The format has no state.
pub(super) struct Rows;

impl Writer for Rows {
    fn columns(&mut self, names: &[String], printer: &mut Printer) -> anyhow::Result<()> {
        if names.is_empty() { Ok(()) } else { printer.line(record(names.iter().cloned())) }
    }

    fn row(&mut self, values: &[Value], printer: &mut Printer) -> anyhow::Result<()> {
        printer.line(record(values.iter().map(plain)))
    }

    fn end(&mut self, _printer: &mut Printer) -> anyhow::Result<()> {
        Ok(())
    }
}

fn record(fields: impl Iterator<Item = String>) -> String {
    fields.map(quoted).collect::<Vec<_>>().join(",")
}

fn quoted(field: String) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::record;

    #[test]
    fn fields_with_separators_are_quoted() {
        let fields = ["plain", "a,b", "say \"hi\"", "two\nlines", ""].map(String::from);
        assert_eq!(record(fields.into_iter()), "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",");
    }
}
