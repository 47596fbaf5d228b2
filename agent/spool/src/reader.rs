//! The reading end of a ring: the recorder, or a recovery after it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{Ordering, fence};

use crate::frame::{self, Found};
use crate::layout::{
    ABI_VERSION, AT_ABI, AT_CAPACITY, AT_HEAD, AT_HEAD_COPY, AT_HEARTBEAT, AT_IDENTITY, AT_LOSSES,
    AT_STATE, AT_TAIL, AT_TAIL_COPY, HEADER_BYTES, IDENTITY_BYTES, MAGIC, MAX_CAPACITY,
    MIN_CAPACITY,
};
use crate::{LossCause, MonotonicNs, ProcessIdentity, Record, SpoolError, State};

/// How much of the ring is read at a time, in bytes; more than the longest record.
const CHUNK_BYTES: usize = 256 << 10;

/// Reads records from a ring, live or left behind.
///
/// Reads go through `pread`, never through a mapping: a file that shrinks gives a short read, not SIGBUS.
#[derive(Debug)]
pub struct RingReader {
    file: File,
    path: PathBuf,
    identity: ProcessIdentity,
    capacity: u64,
    position: u64,
    /// The last tail published, or found in the file.
    released: u64,
    /// The sequence number of the next record, once one has been read.
    expected: Option<u32>,
    /// Whether the search for the next good record is on, after a bad one.
    searching: bool,
    /// Whether an impossible head was already reported.
    lost_head: bool,
    chunk: Vec<u8>,
}

/// What one [`RingReader::read`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOutcome {
    /// Records handed out.
    pub records: usize,
    /// Records that were damaged or missing.
    pub corrupt: u64,
    /// Whether everything published so far has been read.
    pub drained: bool,
}

impl RingReader {
    /// Opens a ring at the position last released. [`SpoolError::NotReady`] asks to try again soon.
    pub fn open(path: &Path) -> Result<Self, SpoolError> {
        let failed = |doing| move |source| SpoolError::Io { path: path.to_owned(), doing, source };
        // Writing is needed to release; a recovery from a read-only place does without.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .or_else(|_| File::open(path))
            .map_err(failed("open the ring"))?;
        let mut header = [0_u8; HEADER_BYTES as usize];
        let length = read_up_to(&file, &mut header, 0).map_err(failed("read the ring"))?;
        if length == 0 || header[..8] == [0; 8] {
            return Err(SpoolError::NotReady { path: path.to_owned() });
        }
        if header[..8] != MAGIC {
            return Err(SpoolError::NotARing { path: path.to_owned() });
        }
        if length < header.len() {
            let (len, need) = (length as u64, HEADER_BYTES);
            return Err(SpoolError::Truncated { path: path.to_owned(), len, need });
        }
        let abi = u32_at(&header, AT_ABI);
        if abi != ABI_VERSION {
            let (found, expected) = (abi, ABI_VERSION);
            return Err(SpoolError::Version { path: path.to_owned(), found, expected });
        }
        let damaged = |what| SpoolError::DamagedHeader { path: path.to_owned(), what };
        let capacity = u64_at(&header, AT_CAPACITY);
        if !(MIN_CAPACITY..=MAX_CAPACITY).contains(&capacity) {
            return Err(damaged("its capacity is out of range"));
        }
        let identity =
            identity_in(&header).ok_or_else(|| damaged("its identity fails the checksum"))?;
        let tails = [u64_at(&header, AT_TAIL), u64_at(&header, AT_TAIL_COPY)];
        let mut reader = Self {
            file,
            path: path.to_owned(),
            identity,
            capacity,
            position: 0,
            released: 0,
            expected: None,
            searching: false,
            lost_head: false,
            chunk: Vec::new(),
        };
        // The lower tail is the one surely released; the other only counts if the lower one cannot be.
        let candidates = [tails[0].min(tails[1]), tails[0].max(tails[1])];
        let tail = candidates
            .into_iter()
            .find(|tail| reader.head_after(*tail).is_some())
            .ok_or_else(|| damaged("its positions contradict each other"))?;
        reader.position = tail;
        reader.released = tail;
        Ok(reader)
    }

    /// The ring's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The process that writes it.
    #[must_use]
    pub fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    /// The room for records, in bytes.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// How far the writing process is. A state that cannot be read counts as [`State::Running`]: it promises nothing.
    #[must_use]
    pub fn state(&self) -> State {
        State::from_code(self.header_u64(AT_STATE) as u32).unwrap_or(State::Running)
    }

    /// When the writing process last said that it is alive; 0 when it never did.
    #[must_use]
    pub fn heartbeat(&self) -> MonotonicNs {
        MonotonicNs(self.header_u64(AT_HEARTBEAT))
    }

    /// The losses that the writer counted, by cause, without the causes that did not occur.
    #[must_use]
    pub fn losses(&self) -> Vec<(LossCause, u64)> {
        let mut counters = [0; 8 * (LossCause::ALL.len() + 1)];
        let _ = read_up_to(&self.file, &mut counters, AT_LOSSES);
        LossCause::ALL
            .into_iter()
            .map(|cause| (cause, u64_at(&counters, 8 * u64::from(cause.code()))))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// Hands out the records from the local position to the published head, at most `max_records` of them. Damaged
    /// bytes are skipped up to the next good record and counted.
    pub fn read(&mut self, max_records: usize, f: &mut dyn FnMut(Record<'_>)) -> ReadOutcome {
        let mut outcome = ReadOutcome::default();
        let Some(head) = self.head_after(self.position) else {
            outcome.corrupt = u64::from(!std::mem::replace(&mut self.lost_head, true));
            outcome.drained = true;
            return outcome;
        };
        // The records before the head were stored before the head was.
        fence(Ordering::Acquire);
        let mut chunk = std::mem::take(&mut self.chunk);
        while self.position < head && outcome.records < max_records {
            self.load(&mut chunk, head);
            self.parse(&chunk, head, max_records, f, &mut outcome);
        }
        self.chunk = chunk;
        outcome.drained = self.position >= head;
        if outcome.drained && std::mem::take(&mut self.searching) {
            outcome.corrupt += 1;
            self.expected = None;
        }
        outcome
    }

    /// Where the next read starts, in bytes since the ring was created. Store it with the records read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Continues at a position that was stored earlier. `false`, and no change, when the ring does not hold that
    /// position (any more).
    pub fn resume_at(&mut self, position: u64) -> bool {
        let held = self
            .head_after(self.released)
            .is_some_and(|head| position <= head && position >= head.saturating_sub(self.capacity));
        if held {
            self.position = position;
            self.expected = None;
            self.searching = false;
        }
        held
    }

    /// Gives the bytes before the position back to the writer. Call it only after what was read is safe elsewhere.
    pub fn release(&mut self) -> Result<(), SpoolError> {
        if self.position == self.released {
            return Ok(());
        }
        let bytes = self.position.to_le_bytes();
        // Two stores, so that a writer that reads one of them in the middle is held back by the other.
        for at in [AT_TAIL, AT_TAIL_COPY] {
            self.file.write_all_at(&bytes, at).map_err(|source| SpoolError::Io {
                path: self.path.clone(),
                doing: "release what was read of the ring",
                source,
            })?;
        }
        self.released = self.position;
        Ok(())
    }

    /// The published head, if it can be right for a reader that stands at `position`.
    fn head_after(&self, position: u64) -> Option<u64> {
        let possible = |head: u64| head >= position && head - position <= self.capacity;
        let mut heads = [0, 0];
        // Two equal copies were not read in the middle of a store. They stay unequal when the writer was killed
        // between its two stores (the records before either are whole), or one was damaged (then the later one loses
        // nothing, and what it may claim too much is counted as corrupt).
        for _ in 0..64 {
            heads = [self.header_u64(AT_HEAD), self.header_u64(AT_HEAD_COPY)];
            if heads[0] == heads[1] {
                return possible(heads[0]).then_some(heads[0]);
            }
            std::hint::spin_loop();
        }
        heads.into_iter().filter(|head| possible(*head)).max()
    }

    /// Fills `chunk` with what was published from the position on. Bytes that the file does not have read as zeros,
    /// in which no record is ever found.
    fn load(&self, chunk: &mut Vec<u8>, head: u64) {
        let length = (head - self.position).min(CHUNK_BYTES as u64) as usize;
        chunk.resize(length, 0);
        let place = self.position % self.capacity;
        let until_end = (self.capacity - place).min(length as u64) as usize;
        let (first, second) = chunk.split_at_mut(until_end);
        // A read that fails gives zeros, which are then counted as corrupt.
        for (part, at) in [(first, HEADER_BYTES + place), (second, HEADER_BYTES)] {
            let read = read_up_to(&self.file, part, at).unwrap_or(0);
            part[read..].fill(0);
        }
    }

    /// Hands out the records of `chunk`, which starts at the position, and moves the position past what was used.
    fn parse(
        &mut self,
        chunk: &[u8],
        head: u64,
        max_records: usize,
        f: &mut dyn FnMut(Record<'_>),
        outcome: &mut ReadOutcome,
    ) {
        let mut at = 0;
        while at < chunk.len() && outcome.records < max_records {
            let published = head - self.position - at as u64;
            match frame::find(&chunk[at..], published, self.expected) {
                Found::Record { record, length, sequence } => {
                    let missing = self.expected.map_or(0, |next| sequence.wrapping_sub(next));
                    let searched = std::mem::take(&mut self.searching);
                    outcome.corrupt += u64::from(missing).max(u64::from(searched));
                    self.expected = Some(sequence.wrapping_add(1));
                    outcome.records += 1;
                    at += length;
                    f(record);
                }
                Found::NeedMore => break,
                Found::Nothing => {
                    self.searching = true;
                    at += 1;
                }
            }
        }
        self.position += at as u64;
    }

    fn header_u64(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        // A field that the file does not have any more reads as zero, which promises nothing.
        let _ = read_up_to(&self.file, &mut bytes, at);
        u64::from_le_bytes(bytes)
    }
}

/// Reads until `buffer` is full or the file ends; the number of bytes read.
fn read_up_to(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], at + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn identity_in(header: &[u8]) -> Option<ProcessIdentity> {
    let length = u32_at(header, AT_IDENTITY) as usize;
    let checksum = u32_at(header, AT_IDENTITY + 4);
    let start = AT_IDENTITY as usize + 8;
    let fields = header.get(start..start.checked_add(length)?)?;
    (length <= IDENTITY_BYTES - 8 && crc32c::crc32c(fields) == checksum)
        .then(|| ProcessIdentity::decode(fields))?
}

fn u32_at(header: &[u8], at: u64) -> u32 {
    let at = at as usize;
    u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

fn u64_at(header: &[u8], at: u64) -> u64 {
    u64::from(u32_at(header, at)) | u64::from(u32_at(header, at + 4)) << 32
}
