//! Rows as one JSON document, a row a line.

use perfagent_recording::Value;
use serde_json::{Map, Value as Json, json};

use super::{Writer, hexadecimal};
use crate::printer::Printer;

/// What is known of the document so far.
#[derive(Default)]
pub(super) struct Rows {
    names: Vec<String>,
    any: bool,
}

impl Writer for Rows {
    fn columns(&mut self, names: &[String], printer: &mut Printer) -> anyhow::Result<()> {
        self.names = distinct(names);
        printer.line("{")?;
        printer.line("  \"schema\": \"perfagent.sql/1\",")?;
        printer.line(format_args!("  \"columns\": {},", json!(self.names)))?;
        printer.answer("  \"rows\": [")
    }

    fn row(&mut self, values: &[Value], printer: &mut Printer) -> anyhow::Result<()> {
        let row: Map<String, Json> =
            self.names.iter().cloned().zip(values.iter().map(value)).collect();
        let separator = if std::mem::replace(&mut self.any, true) { "," } else { "" };
        printer.answer(format_args!("{separator}\n    {}", Json::Object(row)))
    }

    fn end(&mut self, printer: &mut Printer) -> anyhow::Result<()> {
        printer.line(if self.any { "\n  ]\n}" } else { "]\n}" })
    }
}

fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(integer) => json!(integer),
        // JSON has no infinity: null.
        Value::Real(real) => json!(real),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!(hexadecimal(bytes)),
    }
}

/// Keys of an object must differ: the second `id` is called `id:1`, as in SQLite's own shell.
fn distinct(names: &[String]) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let numbered = (1..).map(|number| format!("{name}:{number}"));
        let free = [name.clone()].into_iter().chain(numbered).find(|name| !distinct.contains(name));
        distinct.extend(free);
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::distinct;

    #[test]
    fn equal_columns_get_a_number() {
        let names = ["id", "id", "id:1", "id"].map(String::from);
        assert_eq!(distinct(&names), ["id", "id:1", "id:1:1", "id:2"]);
    }
}
