//! Damaged files: one line that names file and place, whatever the bytes are.

use std::fs;
use std::path::{Path, PathBuf};

use parquet::basic::{Compression, ZstdLevel};
use perfagent_fuzz::{damage, each_costly_input};

use super::{documents, fixtures, source};

/// Reads all of a file, from its index to its last document; what was wrong with it, without its folder.
fn trouble(path: &Path) -> Option<String> {
    let found = source(path, None).and_then(|source| documents(&source)).err()?;
    let (line, folder) = (found.to_string(), path.parent().unwrap());
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with(&path.display().to_string()), "{line}");
    Some(line.replace(&format!("{}/", folder.display()), ""))
}

/// A folder, and a small file of each form in it.
fn files() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let texts = fixtures::texts(24);
    fixtures::parquet(&path("a.parquet"), "text", &texts, 9, Compression::SNAPPY);
    fixtures::parquet_tokens(&path("tokens.parquet"), "tokens", &fixtures::tokens(20), 9);
    fixtures::parquet(
        &path("zstd.parquet"),
        "text",
        &texts,
        20,
        Compression::ZSTD(ZstdLevel::default()),
    );
    fixtures::saved_to_disk(&path("saved"), &texts, 1, 9);
    fs::rename(path("saved/data-00000-of-00001.arrow"), path("a.arrow")).unwrap();
    fixtures::arrow_tokens(&path("tokens.arrow"), &fixtures::tokens(20), 9);
    fixtures::tar(&path("a.tar"), &texts[..8]);
    fixtures::tar(&path("a.tar.gz"), &texts[..8]);
    let names = [
        "a.parquet",
        "tokens.parquet",
        "zstd.parquet",
        "a.arrow",
        "tokens.arrow",
        "a.tar",
        "a.tar.gz",
    ];
    let files = names.map(path).to_vec();
    (folder, files)
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_found() {
    let (_folder, files) = files();
    for path in files {
        assert_eq!(trouble(&path), None);
        let whole = fs::read(&path).unwrap();
        // Arrow's and gzip's last bytes only say that nothing follows.
        let last = whole.len() - if path.extension().unwrap() == "arrow" { 8 } else { 1 };
        for length in (0..last).step_by(97).chain([last]) {
            fs::write(&path, &whole[..length]).unwrap();
            let boundary = path.extension().unwrap() == "arrow" && trouble(&path).is_none();
            assert!(boundary || trouble(&path).is_some(), "{} cut to {length}", path.display());
        }
    }
}

#[test]
fn truncation_is_found_before_training() {
    let (_folder, files) = files();
    for path in files.iter().filter(|path| path.extension().unwrap() != "gz") {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() * 2 / 3]).unwrap();
        assert!(source(path, None).is_err(), "{}", path.display());
    }
}

#[test]
fn each_format_names_the_place() {
    let (_folder, files) = files();
    let damaged = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let path = files.iter().find(|path| path.ends_with(name)).unwrap();
        let whole = fs::read(path).unwrap();
        let mut bytes = whole.clone();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
        let line = trouble(path).unwrap();
        fs::write(path, whole).unwrap();
        line
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let find =
        |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).position(|at| at == text).unwrap();
    insta::assert_snapshot!(damaged("a.parquet", &cut), @"a.parquet: footer: Invalid Parquet file. Corrupt footer; fetch or write that file again");
    insta::assert_snapshot!(damaged("a.parquet", &|bytes| bytes[60..200].fill(0xff)), @"a.parquet: row group 0, row 0: Unexpected struct field type 15; fetch or write that file again");
    insta::assert_snapshot!(damaged("a.arrow", &cut), @"a.arrow: byte 1664: the file ends within a message; fetch or write that file again");
    // Not UTF-8 any more.
    insta::assert_snapshot!(damaged("a.arrow", &|bytes| { let at = find(bytes, "漢".as_bytes()); bytes[at] = 0xff; }), @"a.arrow: record batch at byte 192, row 0: Invalid UTF8 sequence at string index 0 (0..16): invalid utf-8 sequence of 1 bytes from index 8; fetch or write that file again");
    insta::assert_snapshot!(damaged("a.tar", &cut), @"a.tar: byte 6144: the two blocks of zeros that end an archive are missing: it is cut off; fetch or write that file again");
    insta::assert_snapshot!(damaged("a.tar", &|bytes| { let at = find(bytes, "漢".as_bytes()); bytes[at] = 0xff; }), @"a.tar: entry part.1/000000.txt at byte 1024: not UTF-8 from its byte 8 on; fetch or write that file again");
    insta::assert_snapshot!(damaged("a.tar", &|bytes| { let at = find(bytes, b"{\"id\""); bytes[at] = b'['; }), @"a.tar: entry part.1/000001.json at byte 2048: not JSON: expected `,` or `]` at line 1 column 6; fetch or write that file again");
    insta::assert_snapshot!(damaged("a.tar", &|bytes| { let at = find(bytes, b"\"text\""); bytes[at + 1] = b'T'; }), @r#"a.tar: entry part.1/000001.json at byte 2048: no text under "text" (--data-column names another key); fetch or write that file again"#);
    insta::assert_snapshot!(damaged("a.tar", &|bytes| { let at = find(bytes, b"000004.json"); bytes[at] = b'9'; }), @"a.tar: behind entry part.1/000003.txt at byte 5120: archive header checksum mismatch; fetch or write that file again");
    insta::assert_snapshot!(damaged("a.tar.gz", &cut), @"a.tar.gz: entry part.1/000003.txt at byte 5120: incomplete deflate stream; fetch or write that file again");
    insta::assert_snapshot!(damaged("a.tar.gz", &|bytes| { let last = bytes.len() - 8; bytes[last] ^= 1; }), @"a.tar.gz: end: corrupt gzip stream does not have a matching checksum; fetch or write that file again");
}

#[test]
fn a_token_outside_of_the_vocabulary_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    fixtures::parquet_tokens(&path, "tokens", &[vec![1, 2], vec![3, 20_000]], 2);
    insta::assert_snapshot!(trouble(&path).unwrap(), @"a.parquet: row group 0, row 1: token 20000 is outside of the vocabulary, which has 20000; give the vocabulary of the data with --vocab");
}

#[test]
fn other_formats_under_these_names_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, says) in [
        ("a.parquet", &b"PK\x03\x04 not parquet at all"[..], "footer"),
        ("a.parquet", b"", "footer"),
        ("a.arrow", b"ARROW1\0\0 and so on", "file format"),
        ("a.arrow", b"", "schema"),
        ("a.tar", b"", "cut off"),
        ("a.tar", &[7; 4096], "byte 0"),
        ("a.tar.gz", b"not gzip", "byte 0"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let line = trouble(&path).unwrap();
        assert!(line.contains(says), "{says}: {line}");
    }
}

/// Damaged files are read to the end or to the one line; nothing panics, nothing hangs.
#[test]
fn fuzz_data_sets() {
    let (_folder, files) = files();
    let whole: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    each_costly_input("data sets", 1_500, 20, |from| {
        let which = from.choose_index(files.len()).unwrap_or_default();
        let mut bytes = whole[which].clone();
        damage(&mut bytes, from);
        fs::write(&files[which], bytes).unwrap();
        // Damage of texts and numbers alone cannot be seen.
        let _ = trouble(&files[which]);
    });
}
