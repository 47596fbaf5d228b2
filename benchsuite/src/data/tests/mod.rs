//! Data sets as tests write them, read and streamed.

mod damaged;
#[path = "../../../tests/bench/fixtures.rs"]
mod fixtures;
mod memory;
mod reading;
mod streaming;

use std::path::Path;
use std::sync::Arc;

use crate::data::damage::Damage;
use crate::data::document::Document;
use crate::data::source::Source;
use crate::data::stream::Stream;
use crate::data::{DataArgs, Text, form, prepare};

const VOCAB: i64 = 20_000;

fn args(path: &Path, shuffle_buffer: u32) -> DataArgs {
    DataArgs { data: Some(path.to_owned()), data_column: None, tokenizer: None, shuffle_buffer }
}

/// A data set with a buffer of so many sequences.
fn stream(path: &Path, shuffle_buffer: u32) -> Arc<Stream> {
    match prepare(&args(path, shuffle_buffer), VOCAB).unwrap() {
        Text::Stream(stream) => stream,
        Text::Whole { .. } => panic!("{} is taken for a folder of text", path.display()),
    }
}

fn source(path: &Path, column: Option<&str>) -> Result<Source, Damage> {
    let (form, files) = form::detect(path).unwrap();
    Source::open(form, files, column.map(str::to_owned), VOCAB)
}

/// All documents in the order of the files, as far as they can be read.
fn documents(source: &Source) -> Result<Vec<Document>, Damage> {
    let mut documents = Vec::new();
    for unit in 0..source.units() {
        for document in source.read(unit)? {
            documents.push(document?);
        }
    }
    Ok(documents)
}
