//! Quantities that are sampled while the target runs, each kind on a thread of its own: the driver's library may hang,
//! and neither the processor's samples nor the rings wait for it.

mod gpu;
mod host;
mod store;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use perfagent_recording::{ProcessId, Timestamp};

use crate::clock::Clock;
use crate::drain::Known;
use crate::record::Event;
pub(crate) use store::Store;

/// What a sample is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// The machine.
    Host,
    /// A process of the target.
    Process(ProcessId),
    /// The GPU with this index on the machine.
    Gpu(u32),
}

/// One reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) time: Timestamp,
    pub(crate) subject: Subject,
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
}

/// Device memory that the driver accounts to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceMemory {
    pub(crate) time: Timestamp,
    pub(crate) pid: u32,
    pub(crate) uuid: String,
    pub(crate) bytes: u64,
}

/// What a sampler hands over.
#[derive(Debug)]
pub(crate) enum Reading {
    Samples(Vec<Sample>),
    Memory(Vec<DeviceMemory>),
    /// A sampler cannot read something; said once.
    Trouble(String),
}

/// What all samplers share.
#[derive(Clone, Debug)]
struct Context {
    clock: Clock,
    period: Duration,
    events: SyncSender<Event>,
    watched: Arc<Mutex<Vec<Known>>>,
    dropped: Arc<AtomicU64>,
    stopping: Arc<AtomicBool>,
}

impl Context {
    /// Hands a reading over; the recorder falling behind must not make samples pile up.
    fn send(&self, reading: Reading) {
        if let Err(TrySendError::Full(_)) = self.events.try_send(Event::Reading(reading)) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn watched(&self) -> Vec<Known> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls `turn` at the sampling pace until `stop` hangs up.
    fn run(&self, stop: &Receiver<()>, mut turn: impl FnMut()) {
        let mut next = Instant::now();
        while !self.stopping.load(Ordering::Relaxed) {
            turn();
            // A turn that took too long moves the pace instead of being followed by hurried ones.
            next = (next + self.period).max(Instant::now());
            match stop.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }
}

/// The running samplers.
#[derive(Debug)]
pub(crate) struct Samplers {
    context: Context,
    stop: Vec<SyncSender<()>>,
    host: Option<JoinHandle<()>>,
}

impl Samplers {
    /// Starts sampling `rate` times a second.
    pub(crate) fn start(
        clock: Clock,
        rate: f64,
        events: SyncSender<Event>,
    ) -> std::io::Result<Self> {
        let context = Context {
            clock,
            period: Duration::from_secs_f64(1.0 / rate),
            events,
            watched: Arc::default(),
            dropped: Arc::default(),
            stopping: Arc::default(),
        };
        let mut samplers = Self { context, stop: Vec::new(), host: None };
        samplers.host = Some(samplers.spawn("sample-host", host::run)?);
        // Not joined: a driver that hangs must not keep the recorder from ending.
        samplers.spawn("sample-gpu", gpu::run)?;
        Ok(samplers)
    }

    fn spawn(
        &mut self,
        name: &str,
        run: impl FnOnce(&Context, &Receiver<()>) + Send + 'static,
    ) -> std::io::Result<JoinHandle<()>> {
        let (stop, stopped) = sync_channel(1);
        let context = self.context.clone();
        let handle =
            std::thread::Builder::new().name(name.into()).spawn(move || run(&context, &stopped))?;
        self.stop.push(stop);
        Ok(handle)
    }

    /// From now on these processes are sampled.
    pub(crate) fn watch(&self, processes: &[Known]) {
        let mut watched = self.context.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() != processes.len() {
            processes.clone_into(&mut watched);
        }
    }

    /// Stops sampling. Returns how many readings could not be handed over.
    pub(crate) fn stop(mut self) -> u64 {
        self.context.stopping.store(true, Ordering::Relaxed);
        self.stop.clear();
        if let Some(host) = self.host.take() {
            let _ = host.join();
        }
        self.context.dropped.load(Ordering::Relaxed)
    }
}
