//! One rank's connection to the others of a group by NCCL: every rank is a process of its own and has a GPU.
//!
//! Collectives run on a stream of their own, after what the default stream was given before them, and beside what it is
//! given later until that waits for them. A rank that is gone would leave them running for ever: a thread gives the
//! connection up when one has not come to its end in time, and whoever waits is told.
#![expect(unsafe_code, reason = "runs collectives")]

use std::collections::VecDeque;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cudarc::driver::{CudaEvent, CudaStream, DriverError};

use super::driver::Gpu;
use super::nccl::{Call, Communicator, Element, Nccl, UniqueId};

/// How often what is under way is looked at.
const PACE: Duration = Duration::from_millis(50);

/// What the ranks of a group find each other by; one of them makes it, the others are told.
#[derive(Clone, Copy)]
pub struct LinkId(pub [u8; 128]);

/// A connection.
pub struct Link {
    default: Arc<CudaStream>,
    stream: Arc<CudaStream>,
    shared: Arc<Shared>,
    /// Dropped first, so that the thread ends.
    end: Option<mpsc::SyncSender<()>>,
    watch: Option<JoinHandle<()>>,
}

/// A collective under way.
pub struct Flight {
    default: Arc<CudaStream>,
    done: Arc<CudaEvent>,
    shared: Arc<Shared>,
}

/// What the watching thread needs.
struct Shared {
    nccl: Nccl,
    timeout: Duration,
    state: Mutex<State>,
}

struct State {
    /// `None` once it was given up.
    communicator: Option<Handle>,
    /// Why it was.
    failure: Option<String>,
    under_way: VecDeque<(Arc<CudaEvent>, Instant)>,
}

/// A communicator, which any thread may use, one at a time.
#[derive(Clone, Copy)]
struct Handle(Communicator);

// SAFETY: NCCL's communicators belong to no thread; the mutex around this one lets one in at a time.
unsafe impl Send for Handle {}

impl LinkId {
    /// A new one. Says in one line why not when there is no NCCL.
    pub fn new() -> Result<Self, String> {
        Nccl::find()?.unique_id().map(|id| Self(id.0))
    }
}

impl Link {
    /// Joins the group as `rank` of `ranks` with the GPU of this number. Returns when all have joined, or says in one line
    /// why not; `timeout` bounds that, and every collective.
    pub fn join(
        ordinal: u32,
        id: LinkId,
        (rank, ranks): (usize, usize),
        timeout: Duration,
    ) -> Result<Self, String> {
        let gpu = Gpu::open(ordinal).map_err(|error| error.to_string())?;
        let nccl = Nccl::find()?;
        let communicator = joined(&gpu, id, (rank as i32, ranks as i32), timeout)?;
        let stream = gpu.context.new_stream().map_err(said("make a stream"))?;
        let state =
            State { communicator: Some(communicator), failure: None, under_way: VecDeque::new() };
        let shared = Arc::new(Shared { nccl, timeout, state: Mutex::new(state) });
        let (end, ends) = mpsc::sync_channel(1);
        let watched = Arc::clone(&shared);
        let watch = thread::Builder::new()
            .name("nccl watch".to_owned())
            .spawn(move || {
                while ends.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                    watched.look();
                }
            })
            .map_err(|error| format!("no thread can be started: {error}"))?;
        Ok(Self { default: gpu.stream, stream, shared, end: Some(end), watch: Some(watch) })
    }

    /// Puts a collective on its way.
    ///
    /// # Safety
    ///
    /// Memory must be on this rank's GPU, of the elements and as large as the call says, and stay alive and unwritten
    /// until the flight was waited for. Every rank must make the same calls in the same order.
    pub unsafe fn start(&self, call: Call, element: Element) -> Result<Flight, String> {
        let before = self.default.record_event(None).map_err(said("record an event"))?;
        self.stream.wait(&before).map_err(said("wait for an event"))?;
        let mut state = self.shared.state()?;
        if let Some(Handle(communicator)) = state.communicator {
            let stream = self.stream.cu_stream().cast();
            // SAFETY: the caller vouches for the memory; communicator and stream are those of this link.
            unsafe { self.shared.nccl.call(call, element, communicator, stream) }
                .map_err(|error| format!("NCCL says {error}"))?;
        }
        let done = Arc::new(self.stream.record_event(None).map_err(said("record an event"))?);
        state.under_way.push_back((Arc::clone(&done), Instant::now()));
        Ok(Flight { default: Arc::clone(&self.default), done, shared: Arc::clone(&self.shared) })
    }
}

impl Flight {
    /// Makes the default stream wait for it; returns at once. What the stream is given from now on sees the result.
    pub fn wait(&self) -> Result<(), String> {
        drop(self.shared.state()?);
        self.default.wait(&self.done).map_err(said("wait for an event"))
    }
}

impl Shared {
    /// The state, unless the connection was given up.
    fn state(&self) -> Result<MutexGuard<'_, State>, String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(state),
        }
    }

    /// Forgets what has come to its end, and gives up what does not.
    fn look(&self) {
        let Ok(mut state) = self.state() else { return };
        let mut failure = None;
        while let Some((event, since)) = state.under_way.front() {
            match event.try_is_complete() {
                Ok(true) => {
                    state.under_way.pop_front();
                    continue;
                }
                Ok(false) if since.elapsed() > self.timeout => {
                    let seconds = self.timeout.as_secs();
                    failure = Some(format!("a collective has not ended within {seconds} s"));
                }
                Ok(false) => {}
                Err(error) => failure = Some(said("look at an event")(error)),
            }
            break;
        }
        if let (None, Some(Handle(communicator))) = (&failure, state.communicator) {
            // SAFETY: it is alive as long as it is in the state.
            failure = unsafe { self.nccl.failure(communicator) }
                .err()
                .map(|error| format!("NCCL says {error}"));
        }
        if let Some(failure) = failure {
            state.failure = Some(failure);
            self.give_up(&mut state, true);
        }
    }

    fn give_up(&self, state: &mut State, abort: bool) {
        if let Some(Handle(communicator)) = state.communicator.take() {
            // SAFETY: taken out of the state, so that nobody else uses it.
            unsafe { self.nccl.end(communicator, abort) };
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.end = None;
        if let Some(watch) = self.watch.take() {
            // A thread that has panicked has nothing left to tell.
            let _ = watch.join();
        }
        // What has ended since the thread last looked is no reason to give up.
        self.shared.look();
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        // To destroy waits for what is under way: after a failure, or on the way out of one, that may be for ever.
        let abort = state.failure.is_some() || thread::panicking() || !state.under_way.is_empty();
        self.shared.give_up(&mut state, abort);
    }
}

/// Joins on a thread of its own, for it takes for ever when a rank does not come; the thread is then left behind.
fn joined(
    gpu: &Gpu,
    LinkId(id): LinkId,
    (rank, ranks): (i32, i32),
    timeout: Duration,
) -> Result<Handle, String> {
    let (send, receive) = mpsc::sync_channel(1);
    let context = Arc::clone(&gpu.context);
    thread::Builder::new()
        .name("nccl join".to_owned())
        .spawn(move || {
            let done = context
                .bind_to_thread()
                .map_err(said("use the device"))
                .and_then(|()| Nccl::find()?.join(UniqueId(id), rank, ranks).map(Handle));
            // Nobody listens any more when it took too long.
            let _ = send.send(done);
        })
        .map_err(|error| format!("no thread can be started: {error}"))?;
    match receive.recv_timeout(timeout) {
        Ok(joined) => joined.map_err(|error| format!("NCCL says {error}")),
        Err(_) => Err(format!("the ranks have not met within {} s", timeout.as_secs())),
    }
}

/// An error of the driver in words.
fn said(doing: &'static str) -> impl Fn(DriverError) -> String {
    move |error| format!("cannot {doing}: the CUDA driver says {error}")
}
