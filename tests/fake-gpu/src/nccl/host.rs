//! The side of NCCL that talks to a plugin.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use super::descriptor::{
    CHANNELS, COLL, COLL_API, Call, Descriptor, GROUP, GROUP_API, KERNEL_CH, KERNEL_LAUNCH,
    NET_PLUGIN, P2P, P2P_API, P2P_CHANNELS, PROXY_OP, PROXY_STEP,
};
use crate::launch::{gpu_timer, nccl_launch, other_launch};

/// NCCL's activation mask, one for the process.
static MASK: AtomicI32 = AtomicI32::new(0);

const KERNEL_CH_STOP: c_int = 22;
const GROUP_START_API_STOP: c_int = 23;
const GROUP_END_API_START: c_int = 24;

type InitPlain = unsafe extern "C" fn(*mut *mut c_void, *mut c_int) -> c_int;
type InitNamed = unsafe extern "C" fn(
    *mut *mut c_void,
    *mut c_int,
    *const c_char,
    u64,
    c_int,
    c_int,
    c_int,
    *const c_void,
) -> c_int;
type InitNumbered = unsafe extern "C" fn(
    *mut *mut c_void,
    u64,
    *mut c_int,
    *const c_char,
    c_int,
    c_int,
    c_int,
    *const c_void,
) -> c_int;
type Start = unsafe extern "C" fn(*mut c_void, *mut *mut c_void, *mut u8) -> c_int;
type State = unsafe extern "C" fn(*mut c_void, c_int, *mut c_void) -> c_int;
type Stop = unsafe extern "C" fn(*mut c_void) -> c_int;

/// A loaded plugin, in the highest version that both sides speak.
pub(super) struct Plugin {
    library: *mut c_void,
    pub(super) version: u32,
    init: *const c_void,
    start: Start,
    stop: Stop,
    state: State,
    finalize: Stop,
}

// SAFETY: NCCL calls plugins from any thread.
unsafe impl Sync for Plugin {}

/// A communicator that a plugin was told of.
pub(super) struct Communicator<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) context: *mut c_void,
    pub(super) rank: i32,
    pub(super) identity: (&'static CStr, u64),
}

// SAFETY: as for the plugin.
unsafe impl Send for Communicator<'_> {}
// SAFETY: the same.
unsafe impl Sync for Communicator<'_> {}

impl Plugin {
    /// What `NCCL_PROFILER_PLUGIN` names; highest version first.
    pub(super) fn load(speaks: u32) -> Option<Self> {
        let path = CString::new(std::env::var("NCCL_PROFILER_PLUGIN").ok()?).ok()?;
        // SAFETY: a shared library is opened, and its table read, as NCCL does.
        unsafe {
            let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
            if library.is_null() {
                return None;
            }
            let (version, table) = (1..=speaks).rev().find_map(|version| {
                let name = CString::new(format!("ncclProfiler_v{version}")).ok()?;
                let table = libc::dlsym(library, name.as_ptr());
                (!table.is_null()).then_some((version, table.cast::<*const c_void>()))
            })?;
            Some(Self {
                library,
                version,
                init: *table.add(1),
                start: std::mem::transmute::<*const c_void, Start>(*table.add(2)),
                stop: std::mem::transmute::<*const c_void, Stop>(*table.add(3)),
                state: std::mem::transmute::<*const c_void, State>(*table.add(4)),
                finalize: std::mem::transmute::<*const c_void, Stop>(*table.add(5)),
            })
        }
    }

    /// As NCCL does when the last communicator is gone.
    pub(super) fn unload(self) {
        MASK.store(0, Ordering::Relaxed);
        // SAFETY: the library was opened by `load`.
        unsafe { libc::dlclose(self.library) };
    }

    /// Tells the plugin of a communicator.
    pub(super) fn communicator(
        &self,
        identity: (&'static CStr, u64),
        ranks: i32,
        rank: i32,
    ) -> Option<Communicator<'_>> {
        let mut context = ptr::null_mut();
        let (place, mask) = (&raw mut context, MASK.as_ptr());
        let (name, hash) = (identity.0.as_ptr(), identity.1);
        // SAFETY: the places are valid, and the version tells the type of the function.
        let status = unsafe {
            match self.version {
                ..=3 => std::mem::transmute::<*const c_void, InitPlain>(self.init)(place, mask),
                4 => std::mem::transmute::<*const c_void, InitNamed>(self.init)(
                    place,
                    mask,
                    name,
                    hash,
                    1,
                    ranks,
                    rank,
                    ptr::null(),
                ),
                _ => std::mem::transmute::<*const c_void, InitNumbered>(self.init)(
                    place,
                    hash,
                    mask,
                    name,
                    1,
                    ranks,
                    rank,
                    ptr::null(),
                ),
            }
        };
        (status == 0).then_some(Communicator { plugin: self, context, rank, identity })
    }

    /// The activation mask as it is now.
    pub(super) fn mask() -> u64 {
        MASK.load(Ordering::Relaxed) as u64
    }

    pub(super) fn stop(&self, handle: *mut c_void) {
        if !handle.is_null() {
            // SAFETY: the plugin gave this handle.
            assert_eq!(unsafe { (self.stop)(handle) }, 0);
        }
    }

    pub(super) fn state(&self, handle: *mut c_void, state: c_int) {
        self.state_with(handle, state, 0);
    }

    /// Changes an event's state, with this as the first argument.
    fn state_with(&self, handle: *mut c_void, state: c_int, argument: u64) {
        if !handle.is_null() {
            let mut arguments = [argument, 0, 0, 0];
            // SAFETY: the plugin gave this handle.
            let status = unsafe { (self.state)(handle, state, arguments.as_mut_ptr().cast()) };
            assert_eq!(status, 0);
        }
    }
}

impl Communicator<'_> {
    /// A descriptor of this communicator's.
    pub(super) fn describe(&self, kind: u64, parent: *mut c_void) -> Descriptor {
        Descriptor::new(self.plugin.version, kind, parent, self.rank)
    }

    /// Starts an event, whether it is asked for or not.
    pub(super) fn start(&self, mut descriptor: Descriptor) -> *mut c_void {
        // A plugin that answers nothing would leave this.
        let mut handle = ptr::null_mut();
        // SAFETY: the place is valid and the descriptor one of this version.
        let status =
            unsafe { (self.plugin.start)(self.context, &raw mut handle, descriptor.pointer()) };
        assert_eq!(status, 0);
        handle
    }

    /// Starts an event if the plugin asked for it or for something below it.
    fn start_if(&self, asked: u64, descriptor: Descriptor) -> *mut c_void {
        if Plugin::mask() & asked == 0 { ptr::null_mut() } else { self.start(descriptor) }
    }

    pub(super) fn finalize(self) {
        // SAFETY: the context came from `init` and ends here.
        assert_eq!(unsafe { (self.plugin.finalize)(self.context) }, 0);
    }

    /// The program calls these and they are launched in one kernel, which runs for `length` ns.
    pub(super) fn run(&self, calls: &[Call], length: u64) {
        let apis = self.program_calls(calls, false);
        other_launch();
        let launch = self.start_if(KERNEL_LAUNCH * self.has_apis(), self.launch_descriptor(apis.0));
        nccl_launch(length, false);
        self.plugin.stop(launch);
        let told = self.tell(calls, &apis.1);
        self.plugin.stop(apis.0);
        other_launch();
        self.channels(&told, length);
    }

    /// As [`Communicator::run`], but of the calls nothing is told once they are launched, as NCCL 2.30 does with broadcasts.
    /// The launch may not be `announced` either.
    pub(super) fn run_untold(&self, calls: &[Call], length: u64, announced: bool) {
        let apis = self.program_calls(calls, false);
        let asked = if announced { KERNEL_LAUNCH * self.has_apis() } else { 0 };
        let launch = self.start_if(asked, self.launch_descriptor(apis.0));
        nccl_launch(length, false);
        self.plugin.stop(launch);
        self.plugin.stop(apis.0);
    }

    /// The same while a CUDA graph is captured, of a plan without host callbacks: nothing is told of the calls.
    pub(super) fn capture(&self, calls: &[Call]) {
        let apis = self.program_calls(calls, true);
        let launch = self.start_if(KERNEL_LAUNCH * self.has_apis(), self.launch_descriptor(apis.0));
        nccl_launch(0, true);
        self.plugin.stop(launch);
        self.plugin.stop(apis.0);
    }

    /// As [`Communicator::run`], but the calls are told of on a thread of CUDA's, as for plans with host callbacks.
    pub(super) fn run_with_host_function(&self, calls: &[Call], length: u64) {
        let apis = self.program_calls(calls, false);
        let launch = self.start_if(KERNEL_LAUNCH * self.has_apis(), self.launch_descriptor(apis.0));
        nccl_launch(length, false);
        self.plugin.stop(launch);
        self.plugin.stop(apis.0);
        let handles: Vec<usize> = apis.1.iter().map(|handle| handle.expose_provenance()).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let handles: Vec<_> = handles
                    .iter()
                    .map(|handle| ptr::with_exposed_provenance_mut(*handle))
                    .collect();
                self.tell(calls, &handles);
            });
        });
    }

    fn has_apis(&self) -> u64 {
        u64::from(self.plugin.version >= 5)
    }

    fn launch_descriptor(&self, group: *mut c_void) -> Descriptor {
        self.describe(KERNEL_LAUNCH, group)
    }

    /// The group of the program's calls, and each of them.
    fn program_calls(&self, calls: &[Call], captured: bool) -> (*mut c_void, Vec<*mut c_void>) {
        if self.has_apis() == 0 {
            return (ptr::null_mut(), vec![ptr::null_mut(); calls.len()]);
        }
        let below = COLL | P2P | PROXY_OP | PROXY_STEP | KERNEL_CH | NET_PLUGIN;
        // NCCL leaves the rank of these at 0.
        let describe = |kind, parent| Descriptor::new(self.plugin.version, kind, parent, 0);
        let asked = GROUP_API | COLL_API | P2P_API | KERNEL_LAUNCH | below;
        let group = self.start_if(asked, describe(GROUP_API, ptr::null_mut()).group_api(captured));
        self.plugin.state(group, GROUP_START_API_STOP);
        let apis = calls
            .iter()
            .map(|call| {
                // The program's own element type and count; NCCL rewrites some later.
                let (kind, descriptor) = if is_p2p(call) {
                    (P2P_API, describe(P2P_API, group).p2p_api(&as_called(call), captured))
                } else {
                    (COLL_API, describe(COLL_API, group).coll_api(&as_called(call), captured))
                };
                let api = self.start_if(kind | below, descriptor);
                self.plugin.stop(api);
                api
            })
            .collect();
        self.plugin.state(group, GROUP_END_API_START);
        (group, apis)
    }

    /// Tells of the channels of calls that have ended, on a thread of NCCL's, as that sees the kernel's counters: the first
    /// begins, the last ends `length` ns later, and the others lie between.
    fn channels(&self, told: &[(*mut c_void, u8)], length: u64) {
        if self.plugin.version < 4 || Plugin::mask() & KERNEL_CH == 0 {
            return;
        }
        let told: Vec<_> =
            told.iter().map(|(call, many)| (call.expose_provenance(), *many)).collect();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for (call, many) in told {
                    let call = ptr::with_exposed_provenance_mut(call);
                    let begun = gpu_timer() - length;
                    let open: Vec<_> = (0..many)
                        .map(|channel| {
                            let timer = begun + u64::from(channel) * 10;
                            let is = self.describe(KERNEL_CH, call).channel(channel, timer);
                            self.start(is)
                        })
                        .collect();
                    for (channel, open) in open.into_iter().enumerate().rev() {
                        let timer = begun + length - 10 * channel as u64;
                        self.plugin.state_with(open, KERNEL_CH_STOP, timer);
                        self.plugin.stop(open);
                    }
                }
            });
        });
    }

    /// Tells of the calls of a plan after its launch. Returns their events, which have ended, and how many channels they have.
    fn tell(&self, calls: &[Call], apis: &[*mut c_void]) -> Vec<(*mut c_void, u8)> {
        let below = PROXY_OP | PROXY_STEP | KERNEL_CH | NET_PLUGIN;
        let version = self.plugin.version;
        let group =
            self.start_if(GROUP | COLL | P2P | below, self.describe(GROUP, ptr::null_mut()));
        let mut told = Vec::new();
        for (call, api) in calls.iter().zip(apis) {
            let parent = if version >= 5 { *api } else { group };
            let handle = if is_p2p(call) {
                let descriptor =
                    self.describe(P2P, parent).p2p(version, call, self.identity, group);
                self.start_if(P2P | below, descriptor)
            } else {
                let descriptor =
                    self.describe(COLL, parent).coll(version, call, self.identity, group);
                self.start_if(COLL | below, descriptor)
            };
            if Plugin::mask() & PROXY_OP != 0 {
                let proxy = self.start(self.describe(PROXY_OP, handle));
                self.plugin.state(proxy, 19);
                self.plugin.stop(proxy);
            }
            self.plugin.stop(handle);
            told.push((handle, if is_p2p(call) { P2P_CHANNELS } else { CHANNELS }));
        }
        self.plugin.stop(group);
        told
    }
}

fn is_p2p(call: &Call) -> bool {
    call.func == c"Send" || call.func == c"Recv"
}

/// The call as the program made it: all-gathers and broadcasts of our programs are of `bfloat16`.
fn as_called(call: &Call) -> Call {
    let is_rewritten = call.func == c"AllGather" || call.func == c"Broadcast";
    if is_rewritten && call.dtype == c"ncclInt8" {
        return Call { dtype: c"ncclBfloat16", count: call.count / 2, ..*call };
    }
    *call
}
