//! Ranges whose end has not been read yet.

use std::collections::BTreeMap;

use perfagent_recording::table::Payload;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::meaning::Meaning;

/// The start of a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OpenRange {
    /// When it started, on the recording's clock.
    pub(crate) start_ns: i64,
    /// The thread that opened it.
    pub(crate) tid: u32,
    /// String id, in the recording, of its domain.
    pub(crate) domain: i64,
    /// String id, in the recording, of its category.
    pub(crate) category: i64,
    /// ARGB; 0 for none.
    pub(crate) color: u32,
    /// What it becomes a row of.
    pub(crate) meaning: Meaning,
    /// How many of its own kind enclose it; `None` for a start/end range.
    pub(crate) depth: Option<i64>,
    /// The number that it carries.
    #[serde(with = "payload")]
    pub(crate) payload: Payload,
    /// Whether it started within the recorded window.
    pub(crate) keep: bool,
}

/// The stack of one thread in one domain.
#[derive(Clone, Debug, Default)]
struct Stack {
    ranges: Vec<OpenRange>,
    /// How many of them are plain ranges.
    plain: i64,
}

/// All open ranges of a ring.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenRanges {
    stacks: FxHashMap<(u32, u32), Stack>,
    /// Open operators of each thread, over all domains.
    operators: FxHashMap<u32, i64>,
    started: FxHashMap<u64, OpenRange>,
    /// Ends, by id and time, whose start has not been read. The buffers of a process's threads are emptied one after
    /// the other, so a range that ends on another thread than it started on may end first.
    ended: BTreeMap<u64, i64>,
}

/// The form in a checkpoint.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Saved {
    stacks: Vec<((u32, u32), Vec<OpenRange>)>,
    started: BTreeMap<u64, OpenRange>,
    ended: BTreeMap<u64, i64>,
}

impl OpenRanges {
    /// A range opens inside those that are open on its thread, in NVTX domain `domain`.
    pub(crate) fn push(&mut self, domain: u32, mut range: OpenRange) {
        let stack = self.stacks.entry((range.tid, domain)).or_default();
        if range.meaning.is_operator() {
            let operators = self.operators.entry(range.tid).or_default();
            range.depth = Some(*operators);
            *operators += 1;
        } else {
            range.depth = Some(stack.plain);
            stack.plain += 1;
        }
        stack.ranges.push(range);
    }

    /// The innermost range of a thread and domain closes.
    pub(crate) fn pop(&mut self, tid: u32, domain: u32) -> Option<OpenRange> {
        let stack = self.stacks.get_mut(&(tid, domain))?;
        let range = stack.ranges.pop()?;
        if range.meaning.is_operator() {
            if let Some(operators) = self.operators.get_mut(&tid) {
                *operators -= 1;
            }
        } else {
            stack.plain -= 1;
        }
        Some(range)
    }

    /// A range with an id of its own opens. Returns it with the time of its end, if that was read before.
    pub(crate) fn start(&mut self, id: u64, range: OpenRange) -> Option<(OpenRange, i64)> {
        if let Some(end_ns) = self.ended.remove(&id) {
            return Some((range, end_ns));
        }
        self.started.insert(id, range);
        None
    }

    /// The range with this id closes at this time. Returns it if its start was read before.
    pub(crate) fn end(&mut self, id: u64, end_ns: i64) -> Option<OpenRange> {
        let range = self.started.remove(&id);
        if range.is_none() {
            self.ended.insert(id, end_ns);
        }
        range
    }

    /// How many ends wait for their start.
    pub(crate) fn unmatched_ends(&self) -> u64 {
        self.ended.len() as u64
    }

    /// Takes every range of the stacks, innermost first: after a loss nobody knows which of them closed.
    pub(crate) fn take_stacks(&mut self) -> Vec<OpenRange> {
        self.operators.clear();
        let mut keys: Vec<_> = self.stacks.keys().copied().collect();
        keys.sort_unstable();
        let stacks = keys.iter().filter_map(|key| self.stacks.remove(key)).collect::<Vec<_>>();
        stacks.into_iter().flat_map(|stack| stack.ranges.into_iter().rev()).collect()
    }

    /// Takes every range.
    pub(crate) fn take_all(&mut self) -> Vec<OpenRange> {
        let mut ranges = self.take_stacks();
        ranges.extend(
            std::mem::take(&mut self.started).into_iter().collect::<BTreeMap<_, _>>().into_values(),
        );
        ranges
    }

    pub(crate) fn save(&self) -> Saved {
        let stacks = self.stacks.iter().filter(|(_, stack)| !stack.ranges.is_empty());
        let mut stacks: Vec<_> = stacks.map(|(key, stack)| (*key, stack.ranges.clone())).collect();
        stacks.sort_unstable_by_key(|(key, _)| *key);
        Saved {
            stacks,
            started: self.started.iter().map(|(id, range)| (*id, *range)).collect(),
            ended: self.ended.clone(),
        }
    }

    pub(crate) fn restore(saved: Saved) -> Self {
        let mut this = Self::default();
        for ((_, domain), ranges) in saved.stacks {
            for range in ranges {
                let depth = range.depth;
                this.push(domain, range);
                // Its depth was told by what enclosed it then, which is not restored in order over the domains.
                if let Some(last) = this
                    .stacks
                    .get_mut(&(range.tid, domain))
                    .and_then(|stack| stack.ranges.last_mut())
                {
                    last.depth = depth;
                }
            }
        }
        this.started = saved.started.into_iter().collect();
        this.ended = saved.ended;
        this
    }
}

/// [`Payload`] in a checkpoint: its bits, so that no number is too strange for the format.
mod payload {
    use perfagent_recording::table::Payload;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Payload,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let parts: (u8, i64) = match *value {
            Payload::None => (0, 0),
            Payload::Integer(value) => (1, value),
            Payload::Real(value) => (2, value.to_bits().cast_signed()),
        };
        parts.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Payload, D::Error> {
        Ok(match <(u8, i64)>::deserialize(deserializer)? {
            (1, value) => Payload::Integer(value),
            (2, bits) => Payload::Real(f64::from_bits(bits.cast_unsigned())),
            _ => Payload::None,
        })
    }
}
