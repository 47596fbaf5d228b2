//! Damaged files: cut anywhere, flipped anywhere, filled with noise. Each gives an error or counted corrupt records.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use perfagent_spool::{HEADER_BYTES, Record, RingReader};
use proptest::prelude::*;

use crate::{copy_of, drain, numbered, small_ring};

/// Offsets of fields that the tests damage on purpose; the layout is a contract, so they may be written down here.
const AT_HEAD: u64 = 2048;

#[test]
fn one_damaged_record_costs_one_record() {
    let (_dir, mut writer) = small_ring();
    (0..50).for_each(|id| assert!(writer.push(&numbered(id))));
    let mut probe = RingReader::open(writer.path()).unwrap();
    probe.read(20, &mut |_| ());
    let start = HEADER_BYTES + probe.position();
    probe.read(1, &mut |_| ());
    let end = HEADER_BYTES + probe.position();
    for at in start..end {
        let copy = copy_of(writer.path());
        let file = OpenOptions::new().write(true).read(true).open(&copy).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
        let (ids, outcome) = drain(&mut RingReader::open(&copy).unwrap());
        assert_eq!(ids, (0..50).filter(|id| *id != 20).collect::<Vec<_>>());
        assert_eq!(outcome.corrupt, 1);
    }
}

#[test]
fn a_torn_tail_is_counted_and_the_rest_kept() {
    let (_dir, mut writer) = small_ring();
    (0..50).for_each(|id| assert!(writer.push(&numbered(id))));
    let mut probe = RingReader::open(writer.path()).unwrap();
    drain(&mut probe);
    let copy = copy_of(writer.path());
    let file = OpenOptions::new().write(true).open(&copy).unwrap();
    // Eight bytes: the last one of the record is a zero, which the hole at the cut would give back.
    file.set_len(HEADER_BYTES + probe.position() - 8).unwrap();
    let (ids, outcome) = drain(&mut RingReader::open(&copy).unwrap());
    assert_eq!(ids, (0..49).collect::<Vec<_>>());
    assert_eq!(outcome.corrupt, 1);
}

#[test]
fn a_writer_killed_between_its_two_stores_of_the_head_loses_nothing() {
    let (_dir, mut writer) = small_ring();
    (0..5).for_each(|id| assert!(writer.push(&numbered(id))));
    let file = OpenOptions::new().write(true).read(true).open(writer.path()).unwrap();
    let mut head = [0; 8];
    file.read_exact_at(&mut head, AT_HEAD).unwrap();
    writer.push(&numbered(5));
    file.write_all_at(&head, AT_HEAD + 8).unwrap();
    let (ids, outcome) = drain(&mut RingReader::open(writer.path()).unwrap());
    assert_eq!(ids, [0, 1, 2, 3, 4, 5], "the record was complete before either store");
    assert_eq!(outcome.corrupt, 0);
}

#[test]
fn a_file_that_shrinks_under_an_open_reader_is_survived() {
    let (_dir, mut writer) = small_ring();
    (0..50).for_each(|id| assert!(writer.push(&numbered(id))));
    let copy = copy_of(writer.path());
    let mut reader = RingReader::open(&copy).unwrap();
    assert_eq!(reader.read(10, &mut |_| ()).records, 10);
    fs::write(&copy, b"").unwrap();
    let outcome = reader.read(usize::MAX, &mut |_| panic!("nothing is left"));
    assert_eq!((outcome.corrupt, outcome.drained), (1, true));
    // The same damage is counted once, however often it is looked at.
    assert_eq!(reader.read(usize::MAX, &mut |_| ()).corrupt, 0);
}

fn filled() -> Vec<u8> {
    let (_dir, mut writer) = small_ring();
    let mut reader = RingReader::open(writer.path()).unwrap();
    // Past the first lap, so that old records stand behind the new ones.
    for id in 0..3_000 {
        let text = "t".repeat(id as usize % 60);
        writer.push(&Record::String { id: id as u32, text: &text });
        writer.push(&numbered(id));
        if id % 300 == 0 {
            drain(&mut reader);
            reader.release().unwrap();
        }
    }
    fs::read(writer.path()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damage_never_panics_and_never_invents(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        in_header in any::<bool>(),
        cut in prop::option::of(any::<prop::sample::Index>()),
        noise in prop::option::weighted(0.2, (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..5000))),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("damaged.ring");
        let mut bytes = filled();
        let range = if in_header { HEADER_BYTES as usize } else { bytes.len() };
        for (index, value) in &flips {
            let at = index.index(range);
            bytes[at] ^= value;
        }
        if let Some((index, noise)) = noise {
            let at = index.index(bytes.len());
            let end = (at + noise.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&noise[..end - at]);
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        fs::write(&path, &bytes).unwrap();
        if let Ok(mut reader) = RingReader::open(&path) {
            let (ids, outcome) = drain(&mut reader);
            prop_assert!(outcome.drained);
            // CRC32C lets one in four billion through; anything else that is read was really written.
            prop_assert!(ids.iter().all(|id| *id < 3_000));
            prop_assert!(ids.is_sorted(), "records of an earlier lap must not come back");
            let _ = (reader.state(), reader.losses());
            reader.release().unwrap();
        }
    }

    #[test]
    fn noise_is_never_a_ring(noise in prop::collection::vec(any::<u8>(), 0..9000)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("noise.ring");
        fs::write(&path, &noise).unwrap();
        prop_assert!(RingReader::open(&path).is_err());
    }
}
