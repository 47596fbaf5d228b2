//! What NCCL says about an event, in one form for all versions, read without copying.
#![expect(unsafe_code, reason = "NCCL passes raw pointers")]

use std::ffi::{c_char, c_void};

use super::sys::{
    BODY_AT, CHANNEL_TIMER_AT, COLL_GROUP_AT, Coll1, Coll2, Coll4, CollApi, DTYPES, FUNCS_V1,
    P2P_GROUP_AT, P2p1, P2p2, P2p4, P2pApi, PARENT_AT, kind,
};

/// The longest name of an operation or an element type that is kept.
pub(super) const MAX_NAME: usize = 31;
/// The longest name of a communicator that is kept.
const MAX_COMMUNICATOR_NAME: usize = 255;

/// An event as NCCL describes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described<'a> {
    /// Of [`kind`].
    pub(super) kind: u64,
    /// The handle of the parent.
    pub(super) parent: *mut c_void,
    /// The handle of the legacy group, for what has another parent too.
    pub(super) group: Option<*mut c_void>,
    pub(super) rank: i32,
    pub(super) body: Body<'a>,
}

/// The part that is of interest.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body<'a> {
    /// A collective, a send or a receive that is handed to the GPU.
    Call(Call<'a>),
    /// The program's own call of it, and whether it is only captured into a CUDA graph.
    Api(Call<'a>, bool),
    /// A channel of a kernel begins, when the GPU's timer showed this.
    Channel(u64),
    /// Nothing more.
    Other,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Call<'a> {
    pub(super) func: &'a [u8],
    pub(super) dtype: &'a [u8],
    pub(super) count: u64,
    pub(super) sequence: Option<u64>,
    /// The root, or the other rank.
    pub(super) peer: i32,
    /// Channels of its kernel, from version 4 on.
    pub(super) channels: u8,
    /// The communicator's name and hash, up to version 3.
    pub(super) communicator: Option<(&'a [u8], u64)>,
}

/// The description at `descriptor`.
///
/// # Safety
/// There is a descriptor of this version of the interface, whose texts end with 0 and stay as they are for `'a`.
pub(super) unsafe fn read<'a>(version: u8, descriptor: *const u8) -> Described<'a> {
    let kind = if version <= 4 {
        // SAFETY: (all three) every version has these at these places.
        u64::from(unsafe { *descriptor })
    } else {
        // SAFETY: see above.
        unsafe { field(descriptor, 0) }
    };
    // SAFETY: see above.
    let (parent, rank) = unsafe { (field(descriptor, PARENT_AT), field(descriptor, 16)) };
    let group_at = match kind {
        kind::COLL if version >= 5 => Some(COLL_GROUP_AT),
        kind::P2P if version >= 5 => Some(P2P_GROUP_AT),
        _ => None,
    };
    // SAFETY: these kinds have a group there from version 5 on.
    let group = group_at.map(|at| unsafe { field(descriptor, at) });
    // SAFETY: the kind and the version tell which structure stands there.
    let body = unsafe { body(version, kind, descriptor) };
    Described { kind, parent, group, rank, body }
}

/// # Safety
/// As for [`read`], of an event of this kind.
unsafe fn body<'a>(version: u8, kind: u64, descriptor: *const u8) -> Body<'a> {
    // SAFETY: (all) the caller's promise.
    unsafe {
        match (kind, version) {
            (kind::COLL, 1) => {
                let coll: Coll1 = field(descriptor, BODY_AT);
                Body::Call(Call {
                    func: of_table(&FUNCS_V1, coll.func),
                    dtype: of_table(&DTYPES, coll.dtype),
                    count: coll.count as u64,
                    sequence: Some(coll.sequence),
                    peer: coll.root,
                    channels: 0,
                    communicator: Some((text(coll.name, MAX_COMMUNICATOR_NAME), coll.hash)),
                })
            }
            (kind::COLL, 2 | 3) => {
                let coll: Coll2 = field(descriptor, BODY_AT);
                Body::Call(Call {
                    func: text(coll.func, MAX_NAME),
                    dtype: text(coll.dtype, MAX_NAME),
                    count: coll.count as u64,
                    sequence: Some(coll.sequence),
                    peer: coll.root,
                    channels: 0,
                    communicator: Some((text(coll.name, MAX_COMMUNICATOR_NAME), coll.hash)),
                })
            }
            (kind::COLL, _) => {
                let coll: Coll4 = field(descriptor, BODY_AT);
                Body::Call(Call {
                    func: text(coll.func, MAX_NAME),
                    dtype: text(coll.dtype, MAX_NAME),
                    count: coll.count as u64,
                    sequence: Some(coll.sequence),
                    peer: coll.root,
                    channels: coll.channels,
                    communicator: None,
                })
            }
            (kind::P2P, 1) => {
                let p2p: P2p1 = field(descriptor, BODY_AT);
                Body::Call(Call {
                    func: of_table(&FUNCS_V1, p2p.func),
                    dtype: of_table(&DTYPES, p2p.dtype),
                    count: p2p.count as u64,
                    sequence: None,
                    peer: p2p.peer,
                    channels: 0,
                    communicator: Some((text(p2p.name, MAX_COMMUNICATOR_NAME), p2p.hash)),
                })
            }
            (kind::P2P, 2 | 3) => {
                let p2p: P2p2 = field(descriptor, BODY_AT);
                Body::Call(Call {
                    func: text(p2p.func, MAX_NAME),
                    dtype: text(p2p.dtype, MAX_NAME),
                    count: p2p.count as u64,
                    sequence: None,
                    peer: p2p.peer,
                    channels: 0,
                    communicator: Some((text(p2p.name, MAX_COMMUNICATOR_NAME), p2p.hash)),
                })
            }
            (kind::P2P, _) => {
                let p2p: P2p4 = field(descriptor, BODY_AT);
                Body::Call(Call {
                    func: text(p2p.func, MAX_NAME),
                    dtype: text(p2p.dtype, MAX_NAME),
                    count: p2p.count as u64,
                    sequence: None,
                    peer: p2p.peer,
                    channels: p2p.channels,
                    communicator: None,
                })
            }
            (kind::KERNEL_CH, 4..) => Body::Channel(field(descriptor, CHANNEL_TIMER_AT)),
            (kind::COLL_API, 5..) => {
                let api: CollApi = field(descriptor, BODY_AT);
                Body::Api(
                    Call {
                        func: text(api.func, MAX_NAME),
                        dtype: text(api.dtype, MAX_NAME),
                        count: api.count as u64,
                        peer: api.root,
                        ..Call::default()
                    },
                    api.captured != 0,
                )
            }
            (kind::P2P_API, 5..) => {
                let api: P2pApi = field(descriptor, BODY_AT);
                Body::Api(
                    Call {
                        func: text(api.func, MAX_NAME),
                        dtype: text(api.dtype, MAX_NAME),
                        count: api.count as u64,
                        peer: -1,
                        ..Call::default()
                    },
                    api.captured != 0,
                )
            }
            _ => Body::Other,
        }
    }
}

/// # Safety
/// There is a `T` at this place, and any bytes are a valid `T`.
unsafe fn field<T: Copy>(descriptor: *const u8, at: usize) -> T {
    // SAFETY: the caller's promise; an unaligned read asks for nothing more.
    unsafe { descriptor.add(at).cast::<T>().read_unaligned() }
}

/// At most `most` bytes of a text; empty for null.
///
/// # Safety
/// `from` is null, or ends with 0 and stays as it is for `'a`.
pub(super) unsafe fn text<'a>(from: *const c_char, most: usize) -> &'a [u8] {
    if from.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise; nothing behind the 0 is looked at, and what is kept was just seen there.
    unsafe { std::slice::from_raw_parts(from.cast(), libc::strnlen(from, most)) }
}

/// A communicator's name.
///
/// # Safety
/// As for [`text`].
pub(super) unsafe fn communicator_name<'a>(name: *const c_char) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { text(name, MAX_COMMUNICATOR_NAME) }
}

/// The name of a number; empty when it is not known.
fn of_table(names: &'static [&'static str], number: u8) -> &'static [u8] {
    names.get(usize::from(number)).map_or(&[], |name| name.as_bytes())
}
