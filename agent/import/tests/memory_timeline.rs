//! A memory timeline from the file to the recording.

use std::fs::File;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use perfagent_import::{Format, ImportOptions, import};
use perfagent_recording::{Reader, Recording};

#[test]
fn a_compressed_timeline_becomes_memory_by_category() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rank0.raw.json.gz");
    let mut packed = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    let text =
        "[[-1, 1, 1000, 0], [1700000000000000500, 2, 64, 2], [1700000000000000900, 4, -64, 2]]";
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap();
    let output = folder.path().join("run.perfdb");
    let options = ImportOptions { inputs: vec![path], output: output.clone(), force: false };
    let imported = import(&options).unwrap();
    assert_eq!(imported.files[0].format, Format::MemoryTimeline);
    assert_eq!(imported.warnings, [""; 0]);
    let recording = Recording::load(&Reader::open(&output).unwrap(), &mut |_| {}).unwrap();
    let rows: Vec<_> = recording
        .memory
        .iter()
        .map(|row| {
            let kind = row.kind_id.map(|kind| recording.strings.get(kind).to_owned());
            (row.time_ns.unix_nanos() % 1000, row.bytes, row.allocated_bytes, kind)
        })
        .collect();
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(
        rows,
        [
            (500, Some(1000), Some(1000), named("parameter")),
            (500, Some(64), Some(1064), named("input")),
            (900, Some(-64), Some(1000), named("input")),
        ]
    );
}
