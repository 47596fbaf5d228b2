//! Wrap-around, a full ring, positions, and what the header says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use perfagent_spool::{
    HEADER_BYTES, LossCause, MAX_CAPACITY, MAX_TEXT_BYTES, MIN_CAPACITY, MonotonicNs,
    ProcessIdentity, RealtimeNs, Record, RingReader, RingWriter, SpoolError, State,
};

use crate::{drain, numbered, small_ring};

#[test]
fn records_wrap_around_the_end_at_any_byte() {
    let (_dir, mut writer) = small_ring();
    let mut reader = RingReader::open(writer.path()).unwrap();
    let texts: Vec<String> = (0..97).map(|length| "x".repeat(length)).collect();
    for round in 0..200_u64 {
        let mut expected = Vec::new();
        for (id, text) in texts.iter().enumerate() {
            assert!(writer.push(&Record::String { id: id as u32, text }));
            assert!(writer.push(&numbered(round)));
            expected.push(text.as_str());
        }
        let mut index = 0;
        let outcome = reader.read(usize::MAX, &mut |record| match record {
            Record::String { text, .. } => {
                assert_eq!(text, expected[index]);
                index += 1;
            }
            Record::RangeEnd { id, .. } => assert_eq!(id, round),
            other => panic!("unexpected {other:?}"),
        });
        assert_eq!((outcome.records, outcome.corrupt), (2 * texts.len(), 0));
        reader.release().unwrap();
    }
    assert!(reader.position() > 20 * MIN_CAPACITY, "the ring was meant to wrap many times");
}

#[test]
fn a_full_ring_drops_the_newest_counts_it_and_leaves_a_gap() {
    let (_dir, mut writer) = small_ring();
    let mut kept = 0;
    while writer.push(&numbered(kept)) {
        kept += 1;
    }
    let before = MonotonicNs::now();
    for id in 0..9 {
        assert!(!writer.push(&numbered(1_000_000 + id)));
    }
    let mut reader = RingReader::open(writer.path()).unwrap();
    assert_eq!(reader.losses(), [(LossCause::RingFull, 10)]);
    let (ids, outcome) = drain(&mut reader);
    assert_eq!(ids, (0..kept).collect::<Vec<_>>());
    assert_eq!(outcome.corrupt, 0);
    // Reading alone frees nothing: the records are not safe yet.
    assert!(!writer.push(&numbered(0)));
    reader.release().unwrap();
    assert!(writer.push(&numbered(77)));
    let mut seen = Vec::new();
    reader.read(usize::MAX, &mut |record| match record {
        Record::Gap { start, end, cause: LossCause::RingFull, count: 11 } => {
            assert!(start <= before && end >= before);
            seen.push(0);
        }
        Record::RangeEnd { id, .. } => seen.push(id),
        other => panic!("unexpected {other:?}"),
    });
    assert_eq!(seen, [0, 77], "the gap stands before the record that found room");
}

/// A ring of 64 MiB counted as 64 MiB of the target's memory once it had wrapped.
#[test]
fn a_ring_that_has_wrapped_is_not_resident_in_the_process_that_writes_it() {
    const CAPACITY: u64 = 16 << 20;
    let dir = tempfile::tempdir().unwrap();
    let mut writer = RingWriter::create(dir.path(), CAPACITY, &ProcessIdentity::default()).unwrap();
    let mut reader = RingReader::open(writer.path()).unwrap();
    let mut produced = 0;
    while reader.position() < 2 * CAPACITY {
        for _ in 0..10_000 {
            assert!(writer.push(&numbered(produced)));
            produced += 1;
        }
        let (ids, outcome) = drain(&mut reader);
        assert_eq!((ids.len(), outcome.corrupt, ids.last()), (10_000, 0, Some(&(produced - 1))));
        reader.release().unwrap();
    }
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let (_, mapping) = maps.split_once(writer.path().to_str().unwrap()).unwrap();
    let line = mapping.lines().find(|line| line.starts_with("Rss:")).unwrap();
    let resident: u64 = line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(resident << 10 <= CAPACITY / 4, "{resident} KiB of {CAPACITY} bytes");
}

/// With the ring full, clocks that found no room were counted as lost events: two more than were produced.
#[test]
fn a_ring_that_is_full_of_events_has_room_for_clocks_and_names() {
    let (_dir, mut writer) = small_ring();
    let mut produced = 0;
    while writer.push(&numbered(produced)) {
        produced += 1;
    }
    for number in 0..20 {
        let realtime = RealtimeNs(number);
        assert!(writer.push(&Record::Anchor { monotonic: MonotonicNs(7), realtime }));
        assert!(!writer.push(&numbered(1_000_000)));
    }
    let mut reader = RingReader::open(writer.path()).unwrap();
    assert_eq!(reader.losses(), [(LossCause::RingFull, 21)]);
    let (mut events, mut anchors) = (0, 0);
    reader.read(usize::MAX, &mut |record| match record {
        Record::Anchor { .. } => anchors += 1,
        Record::Gap { .. } => panic!("no event found room after the first that did not"),
        _ => events += 1,
    });
    assert_eq!((events, anchors), (produced, 20));
}

#[test]
fn the_header_tells_who_and_how_far() {
    let (_dir, mut writer) = small_ring();
    let reader = RingReader::open(writer.path()).unwrap();
    let own = ProcessIdentity::of_this_process();
    assert_eq!(reader.identity(), &own);
    let name = writer.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(name, format!("{}-{}-0.ring", own.pid, own.start_time_ticks));
    assert_eq!(reader.state(), State::Init);
    for state in [State::Running, State::Flushing, State::Closed] {
        writer.set_state(state);
        assert_eq!(reader.state(), state);
    }
    assert_eq!(reader.heartbeat(), MonotonicNs(0));
    writer.heartbeat(MonotonicNs(42));
    assert_eq!(reader.heartbeat(), MonotonicNs(42));
    writer.count_loss(LossCause::CuptiDropped, 3);
    writer.count_loss(LossCause::CuptiDropped, 4);
    assert_eq!(reader.losses(), [(LossCause::CuptiDropped, 7)]);
}

#[test]
fn a_second_reader_starts_where_the_first_released() {
    let (_dir, mut writer) = small_ring();
    (0..10).for_each(|id| assert!(writer.push(&numbered(id))));
    let mut first = RingReader::open(writer.path()).unwrap();
    assert_eq!(first.read(4, &mut |_| ()).records, 4);
    first.release().unwrap();
    let released = first.position();
    first.read(3, &mut |_| ());
    let read_not_released = first.position();
    drop(first);

    let mut second = RingReader::open(writer.path()).unwrap();
    assert_eq!(second.position(), released);
    assert_eq!(drain(&mut second).0, [4, 5, 6, 7, 8, 9]);
    let mut third = RingReader::open(writer.path()).unwrap();
    assert!(third.resume_at(read_not_released));
    assert_eq!(drain(&mut third).0, [7, 8, 9]);
    assert!(!third.resume_at(u64::MAX), "the ring does not hold that position");
    assert_eq!(drain(&mut third).0, [0; 0]);
}

#[test]
fn a_second_ring_of_one_process_gets_the_next_number() {
    let (dir, first) = small_ring();
    let identity = ProcessIdentity::of_this_process();
    let second = RingWriter::create(dir.path(), MIN_CAPACITY, &identity).unwrap();
    assert_ne!(first.path(), second.path());
    assert!(second.path().to_str().unwrap().ends_with("-1.ring"));
}

#[test]
fn an_overlong_text_is_cut_at_a_character() {
    let (_dir, mut writer) = small_ring();
    let text = "ü".repeat(MAX_TEXT_BYTES);
    assert!(writer.push(&Record::String { id: 1, text: &text[..MAX_TEXT_BYTES * 2] }));
    let mut reader = RingReader::open(writer.path()).unwrap();
    reader.read(1, &mut |record| match record {
        Record::String { text: read, .. } => {
            assert!(text.starts_with(read) && read.len() > MAX_TEXT_BYTES - 2);
        }
        other => panic!("unexpected {other:?}"),
    });
}

#[test]
fn impossible_places_and_sizes_are_errors_that_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let identity = ProcessIdentity::of_this_process();
    let create = |dir: &Path, capacity| RingWriter::create(dir, capacity, &identity).unwrap_err();
    assert!(matches!(create(dir.path(), 5), SpoolError::Capacity { bytes: 5, .. }));
    let missing = create(&dir.path().join("nowhere"), MIN_CAPACITY).to_string();
    assert!(missing.contains("nowhere") && missing.contains("cannot create the ring"), "{missing}");
    let full = create(dir.path(), MAX_CAPACITY).to_string();
    assert!(full.contains("no room") && full.contains("PERFAGENT_SPOOL_BYTES"), "{full}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_read_only_ring_can_be_read_but_not_released() {
    let (_dir, mut writer) = small_ring();
    writer.push(&numbered(1));
    fs::set_permissions(writer.path(), fs::Permissions::from_mode(0o400)).unwrap();
    let mut reader = RingReader::open(writer.path()).unwrap();
    assert_eq!(drain(&mut reader).0, [1]);
    // Root may write regardless of the mode; anyone else gets an error that names the file.
    if let Err(error) = reader.release() {
        assert!(error.to_string().contains(".ring"));
    }
}

#[test]
fn other_files_are_told_apart() {
    let (dir, writer) = small_ring();
    let path = dir.path().join("other.ring");
    let open = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        RingReader::open(&path).unwrap_err()
    };
    assert!(matches!(open(b""), SpoolError::NotReady { .. }));
    assert!(matches!(open(&[0; 8192]), SpoolError::NotReady { .. }));
    assert!(matches!(open(b"SQLite format 3"), SpoolError::NotARing { .. }));
    let mut header = fs::read(writer.path()).unwrap();
    assert!(matches!(open(&header[..1000]), SpoolError::Truncated { len: 1000, .. }));
    header.truncate(HEADER_BYTES as usize);
    header[8] = 99;
    assert!(matches!(open(&header), SpoolError::Version { found: 99, .. }));
    assert!(matches!(RingReader::open(dir.path()).unwrap_err(), SpoolError::Io { .. }));
}
