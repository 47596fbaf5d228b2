//! Quantities that are sampled while the target runs, each kind on a thread of its own: the driver's library may hang,
//! and neither the processor's samples nor the rings wait for it.

mod gpu;
mod host;
mod libraries;
mod pace;
mod store;
mod watch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use perfagent_recording::table::{Gpu, Library, Severity};
use perfagent_recording::{ProcessId, Timestamp};

use crate::clock::Clock;
use crate::drain::Known;
use crate::record::Event;
use pace::{Pace, Stop};
pub(crate) use store::Store;
use watch::Hang;
pub(crate) use watch::Watch;

/// How long the samplers of GPUs are waited for at the end, unless one is known to hang.
const GRACE: Duration = Duration::from_millis(400);

/// What a sample is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// The machine.
    Host,
    /// A process of the target.
    Process(ProcessId),
    /// The GPU with this index on the machine.
    Gpu(u32),
    /// A process's part of the GPU with this index.
    ProcessGpu(ProcessId, u32),
}

/// Which readings of a quantity are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All of them.
    Every,
    /// The first and last of each run of equal ones: the curve is the same.
    Changes,
}

/// One reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) time: Timestamp,
    pub(crate) subject: Subject,
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    pub(crate) keep: Keep,
}

/// Device memory that the driver accounts to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceMemory {
    pub(crate) time: Timestamp,
    pub(crate) pid: u32,
    pub(crate) gpu: u32,
    pub(crate) uuid: Arc<str>,
    pub(crate) bytes: u64,
}

/// What a sampler hands over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reading {
    Samples(Vec<Sample>),
    Memory(Vec<DeviceMemory>),
    /// Something happened, or cannot be read; said once.
    Note {
        time: Timestamp,
        severity: Severity,
        text: String,
    },
    /// Readings that could not be taken.
    Gap {
        cause: &'static str,
        count: i64,
        start: Timestamp,
        end: Timestamp,
    },
    /// A GPU of the machine; the machine's row is filled in when it is written.
    Gpu(Gpu),
    /// A library that a process has loaded.
    Library(Library),
    /// From then on this GPU could not be read any more.
    Lost {
        gpu: u32,
        time: Timestamp,
    },
}

/// What all samplers share.
#[derive(Clone, Debug)]
struct Context {
    clock: Clock,
    period: Duration,
    events: SyncSender<Event>,
    watched: Arc<Mutex<Vec<Known>>>,
    dropped: Arc<AtomicU64>,
    stop: Stop,
}

impl Context {
    /// Hands a reading over; the recorder falling behind must not make samples pile up.
    fn send(&self, reading: Reading) {
        if let Err(TrySendError::Full(_)) = self.events.try_send(Event::Reading(reading)) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn note(&self, severity: Severity, text: String) {
        self.send(Reading::Note { time: self.clock.now(), severity, text });
    }

    fn watched(&self) -> Vec<Known> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The running samplers.
#[derive(Debug)]
pub(crate) struct Samplers {
    context: Context,
    watch: Watch,
    host: Option<JoinHandle<()>>,
    /// Hangs up when every thread that asks the driver has ended.
    gpu_threads: Receiver<()>,
    host_pace: Arc<Mutex<Pace>>,
    gpu_pace: Arc<Mutex<Pace>>,
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
            stop: Stop::default(),
        };
        let mut watch = Watch::new(clock);
        let (alive, gpu_threads) = sync_channel(0);
        let callers = gpu::Callers::new(&mut watch, alive);
        let mut samplers = Self {
            context,
            watch,
            host: None,
            gpu_threads,
            host_pace: Arc::default(),
            gpu_pace: Arc::default(),
        };
        let pace = Arc::clone(&samplers.host_pace);
        samplers.host = Some(spawn("sample-host", &samplers.context, move |context| {
            host::run(context, &pace);
        })?);
        // Neither of the others is joined: a driver or a file system that hangs must not keep the recorder from ending.
        spawn("sample-libraries", &samplers.context, libraries::run)?;
        let pace = Arc::clone(&samplers.gpu_pace);
        spawn("sample-gpu", &samplers.context, move |context| gpu::run(context, callers, &pace))?;
        Ok(samplers)
    }

    /// From now on these processes are sampled.
    pub(crate) fn watch(&self, processes: &[Known]) {
        let mut watched = self.context.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() != processes.len() {
            processes.clone_into(&mut watched);
        }
    }

    /// What is to be said of calls into the driver that hang, or have come back. Never waits.
    pub(crate) fn look(&mut self) -> Vec<Reading> {
        let hangs = self.watch.look();
        self.tell(&hangs)
    }

    /// Stops sampling. Returns what is to be said last, how many readings could not be handed over, and how regular
    /// the samplers were.
    pub(crate) fn stop(mut self) -> (Vec<Reading>, u64, [(&'static str, Pace); 2]) {
        self.context.stop.set();
        if let Some(host) = self.host.take() {
            let _ = host.join();
        }
        let mut last = self.look();
        let waited_since = (!self.watch.is_any_hung()).then(|| {
            let since = self.context.clock.now();
            // A driver that answers does so at once. Nothing is ever sent: the end of the last thread ends the wait.
            match self.gpu_threads.recv_timeout(GRACE) {
                Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => since,
            }
        });
        let abandoned = self.watch.abandon(waited_since);
        last.extend(self.tell(&abandoned));
        let pace = |pace: &Mutex<Pace>| *pace.lock().unwrap_or_else(PoisonError::into_inner);
        let paces =
            [("sampling_host", pace(&self.host_pace)), ("sampling_gpu", pace(&self.gpu_pace))];
        (last, self.context.dropped.load(Ordering::Relaxed), paces)
    }

    fn tell(&self, hangs: &[Hang]) -> Vec<Reading> {
        hangs.iter().flat_map(|hang| self.tell_one(hang)).collect()
    }

    fn tell_one(&self, hang: &Hang) -> Vec<Reading> {
        let Hang { call, end } = hang;
        let whom = call.gpu.map_or_else(String::new, |gpu| format!(" of GPU {gpu}"));
        let Some(end) = *end else {
            let text = format!(
                "NVML does not answer: {}{whom}; GPUs are not sampled until it does",
                call.name
            );
            return vec![Reading::Note { time: call.since, severity: Severity::Info, text }];
        };
        let silent = end - call.since;
        let text =
            format!("NVML did not answer for {:.1} s: {}{whom}", silent.seconds(), call.name);
        let missed = silent.seconds() / self.context.period.as_secs_f64();
        vec![
            Reading::Note { time: call.since, severity: Severity::Warning, text },
            Reading::Gap {
                cause: "nvml_hang",
                count: (missed as i64).max(1),
                start: call.since,
                end,
            },
        ]
    }
}

impl Drop for Samplers {
    /// Of a recording that failed.
    fn drop(&mut self) {
        self.context.stop.set();
    }
}

fn spawn(
    name: &str,
    context: &Context,
    run: impl FnOnce(&Context) + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let context = context.clone();
    std::thread::Builder::new().name(name.into()).spawn(move || run(&context))
}
