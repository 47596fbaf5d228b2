//! A folder with one CSV file a table.

use std::io;

use perfagent_recording::{Reader, Value};

use crate::error::ExportError;
use crate::output::Target;
use crate::tables::tables;

/// How the files end.
const ENDING: &str = ".csv";

/// Writes the tables of all recordings. The column `recording` tells them apart.
pub(crate) fn write(
    readers: &[Reader],
    names: &[String],
    rank: Option<i64>,
    target: Target<'_>,
) -> Result<(), ExportError> {
    let folder = target.folder(ENDING)?;
    for table in tables() {
        let file = folder.create(&format!("{}{ENDING}", table.name))?;
        let mut out = csv::Writer::from_writer(io::BufWriter::new(file));
        let failed = |error: csv::Error| folder.failed(io::Error::from(error));
        let header = table.columns.iter().map(|column| column.name.as_str());
        out.write_record(std::iter::once("recording").chain(header)).map_err(failed)?;
        for (reader, name) in readers.iter().zip(names) {
            let mut wrong = None;
            table.for_each(reader, rank, &mut |values| {
                let fields = std::iter::once(name.clone()).chain(values.iter().map(field));
                wrong = out.write_record(fields).err();
                wrong.is_none()
            })?;
            if let Some(error) = wrong {
                return Err(failed(error));
            }
        }
        let buffer = out.into_inner().map_err(|error| folder.failed(error.into_error()))?;
        let file = buffer.into_inner().map_err(|error| folder.failed(error.into_error()))?;
        file.sync_all().map_err(|error| folder.failed(error))?;
    }
    folder.finish()
}

/// A value as text; nothing where there is none.
fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => format!("{value:?}"),
        Value::Text(text) => text.clone(),
        // No column holds any.
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
