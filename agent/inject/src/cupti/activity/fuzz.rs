//! Records of CUPTI with any bytes in them. Pointers in them are the program's or null, as CUPTI promises; each record ends
//! where readable memory does, as long as the version that is played has it.
#![expect(unsafe_code, reason = "records are put where CUPTI would")]

use std::ffi::CString;
use std::mem::offset_of;
use std::sync::atomic::{AtomicBool, AtomicPtr};

use perfagent_fuzz::{Guarded, Unstructured, each_input, number};
use perfagent_spool::{LossCause, ProcessIdentity, Record, RingReader, RingWriter};
use rustc_hash::FxHashSet;

use super::{Clock, Raw, Reading};
use crate::cupti::buffers::Buffers;
use crate::cupti::graphs::Watch;
use crate::cupti::session::Session;
use crate::cupti::sys::{Api, Kernel};
use crate::cupti::{api_call, loader};
use crate::writer::Writer;

/// `CUPTI_API_VERSION` of CUDA 12.4, 12.9, 13.0 and 13.2.
const VERSIONS: [u32; 4] = [22, 28, 130_001, 130_201];
const NAMES: [&[u8]; 4] =
    [b"_Z9fake_gemmPKfS0_Pfi\0", b"triton_poi_fused_0\0", b"_ZN2at\xff\xfe\0", b"\0"];

/// How long a record is: version, kind.
type Length = extern "C" fn(u32, u32) -> usize;

/// The stand-in for CUPTI.
fn stand_in() -> (Api, Length) {
    let test = std::env::current_exe().unwrap();
    let library = test.with_file_name("libperfagent_fake_gpu.so");
    assert!(library.exists(), "{}; run `cargo test -p perfagent-inject`", library.display());
    let path = CString::new(library.into_os_string().into_encoded_bytes()).unwrap();
    // SAFETY: the stand-in, whose function has this type.
    let (library, length) = unsafe {
        let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        (library, loader::function::<Length>(library, c"fake_gpu_length"))
    };
    let api = loader::resolve(library).unwrap();
    (api, length.unwrap())
}

fn session(api: Api, version: u32) -> Session {
    Session {
        api,
        shared: None,
        buffers: Buffers::new(),
        monotonic: AtomicBool::new(true),
        subscriber: AtomicPtr::default(),
        version,
        calls: api_call::Names::new(),
        threads_known: AtomicBool::new(true),
        is_set_up: AtomicBool::new(true),
        graphs: Watch::new(true),
    }
}

/// A record of this kind and length, at the end of readable memory.
fn record(
    from: &mut Unstructured<'_>,
    length: usize,
    kind: u32,
    names: &[*const u8],
    memory: &mut Guarded,
) -> *const u8 {
    let mut bytes = Vec::new();
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
    memory.put(&bytes)
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
    let (api, length_of) = stand_in();
    let sessions = VERSIONS.map(|version| session(api, version));
    let mut texts = NAMES.map(|_| Guarded::new());
    let names: Vec<_> = texts.iter_mut().zip(NAMES).map(|(text, name)| text.put(name)).collect();
    let mut memory = Guarded::new();
    let mut kinds = FxHashSet::default();
    let mut written = 0_u64;
    let mut read = 0_u64;
    each_input("activity records", 20_000, |from| {
        let which = from.choose_index(VERSIONS.len()).unwrap_or_default();
        let kind = if from.ratio(1, 16).unwrap_or(false) {
            number(from) as u32
        } else {
            from.int_in_range(0..=60).unwrap_or_default()
        };
        let length = match length_of(VERSIONS[which], kind) {
            0 => 8,
            length => length,
        };
        let place = record(from, length, kind, &names, &mut memory);
        let reading = Reading {
            session: &sessions[which],
            clock: Clock { ahead: number(from) as i64 },
            runtime: [number(from) as u32].into_iter().collect(),
        };
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
