//! Each form gives back what was written.

use parquet::basic::{Compression, GzipLevel, ZstdLevel};

use super::{documents, fixtures, source};
use crate::data::document::{Document, Kind};

fn as_documents(texts: &[String]) -> Vec<Document> {
    texts.iter().cloned().map(Document::Text).collect()
}

#[test]
fn parquet_in_every_compression() {
    let folder = tempfile::tempdir().unwrap();
    let texts = fixtures::texts(100);
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let path = folder.path().join("data/train-00000-of-00001.parquet");
        fixtures::parquet(&path, "text", &texts, 30, codec);
        let source = source(folder.path(), None).unwrap();
        assert_eq!((source.units(), source.documents(), source.kind), (4, Some(100), Kind::Text));
        assert_eq!(documents(&source).unwrap(), as_documents(&texts), "{codec}");
    }
}

#[test]
fn a_named_column_of_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let texts = fixtures::texts(10);
    fixtures::parquet(&path, "body", &texts, 10, Compression::SNAPPY);
    assert_eq!(documents(&source(&path, Some("body")).unwrap()).unwrap(), as_documents(&texts));
    let refused = source(&path, None).unwrap_err().to_string();
    assert!(
        refused.contains("no column 'text', 'tokens' or 'input_ids' among id, body"),
        "{refused}"
    );
    assert!(refused.ends_with("--data-column"), "{refused}");
}

#[test]
fn what_datasets_saved_to_disk() {
    let folder = tempfile::tempdir().unwrap();
    let texts = fixtures::texts(100);
    fixtures::saved_to_disk(folder.path(), &texts, 3, 10);
    let source = source(folder.path(), None).unwrap();
    assert_eq!((source.files(), source.units(), source.documents()), (3, 12, Some(100)));
    assert_eq!(documents(&source).unwrap(), as_documents(&texts));
}

#[test]
fn tokens_in_parquet_and_arrow() {
    let folder = tempfile::tempdir().unwrap();
    let lists = fixtures::tokens(50);
    let (parquet, arrow) = (folder.path().join("a.parquet"), folder.path().join("a.arrow"));
    fixtures::parquet_tokens(&parquet, "tokens", &lists, 20);
    fixtures::arrow_tokens(&arrow, &lists, 20);
    let lists = lists.into_iter().map(|ids| ids.into_iter().map(|id| id as u32).collect());
    let expected: Vec<Document> = lists.map(Document::Tokens).collect();
    for path in [parquet, arrow] {
        let source = source(&path, None).unwrap();
        assert_eq!((source.kind, source.units()), (Kind::Tokens, 3));
        assert_eq!(documents(&source).unwrap(), expected);
    }
}

#[test]
fn tar_shards_with_one_document_a_sample() {
    let folder = tempfile::tempdir().unwrap();
    let texts = fixtures::texts(200);
    fixtures::tar(&folder.path().join("0.tar"), &texts[..120]);
    fixtures::tar(&folder.path().join("1.tar.gz"), &texts[120..]);
    let source = source(folder.path(), None).unwrap();
    assert_eq!((source.units(), source.documents()), (2, None), "a compressed one does not tell");
    assert_eq!(documents(&source).unwrap(), as_documents(&texts));
}

/// More than is read at once, so that reading stops and goes on in the middle of a shard.
#[test]
fn a_tar_shard_of_several_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.tar", "a.tar.gz"] {
        let path = folder.path().join(name);
        let texts: Vec<String> = (0..40).map(|n| format!("{n} ").repeat(30_000 + n)).collect();
        fixtures::tar(&path, &texts);
        let read = documents(&source(&path, None).unwrap()).unwrap();
        assert!(read == as_documents(&texts), "{name}: {} documents", read.len());
    }
}
