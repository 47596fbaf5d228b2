//! Records of CUPTI with any bytes in them. Pointers in them are the program's or null, as CUPTI promises; each record ends
//! where readable memory does, as long as the version that is played has it.
#![expect(unsafe_code, reason = "records are put where CUPTI would")]

use std::mem::offset_of;
use std::sync::atomic::{AtomicBool, AtomicPtr};

use perfagent_fake_gpu::{cupti, surroundings, version::Version};
use perfagent_fuzz::{Guarded, Unstructured, each_input, number};
use perfagent_spool::{LossCause, ProcessIdentity, Record, RingReader, RingWriter};
use rustc_hash::FxHashSet;

use super::{Clock, Raw, Reading};
use crate::cupti::api_call;
use crate::cupti::buffers::Buffers;
use crate::cupti::graphs::Watch;
use crate::cupti::session::Session;
use crate::cupti::sys::{Api, Kernel};
use crate::writer::Writer;

const VERSIONS: [(Version, u32); 4] = [
    (Version::Cuda12_4, 22),
    (Version::Cuda12_9, 28),
    (Version::Cuda13_0, 130_001),
    (Version::Cuda13_2, 130_201),
];
const NAMES: [&[u8]; 4] =
    [b"_Z9fake_gemmPKfS0_Pfi\0", b"triton_poi_fused_0\0", b"_ZN2at\xff\xfe\0", b"\0"];

fn session(version: u32) -> Session {
    Session {
        api: Api {
            get_version: cupti::cuptiGetVersion,
            subscribe: cupti::cuptiSubscribe,
            subscribe_named: None,
            register_callbacks: cupti::cuptiActivityRegisterCallbacks,
            enable: cupti::cuptiActivityEnable,
            disable: cupti::cuptiActivityDisable,
            flush_all: cupti::cuptiActivityFlushAll,
            next_record: cupti::cuptiActivityGetNextRecord,
            dropped_records: cupti::cuptiActivityGetNumDroppedRecords,
            set_attribute: cupti::cuptiActivitySetAttribute,
            enable_callback: None,
            callback_name: Some(surroundings::cuptiGetCallbackName),
            set_thread_ids: None,
            enable_runtime_call: None,
            enable_driver_call: None,
            push_external: None,
            pop_external: None,
            register_timestamp: None,
        },
        shared: None,
        buffers: Buffers::new(),
        monotonic: AtomicBool::new(true),
        subscriber: AtomicPtr::default(),
        version,
        calls: api_call::Names::new(),
        threads_known: AtomicBool::new(true),
        graphs: Watch::new(true),
    }
}

/// A record of any kind of which the version knows the length, at the end of readable memory.
fn record(
    from: &mut Unstructured<'_>,
    version: Version,
    names: &[*const u8],
    memory: &mut Guarded,
) -> (u32, *const u8) {
    let kind = if from.ratio(1, 16).unwrap_or(false) {
        number(from) as u32
    } else {
        from.int_in_range(0..=60).unwrap_or_default()
    };
    let mut bytes = Vec::new();
    let length = version.length_of(kind).unwrap_or(8);
    while bytes.len() < length {
        bytes.extend_from_slice(&number(from).to_le_bytes());
    }
    bytes.truncate(length);
    bytes[..4].copy_from_slice(&kind.to_le_bytes());
    if kind == super::KIND_EXTERNAL_CORRELATION && from.ratio(1, 2).unwrap_or(false) {
        bytes[4..8].copy_from_slice(&super::EXTERNAL_KIND.to_le_bytes());
    }
    if kind == super::KIND_CONCURRENT_KERNEL {
        let at = offset_of!(Kernel, name);
        let name = from.choose_index(names.len() + 1).unwrap_or_default();
        let name = names.get(name).map_or(0, |name| name.expose_provenance() as u64);
        bytes[at..at + 8].copy_from_slice(&name.to_le_bytes());
    }
    (kind, memory.put(&bytes))
}

/// The times of a record that has two.
fn span(record: &Record<'_>) -> Option<(u64, u64)> {
    match *record {
        Record::Kernel { start, end, .. }
        | Record::Memcpy { start, end, .. }
        | Record::Memset { start, end, .. }
        | Record::Api { start, end, .. }
        | Record::Synchronization { start, end, .. }
        | Record::Overhead { start, end, .. }
        | Record::GraphLaunch { start, end, .. } => Some((start.0, end.0)),
        _ => None,
    }
}

#[test]
fn fuzz_activity_records() {
    let folder = tempfile::tempdir().unwrap();
    let ring = RingWriter::create(folder.path(), 1 << 20, &ProcessIdentity::default()).unwrap();
    let mut reader = RingReader::open(ring.path()).unwrap();
    let mut writer = Writer::new(ring);
    let sessions = VERSIONS.map(|(_, number)| session(number));
    let mut texts = NAMES.map(|_| Guarded::new());
    let names: Vec<_> = texts.iter_mut().zip(NAMES).map(|(text, name)| text.put(name)).collect();
    let mut memory = Guarded::new();
    let mut kinds = FxHashSet::default();
    let mut written = 0_u64;
    let mut read = 0_u64;
    each_input("activity records", 20_000, |from| {
        let which = from.choose_index(VERSIONS.len()).unwrap_or_default();
        let (kind, place) = record(from, VERSIONS[which].0, &names, &mut memory);
        let reading = Reading {
            session: &sessions[which],
            clock: Clock { ahead: number(from) as i64 },
            runtime: [number(from) as u32].into_iter().collect(),
        };
        let length = VERSIONS[which].0.length_of(kind).unwrap_or(8);
        // SAFETY: a record of this kind was put there, its name ends with 0.
        let raw = unsafe { Raw::within(place, length, place) };
        match reading.translate(&mut writer, raw).unwrap_or(Err(LossCause::UnknownRecord)) {
            Ok(Some(record)) => {
                if let Some((start, end)) = span(&record) {
                    // On a clock that is off the difference still tells.
                    assert!(
                        end.wrapping_sub(start) as i64 >= 0,
                        "{record:?} ends before it starts"
                    );
                }
                kinds.insert(kind);
                written += 1;
                assert!(writer.ring.push(&record));
            }
            Ok(None) => {}
            Err(cause) => {
                assert!(matches!(cause, LossCause::UnknownRecord | LossCause::ZeroTimestamp));
            }
        }
        if written.is_multiple_of(1000) {
            let outcome = reader.read(usize::MAX, &mut |record| {
                read += u64::from(!matches!(record, Record::String { .. }));
            });
            assert_eq!((outcome.corrupt, outcome.drained), (0, true));
            reader.release().unwrap();
        }
    });
    reader.read(usize::MAX, &mut |record| {
        read += u64::from(!matches!(record, Record::String { .. }));
    });
    assert_eq!(read, written, "what was written is what is read");
    if written > 1000 {
        assert!(kinds.len() >= 14, "only kinds {kinds:?} became records");
    }
}
