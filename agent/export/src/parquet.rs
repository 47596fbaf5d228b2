//! A folder with one Parquet file a table.
//!
//! Rows of one process make a row group (or several, of a million rows at most), so that a reader that wants one rank
//! reads that rank. Texts are in dictionaries. Every file carries what the recordings say of themselves, as JSON under
//! `perfagent.recordings`.
//!
//! Points in time are exact integers, as in the recording. `TIMESTAMP(NANOS, UTC)` would not stay so: `DuckDB` (1.4) cuts
//! it to microseconds without a word. Beside `start_ns` and `time_ns` stand `start_time` and `time`, for people,
//! of type `TIMESTAMP(MICROS, UTC)`, which every reader knows.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use perfagent_recording::table::Meta;
use perfagent_recording::{Reader, Value};
use serde_json::{Map, json};

use crate::error::ExportError;
use crate::output::{Folder, Target};
use crate::tables::{Kind, Table, tables};

/// How the files end.
const ENDING: &str = ".parquet";

/// Rows that a row group holds at most: they are in memory until it is written.
const MOST_ROWS: usize = 1 << 20;

/// Writes the tables of all recordings. The column `recording` tells them apart.
pub(crate) fn write(
    readers: &[Reader],
    names: &[String],
    rank: Option<i64>,
    target: Target<'_>,
) -> Result<(), ExportError> {
    let folder = target.folder(ENDING)?;
    let properties = Arc::new(properties(readers, names)?);
    for table in tables() {
        write_table(&table, readers, names, rank, &folder, &properties)?;
    }
    folder.finish()
}

/// What the recordings say of themselves, and how everything is written.
fn properties(readers: &[Reader], names: &[String]) -> Result<WriterProperties, ExportError> {
    let mut recordings = Map::new();
    for (reader, name) in readers.iter().zip(names) {
        let facts = reader.rows::<Meta>()?;
        let facts = facts.into_iter().map(|fact| (fact.key, json!(fact.value)));
        recordings.insert(name.clone(), json!(facts.collect::<Map<_, _>>()));
    }
    let recordings = json!(recordings).to_string();
    Ok(WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("perfagent ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "perfagent.recordings".to_owned(),
            recordings,
        )]))
        .build())
}

fn write_table(
    table: &Table,
    readers: &[Reader],
    names: &[String],
    rank: Option<i64>,
    folder: &Folder,
    properties: &WriterPropertiesPtr,
) -> Result<(), ExportError> {
    let failed = |error: ParquetError| folder.failed(io::Error::other(error));
    let schema = Arc::new(parse_message_type(&schema(table)).map_err(failed)?);
    let file = folder.create(&format!("{}{ENDING}", table.name))?;
    let mut writer =
        SerializedFileWriter::new(file, schema, Arc::clone(properties)).map_err(failed)?;
    let process = table.column("process_id");
    for (reader, name) in readers.iter().zip(names) {
        let mut group = Group::new(table, name);
        let mut of = None;
        let mut wrong = None;
        table.for_each(reader, rank, &mut |values| {
            let process = process.and_then(|place| values.get(place).cloned());
            if (of.is_some() && of != process) || group.rows >= MOST_ROWS {
                wrong = group.write(&mut writer).err();
            }
            of = process;
            group.add(values);
            wrong.is_none()
        })?;
        match wrong {
            Some(error) => return Err(failed(error)),
            None => group.write(&mut writer).map_err(failed)?,
        }
    }
    let file = writer.into_inner().map_err(failed)?;
    file.sync_all().map_err(|error| folder.failed(error))
}

/// The schema in Parquet's own words. A number of either kind is two columns.
fn schema(table: &Table) -> String {
    let mut fields = vec!["required binary recording (STRING);".to_owned()];
    for column in &table.columns {
        let name = &column.name;
        match column.kind {
            Kind::Integer => fields.push(format!("optional int64 {name};")),
            Kind::Time => {
                fields.push(format!("optional int64 {name};"));
                if let Some(readable) = readable(name) {
                    fields.push(format!("optional int64 {readable} (TIMESTAMP(MICROS,true));"));
                }
            }
            Kind::Real => fields.push(format!("optional double {name};")),
            Kind::Text => fields.push(format!("optional binary {name} (STRING);")),
            Kind::Number => {
                fields.push(format!("optional int64 {name};"));
                fields.push(format!("optional double {name}_real;"));
            }
        }
    }
    format!("message {} {{ {} }}", table.name, fields.join(" "))
}

/// The column beside a point in time that shows it to people.
fn readable(name: &str) -> Option<&'static str> {
    match name {
        "start_ns" => Some("start_time"),
        "time_ns" => Some("time"),
        _ => None,
    }
}

/// Rows that become a row group, column by column.
struct Group {
    name: ByteArray,
    kinds: Vec<Kind>,
    /// Whether a second column shows the same to people.
    shown: Vec<bool>,
    columns: Vec<Values>,
    rows: usize,
}

/// The values of a column that are there, and for each row whether one is.
#[derive(Default)]
struct Values {
    integers: Vec<i64>,
    reals: Vec<f64>,
    texts: Vec<ByteArray>,
    known: HashMap<String, ByteArray>,
    levels: Vec<i16>,
    /// Of a number, whether it is a real.
    real_levels: Vec<i16>,
}

impl Group {
    fn new(table: &Table, name: &str) -> Self {
        let kinds: Vec<_> = table.columns.iter().map(|column| column.kind).collect();
        let columns = kinds.iter().map(|_| Values::default()).collect();
        let shown = table
            .columns
            .iter()
            .map(|column| column.kind == Kind::Time && readable(&column.name).is_some());
        let shown = shown.collect();
        Self { name: name.into(), kinds, shown, columns, rows: 0 }
    }

    fn add(&mut self, values: &[Value]) {
        for ((column, &kind), value) in self.columns.iter_mut().zip(&self.kinds).zip(values) {
            column.add(kind, value);
        }
        self.rows += 1;
    }

    /// Writes the rows as a group of their own, and forgets them.
    fn write(&mut self, writer: &mut SerializedFileWriter<File>) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = writer.next_row_group()?;
        let names = vec![self.name.clone(); self.rows];
        write_column::<ByteArrayType>(&mut group, &names, None)?;
        for ((values, kind), &shown) in self.columns.iter_mut().zip(&self.kinds).zip(&self.shown) {
            let levels = Some(&values.levels[..]);
            match kind {
                Kind::Integer | Kind::Time => {
                    write_column::<Int64Type>(&mut group, &values.integers, levels)?;
                    if shown {
                        let micros = values.integers.iter().map(|nanos| nanos.div_euclid(1000));
                        let micros: Vec<i64> = micros.collect();
                        write_column::<Int64Type>(&mut group, &micros, levels)?;
                    }
                }
                Kind::Real => write_column::<DoubleType>(&mut group, &values.reals, levels)?,
                Kind::Text => write_column::<ByteArrayType>(&mut group, &values.texts, levels)?,
                Kind::Number => {
                    write_column::<Int64Type>(&mut group, &values.integers, levels)?;
                    let levels = Some(&values.real_levels[..]);
                    write_column::<DoubleType>(&mut group, &values.reals, levels)?;
                }
            }
            *values = Values::default();
        }
        self.rows = 0;
        group.close()?;
        Ok(())
    }
}

impl Values {
    fn add(&mut self, kind: Kind, value: &Value) {
        let mut is_real = false;
        let is_there = match (kind, value) {
            (Kind::Integer | Kind::Time | Kind::Number, &Value::Integer(value)) => {
                self.integers.push(value);
                true
            }
            (Kind::Real, &Value::Real(value)) => {
                self.reals.push(value);
                true
            }
            // SQLite stores round numbers of a column of reals as integers.
            (Kind::Real, &Value::Integer(value)) => {
                self.reals.push(value as f64);
                true
            }
            (Kind::Number, &Value::Real(value)) => {
                self.reals.push(value);
                is_real = true;
                false
            }
            (Kind::Text, Value::Text(text)) => {
                let stored = self.known.get(text).cloned().unwrap_or_else(|| {
                    let stored = ByteArray::from(text.as_str());
                    self.known.insert(text.clone(), stored.clone());
                    stored
                });
                self.texts.push(stored);
                true
            }
            _ => false,
        };
        self.levels.push(i16::from(is_there));
        self.real_levels.push(i16::from(is_real));
    }
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General(
            "the schema has fewer columns than the table".to_owned(),
        ));
    };
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
