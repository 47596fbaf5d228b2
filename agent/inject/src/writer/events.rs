//! From the messages of the target's threads to records.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::atomic::Ordering;

use perfagent_spool::{LossCause, MonotonicNs, Record};

use super::Writer;
use crate::cupti::waits;
use crate::message::{self, Kind, Received};
use crate::thread_buffer::{ThreadBuffer, life};
use crate::{losses, nccl};

/// How often the names of threads are looked at again; programs name a thread after it has started.
const NAME_NS: u64 = 1_000_000_000;

/// Room that stays free in the ring for what does not wait: a long text with its event, names, anchors.
const RESERVE_BYTES: u64 = 32 << 10;

/// What is known about the threads seen so far.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// By address of the buffer.
    seen: HashMap<usize, Seen>,
    /// Threads whose names the program gave itself.
    named: HashSet<u32>,
    text: Vec<u8>,
}

#[derive(Debug, Default)]
struct Seen {
    incarnation: u32,
    /// Events dropped that have been told.
    dropped: u64,
    /// When there was last nothing more to tell.
    settled: MonotonicNs,
    looked: MonotonicNs,
    name: Vec<u8>,
}

impl Events {
    /// The program's own name for a thread stands; the kernel's is not asked for any more.
    pub(super) fn named_by_program(&mut self, tid: u32) {
        self.named.insert(tid);
    }
}

/// Writes what a thread has left.
pub(super) fn drain(writer: &mut Writer, buffer: &ThreadBuffer, now: MonotonicNs) {
    // Looked at before draining: what an ended thread wrote is all there then.
    let life = buffer.life.load(Ordering::Acquire);
    if life == life::FREE {
        return;
    }
    let mut seen =
        writer.events.seen.remove(&std::ptr::from_ref(buffer).addr()).unwrap_or_default();
    let busy = !buffer.is_drained();
    let tid = buffer.tid.load(Ordering::Relaxed);
    let incarnation = buffer.incarnation.load(Ordering::Relaxed);
    if busy && seen.incarnation != incarnation {
        seen = Seen {
            incarnation,
            dropped: seen.dropped,
            settled: writer.last_round,
            ..Seen::default()
        };
    }
    if busy && (seen.looked.0 == 0 || now.0.saturating_sub(seen.looked.0) > NAME_NS) {
        seen.looked = now;
        name_thread(writer, tid, &mut seen.name);
    }
    let mut text = std::mem::take(&mut writer.events.text);
    let mut held = false;
    let sound = buffer.drain(&mut |words| {
        // While the ring is full, events wait where they are. What is then dropped there still nests.
        held = !writer.may_write(RESERVE_BYTES);
        if !held && let Some(event) = message::read(words, &mut text) {
            write(writer, tid, &event, &text);
        }
        !held
    });
    writer.events.text = text;
    if !sound {
        losses::add(LossCause::UnknownRecord, 1);
    }
    if !held {
        let dropped = buffer.dropped();
        if dropped > seen.dropped {
            let count = dropped - seen.dropped;
            writer.gap(LossCause::ThreadBufferFull, seen.settled, now, count);
            seen.dropped = dropped;
        }
        seen.settled = now;
    }
    writer.events.seen.insert(std::ptr::from_ref(buffer).addr(), seen);
    if life == life::ABANDONED && buffer.is_drained() {
        buffer.reset();
        buffer.life.store(life::FREE, Ordering::Release);
    }
}

/// Writes the kernel's name for a thread if it is new.
fn name_thread(writer: &mut Writer, tid: u32, known: &mut Vec<u8>) {
    if writer.events.named.contains(&tid) {
        return;
    }
    // A thread that has ended has no name any more; it keeps the one that was written.
    let Ok(name) = fs::read(format!("/proc/self/task/{tid}/comm")) else { return };
    let name = name.trim_ascii_end();
    if !name.is_empty() && name != known {
        known.clear();
        known.extend_from_slice(name);
        let name = writer.text(name);
        writer.ring.push(&Record::ThreadName { tid, name });
    }
}

fn write(writer: &mut Writer, tid: u32, event: &Received, text: &[u8]) {
    let &Received { kind, time, domain, category, color, payload, id, registered, .. } = event;
    if event.truncated {
        writer.ring.count_loss(LossCause::TruncatedText, 1);
    }
    if kind == Kind::NcclCall {
        let record = nccl::record(writer, tid, event, text);
        writer.ring.push(&record);
        return;
    }
    if kind == Kind::NcclTimes {
        writer.ring.push(&nccl::times(event));
        return;
    }
    if kind == Kind::Wait {
        writer.ring.push(&waits::record(event));
        return;
    }
    writer.know_domain(domain);
    let name = if registered == 0 { writer.text(text) } else { writer.registered(registered) };
    let record = match kind {
        Kind::Push => Record::RangePush { time, tid, domain, category, color, name, payload },
        Kind::Pop => Record::RangePop { time, tid, domain },
        Kind::Start => Record::RangeStart { time, tid, id, domain, category, color, name, payload },
        Kind::End => Record::RangeEnd { time, tid, id },
        Kind::Mark => Record::Mark { time, tid, domain, category, color, name, payload },
        Kind::NcclCall | Kind::NcclTimes | Kind::Wait => return,
    };
    writer.ring.push(&record);
}
