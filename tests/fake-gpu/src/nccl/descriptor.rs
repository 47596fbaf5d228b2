//! Descriptions of events, laid out by offset and apart from the structures of the product, so that a mistake in those is
//! noticed.

use std::ffi::{CStr, c_void};

/// Kinds of events.
pub(super) const GROUP: u64 = 1;
pub(super) const COLL: u64 = 2;
pub(super) const P2P: u64 = 4;
pub(super) const PROXY_OP: u64 = 8;
pub(super) const PROXY_STEP: u64 = 16;
pub(super) const KERNEL_CH: u64 = 64;
pub(super) const NET_PLUGIN: u64 = 128;
pub(super) const GROUP_API: u64 = 256;
pub(super) const COLL_API: u64 = 512;
pub(super) const P2P_API: u64 = 1024;
pub(super) const KERNEL_LAUNCH: u64 = 2048;

/// Channels of the kernel of a collective, and of a send or receive.
pub(super) const CHANNELS: u8 = 8;
pub(super) const P2P_CHANNELS: u8 = 2;

/// A collective, a send or a receive.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) func: &'static CStr,
    pub(super) dtype: &'static CStr,
    pub(super) count: u64,
    pub(super) sequence: u64,
    pub(super) peer: i32,
}

/// `ncclFunc_t` and `ncclDataType_t` of NCCL 2.23, for version 1.
const FUNCS: [&CStr; 8] = [
    c"Broadcast",
    c"Reduce",
    c"AllGather",
    c"ReduceScatter",
    c"AllReduce",
    c"SendRecv",
    c"Send",
    c"Recv",
];
const DTYPES: [&CStr; 10] = [
    c"ncclInt8",
    c"ncclUint8",
    c"ncclInt32",
    c"ncclUint32",
    c"ncclInt64",
    c"ncclUint64",
    c"ncclFloat16",
    c"ncclFloat32",
    c"ncclFloat64",
    c"ncclBfloat16",
];

/// The bytes of a descriptor. What is not set is not zero: a plugin must not look at it.
#[repr(C, align(8))]
pub(super) struct Descriptor([u8; 160]);

impl Descriptor {
    pub(super) fn new(version: u32, kind: u64, parent: *mut c_void, rank: i32) -> Self {
        let mut this = Self([0xcd; 160]);
        if version <= 4 {
            this.0[0] = kind as u8;
        } else {
            this.word(0, kind);
        }
        this.word(8, parent.expose_provenance() as u64).int(16, rank);
        this
    }

    pub(super) fn pointer(&mut self) -> *mut u8 {
        self.0.as_mut_ptr()
    }

    fn word(&mut self, at: usize, value: u64) -> &mut Self {
        self.0[at..at + 8].copy_from_slice(&value.to_le_bytes());
        self
    }

    fn int(&mut self, at: usize, value: i32) -> &mut Self {
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
        self
    }

    fn byte(&mut self, at: usize, value: u8) -> &mut Self {
        self.0[at] = value;
        self
    }

    fn text(&mut self, at: usize, value: &'static CStr) -> &mut Self {
        self.word(at, value.as_ptr().expose_provenance() as u64)
    }

    /// The part of a collective. Up to version 3 the communicator is named in it, from 5 on the legacy group.
    pub(super) fn coll(
        mut self,
        version: u32,
        call: &Call,
        (name, hash): (&'static CStr, u64),
        group: *mut c_void,
    ) -> Self {
        if version >= 4 {
            self.word(24, call.sequence).text(32, call.func).word(56, call.count);
            self.int(64, call.peer).text(72, call.dtype);
            self.byte(80, CHANNELS).byte(81, 16).text(88, c"RING").text(96, c"LL");
            if version >= 5 {
                self.word(104, group.expose_provenance() as u64);
            }
            return self;
        }
        self.text(24, name).word(32, hash).word(40, call.sequence).word(72, call.count);
        self.int(80, call.peer);
        if version == 1 {
            self.byte(48, place(&FUNCS, call.func)).byte(84, place(&DTYPES, call.dtype));
        } else {
            self.text(48, call.func).text(88, call.dtype);
        }
        self
    }

    /// The part of a send or receive.
    pub(super) fn p2p(
        mut self,
        version: u32,
        call: &Call,
        (name, hash): (&'static CStr, u64),
        group: *mut c_void,
    ) -> Self {
        if version >= 4 {
            self.text(24, call.func).text(40, call.dtype).word(48, call.count);
            self.int(56, call.peer).byte(60, P2P_CHANNELS);
            if version >= 5 {
                self.word(64, group.expose_provenance() as u64);
            }
            return self;
        }
        self.text(24, name).word(32, hash).word(64, call.count).int(72, call.peer);
        if version == 1 {
            self.byte(40, place(&FUNCS, call.func)).byte(56, place(&DTYPES, call.dtype));
        } else {
            self.text(40, call.func).text(56, call.dtype);
        }
        self
    }

    /// The part of the program's call of a collective.
    pub(super) fn coll_api(mut self, call: &Call, captured: bool) -> Self {
        self.text(24, call.func).word(32, call.count).text(40, call.dtype).int(48, call.peer);
        self.word(56, 0x57ea).byte(64, captured.into());
        self
    }

    /// The part of the program's call of a send or receive.
    pub(super) fn p2p_api(mut self, call: &Call, captured: bool) -> Self {
        self.text(24, call.func).word(32, call.count).text(40, call.dtype).word(48, 0x57ea);
        self.byte(56, captured.into());
        self
    }

    /// The part of a channel of a kernel, which begins when the GPU's timer shows `timer`.
    pub(super) fn channel(mut self, channel: u8, timer: u64) -> Self {
        self.byte(24, channel).word(32, timer);
        self
    }

    /// The part of a group of the program's calls.
    pub(super) fn group_api(mut self, captured: bool) -> Self {
        self.byte(24, captured.into()).int(28, 1);
        self
    }
}

fn place(names: &[&CStr], name: &CStr) -> u8 {
    names.iter().position(|other| *other == name).map_or(0xff, |place| place as u8)
}
