//! A memory snapshot of a real GPU (data/h200): one step of a small GPT on an H200.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use perfagent_import::{Format, ImportError, ImportOptions, Imported, import};
use perfagent_recording::{Reader, Recording};

fn import_to(input: PathBuf, folder: &Path) -> Result<Imported, ImportError> {
    let output = folder.join("imported.perfdb");
    import(&ImportOptions { inputs: vec![input], output, force: true })
}

fn load(folder: &Path) -> Recording {
    let reader = Reader::open(&folder.join("imported.perfdb")).unwrap();
    Recording::load(&reader, &mut |_| {}).unwrap()
}

/// The figures are those of Python's own `pickle` and a loop over the events.
#[test]
fn totals_of_a_real_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/h200/traces");
    let imported = import_to(data.join("bf16.snapshot.pickle.gz"), folder.path()).unwrap();
    let file = &imported.files[0];
    assert_eq!((file.format, file.warnings.len()), (Format::TorchSnapshot, 0));
    assert_eq!((file.text_bytes, file.events), (359_491, 4087 + 16));
    assert_eq!(file.left_out, [("free_requested".to_owned(), 1281)].into());
    assert_eq!(file.kept, 1494 + 1281 + 31 + 16);

    let recording = load(folder.path());
    assert_eq!((recording.memory.len(), recording.ranges.len()), (1494 + 1281 + 31, 8));
    let last = recording.memory.last().unwrap();
    assert_eq!(last.allocated_bytes, Some(271_421_648));
    assert_eq!(last.reserved_bytes, Some(694_157_312));
    let peak = recording.memory.iter().min_by_key(|row| Reverse(row.allocated_bytes)).unwrap();
    assert_eq!(peak.allocated_bytes, Some(664_000_792));
    assert_eq!(peak.time_ns.unix_nanos(), 1_795_680_551_577_160_000);
    let text = recording.notes.iter().find(|note| note.text.contains("at the snapshot")).unwrap();
    assert!(text.text.contains("271421648 bytes that the program asked for are in 276690944"));

    // Bytes that are there at the end, by where they were asked for.
    let mut sites = BTreeMap::<&str, i64>::new();
    let mut alive = BTreeMap::new();
    for row in &recording.memory {
        match row.bytes {
            Some(bytes) if bytes >= 0 => drop(alive.insert(row.address, (bytes, row.site_id))),
            Some(bytes) => assert_eq!(alive.remove(&row.address).unwrap().0, -bytes),
            None => {}
        }
    }
    for (bytes, site) in alive.into_values() {
        *sites.entry(site.map_or("", |site| recording.strings.get(site))).or_default() += bytes;
    }
    insta::assert_debug_snapshot!(sites);
}

#[test]
fn what_is_no_snapshot_is_one_line_with_the_place_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, what) in [
        (
            "code.pickle",
            &b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."[..],
            "is refused at byte 2: instruction 0x63 (GLOBAL) looks up a function of Python",
        ),
        ("cut.pickle", b"\x80\x02}(X", "is damaged at byte 5: it ends before the pickle does"),
        ("list.pickle", b"\x80\x02].", "is a pickle of a list (byte 0), but no memory snapshot"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = import_to(path, folder.path()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(what), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}
