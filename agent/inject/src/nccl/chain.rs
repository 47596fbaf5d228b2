//! The plugin that the user had set before ours: it is loaded as NCCL would, and told everything that it asked for.
//!
//! It is spoken to in the version that NCCL speaks with us or, as their structures begin alike, in version 4 or 5 where
//! NCCL speaks 5 or 6. One that offers only older versions is not called, and a note says so.
#![expect(unsafe_code, reason = "the plugin is loaded and called through its C interface")]

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use super::descriptor::Described;
use super::sys::{
    COLL_GROUP_AT, InitNamed, InitNumbered, InitPlain, Log, P2P_GROUP_AT, PARENT_AT, SUCCESS,
    Start, State, Stop, Table, kind,
};
use crate::inbox::{self, Item};
use crate::lifecycle;

/// The events that the plugin asked for. It may keep the address and change them at any time.
static MASK: AtomicI32 = AtomicI32::new(0);
static CHAIN: OnceLock<Option<Chain>> = OnceLock::new();

/// The user's plugin.
pub(super) struct Chain {
    version: u8,
    init: Init,
    start: Start,
    stop: Stop,
    state: State,
    finalize: Stop,
}

#[derive(Clone, Copy)]
enum Init {
    Plain(InitPlain),
    Named(InitNamed),
    Numbered(InitNumbered),
}

/// What NCCL says of a communicator as it makes one; what the version does not tell is empty.
#[derive(Clone, Copy)]
pub(super) struct Introduction {
    pub(super) name: *const c_char,
    pub(super) hash: u64,
    pub(super) nodes: c_int,
    pub(super) ranks: c_int,
    pub(super) rank: c_int,
    pub(super) log: Log,
}

/// The plugin, loaded at the first call, if the user set one that can be used where NCCL speaks `version` with us.
pub(super) fn get_or_load(version: u8) -> Option<&'static Chain> {
    let load = || {
        let name = &lifecycle::config()?.nccl_plugin;
        name.as_deref().and_then(|name| load(name, version).map_err(note).ok())
    };
    CHAIN.get_or_init(load).as_ref()
}

/// The plugin, once it has been loaded.
pub(super) fn get() -> Option<&'static Chain> {
    CHAIN.get()?.as_ref()
}

/// The activation mask that the plugin asks for.
pub(super) fn mask() -> c_int {
    MASK.load(Ordering::Relaxed)
}

fn note(text: String) {
    lifecycle::debug(&text);
    inbox::put(Item::Note(text));
}

fn load(name: &OsStr, version: u8) -> Result<Chain, String> {
    let shown = name.display();
    let library = open(name).ok_or_else(|| {
        format!(
            "NCCL_PROFILER_PLUGIN={shown} could not be loaded; perfagent's own plugin runs alone"
        )
    })?;
    let lowest = if version >= 5 { 4 } else { version };
    (lowest..=version).rev().find_map(|version| Chain::of(library, version)).ok_or_else(|| {
        format!(
            "NCCL_PROFILER_PLUGIN={shown} is not called while perfagent records: NCCL speaks version {version} of its \
             profiler interface, and the plugin offers none from {lowest} to that"
        )
    })
}

/// Opens a plugin by the rules of NCCL: a file, or what stands in `libnccl-profiler-NAME.so`, or the program itself.
fn open(name: &OsStr) -> Option<*mut c_void> {
    let open = |name: Option<&CStr>| {
        let name = name.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: the name is null or ends with 0; the library's initialisers run as if NCCL had opened it.
        let library = unsafe { libc::dlopen(name, libc::RTLD_NOW | libc::RTLD_LOCAL) };
        (!library.is_null()).then_some(library)
    };
    if name == "STATIC_PLUGIN" {
        return open(None);
    }
    let file = CString::new(name.as_bytes()).ok()?;
    let longer = [b"libnccl-profiler-", name.as_bytes(), b".so"].concat();
    open(Some(&file)).or_else(|| open(Some(&CString::new(longer).ok()?)))
}

impl Chain {
    /// The table of this version, if the library has it.
    fn of(library: *mut c_void, version: u8) -> Option<Self> {
        let symbol = CString::new(format!("ncclProfiler_v{version}")).ok()?;
        // SAFETY: the handle came from `dlopen`, and the name ends with 0.
        let table = unsafe { libc::dlsym(library, symbol.as_ptr()) };
        if table.is_null() {
            return None;
        }
        macro_rules! of {
            ($init:ident) => {{
                // SAFETY: the symbol of this version is such a table, by the interface.
                let table = unsafe { table.cast::<Table<_>>().read() };
                let Table { init, start, stop, state, finalize, .. } = table;
                Some(Self { version, init: Init::$init(init), start, stop, state, finalize })
            }};
        }
        match version {
            ..=3 => of!(Plain),
            4 => of!(Named),
            _ => of!(Numbered),
        }
    }

    /// Tells it of a new communicator; its context for it, or `None` when it refuses.
    pub(super) fn introduce(&self, to: &Introduction) -> Option<*mut c_void> {
        let mut context = ptr::null_mut();
        let (place, mask) = (&raw mut context, MASK.as_ptr());
        let &Introduction { name, hash, nodes, ranks, rank, log } = to;
        // SAFETY: the places are valid, and the rest is what NCCL passed.
        let status = unsafe {
            match self.init {
                Init::Plain(init) => init(place, mask),
                Init::Named(init) => init(place, mask, name, hash, nodes, ranks, rank, log),
                Init::Numbered(init) => init(place, hash, mask, name, nodes, ranks, rank, log),
            }
        };
        (status == SUCCESS).then_some(context)
    }

    /// Whether it wants an event of this kind: one that it asked for, or an ancestor of such a one.
    pub(super) fn wants(&self, kind: u64) -> bool {
        use kind::{
            COLL, COLL_API, GROUP, GROUP_API, KERNEL_CH, KERNEL_LAUNCH, NET_PLUGIN, P2P, P2P_API,
            PROXY_OP, PROXY_STEP,
        };
        let below = PROXY_OP | PROXY_STEP | KERNEL_CH | NET_PLUGIN;
        let implied = match kind {
            GROUP => GROUP | COLL | P2P | below,
            COLL => COLL | below,
            P2P => P2P | below,
            PROXY_OP => PROXY_OP | PROXY_STEP | NET_PLUGIN,
            PROXY_STEP => PROXY_STEP | NET_PLUGIN,
            GROUP_API => GROUP_API | COLL_API | P2P_API | KERNEL_LAUNCH | COLL | P2P | below,
            COLL_API => COLL_API | COLL | below,
            P2P_API => P2P_API | P2P | below,
            other => other,
        };
        let is_known = self.version >= 6
            || kind < if self.version == 5 { KERNEL_LAUNCH << 1 } else { GROUP_API };
        is_known && mask() as u64 & implied != 0
    }

    /// Starts an event; its handle for it, which may be null. `theirs` translates our handles.
    ///
    /// # Safety
    /// `descriptor` is NCCL's, of which `described` was read, and `context` came from [`Chain::introduce`].
    pub(super) unsafe fn start(
        &self,
        context: *mut c_void,
        descriptor: *mut u8,
        described: &Described<'_>,
        theirs: impl Fn(*mut c_void) -> *mut c_void,
    ) -> *mut c_void {
        let group_at = match described.kind {
            kind::COLL => COLL_GROUP_AT,
            _ => P2P_GROUP_AT,
        };
        // Before version 5 the parent of a call is the legacy group.
        let parent = match described.group {
            Some(group) if self.version <= 4 => theirs(group),
            _ => theirs(described.parent),
        };
        let mut handle = ptr::null_mut();
        // SAFETY: (all) the descriptor is on NCCL's stack, for this call; its handles are put back after it.
        unsafe {
            let at = |offset| descriptor.add(offset).cast::<c_void>().cast::<*mut c_void>();
            at(PARENT_AT).write_unaligned(parent);
            if let Some(group) = described.group {
                at(group_at).write_unaligned(theirs(group));
            }
            let status = (self.start)(context, &raw mut handle, descriptor);
            at(PARENT_AT).write_unaligned(described.parent);
            if let Some(group) = described.group {
                at(group_at).write_unaligned(group);
            }
            if status == SUCCESS { handle } else { ptr::null_mut() }
        }
    }

    /// Ends an event.
    ///
    /// # Safety
    /// The handle came from [`Chain::start`] and has not ended.
    pub(super) unsafe fn stop(&self, handle: *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe { (self.stop)(handle) };
    }

    /// An event changed its state.
    ///
    /// # Safety
    /// As for [`Chain::stop`]; `arguments` is NCCL's.
    pub(super) unsafe fn state(&self, handle: *mut c_void, state: c_int, arguments: *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe { (self.state)(handle, state, arguments) };
    }

    /// A communicator is gone.
    ///
    /// # Safety
    /// The context came from [`Chain::introduce`] and has not been finalized.
    pub(super) unsafe fn finalize(&self, context: *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe { (self.finalize)(context) };
    }
}
