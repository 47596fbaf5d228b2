//! `record`: the whole way of one run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use perfagent_recording::table::{ClockAnchor, Loss, Severity};
use perfagent_recording::{HostId, Span, Writer};
use perfagent_spool::ProcessIdentity;
use rustix::process::{Pid, WaitOptions, set_child_subreaper, waitpid};
use rustix::time::{ClockId, clock_gettime};

use crate::clock::Clock;
use crate::decode::Tables;
use crate::drain::Drain;
use crate::error::CollectError;
use crate::host;
use crate::job;
use crate::library::Library;
use crate::proc::{self, Stat};
use crate::run_directory::RunDirectory;
use crate::sample::{Reading, Samplers, Store};
use crate::session::Session;
use crate::signals::Signals;
use crate::summary::Summary;
use crate::target::{Target, TargetExit};
use crate::window::Window;

/// How often the rings are looked at.
const DRAIN_PERIOD: Duration = Duration::from_millis(50);
/// How often what was read becomes part of the recording.
const COMMIT_PERIOD: Duration = Duration::from_millis(200);
const ANCHOR_PERIOD: Duration = Duration::from_secs(10);

/// What to record, and how.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// The recording to write.
    pub output: PathBuf,
    /// Whether an earlier recording of that name gives way.
    pub force: bool,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Samples a second of processor, memory and GPUs; more than 0.
    pub sample_hz: f64,
    /// Events before this much time has passed are not kept.
    pub delay: Duration,
    /// Events after this much more time has passed are not kept; the target goes on.
    pub duration: Option<Duration>,
    /// What a target that is killed loses at most of its GPU operations, in ms; the library's own choice when `None`.
    pub flush_ms: Option<u64>,
    /// Whether calls of the CUDA API are recorded.
    pub api: bool,
    /// How CUDA graphs are recorded: `node`, `graph` or `auto`.
    pub cuda_graphs: String,
    /// Record only while a range of this name is open: `NAME`, `NAME@DOMAIN`, or `cudaProfilerApi`.
    pub capture_range: Option<String>,
    /// How long processes that outlive the command are waited for.
    pub linger: Duration,
}

impl RecordOptions {
    /// Records `command` into `output`, everything else as usual.
    #[must_use]
    pub fn new(output: PathBuf, command: Vec<OsString>) -> Self {
        Self {
            output,
            force: false,
            command,
            sample_hz: 20.0,
            delay: Duration::ZERO,
            duration: None,
            flush_ms: None,
            api: false,
            cuda_graphs: "auto".to_owned(),
            capture_range: None,
            linger: Duration::from_secs(2),
        }
    }
}

/// A run that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// How the command ended.
    pub exit: TargetExit,
    /// How long it ran.
    pub ran: Span,
    /// What the recording holds.
    pub summary: Summary,
}

/// What wakes the recorder.
#[derive(Debug)]
pub(crate) enum Event {
    /// A child process has ended.
    ChildEnded,
    /// A sampler has read something.
    Reading(Reading),
}

/// Runs the command and records it and the processes that it starts.
///
/// Takes over the calling process while it runs: its signals are passed on to the command, and orphans of the
/// command's tree become its children and are reaped. Should the recording fail half-way, the command runs to its end
/// all the same before the error is returned.
pub fn record(options: &RecordOptions) -> Result<Recorded, CollectError> {
    let library = Library::find()?;
    let directory = RunDirectory::create(&options.output, options.force)?;
    let (sender, events) = sync_channel(1024);
    let (mut recorder, remarks) =
        match Recorder::prepare(options, &directory, &library, sender.clone()) {
            Ok(prepared) => prepared,
            Err(error) => {
                directory.discard();
                return Err(error);
            }
        };
    let signals = Signals::take_over(sender)?;
    let (mut variables, mut told) = library.environment();
    told.extend(remarks);
    variables.push(("PERFAGENT_SPOOL_DIR", absolute(directory.spool()).into_os_string()));
    if let Some(period) = options.flush_ms {
        variables.push(("PERFAGENT_FLUSH_MS", period.to_string().into()));
    }
    if options.api {
        variables.push(("PERFAGENT_API", "1".into()));
    }
    variables.push(("PERFAGENT_CUDA_GRAPHS", options.cuda_graphs.clone().into()));
    if let Some(range) = &options.capture_range {
        variables.push(("PERFAGENT_CAPTURE_RANGE", range.into()));
    }
    // Orphans of the target's tree become our children, so that their ends are seen.
    recorder.reaping = set_child_subreaper(Some(rustix::process::getpid())).is_ok();
    let mut target = match Target::start(&options.command, &variables) {
        Ok(target) => target,
        Err(error) => {
            drop(recorder);
            directory.discard();
            return Err(error);
        }
    };
    signals.forward_to(target.pid());
    let followed = recorder
        .begin(&target, &directory, told)
        .and_then(|()| recorder.follow(&mut target, &signals, &events));
    let unfinished = |source| CollectError::Unfinished {
        directory: directory.path().to_owned(),
        output: options.output.clone(),
        source: Box::new(source),
    };
    let exit = match followed {
        Ok(exit) => exit,
        Err(error) => {
            // The run matters more than its recording. Signals still reach it.
            target.wait()?;
            return Err(unfinished(error));
        }
    };
    let ran = recorder.session.clock.now() - recorder.session.started();
    recorder.complete(exit, options.linger, &events).map_err(unfinished)?;
    let path = directory.finish()?;
    Ok(Recorded { exit, ran, summary: Summary::of(&path)? })
}

/// The recording side of a run.
struct Recorder {
    host: HostId,
    session: Session,
    drain: Drain,
    store: Store,
    samplers: Option<Samplers>,
    sample_hz: f64,
    root: u32,
    /// Whether orphans of the target's tree become children of this process.
    reaping: bool,
    next_drain: Instant,
    next_commit: Instant,
    next_anchor: Instant,
}

impl Recorder {
    /// Sets up everything that can fail before the target starts. Returns remarks for the recording, too.
    fn prepare(
        options: &RecordOptions,
        directory: &RunDirectory,
        library: &Library,
        events: SyncSender<Event>,
    ) -> Result<(Self, Vec<String>), CollectError> {
        let clock = Clock::measure();
        let started = clock.now();
        let span = |duration: Duration| {
            Span::from_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
        };
        let words: Vec<_> = options.command.iter().map(|word| word.to_string_lossy()).collect();
        let session = Session {
            clock,
            started_ns: started.unix_nanos(),
            window: Window::new(started, span(options.delay), options.duration.map(span)),
            command: words.join(" "),
            boot_id: host::boot_id(),
            job: job::of_this_process(),
            root: None,
        };
        session.save(&directory.session())?;
        let mut writer = Writer::create(&directory.database())?;
        session.describe(&mut writer)?;
        writer.set_meta("library", &library.path().display().to_string())?;
        let host = writer.insert(&host::this_host())?;
        let tables = Tables::new(writer)?;
        let drain =
            Drain::new(directory.spool(), directory.state(), host, session.clone(), tables)?;
        let mut remarks = Vec::new();
        let samplers = match Samplers::start(clock, options.sample_hz, events) {
            Ok(samplers) => Some(samplers),
            Err(error) => {
                remarks.push(format!("processor and memory are not sampled: {error}"));
                None
            }
        };
        let now = Instant::now();
        let store = Store::new(host, session.window);
        let recorder = Self {
            host,
            session,
            drain,
            store,
            samplers,
            sample_hz: options.sample_hz,
            root: 0,
            reaping: false,
            next_drain: now,
            next_commit: now,
            next_anchor: now,
        };
        Ok((recorder, remarks))
    }

    /// Writes down what is known once the target runs.
    fn begin(
        &mut self,
        target: &Target,
        directory: &RunDirectory,
        remarks: Vec<String>,
    ) -> Result<(), CollectError> {
        self.root = target.pid();
        let start_ticks = Stat::of(self.root).map_or(0, |stat| stat.start_ticks);
        self.session.root = Some((self.root, start_ticks));
        self.session.save(&directory.session())?;
        // It inherits our environment, and with it its place in a distributed job.
        let own = ProcessIdentity::of_this_process();
        let identity = ProcessIdentity {
            pid: self.root,
            ppid: own.pid,
            start_time_ticks: start_ticks,
            command: self.session.command.clone(),
            ..own
        };
        self.drain.add_process(&identity, self.session.started())?;
        for remark in remarks {
            self.drain.note(None, Severity::Warning, remark)?;
        }
        self.drain.commit()
    }

    /// Records until the command has ended.
    fn follow(
        &mut self,
        target: &mut Target,
        signals: &Signals,
        events: &Receiver<Event>,
    ) -> Result<TargetExit, CollectError> {
        loop {
            if let Some(exit) = signals.until(|| target.exit())? {
                return Ok(exit);
            }
            self.turn(events)?;
        }
    }

    /// Waits for the next moment to do something, and does it.
    fn turn(&mut self, events: &Receiver<Event>) -> Result<(), CollectError> {
        let wait = self.next_drain.saturating_duration_since(Instant::now());
        match events.recv_timeout(wait) {
            Ok(Event::Reading(read)) => self.store.write(read, &mut self.drain)?,
            Ok(Event::ChildEnded) => {
                if self.reaping {
                    self.reap();
                }
                return Ok(());
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        let now = Instant::now();
        if now >= self.next_drain {
            self.drain.scan()?;
            let drained = self.drain.read()?;
            // Where more is waiting there is no reason to.
            self.next_drain = if drained { now + DRAIN_PERIOD } else { now };
            if let Some(samplers) = &mut self.samplers {
                samplers.watch(self.drain.processes());
                for reading in samplers.look() {
                    self.store.write(reading, &mut self.drain)?;
                }
            }
        }
        if now >= self.next_anchor {
            self.next_anchor = now + ANCHOR_PERIOD;
            self.anchor()?;
        }
        if now >= self.next_commit || self.drain.is_pressing() {
            self.next_commit = now + COMMIT_PERIOD;
            self.drain.finish_ended()?;
            self.drain.commit()?;
        }
        Ok(())
    }

    /// Reads what is left of a command that ended with `exit`, and finishes the recording.
    fn complete(
        mut self,
        exit: TargetExit,
        linger: Duration,
        events: &Receiver<Event>,
    ) -> Result<(), CollectError> {
        let (code, signal) = match exit {
            TargetExit::Code(code) => (Some(i64::from(code)), None),
            TargetExit::Signal(signal) => (None, Some(i64::from(signal))),
        };
        self.drain.ended(self.root, code, signal);
        let deadline = Instant::now() + linger;
        self.drain.scan()?;
        while self.drain.is_anyone_writing() && Instant::now() < deadline {
            self.turn(events)?;
        }
        self.drain.scan()?;
        while !self.drain.read()? {
            if self.drain.is_pressing() {
                self.drain.commit()?;
            }
        }
        let (last, unsaved, paces) = self.samplers.take().map(Samplers::stop).unwrap_or_default();
        let sampled_until = self.session.clock.now();
        while let Ok(event) = events.try_recv() {
            if let Event::Reading(reading) = event {
                self.store.write(reading, &mut self.drain)?;
            }
        }
        for reading in last {
            self.store.write(reading, &mut self.drain)?;
        }
        self.store.finish(sampled_until, self.sample_hz, &mut self.drain)?;
        if unsaved > 0 {
            let cause = "sample_dropped".to_owned();
            self.drain.tables.writer.append(&Loss {
                cause,
                count: unsaved as i64,
                ..Loss::default()
            })?;
        }
        self.drain.finish_all()?;
        self.drain.end_processes(self.session.clock.now())?;
        if self.drain.reporting() == 0 {
            let mut text = "no process of the command used NVTX or CUDA, so that only processor and memory were sampled; \
                            mark the program with NVTX ranges, or check that it starts with `perfagent doctor`"
                .to_owned();
            if let Some(launcher) = job::launcher(&self.session.command) {
                let hint = format!(
                    "; what {launcher} starts on other machines is recorded by a recorder there: \
                     `{launcher} … perfagent record -o 'run-%h-%p.perfdb' -- CMD`"
                );
                text.push_str(&hint);
            }
            self.drain.note(None, Severity::Warning, text)?;
        }
        self.anchor()?;
        let mut writer = self.drain.into_writer();
        writer.set_meta("exit_code", &exit.code().to_string())?;
        // What the recording itself cost, outside the target: so that nobody has to guess.
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let used_ns = used.tv_sec.saturating_mul(1_000_000_000).saturating_add(used.tv_nsec);
        writer.set_meta("recorder_cpu_ns", &used_ns.to_string())?;
        for (key, pace) in paces {
            writer.set_meta(key, &serde_json::json!(pace).to_string())?;
        }
        if let TargetExit::Signal(signal) = exit {
            writer.set_meta("exit_signal", &signal.to_string())?;
        }
        Ok(writer.finish()?)
    }

    fn anchor(&mut self) -> Result<(), CollectError> {
        let (time_ns, realtime_ns) = self.session.clock.anchor();
        let anchor = ClockAnchor { host_id: self.host, process_id: None, time_ns, realtime_ns };
        Ok(self.drain.tables.writer.append(&anchor)?)
    }

    /// Takes note of orphans that ended. The command itself is waited for elsewhere.
    fn reap(&mut self) {
        for child in proc::own_children() {
            let is_ours = child != self.root && Stat::of(child).is_some_and(Stat::has_ended);
            let Some(pid) = i32::try_from(child).ok().and_then(Pid::from_raw).filter(|_| is_ours)
            else {
                continue;
            };
            if let Ok(Some((_, status))) = waitpid(Some(pid), WaitOptions::NOHANG) {
                self.drain.ended(
                    child,
                    status.exit_status().map(i64::from),
                    status.terminating_signal().map(i64::from),
                );
            }
        }
    }
}

/// The path as the target must see it: it may change its working directory.
fn absolute(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}
