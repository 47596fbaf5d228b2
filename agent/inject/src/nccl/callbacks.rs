//! What happens when NCCL calls.
#![expect(unsafe_code, reason = "NCCL passes raw pointers")]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering,
};

use perfagent_spool::LossCause;

use super::chain::{self, Introduction};
use super::channels::Channels;
use super::descriptor::{self, Body, Call, Described};
use super::plan::{self, Plan};
use super::pool::{Blank, Handle, Pool};
use super::sys::{CHANNEL_STOPS, DTYPES, FUNCS_V1, SUCCESS, kind};
use super::untold::{self, Untold};
use super::{HAS_KERNEL, IS_CAPTURED, NO_SEQUENCE, count_stale, number};
use crate::cupti::launch;
use crate::inbox::{self, Communicator, Item};
use crate::message::{Event, Kind, Text};
use crate::{capture, lifecycle, losses, threads};

/// Communicators at a time.
const MAX_CONTEXTS: usize = 4096;
/// Events that are open at a time, over all threads.
const MAX_EVENTS: usize = 1 << 14;

static CONTEXTS: Pool<Context, MAX_CONTEXTS> = Pool::new();
static EVENTS: Pool<Open, MAX_EVENTS> = Pool::new();

/// The place in NCCL that holds the activation mask, and what was last written there.
static MASK_PLACE: AtomicPtr<c_int> = AtomicPtr::new(ptr::null_mut());
static MASK: AtomicI32 = AtomicI32::new(0);

/// A communicator.
struct Context {
    number: AtomicU32,
    /// Whether the ring has been told of it.
    is_known: AtomicBool,
    version: AtomicU8,
    /// Whether it has only one rank, so that nothing is ever sent.
    is_alone: AtomicBool,
    /// Calls that NCCL did not tell of, by function: their number takes the place of NCCL's.
    untold: [AtomicU64; FUNCS_V1.len() + 1],
    /// When the last call that NCCL timed began, of the GPU's timer.
    timed_since: AtomicU64,
    /// Whether the user's plugin was told of it, and its context for it.
    is_chained: AtomicBool,
    theirs: AtomicPtr<c_void>,
}

impl Blank for Context {
    const BLANK: Self = Self {
        number: AtomicU32::new(0),
        is_known: AtomicBool::new(false),
        version: AtomicU8::new(0),
        is_alone: AtomicBool::new(false),
        untold: [const { AtomicU64::new(0) }; FUNCS_V1.len() + 1],
        timed_since: AtomicU64::new(0),
        is_chained: AtomicBool::new(false),
        theirs: AtomicPtr::new(ptr::null_mut()),
    };
}

/// An event that NCCL has started.
struct Open {
    kind: AtomicU64,
    context: AtomicU64,
    parent: AtomicU64,
    /// Of a launch the plan's number; of a call of the program the number of its element type in `DTYPES` + 1, and
    /// [`WRITTEN`].
    data: AtomicU64,
    channels: Channels,
    /// The handle that the user's plugin gave.
    theirs: AtomicPtr<c_void>,
}

impl Blank for Open {
    const BLANK: Self = Self {
        kind: AtomicU64::new(0),
        context: AtomicU64::new(0),
        parent: AtomicU64::new(0),
        data: AtomicU64::new(0),
        channels: Channels::BLANK,
        theirs: AtomicPtr::new(ptr::null_mut()),
    };
}

/// Of a call of the program: it was written already.
const WRITTEN: u64 = 1 << 32;

/// What this version of the interface is asked for by us.
fn wanted(version: u8) -> u64 {
    let calls = kind::COLL | kind::P2P;
    // Without CUPTI NCCL itself must time its kernels, as well as it can.
    let channels = if version >= 4 && !launch::is_possible() { kind::KERNEL_CH } else { 0 };
    let calls = calls | channels;
    if version <= 4 {
        return calls;
    }
    calls | kind::GROUP_API | kind::COLL_API | kind::P2P_API | kind::KERNEL_LAUNCH
}

/// Whether we look at events of this kind; groups come with what is in them.
fn is_ours(version: u8, of: u64) -> bool {
    (wanted(version) | kind::GROUP) & of != 0
}

/// A communicator was made.
///
/// # Safety
/// The places are valid, and the introduction is NCCL's.
pub(super) unsafe fn init(
    version: u8,
    context: *mut *mut c_void,
    mask: *mut c_int,
    introduction: &Introduction,
) -> c_int {
    static NUMBERS: AtomicU32 = AtomicU32::new(1);
    lifecycle::start();
    // A forked child records nothing, but the user's plugin goes on.
    let is_on = lifecycle::is_on();
    let chain = chain::get_or_load(version);
    let theirs = chain.and_then(|chain| chain.introduce(introduction));
    EVENTS.prepare();
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let claimed = CONTEXTS.claim(|slot| {
        slot.number.store(number, Ordering::Relaxed);
        slot.is_known.store(version >= 4, Ordering::Relaxed);
        slot.version.store(version, Ordering::Relaxed);
        slot.is_alone.store(introduction.ranks == 1, Ordering::Relaxed);
        for count in &slot.untold {
            count.store(0, Ordering::Relaxed);
        }
        slot.timed_since.store(0, Ordering::Relaxed);
        slot.is_chained.store(theirs.is_some(), Ordering::Relaxed);
        slot.theirs.store(theirs.unwrap_or(ptr::null_mut()), Ordering::Relaxed);
    });
    let handle = claimed.map_or(Handle(0), |(handle, _)| handle);
    if handle.0 == 0 {
        losses::add(LossCause::NcclTableFull, 1);
    }
    if is_on && version >= 4 {
        // SAFETY: NCCL's own text.
        let name = unsafe { descriptor::communicator_name(introduction.name) };
        introduce(number, version, (name, introduction.hash), introduction);
    }
    if is_on {
        launch::watch(version >= 5);
    }
    // SAFETY: NCCL passes valid places; the mask's is a variable of the library, which others read meanwhile.
    unsafe {
        *context = handle.as_pointer();
        if !mask.is_null() {
            MASK_PLACE.store(mask, Ordering::Relaxed);
            write_mask(version);
        }
    }
    SUCCESS
}

/// Tells the writer thread of a communicator.
fn introduce(number: u32, version: u8, (name, hash): (&[u8], u64), with: &Introduction) {
    inbox::put(Item::Communicator(Box::new(Communicator {
        number,
        hash,
        name: name.to_vec(),
        rank: with.rank,
        ranks: with.ranks,
        nodes: with.nodes,
        version,
    })));
}

/// Writes the mask of both plugins to where NCCL reads it.
fn write_mask(version: u8) {
    let place = MASK_PLACE.load(Ordering::Relaxed);
    if place.is_null() {
        return;
    }
    let ours = if lifecycle::is_on() { wanted(version) as c_int } else { 0 };
    let mask = ours | chain::mask();
    MASK.store(mask, Ordering::Relaxed);
    // SAFETY: NCCL's variable, which its threads read atomically too.
    unsafe { AtomicI32::from_ptr(place) }.store(mask, Ordering::Relaxed);
}

/// An event starts.
///
/// # Safety
/// `handle` is a valid place, and there is a descriptor of this version.
pub(super) unsafe fn start(
    version: u8,
    context: *mut c_void,
    handle: *mut *mut c_void,
    descriptor: *mut u8,
) {
    // SAFETY: the caller's promise. NCCL leaves an event without a handle alone.
    unsafe { *handle = ptr::null_mut() };
    let context = Handle::of(context);
    let Some(communicator) = CONTEXTS.live(context) else { return count_stale() };
    // SAFETY: the caller's promise.
    let described = unsafe { descriptor::read(version, descriptor) };
    // The user's plugin may have changed its mind.
    let theirs = chain::mask();
    if theirs & !MASK.load(Ordering::Relaxed) != 0 {
        write_mask(version);
    }
    let ours = lifecycle::is_on() && is_ours(version, described.kind);
    let chain = chain::get().filter(|chain| {
        communicator.is_chained.load(Ordering::Relaxed) && chain.wants(described.kind)
    });
    if !ours && chain.is_none() {
        return;
    }
    let claimed = EVENTS.claim(|slot| {
        slot.kind.store(described.kind, Ordering::Relaxed);
        slot.context.store(context.0, Ordering::Relaxed);
        slot.parent.store(Handle::of(described.parent).0, Ordering::Relaxed);
        slot.data.store(0, Ordering::Relaxed);
        slot.channels.expect(0, 0);
        slot.theirs.store(ptr::null_mut(), Ordering::Relaxed);
    });
    if claimed.is_none() {
        losses::add(LossCause::NcclTableFull, 1);
    }
    let (own, slot) = claimed.map_or((Handle(0), None), |(own, slot)| (own, Some(slot)));
    if ours {
        let data = record(version, context, communicator, (own, slot), &described);
        if let Some(slot) = slot {
            slot.data.store(data, Ordering::Relaxed);
        }
    }
    if let Some((chain, slot)) = chain.zip(slot) {
        let of_context = communicator.theirs.load(Ordering::Relaxed);
        // SAFETY: the descriptor and the context are the right ones.
        let theirs = unsafe { chain.start(of_context, descriptor, &described, their_handle) };
        slot.theirs.store(theirs, Ordering::Relaxed);
    }
    // SAFETY: as above.
    unsafe { *handle = own.as_pointer() };
}

/// The user's plugin's own handle for what is one of ours, even if that has ended; null for anything else.
fn their_handle(ours: *mut c_void) -> *mut c_void {
    EVENTS
        .remembered(Handle::of(ours), |slot| slot.theirs.load(Ordering::Relaxed))
        .unwrap_or(ptr::null_mut())
}

/// Does what we do with an event that starts. Returns what its slot keeps.
fn record(
    version: u8,
    context: Handle,
    communicator: &Context,
    (own, slot): (Handle, Option<&Open>),
    described: &Described<'_>,
) -> u64 {
    let parent = Handle::of(described.parent);
    match described.body {
        Body::Call(call) => {
            if let Some(told) = call.communicator
                && !communicator.is_known.swap(true, Ordering::Relaxed)
            {
                let with = Introduction {
                    name: ptr::null(),
                    hash: 0,
                    nodes: 0,
                    ranks: 0,
                    rank: described.rank,
                    log: ptr::null(),
                };
                introduce(communicator.number.load(Ordering::Relaxed), version, told, &with);
            }
            // From version 5 on the parent is the program's call, whose parent is the group.
            let api = (version >= 5).then(|| {
                EVENTS.remembered(parent, |slot| {
                    let group = Handle(slot.parent.load(Ordering::Relaxed));
                    (group, slot.data.load(Ordering::Relaxed))
                })
            });
            let (group, dtype) = match api {
                None => (Some(parent), 0),
                Some(None) => (None, 0),
                Some(Some((_, data))) if data & WRITTEN != 0 => return 0,
                Some(Some((group, dtype))) => (Some(group), dtype),
            };
            if version >= 5 {
                untold::told(parent, call.func);
            }
            let is_timed = wanted(version) & kind::KERNEL_CH != 0 && call.channels > 0;
            let plan = match slot.filter(|_| is_timed) {
                Some(slot) => {
                    let plan = plan::of_timed_call();
                    slot.channels.expect(plan.number, call.channels);
                    plan
                }
                None => plan::of_call(context, group),
            };
            write(communicator, &call, &plan, dtype, false);
            0
        }
        Body::Api(call, captured) => {
            let dtype = number_of(call.dtype);
            if captured {
                write(communicator, &call, &plan::of_call(Handle(0), None), dtype, true);
            } else if described.kind == kind::COLL_API
                && !communicator.is_alone.load(Ordering::Relaxed)
            {
                untold::called(own, parent, context, &call);
            }
            dtype
        }
        Body::Channel(timer) => {
            EVENTS.remembered(parent, |slot| slot.channels.begins(timer));
            0
        }
        Body::Other if described.kind == kind::KERNEL_LAUNCH => {
            plan::launch_begins(context, parent)
        }
        Body::Other => {
            match described.kind {
                kind::GROUP if version <= 4 => plan::group_begins(context, own),
                kind::GROUP_API => plan::calls_begin(),
                _ => {}
            }
            0
        }
    }
}

/// The number of an element type in `DTYPES` + 1; 0 for none of them.
fn number_of(dtype: &[u8]) -> u64 {
    let place = DTYPES.iter().position(|name| name.as_bytes() == dtype);
    place.map_or(0, |place| place as u64 + 1)
}

/// Leaves a message about a call.
fn write(communicator: &Context, call: &Call<'_>, plan: &Plan, user_dtype: u64, captured: bool) {
    if !capture::is_on() {
        return;
    }
    let Some(buffer) = threads::current() else { return };
    // Both names, with a 0 between them; each is at most 31 bytes long.
    let mut text = [0; 64];
    let (op, dtype) = (call.func, call.dtype);
    text[..op.len()].copy_from_slice(op);
    let length = op.len() + 1 + dtype.len();
    text[op.len() + 1..length].copy_from_slice(dtype);
    let mut numbers = [0; number::LENGTH];
    numbers[number::COUNT] = call.count;
    numbers[number::SEQUENCE] = call.sequence.unwrap_or(NO_SEQUENCE);
    numbers[number::PEER] = u64::from(call.peer as u32) | user_dtype << 32;
    numbers[number::LAUNCH] = u64::from(plan.correlation)
        | if plan.kernel { HAS_KERNEL } else { 0 }
        | if captured { IS_CAPTURED } else { 0 };
    buffer.record(&Event {
        id: plan.number,
        numbers: &numbers,
        text: Text::Bytes(&text[..length], false),
        ..Event::bare(Kind::NcclCall, communicator.number.load(Ordering::Relaxed))
    });
}

/// Leaves a message about a call that NCCL did not tell of.
fn write_untold(untold: &Untold) {
    let Some(communicator) = CONTEXTS.live(untold.context) else { return };
    EVENTS.remembered(untold.handle, |slot| slot.data.fetch_or(WRITTEN, Ordering::Relaxed));
    // Every rank makes the same calls, so that counting them gives the same numbers.
    let call = untold.call();
    let count = &communicator.untold[untold::number(call.func)];
    let call = Call { sequence: Some(count.fetch_add(1, Ordering::Relaxed)), ..call };
    let plan = plan::of_untold_call(untold.context, untold.group);
    write(communicator, &call, &plan, number_of(call.dtype), false);
}

/// An event ends.
pub(super) fn stop(handle: *mut c_void) {
    if handle.is_null() {
        return;
    }
    let ended = EVENTS.release(Handle::of(handle), |slot| {
        let context = Handle(slot.context.load(Ordering::Relaxed));
        match slot.kind.load(Ordering::Relaxed) {
            kind::KERNEL_LAUNCH => plan::launch_ends(slot.data.load(Ordering::Relaxed)),
            kind::GROUP => plan::group_ends(context),
            kind::KERNEL_CH => {
                let call = Handle(slot.parent.load(Ordering::Relaxed));
                let communicator = CONTEXTS.live(context);
                if let Some(of) = communicator {
                    EVENTS.remembered(call, |slot| slot.channels.ends(&of.timed_since));
                }
            }
            kind::GROUP_API => untold::group_ends(Handle::of(handle), write_untold),
            _ => {}
        }
        slot.theirs.load(Ordering::Relaxed)
    });
    match (ended, chain::get()) {
        (None, _) => count_stale(),
        // SAFETY: it started this event, and our handle ends but once.
        (Some(theirs), Some(chain)) if !theirs.is_null() => unsafe { chain.stop(theirs) },
        _ => {}
    }
}

/// An event changes its state, which tells us something of channels only.
///
/// # Safety
/// The arguments are NCCL's.
pub(super) unsafe fn state(handle: *mut c_void, state: c_int, arguments: *mut c_void) {
    if handle.is_null() {
        return;
    }
    let Some(slot) = EVENTS.live(Handle::of(handle)) else { return count_stale() };
    if state == CHANNEL_STOPS
        && slot.kind.load(Ordering::Relaxed) == kind::KERNEL_CH
        && !arguments.is_null()
    {
        // SAFETY: with this state NCCL passes what the GPU's timer showed.
        let timer = unsafe { arguments.cast::<u64>().read_unaligned() };
        let call = Handle(slot.parent.load(Ordering::Relaxed));
        EVENTS.remembered(call, |slot| slot.channels.stops(timer));
    }
    let theirs = slot.theirs.load(Ordering::Relaxed);
    if let Some(chain) = chain::get().filter(|_| !theirs.is_null()) {
        // SAFETY: it started this event, which has not ended.
        unsafe { chain.state(theirs, state, arguments) };
    }
}

/// A communicator is gone, and its events with it.
pub(super) fn finalize(context: *mut c_void) {
    let context = Handle::of(context);
    let ended = CONTEXTS.release(context, |slot| {
        let is_chained = slot.is_chained.load(Ordering::Relaxed);
        is_chained.then(|| slot.theirs.load(Ordering::Relaxed))
    });
    let Some(theirs) = ended else { return count_stale() };
    EVENTS.release_all(|slot| slot.context.load(Ordering::Relaxed) == context.0);
    if let Some((chain, theirs)) = chain::get().zip(theirs) {
        // SAFETY: it was told of this communicator, and our context ends but once.
        unsafe { chain.finalize(theirs) };
    }
}
