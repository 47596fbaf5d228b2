//! The writing end of a ring: one thread of the recorded process.
#![expect(
    unsafe_code,
    reason = "the ring is a file mapped into memory that another process reads and writes"
)]

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use memmap2::{Advice, MmapRaw};

use crate::layout::{
    ABI_VERSION, AT_ABI, AT_CAPACITY, AT_HEAD, AT_HEAD_COPY, AT_HEARTBEAT, AT_IDENTITY, AT_LOSSES,
    AT_MAGIC, AT_STATE, AT_TAIL, AT_TAIL_COPY, HEADER_BYTES, IDENTITY_BYTES, MAGIC, MAX_CAPACITY,
    MIN_CAPACITY,
};
use crate::{
    LossCause, MAX_RECORD_BYTES, MonotonicNs, ProcessIdentity, Record, SpoolError, State, frame,
};

/// Room that events leave to what explains them: clocks, names, remarks.
const RESERVE_BYTES: u64 = 4 << 10;
/// How much of the ring this process keeps in its memory around the head: whole pages.
const WINDOW_BYTES: u64 = 256 << 10;

/// Writes records into a new ring. Dropping it leaves the file, in the state last set.
#[derive(Debug)]
pub struct RingWriter {
    map: MmapRaw,
    path: PathBuf,
    capacity: u64,
    /// Where the next record goes; the header's head, known without reading it.
    head: u64,
    /// The reader's position when it was last looked at.
    tail: u64,
    sequence: u32,
    /// Records dropped since the last one that found room.
    gap: Option<Gap>,
    scratch: Box<[u8]>,
}

#[derive(Debug)]
struct Gap {
    start: MonotonicNs,
    end: MonotonicNs,
    count: u64,
}

impl RingWriter {
    /// Creates `<dir>/<pid>-<start time>-<n>.ring` with room for `capacity` bytes of records. The room is allocated on
    /// disk here, so that a full file system is an error now and not a SIGBUS later. The mapping is not inherited by
    /// children that the process forks.
    pub fn create(
        dir: &Path,
        capacity: u64,
        identity: &ProcessIdentity,
    ) -> Result<Self, SpoolError> {
        if !(MIN_CAPACITY..=MAX_CAPACITY).contains(&capacity) {
            return Err(SpoolError::Capacity {
                bytes: capacity,
                min: MIN_CAPACITY,
                max: MAX_CAPACITY,
            });
        }
        let (file, path) = create_file(dir, identity)?;
        Self::map(&file, &path, capacity, identity).inspect_err(|_| {
            // The error that matters is the one being returned; an empty file left behind is told apart by the reader.
            let _ = fs::remove_file(&path);
        })
    }

    fn map(
        file: &File,
        path: &Path,
        capacity: u64,
        identity: &ProcessIdentity,
    ) -> Result<Self, SpoolError> {
        let failed = |doing| move |source| SpoolError::Io { path: path.to_owned(), doing, source };
        allocate(file, HEADER_BYTES + capacity).map_err(|source| match source.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => {
                SpoolError::NoSpace { path: path.to_owned(), bytes: HEADER_BYTES + capacity }
            }
            _ => failed("allocate the ring")(source),
        })?;
        let map = MmapRaw::map_raw(file).map_err(failed("map the ring"))?;
        map.advise(Advice::DontFork).map_err(failed("keep the ring from children"))?;
        let writer = Self {
            map,
            path: path.to_owned(),
            capacity,
            head: 0,
            tail: 0,
            sequence: 0,
            gap: None,
            scratch: vec![0; MAX_RECORD_BYTES].into(),
        };
        let mut fields = [0; IDENTITY_BYTES - 8];
        let fields = {
            let length = identity.encode(&mut fields);
            &fields[..length]
        };
        writer.store_bytes(AT_ABI, &ABI_VERSION.to_le_bytes());
        writer.store_bytes(AT_CAPACITY, &capacity.to_le_bytes());
        writer.store_bytes(AT_IDENTITY, &(fields.len() as u32).to_le_bytes());
        writer.store_bytes(AT_IDENTITY + 4, &crc32c::crc32c(fields).to_le_bytes());
        writer.store_bytes(AT_IDENTITY + 8, fields);
        writer.set_state(State::Init);
        // The magic last: a reader that sees it sees the rest of the header.
        writer.atomic(AT_MAGIC).store(u64::from_le_bytes(MAGIC).to_le(), Ordering::Release);
        Ok(writer)
    }

    /// The ring's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The room for records, in bytes.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Whether there is room for this many bytes of records with their frames, so that a writer can wait instead of
    /// dropping.
    pub fn has_room(&mut self, bytes: u64) -> bool {
        if self.head - self.tail + bytes <= self.capacity {
            return true;
        }
        let first = u64::from_le(self.atomic(AT_TAIL).load(Ordering::Acquire));
        let second = u64::from_le(self.atomic(AT_TAIL_COPY).load(Ordering::Acquire));
        let tail = first.min(second);
        // A tail that goes back or overtakes the head is not believed: the file is open to other processes.
        if (self.tail..=self.head).contains(&tail) {
            self.tail = tail;
        }
        self.head - self.tail + bytes <= self.capacity
    }

    /// Appends a record and publishes it. `false` when the ring is full: the record is dropped and counted as
    /// [`LossCause::RingFull`], and a [`Record::Gap`] is written before the next record that finds room.
    /// A text over [`MAX_TEXT_BYTES`](crate::MAX_TEXT_BYTES) is cut.
    pub fn push(&mut self, record: &Record<'_>) -> bool {
        // What is no event may stand before the gap.
        if (!record.is_event() || self.write_gap()) && self.write(record) {
            return true;
        }
        self.count_loss(LossCause::RingFull, 1);
        let now = MonotonicNs::now();
        let gap = self.gap.get_or_insert(Gap { start: now, end: now, count: 0 });
        gap.end = now;
        gap.count += 1;
        false
    }

    /// Says that the process is alive at `time`, and writes a pending [`Record::Gap`] if there is room by now.
    pub fn heartbeat(&mut self, time: MonotonicNs) {
        self.write_gap();
        self.atomic(AT_HEARTBEAT).store(time.0.to_le(), Ordering::Relaxed);
    }

    /// Publishes how far the process is.
    pub fn set_state(&self, state: State) {
        // SAFETY: AT_STATE is a multiple of 4 inside the mapped header, and every access to it is atomic.
        let place = unsafe { AtomicU32::from_ptr(self.at(AT_STATE).cast()) };
        place.store((state as u32).to_le(), Ordering::Release);
    }

    /// Adds to the counter of a cause, for losses that happened before the ring.
    pub fn count_loss(&self, cause: LossCause, count: u64) {
        let counter = self.atomic(AT_LOSSES + 8 * u64::from(cause.code()));
        // One thread writes it, so a load and a store are enough.
        let value = u64::from_le(counter.load(Ordering::Relaxed)).saturating_add(count);
        counter.store(value.to_le(), Ordering::Relaxed);
    }

    /// Writes the pending gap, if any; `false` when there is no room for it yet.
    fn write_gap(&mut self) -> bool {
        let Some(gap) = self.gap.take() else { return true };
        let written = self.write(&Record::Gap {
            start: gap.start,
            end: gap.end,
            cause: LossCause::RingFull,
            count: gap.count,
        });
        if !written {
            self.gap = Some(gap);
        }
        written
    }

    fn write(&mut self, record: &Record<'_>) -> bool {
        let length = frame::encode(record, self.sequence, &mut self.scratch) as u64;
        let reserve = if record.is_event() { RESERVE_BYTES } else { 0 };
        if !self.has_room(length + reserve) {
            return false;
        }
        self.store_ring(&self.scratch[..length as usize]);
        let window = self.head / WINDOW_BYTES;
        self.head += length;
        self.sequence = self.sequence.wrapping_add(1);
        self.atomic(AT_HEAD).store(self.head.to_le(), Ordering::Release);
        self.atomic(AT_HEAD_COPY).store(self.head.to_le(), Ordering::Release);
        if self.head / WINDOW_BYTES != window {
            self.move_window();
        }
        true
    }

    /// Lets go of the pages that were written last and gets hold of the ones to come. What was written stays in the page
    /// cache, where the reader finds it; this process would count a whole ring as its own memory otherwise.
    fn move_window(&self) {
        let place = self.head % self.capacity / WINDOW_BYTES * WINDOW_BYTES;
        let last = if place == 0 { self.capacity - 1 } else { place - 1 };
        self.advise(last / WINDOW_BYTES * WINDOW_BYTES, libc::MADV_DONTNEED);
        // One call costs less than a fault at each page. Kernels before 5.14 do not know it and take the faults.
        self.advise(place, libc::MADV_POPULATE_WRITE);
    }

    /// Advises the kernel on the window that begins at this place of the ring.
    fn advise(&self, place: u64, advice: libc::c_int) {
        let length = WINDOW_BYTES.min(self.capacity - place) as usize;
        // SAFETY: the range is inside the mapping and begins at a page. Neither advice changes what the mapping holds: a
        // page of a file that is let go of comes back from the page cache.
        unsafe { libc::madvise(self.at(HEADER_BYTES + place).cast(), length, advice) };
    }

    /// Copies into the ring at the head, around its end if need be.
    fn store_ring(&self, bytes: &[u8]) {
        let place = self.head % self.capacity;
        let until_end = ((self.capacity - place) as usize).min(bytes.len());
        let (first, second) = bytes.split_at(until_end);
        self.store_bytes(HEADER_BYTES + place, first);
        self.store_bytes(HEADER_BYTES, second);
    }

    fn store_bytes(&self, at: u64, bytes: &[u8]) {
        assert!(at as usize + bytes.len() <= self.map.len(), "a store past the end of the ring");
        // SAFETY: the range is inside the mapping (asserted above); the mapping is reached through raw pointers only,
        // never through references, so another process changing it breaks no promise to the compiler.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at(at), bytes.len()) };
    }

    fn atomic(&self, at: u64) -> &AtomicU64 {
        // SAFETY: all callers pass header offsets that are multiples of 8 and below HEADER_BYTES; the mapping is page
        // aligned, lives as long as `self`, and these places are accessed atomically by this process only.
        unsafe { AtomicU64::from_ptr(self.at(at).cast()) }
    }

    fn at(&self, at: u64) -> *mut u8 {
        self.map.as_mut_ptr().wrapping_add(at as usize)
    }
}

/// Creates the first free name for this process.
fn create_file(dir: &Path, identity: &ProcessIdentity) -> Result<(File, PathBuf), SpoolError> {
    let mut number = 0;
    loop {
        let name = format!("{}-{}-{number}.ring", identity.pid, identity.start_time_ticks);
        let path = dir.join(name);
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1000 => {
                number += 1;
            }
            Err(source) => {
                return Err(SpoolError::Io { path, doing: "create the ring", source });
            }
        }
    }
}

/// Gives the file its length, with every block allocated.
fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    // Asked first, because an allocation that fails at its end fills the disk for everyone until it is undone.
    let mut room = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: `room` is a valid place for the answer, and all-zero bytes are a valid `statvfs` if there is none.
    let room = unsafe {
        let code = libc::fstatvfs(file.as_raw_fd(), room.as_mut_ptr());
        (code == 0).then(|| room.assume_init())
    };
    if room.is_some_and(|room| room.f_bavail.saturating_mul(room.f_frsize) < bytes) {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    loop {
        // SAFETY: a plain system call on a descriptor that `file` keeps open.
        let code = unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, bytes as libc::off_t) };
        match code {
            0 => return Ok(()),
            libc::EINTR => {}
            code => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}
