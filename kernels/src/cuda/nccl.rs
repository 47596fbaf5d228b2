//! NCCL, found at run time. It is loaded here and not through cudarc, which does not know the name that it is installed
//! under (`libnccl.so.2`).
#![expect(unsafe_code, reason = "calls into NCCL")]

use std::ffi::{CStr, c_char, c_int, c_void};

use libloading::Library;

use crate::Collective;
use crate::cuda::library;

/// `ncclSum` of nccl.h, the same in every version 2.
const SUM: c_int = 0;
/// `ncclInProgress`: no error.
const IN_PROGRESS: c_int = 7;

pub(super) type Communicator = *mut c_void;
pub(super) type Stream = *mut c_void;

/// `ncclUniqueId`: what the ranks of a group find each other by.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct UniqueId(pub(super) [u8; 128]);

/// What vectors consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 64-bit integers.
    Int64,
    /// IEEE half precision.
    Half,
    /// 32-bit floating point.
    Float,
    /// 64-bit floating point.
    Double,
    /// bfloat16.
    BFloat16,
}

impl Element {
    /// `ncclDataType_t`, the same in every version from 2.10 on.
    const fn code(self) -> c_int {
        match self {
            Self::Int64 => 4,
            Self::Half => 6,
            Self::Float => 7,
            Self::Double => 8,
            Self::BFloat16 => 9,
        }
    }
}
type Reduce = unsafe extern "C" fn(u64, u64, usize, c_int, c_int, Communicator, Stream) -> c_int;
type Gather = unsafe extern "C" fn(u64, u64, usize, c_int, Communicator, Stream) -> c_int;
type Broadcast = unsafe extern "C" fn(u64, u64, usize, c_int, c_int, Communicator, Stream) -> c_int;
type ToPeer = unsafe extern "C" fn(u64, usize, c_int, c_int, Communicator, Stream) -> c_int;

/// The functions that are used. Addresses on the device are passed as numbers, as a pointer is.
struct Functions {
    version: unsafe extern "C" fn(*mut c_int) -> c_int,
    error: unsafe extern "C" fn(c_int) -> *const c_char,
    start: unsafe extern "C" fn(*mut Communicator, c_int, *const c_int) -> c_int,
    unique_id: unsafe extern "C" fn(*mut UniqueId) -> c_int,
    join: unsafe extern "C" fn(*mut Communicator, c_int, UniqueId, c_int) -> c_int,
    async_error: unsafe extern "C" fn(Communicator, *mut c_int) -> c_int,
    abort: unsafe extern "C" fn(Communicator) -> c_int,
    destroy: unsafe extern "C" fn(Communicator) -> c_int,
    group_start: unsafe extern "C" fn() -> c_int,
    group_end: unsafe extern "C" fn() -> c_int,
    all_reduce: Reduce,
    reduce_scatter: Reduce,
    all_gather: Gather,
    broadcast: Broadcast,
    send: ToPeer,
    receive: ToPeer,
}

/// The library, loaded for good.
pub(super) struct Nccl(Functions);

/// One rank's part in a collective: addresses on its device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) send: u64,
    pub(super) receive: u64,
    pub(super) stream: Stream,
}

impl Nccl {
    /// Finds it; says why not in one line with the remedy.
    pub(super) fn find() -> Result<Self, String> {
        let missing = |searched: String| {
            format!(
                "NCCL was not found ({searched}); pip install nvidia-nccl-cu13, or name the library in PERFAGENT_NCCL"
            )
        };
        let names = ["libnccl.so.2", "libnccl.so"];
        let library = library::open("libnccl.so", "PERFAGENT_NCCL", &names).map_err(missing)?;
        // It starts threads that may outlive its last user, so it is never unloaded.
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: each function has the signature that nccl.h gives it in every version 2.
        let functions = unsafe { functions(library) };
        functions.map(Self).map_err(|error| missing(format!("the one that was found: {error}")))
    }

    /// Such as `2.28.3`.
    pub(super) fn version(&self) -> String {
        let mut version = 0;
        // SAFETY: NCCL writes one number into a live variable.
        let done = unsafe { (self.0.version)(&raw mut version) };
        match done {
            0 => format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100),
            _ => "unknown".to_owned(),
        }
    }

    fn done(&self, code: c_int) -> Result<(), String> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: NCCL returns a text that lives as long as the library.
        let text = unsafe { (self.0.error)(code) };
        if text.is_null() {
            return Err(format!("error {code}"));
        }
        // SAFETY: it ends with a NUL.
        Err(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    }

    /// Connects the first devices of these numbers, one rank each.
    pub(super) fn connect(&self, devices: &[c_int]) -> Result<Ranks<'_>, String> {
        let mut communicators = vec![std::ptr::null_mut(); devices.len()];
        // SAFETY: both arrays have as many places as there are devices.
        let code = unsafe {
            (self.0.start)(communicators.as_mut_ptr(), devices.len() as c_int, devices.as_ptr())
        };
        self.done(code)?;
        Ok(Ranks { nccl: self, communicators, broken: false })
    }
}

/// What one rank gives to a collective and has of it: addresses on its device, and numbers of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The sum of every rank's vector, in its place.
    AllReduceSum {
        /// The vector.
        at: u64,
        /// Its elements.
        count: usize,
    },
    /// This rank's part of the sum.
    ReduceScatterSum {
        /// The whole vector.
        input: u64,
        /// Where the part goes.
        out: u64,
        /// Elements of the part.
        count: usize,
    },
    /// The vectors of all ranks after each other.
    AllGather {
        /// This rank's vector.
        input: u64,
        /// Where all go.
        out: u64,
        /// Elements of one.
        count: usize,
    },
    /// One rank's vector in the place of the others'.
    Broadcast {
        /// The vector.
        at: u64,
        /// Its elements.
        count: usize,
        /// Whose it is.
        root: i32,
    },
    /// To another rank.
    Send {
        /// The vector.
        at: u64,
        /// Its elements.
        count: usize,
        /// The rank.
        to: i32,
    },
    /// From another rank.
    Receive {
        /// Where it goes.
        at: u64,
        /// Its elements.
        count: usize,
        /// The rank.
        from: i32,
    },
}

impl Nccl {
    /// A name for a new group of ranks.
    pub(super) fn unique_id(&self) -> Result<UniqueId, String> {
        let mut id = UniqueId([0; 128]);
        // SAFETY: NCCL fills a live structure of the size that it has in every version 2.
        self.done(unsafe { (self.0.unique_id)(&raw mut id) })?;
        Ok(id)
    }

    /// Joins that group; returns when all have. The current device is this rank's.
    pub(super) fn join(&self, id: UniqueId, rank: i32, ranks: i32) -> Result<Communicator, String> {
        let mut communicator = std::ptr::null_mut();
        // SAFETY: NCCL writes one pointer into a live variable.
        self.done(unsafe { (self.0.join)(&raw mut communicator, ranks, id, rank) })?;
        Ok(communicator)
    }

    /// What has gone wrong since, of work that is under way.
    ///
    /// # Safety
    ///
    /// The communicator must be alive.
    pub(super) unsafe fn failure(&self, communicator: Communicator) -> Result<(), String> {
        let mut error = 0;
        // SAFETY: the caller vouches for the communicator; NCCL writes one number.
        self.done(unsafe { (self.0.async_error)(communicator, &raw mut error) })?;
        if error == IN_PROGRESS { Ok(()) } else { self.done(error) }
    }

    /// Ends a communicator; what is under way is given up with `abort`, else waited for.
    ///
    /// # Safety
    ///
    /// It must be alive, and is not afterwards.
    pub(super) unsafe fn end(&self, communicator: Communicator, abort: bool) {
        let end = if abort { self.0.abort } else { self.0.destroy };
        // SAFETY: the caller vouches for it. There is nothing to do about an error.
        let _ = unsafe { end(communicator) };
    }

    /// Puts a call on a stream.
    ///
    /// # Safety
    ///
    /// Communicator and stream must be alive, and memory as large as the call says until the stream has come past it.
    pub(super) unsafe fn call(
        &self,
        call: Call,
        element: Element,
        communicator: Communicator,
        stream: Stream,
    ) -> Result<(), String> {
        let (operation, send, receive, count) = match call {
            Call::AllReduceSum { at, count } => (Operation::AllReduce, at, at, count),
            Call::ReduceScatterSum { input, out, count } => {
                (Operation::ReduceScatter, input, out, count)
            }
            Call::AllGather { input, out, count } => (Operation::AllGather, input, out, count),
            Call::Broadcast { at, count, root } => (Operation::Broadcast(root), at, at, count),
            Call::Send { at, count, to } => (Operation::Send(to), at, at, count),
            Call::Receive { at, count, from } => (Operation::Receive(from), at, at, count),
        };
        // SAFETY: the caller vouches for all that is passed on.
        unsafe { self.put(operation, Part { send, receive, stream }, count, element, communicator) }
    }

    /// Puts an operation on the part's stream. `count` is what a rank sends, but of a reduce-scatter what it receives.
    ///
    /// # Safety
    ///
    /// As of [`Self::call`].
    unsafe fn put(
        &self,
        operation: Operation,
        Part { send, receive, stream }: Part,
        count: usize,
        element: Element,
        communicator: Communicator,
    ) -> Result<(), String> {
        let (of, kind) = (&self.0, element.code());
        // SAFETY: the caller vouches for all that is passed on.
        let code = unsafe {
            match operation {
                Operation::AllReduce => {
                    (of.all_reduce)(send, receive, count, kind, SUM, communicator, stream)
                }
                Operation::ReduceScatter => {
                    (of.reduce_scatter)(send, receive, count, kind, SUM, communicator, stream)
                }
                Operation::AllGather => {
                    (of.all_gather)(send, receive, count, kind, communicator, stream)
                }
                Operation::Broadcast(root) => {
                    (of.broadcast)(send, receive, count, kind, root, communicator, stream)
                }
                Operation::Send(to) => (of.send)(send, count, kind, to, communicator, stream),
                Operation::Receive(from) => {
                    (of.receive)(receive, count, kind, from, communicator, stream)
                }
            }
        };
        self.done(code)
    }
}

/// What NCCL is asked to do, with the other rank where there is one.
#[derive(Clone, Copy)]
enum Operation {
    AllReduce,
    ReduceScatter,
    AllGather,
    Broadcast(c_int),
    Send(c_int),
    Receive(c_int),
}

/// Connected ranks, all of this process.
pub(super) struct Ranks<'a> {
    nccl: &'a Nccl,
    communicators: Vec<Communicator>,
    broken: bool,
}

impl Ranks<'_> {
    /// Puts one collective of `count` floats on every rank's stream. `count` is what a rank sends, but of a
    /// reduce-scatter what it receives.
    ///
    /// # Safety
    ///
    /// Buffers must be as large as the collective needs, and alive until the streams have come past it.
    pub(super) unsafe fn run(
        &mut self,
        collective: Collective,
        parts: &[Part],
        count: usize,
    ) -> Result<(), String> {
        let nccl = self.nccl;
        let operation = match collective {
            Collective::AllReduce => Operation::AllReduce,
            Collective::ReduceScatter => Operation::ReduceScatter,
            Collective::AllGather => Operation::AllGather,
            Collective::Broadcast => Operation::Broadcast(0),
        };
        // SAFETY: takes nothing.
        let mut done = nccl.done(unsafe { (nccl.0.group_start)() });
        for (&communicator, &part) in self.communicators.iter().zip(parts) {
            // SAFETY: the caller vouches for the buffers; communicator and stream belong to this rank.
            let put = unsafe { nccl.put(operation, part, count, Element::Float, communicator) };
            done = done.and(put);
        }
        // SAFETY: ends the group that was begun above, also when a call in it has failed.
        let done = done.and(nccl.done(unsafe { (nccl.0.group_end)() }));
        self.broken |= done.is_err();
        done
    }
}

impl Drop for Ranks<'_> {
    fn drop(&mut self) {
        // To destroy waits for what is under way, which may never end once something has failed.
        let end = if self.broken { self.nccl.0.abort } else { self.nccl.0.destroy };
        for &communicator in &self.communicators {
            // SAFETY: each was made by `connect` and is ended once, here.
            let _ = unsafe { end(communicator) };
        }
    }
}

/// # Safety
///
/// The library must be NCCL.
unsafe fn functions(library: &'static Library) -> Result<Functions, libloading::Error> {
    macro_rules! function {
        ($name:literal) => {
            // SAFETY: the caller vouches for the library; the signature is that of the field.
            *unsafe { library.get(concat!($name, "\0").as_bytes()) }?
        };
    }
    Ok(Functions {
        version: function!("ncclGetVersion"),
        error: function!("ncclGetErrorString"),
        start: function!("ncclCommInitAll"),
        unique_id: function!("ncclGetUniqueId"),
        join: function!("ncclCommInitRank"),
        async_error: function!("ncclCommGetAsyncError"),
        abort: function!("ncclCommAbort"),
        destroy: function!("ncclCommDestroy"),
        group_start: function!("ncclGroupStart"),
        group_end: function!("ncclGroupEnd"),
        all_reduce: function!("ncclAllReduce"),
        reduce_scatter: function!("ncclReduceScatter"),
        all_gather: function!("ncclAllGather"),
        broadcast: function!("ncclBroadcast"),
        send: function!("ncclSend"),
        receive: function!("ncclRecv"),
    })
}
