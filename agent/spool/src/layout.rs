//! Where each field of the header stands. Offsets are in bytes from the start of the file.

/// The version of the layout. A reader accepts exactly its own.
pub const ABI_VERSION: u32 = 5;
/// The length of the header, in bytes; the ring starts here.
pub const HEADER_BYTES: u64 = 4096;
/// The capacity of a ring when nothing else is asked for, in bytes.
pub const DEFAULT_CAPACITY: u64 = 64 << 20;
/// The least capacity of a ring, in bytes: two of the longest records.
pub const MIN_CAPACITY: u64 = 64 << 10;
/// The greatest capacity of a ring, in bytes.
pub const MAX_CAPACITY: u64 = 1 << 50;

/// The first bytes of the file, written last when a ring is created.
pub(crate) const MAGIC: [u8; 8] = *b"PAGRING\x01";

pub(crate) const AT_MAGIC: u64 = 0;
pub(crate) const AT_ABI: u64 = 8;
pub(crate) const AT_CAPACITY: u64 = 16;
/// The identity: u32 length, u32 CRC32C, then the fields.
pub(crate) const AT_IDENTITY: u64 = 64;
pub(crate) const IDENTITY_BYTES: usize = 1984;

/// What the writer publishes. The head stands twice: the second copy is stored after the first, so that a reader that
/// sees two equal values knows that it has read neither in the middle of a store.
pub(crate) const AT_HEAD: u64 = 2048;
pub(crate) const AT_HEAD_COPY: u64 = 2056;
pub(crate) const AT_HEARTBEAT: u64 = 2064;
pub(crate) const AT_STATE: u64 = 2072;

/// What the reader publishes, on a cache line of its own. The tail stands twice for the same reason, the other way
/// round: the writer believes the lower one.
pub(crate) const AT_TAIL: u64 = 2176;
pub(crate) const AT_TAIL_COPY: u64 = 2184;

/// One u64 counter per loss cause, indexed by the cause's code.
pub(crate) const AT_LOSSES: u64 = 2304;

const _: () = assert!(AT_IDENTITY as usize + IDENTITY_BYTES <= AT_HEAD as usize);
const _: () = assert!(AT_LOSSES + 8 * 64 <= HEADER_BYTES);
const _: () = assert!(MIN_CAPACITY >= 2 * crate::frame::MAX_RECORD_BYTES as u64);
