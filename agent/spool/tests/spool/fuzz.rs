//! Damaged rings by the million: what comes out was put in, and nothing panics.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use perfagent_fuzz::{Unstructured, damage, each_costly_input};
use perfagent_spool::{
    HEADER_BYTES, LossCause, MonotonicNs, Payload, RealtimeNs, Record, RingReader,
};

use crate::{numbered, small_ring};

/// Where the tail stands, twice.
const AT_TAIL: usize = 2176;

/// Records of several kinds; no two are equal.
fn records(first: u64) -> Vec<Record<'static>> {
    let mut records = Vec::new();
    for id in first..first + 12 {
        let time = MonotonicNs(id);
        let name = id as u32;
        records.extend([
            Record::String { id: name, text: ["one", "another text", "größe"][id as usize % 3] },
            Record::RangePush {
                time,
                tid: 7,
                domain: 1,
                category: 2,
                color: 3,
                name,
                payload: Payload::I64(-4),
            },
            Record::RangePop { time, tid: 7, domain: 1 },
            Record::Anchor { monotonic: time, realtime: RealtimeNs(5) },
            Record::Gap { start: time, end: time, cause: LossCause::Declined, count: id },
            numbered(id),
        ]);
    }
    records
}

/// The bytes of a ring, and what it holds.
struct Template {
    bytes: Vec<u8>,
    /// From where on to where bytes are worth damaging, behind the header.
    used: std::ops::Range<usize>,
    holds: Vec<Record<'static>>,
}

impl Template {
    /// A ring in its first lap, or past its end, with old records behind the new ones.
    fn new(laps: bool) -> Self {
        let (_dir, mut writer) = small_ring();
        let mut reader = RingReader::open(writer.path()).unwrap();
        if laps {
            for number in 0..1500 {
                assert!(writer.push(&numbered(1_000_000 + number)));
                reader.read(usize::MAX, &mut |_| ());
                reader.release().unwrap();
            }
        }
        let holds = records(100);
        for record in &holds {
            assert!(writer.push(record));
        }
        let start = (HEADER_BYTES + reader.position() % writer.capacity()) as usize;
        let bytes = fs::read(writer.path()).unwrap();
        let end = (start + 6000).min(bytes.len());
        Self { bytes, used: start..end, holds }
    }
}

/// The ring with some damage, written over what stood at `path`.
fn put_damaged(path: &Path, template: &Template, from: &mut Unstructured<'_>) {
    let mut header = template.bytes[..HEADER_BYTES as usize].to_vec();
    let mut used = template.bytes[template.used.clone()].to_vec();
    match from.int_in_range(0..=3).unwrap_or(0) {
        0 => {
            // The first fields and the positions are where it matters.
            let at = [0, 64, 2048, AT_TAIL][from.choose_index(4).unwrap_or(0)];
            let mut piece = header[at..at + 64].to_vec();
            damage(&mut piece, from);
            piece.resize(64, 0);
            header[at..at + 64].copy_from_slice(&piece);
        }
        1 => {
            // A stretch of noise.
            let at = from.choose_index(used.len() - 64).unwrap_or(0);
            from.fill_buffer(&mut used[at..at + 64]).unwrap();
        }
        _ => {
            damage(&mut used, from);
            used.resize(template.used.len(), 0);
        }
    }
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&header, 0).unwrap();
    file.write_all_at(&used, template.used.start as u64).unwrap();
    if from.ratio(1, 16).unwrap_or(false) {
        let length = from.int_in_range(0..=template.bytes.len() as u64).unwrap_or(0);
        file.set_len(length).unwrap();
    }
}

#[test]
fn fuzz_ring_reader() {
    let folder = tempfile::tempdir().unwrap();
    let templates = [false, true].map(Template::new);
    let paths = [0, 1].map(|number| folder.path().join(format!("{number}.ring")));
    let mut read = 0_u64;
    let mut opened = 0_u64;
    // Each is a file that is written and read.
    each_costly_input("ring reader", 3_000, 10, |from| {
        let which = from.choose_index(2).unwrap_or(0);
        let (template, path) = (&templates[which], &paths[which]);
        if fs::metadata(path).map_or(0, |file| file.len()) != template.bytes.len() as u64 {
            fs::write(path, &template.bytes).unwrap();
        }
        put_damaged(path, template, from);
        let Ok(mut reader) = RingReader::open(path) else { return };
        opened += 1;
        let mut last = None;
        let mut check = |record: Record<'_>| {
            read += 1;
            if let Record::RangeEnd { id: 1_000_000.., .. } = record {
                // A damaged tail may lead to what an earlier reader has had.
                return;
            }
            let place = template.holds.iter().position(|held| *held == record);
            assert!(place.is_some(), "{record:?} was never written");
            assert!(place > last, "{record:?} comes twice or too early");
            last = place;
        };
        let mut rounds = 0;
        while !reader.read(50, &mut check).drained {
            rounds += 1;
            assert!(rounds < 3_000, "the end of 64 KiB is never reached");
        }
        let _ = (reader.state(), reader.heartbeat(), reader.losses());
        if reader.resume_at(from.arbitrary().unwrap_or_default()) {
            reader.read(50, &mut |_| ());
        }
        let _ = reader.release();
    });
    assert!(opened > 0 && read > 0);
}
