//! The one thread that writes the ring: it gathers what the target's threads, the inbox and CUPTI have left.

mod events;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use perfagent_spool::{
    LossCause, MIN_CAPACITY, MonotonicNs, ProcessIdentity, RealtimeNs, Record, Refusal, RingWriter,
    SpoolError, State,
};

use crate::config::Config;
use crate::door::door;
use crate::inbox::{self, Item};
use crate::strings::Strings;
use crate::{cupti, lifecycle, losses, signals, threads};
use events::Events;

/// Between two rounds, unless a thread's buffer fills before: what a target loses at most that is killed. Each round
/// takes the processor's caches from the target, so there are no more of them than that needs.
const ROUND: Duration = Duration::from_millis(20);
const HEARTBEAT_NS: u64 = 100_000_000;
const ANCHOR_NS: u64 = 10_000_000_000;

static THREAD: OnceLock<Thread> = OnceLock::new();
static STOP: AtomicBool = AtomicBool::new(false);
static DONE: Mutex<bool> = Mutex::new(false);
static DONE_CHANGED: Condvar = Condvar::new();

/// Starts the thread. The ring is created there, so that the target does not wait for the file system; if it cannot be
/// created, recording is turned off.
pub(crate) fn spawn(config: Config, identity: ProcessIdentity) -> std::io::Result<()> {
    let handle = signals::spawn_quiet("perfagent", move || {
        door((), || run(&config, &identity));
        lifecycle::turn_off();
        *DONE.lock().unwrap_or_else(PoisonError::into_inner) = true;
        DONE_CHANGED.notify_all();
    })?;
    // The thread is never joined: the process may end at any time, and `finish` waits with a deadline.
    THREAD.get_or_init(|| handle.thread().clone());
    Ok(())
}

/// Asks for a round now. Neither locks nor allocates.
pub(crate) fn wake() {
    if let Some(thread) = THREAD.get() {
        thread.unpark();
    }
}

/// Writes what is left, closes the ring and waits for that, but not longer than `deadline`.
pub(crate) fn finish(deadline: Duration) {
    STOP.store(true, Ordering::Release);
    wake();
    let done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    // Whether it was done in time or not, the process goes on ending; a ring that is not closed tells the reader.
    let _ = DONE_CHANGED.wait_timeout_while(done, deadline, |done| !*done);
}

fn run(config: &Config, identity: &ProcessIdentity) {
    let ring = match make_ring(config, identity) {
        Ok(ring) => ring,
        Err(error) => {
            Refusal::leave(&config.spool_dir, identity, &error);
            return lifecycle::debug(&error.to_string());
        }
    };
    let mut writer = Writer::new(ring);
    writer.ring.set_state(State::Running);
    while !STOP.load(Ordering::Acquire) {
        writer.round();
        // A wake-up that came during the round makes this return at once.
        thread::park_timeout(ROUND);
    }
    writer.ring.set_state(State::Flushing);
    // Threads that are still running may go on for ever: what they left by now is enough.
    writer.round();
    writer.write_anchor(MonotonicNs::now());
    writer.ring.heartbeat(MonotonicNs::now());
    writer.ring.set_state(State::Closed);
}

/// A ring of the size that was asked for, or as large a one as the file system has room for.
fn make_ring(config: &Config, identity: &ProcessIdentity) -> Result<RingWriter, SpoolError> {
    let mut bytes = config.spool_bytes;
    loop {
        match RingWriter::create(&config.spool_dir, bytes, identity) {
            Err(SpoolError::NoSpace { .. }) if bytes / 2 >= MIN_CAPACITY => bytes /= 2,
            Ok(ring) => {
                if bytes < config.spool_bytes {
                    let text = format!(
                        "the file system has room for a ring of {bytes} bytes only, not {}; events may be lost that \
                         the recorder does not take in time",
                        config.spool_bytes
                    );
                    inbox::put(Item::Note(text));
                }
                return Ok(ring);
            }
            Err(error) => return Err(error),
        }
    }
}

/// What the writer thread owns.
pub(crate) struct Writer {
    pub(crate) ring: RingWriter,
    pub(crate) strings: Strings,
    events: Events,
    /// Domains declared in the ring so far.
    domains: u32,
    /// The highest communicator declared in the ring so far.
    communicators: u32,
    /// The string id of each registered string, by its number - 1.
    registered: Vec<u32>,
    heartbeat: MonotonicNs,
    /// When the round before this one began.
    last_round: MonotonicNs,
    anchor: Option<MonotonicNs>,
}

impl Writer {
    pub(crate) fn new(ring: RingWriter) -> Self {
        Self {
            ring,
            strings: Strings::default(),
            events: Events::default(),
            domains: 0,
            communicators: 0,
            registered: Vec::new(),
            heartbeat: MonotonicNs(0),
            last_round: MonotonicNs::now(),
            anchor: None,
        }
    }

    /// Gathers everything once.
    fn round(&mut self) {
        let now = MonotonicNs::now();
        if self.anchor.is_none_or(|last| now.0 - last.0 >= ANCHOR_NS) {
            self.write_anchor(now);
        }
        self.take_inbox();
        cupti::drain(self);
        for buffer in threads::all() {
            events::drain(self, buffer, now);
        }
        losses::take(|cause, count| self.ring.count_loss(cause, count));
        if now.0 - self.heartbeat.0 >= HEARTBEAT_NS {
            self.heartbeat = now;
            self.ring.heartbeat(now);
        }
        self.last_round = now;
    }

    fn write_anchor(&mut self, now: MonotonicNs) {
        // The wall clock is read between two readings of the other, whose middle belongs to it.
        let before = MonotonicNs::now();
        let realtime = RealtimeNs::now();
        let after = MonotonicNs::now();
        let monotonic = MonotonicNs(before.0 + (after.0 - before.0) / 2);
        self.ring.push(&Record::Anchor { monotonic, realtime });
        self.anchor = Some(now);
    }

    /// Whether the ring has room for `bytes`. At the end of the process nothing waits any more: what does not fit is
    /// dropped and counted by the ring.
    pub(crate) fn may_write(&mut self, bytes: u64) -> bool {
        self.ring.has_room(bytes) || STOP.load(Ordering::Acquire)
    }

    /// The string id of a text.
    pub(crate) fn text(&mut self, text: &[u8]) -> u32 {
        self.strings.id(&mut self.ring, text)
    }

    /// The string id of a registered string. It was registered before it was used, but its registration may still be
    /// in the inbox.
    fn registered(&mut self, number: u32) -> u32 {
        let place = number as usize - 1;
        if place >= self.registered.len() {
            self.take_inbox();
        }
        self.registered.get(place).copied().unwrap_or(0)
    }

    /// Makes sure that a domain is declared before it is used.
    fn know_domain(&mut self, domain: u32) {
        if domain > self.domains {
            self.take_inbox();
        }
    }

    /// Makes sure that a communicator is declared before it is used.
    pub(crate) fn know_communicator(&mut self, communicator: u32) {
        if communicator > self.communicators {
            self.take_inbox();
        }
    }

    fn take_inbox(&mut self) {
        for item in inbox::take() {
            self.write_item(item);
        }
    }

    fn write_item(&mut self, item: Item) {
        let record = match item {
            Item::Registered { text } => {
                let id = self.text(&text);
                return self.registered.push(id);
            }
            Item::Domain { domain, name } => {
                self.domains = domain;
                Record::Domain { domain, name: self.text(&name) }
            }
            Item::Category { domain, category, name } => {
                Record::Category { domain, category, name: self.text(&name) }
            }
            Item::ThreadName { tid, name } => {
                self.events.named_by_program(tid);
                Record::ThreadName { tid, name: self.text(&name) }
            }
            Item::Note(text) => {
                Record::Note { time: MonotonicNs::now(), text: self.text(text.as_bytes()) }
            }
            Item::Capture { time, name, opened } => Record::Capture {
                time,
                name: self.text(name.as_bytes()),
                state: opened.map_or(0, |opened| if opened { 1 } else { 2 }),
            },
            Item::Communicator(of) => {
                self.communicators = self.communicators.max(of.number);
                Record::NcclCommunicator {
                    communicator: of.number,
                    hash: of.hash,
                    name: self.text(&of.name),
                    rank: of.rank,
                    ranks: of.ranks,
                    nodes: of.nodes,
                    version: of.version,
                }
            }
            Item::Device(device) => Record::Device {
                ordinal: device.ordinal,
                name: self.text(&device.name),
                uuid: device.uuid,
                total_bytes: device.total_bytes,
                sm_count: device.sm_count,
                cc_major: device.cc_major,
                cc_minor: device.cc_minor,
            },
        };
        self.ring.push(&record);
    }

    /// Counts losses between two times and shows them on the time line.
    pub(crate) fn gap(
        &mut self,
        cause: LossCause,
        start: MonotonicNs,
        end: MonotonicNs,
        count: u64,
    ) {
        self.ring.count_loss(cause, count);
        self.ring.push(&Record::Gap { start, end, cause, count });
    }
}
