//! Data sets for tests, written as other programs write them.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, ListArray, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

/// Documents of different lengths, all different.
pub(crate) fn texts(count: usize) -> Vec<String> {
    let text = |n: usize| {
        let sentence = |k: usize| {
            let (cost, weight) = ((n + k) * 7 % 97, (n + k) * (n + k) % 1013);
            format!("Item {n}.{k} costs {cost} and weighs {weight} grams. ")
        };
        (0..n % 7).map(sentence).collect::<String>() + "Größe 漢字.\n"
    };
    (0..count).map(text).collect()
}

/// Documents of tokens that are all different, from 0 on.
pub(crate) fn tokens(count: usize) -> Vec<Vec<i32>> {
    let mut next = 0..;
    (0..count).map(|n| next.by_ref().take(1 + n * 5 % 23).collect()).collect()
}

fn text_column(texts: &[String]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}

fn token_column(lists: &[Vec<i32>]) -> ArrayRef {
    let lists = lists.iter().map(|ids| Some(ids.iter().map(|id| Some(*id)).collect::<Vec<_>>()));
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))
}

fn batch(column: &str, values: ArrayRef) -> RecordBatch {
    let numbers = (0..values.len() as i32).map(|n| n.to_string());
    let numbers: ArrayRef = Arc::new(StringArray::from_iter_values(numbers));
    RecordBatch::try_from_iter([("id", numbers), (column, values)]).unwrap()
}

fn write_parquet(path: &Path, batches: Vec<RecordBatch>, codec: parquet::basic::Compression) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties = WriterProperties::builder().set_compression(codec).build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batches[0].schema(), Some(properties)).unwrap();
    for batch in batches {
        writer.write(&batch).unwrap();
        // A row group each.
        writer.flush().unwrap();
    }
    writer.close().unwrap();
}

/// A Parquet file with a column of text.
pub(crate) fn parquet(
    path: &Path,
    column: &str,
    texts: &[String],
    rows: usize,
    codec: parquet::basic::Compression,
) {
    let batches = texts.chunks(rows).map(|texts| batch(column, text_column(texts)));
    write_parquet(path, batches.collect(), codec);
}

/// A Parquet file with a column of tokens.
pub(crate) fn parquet_tokens(path: &Path, column: &str, lists: &[Vec<i32>], rows: usize) {
    let batches = lists.chunks(rows).map(|lists| batch(column, token_column(lists)));
    write_parquet(path, batches.collect(), parquet::basic::Compression::SNAPPY);
}

fn write_arrow(path: &Path, batches: impl Iterator<Item = RecordBatch>) {
    let mut batches = batches.peekable();
    let schema = batches.peek().unwrap().schema();
    let mut writer = StreamWriter::try_new(File::create(path).unwrap(), &schema).unwrap();
    for batch in batches {
        writer.write(&batch).unwrap();
    }
    writer.finish().unwrap();
}

/// What Hugging Face Datasets' `save_to_disk` writes, in as many files as asked for.
pub(crate) fn saved_to_disk(folder: &Path, texts: &[String], files: usize, rows: usize) {
    fs::create_dir_all(folder).unwrap();
    let names: Vec<_> = (0..files).map(|n| format!("data-{n:05}-of-{files:05}.arrow")).collect();
    for (name, texts) in names.iter().zip(texts.chunks(texts.len().div_ceil(files))) {
        let batches = texts.chunks(rows).map(|texts| batch("text", text_column(texts)));
        write_arrow(&folder.join(name), batches);
    }
    let files: Vec<_> = names.iter().map(|name| serde_json::json!({ "filename": name })).collect();
    let state = serde_json::json!({ "_data_files": files, "_split": "train" });
    fs::write(folder.join("state.json"), state.to_string()).unwrap();
    fs::write(folder.join("dataset_info.json"), "{}").unwrap();
}

/// An Arrow stream with a column of tokens.
pub(crate) fn arrow_tokens(path: &Path, lists: &[Vec<i32>], rows: usize) {
    write_arrow(path, lists.chunks(rows).map(|lists| batch("input_ids", token_column(lists))));
}

/// A tar shard of samples: of the first a picture, too, of every third the text in JSON. With a name that ends in `gz`
/// it is compressed.
pub(crate) fn tar(path: &Path, texts: &[String]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: String, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes).unwrap();
    };
    for (n, text) in texts.iter().enumerate() {
        if n == 0 {
            add("part.1/000000.jpg".to_owned(), &[0xff, 0xd8]);
        }
        if n % 3 == 1 {
            let json = serde_json::json!({ "id": n, "text": text }).to_string();
            add(format!("part.1/{n:06}.json"), json.as_bytes());
        } else {
            add(format!("part.1/{n:06}.txt"), text.as_bytes());
        }
        if n % 3 == 2 {
            add(format!("part.1/{n:06}.json"), br#"{"label": 7}"#);
        }
    }
    let bytes = builder.into_inner().unwrap();
    if path.extension().is_some_and(|end| end == "gz") {
        let mut encoder = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap();
    } else {
        fs::write(path, bytes).unwrap();
    }
}
