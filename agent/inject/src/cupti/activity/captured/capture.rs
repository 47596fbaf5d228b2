//! The captured buffers; `tests/gpu/cuda/buffers.cu`, which wrote them, describes the format.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;

use super::super::super::sys::KIND_CONCURRENT_KERNEL;

/// Where a kernel's record has the pointer to its name.
const NAME: usize = 104;

/// One run of the capturing program.
pub(super) struct Capture {
    /// `cuptiGetVersion`.
    pub(super) version: u32,
    pub(super) buffers: Vec<Buffer>,
    /// Texts by the address that they had.
    texts: BTreeMap<u64, CString>,
}

/// One buffer as CUPTI gave it back.
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
    /// Where CUPTI found a record, and of which kind.
    pub(super) records: Vec<(usize, u32)>,
}

impl Capture {
    /// Reads one; its names are where its pointers say as long as it lives.
    pub(super) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../data/h200/buffers")
            .join(format!("{name}.cupti.gz"));
        let mut data = Vec::new();
        GzDecoder::new(File::open(path).unwrap()).read_to_end(&mut data).unwrap();
        let mut rest = data.strip_prefix(b"PACUPTI1").unwrap();
        let mut capture = Self { version: 0, buffers: Vec::new(), texts: BTreeMap::new() };
        while !rest.is_empty() {
            let (tag, length) = (u32_at(rest, 0), u64_at(rest, 8) as usize);
            capture.add(tag, &rest[16..16 + length]);
            rest = &rest[16 + length..];
        }
        for buffer in &mut capture.buffers {
            buffer.point(&capture.texts);
        }
        capture
    }

    fn add(&mut self, tag: u32, chunk: &[u8]) {
        match tag {
            1 => {
                let facts: serde_json::Value = serde_json::from_slice(chunk).unwrap();
                assert_eq!(facts["dropped"], 0);
                self.version = facts["cupti_version"].as_u64().unwrap() as u32;
            }
            2 => self.buffers.push(Buffer { bytes: chunk[8..].to_vec(), records: Vec::new() }),
            3 => {
                let records = &mut self.buffers.last_mut().unwrap().records;
                let pairs = chunk.chunks_exact(8);
                records.extend(pairs.map(|pair| (u32_at(pair, 0) as usize, u32_at(pair, 4))));
            }
            4 => _ = self.texts.insert(u64_at(chunk, 0), CString::new(&chunk[8..]).unwrap()),
            tag => panic!("a chunk {tag}"),
        }
    }

    /// Lets the records of kernels in `bytes`, a changed copy of one of the buffers, have names that can be read.
    pub(super) fn point_anywhere(&self, bytes: &mut [u8], records: &[(usize, u32)]) {
        let mut texts = self.texts.values().cycle();
        for &(start, _) in records {
            let is_kernel =
                bytes.len() >= start + NAME + 8 && u32_at(bytes, start) == KIND_CONCURRENT_KERNEL;
            if is_kernel {
                write_pointer(bytes, start + NAME, texts.next().unwrap());
            }
        }
    }
}

impl Buffer {
    fn point(&mut self, texts: &BTreeMap<u64, CString>) {
        for &(start, kind) in &self.records {
            assert_eq!(u32_at(&self.bytes, start), kind);
            if kind == KIND_CONCURRENT_KERNEL {
                let name = &texts[&u64_at(&self.bytes, start + NAME)];
                write_pointer(&mut self.bytes, start + NAME, name);
            }
        }
    }
}

fn write_pointer(bytes: &mut [u8], place: usize, text: &CString) {
    let address = text.as_ptr().expose_provenance() as u64;
    bytes[place..place + 8].copy_from_slice(&address.to_le_bytes());
}

fn u32_at(bytes: &[u8], place: usize) -> u32 {
    u32::from_le_bytes(bytes[place..place + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], place: usize) -> u64 {
    u64::from_le_bytes(bytes[place..place + 8].try_into().unwrap())
}
