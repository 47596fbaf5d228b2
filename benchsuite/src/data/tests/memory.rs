//! However large a data set is, little of it is in memory.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use parquet::basic::Compression;

use super::{fixtures, source, stream};
use crate::data::document::Document;
use crate::data::packer::{Bookmark, Packer};
use crate::memory::peak_resident_bytes;

/// Set in the process that reads: which data set. A process of its own, because peaks of memory are a process's.
const READS: &str = "PERFAGENT_TEST_READS";
const MIB: u64 = 1 << 20;

/// Documents of 4 KiB that do not compress to nothing.
fn texts(bytes: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut text = || {
        let words: Vec<String> =
            (0..512).map(|_| random.u32(1_000_000..9_999_999).to_string()).collect();
        words.join(" ") + "\n"
    };
    (0..bytes / 4096).map(|_| text()).collect()
}

/// Runs this test again in another process that only reads; returns how much memory that took.
fn reading(name: &str, path: &Path) -> u64 {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("data::tests::memory::{name}"), "--nocapture"])
        // What is freed goes back to the system at once, so that the peak is what was held.
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .env(READS, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let line = text.lines().find_map(|line| line.split("took ").nth(1)).unwrap();
    line.split(' ').next().unwrap().parse().unwrap()
}

/// In that process: reads with `read`, and says what it took.
fn measured(read: impl FnOnce(&Path) -> u64) -> bool {
    let Some(path) = env::var_os(READS).map(PathBuf::from) else { return false };
    let before = peak_resident_bytes().unwrap();
    let bytes = read(&path);
    println!("took {} bytes for {bytes}", peak_resident_bytes().unwrap() - before);
    true
}

fn read_all(path: &Path) -> u64 {
    let source = source(path, None).unwrap();
    let mut bytes = 0;
    for unit in 0..source.units() {
        for document in source.read(unit).unwrap() {
            let Document::Text(text) = document.unwrap() else { panic!("text was written") };
            bytes += text.len() as u64;
        }
    }
    assert!(bytes >= 64 * MIB, "{bytes}");
    bytes
}

#[test]
fn a_large_data_set_is_read_in_a_fraction_of_it() {
    if measured(read_all) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let texts = texts(64 * MIB);
    let parquet = folder.path().join("a.parquet");
    fixtures::parquet(&parquet, "text", &texts, 1024, Compression::SNAPPY);
    let arrow = folder.path().join("arrow");
    fixtures::saved_to_disk(&arrow, &texts, 1, 1024);
    let tar = folder.path().join("a.tar");
    fixtures::tar(&tar, &texts);
    for path in [parquet, arrow, tar] {
        let took = reading("a_large_data_set_is_read_in_a_fraction_of_it", &path);
        // Row groups and record batches have 4 MiB each.
        assert!(took < 20 * MIB, "{}: {took} bytes", path.display());
    }
}

#[test]
fn the_shuffle_buffer_is_all_that_packing_holds() {
    const TOKENS: u64 = 8 << 20;
    let pack = |path: &Path| {
        let mut packer = Packer::new(stream(path, 256), 1024, 1, Bookmark::default());
        let mut tokens = 0;
        while tokens < TOKENS * 9 / 10 {
            tokens += packer.block().unwrap().tokens();
        }
        tokens
    };
    if measured(pack) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.arrow");
    let lists: Vec<Vec<i32>> = (0..TOKENS as i32 / 1024)
        .map(|n| (0..1024).map(|k| n.wrapping_mul(31).wrapping_add(k) & 0x3fff).collect())
        .collect();
    fixtures::arrow_tokens(&path, &lists, 256);
    let took = reading("the_shuffle_buffer_is_all_that_packing_holds", &path);
    // A block has 1 MiB of tokens, and so has a record batch; all of them together are 32 MiB.
    assert!(took < 12 * MIB, "{took} bytes");
}
