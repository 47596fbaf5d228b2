//! What is alive after each change.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

use perfagent_recording::{DeviceId, StringId};

use super::change::Change;

/// A block that is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Of the change that made it.
    pub(super) change: u32,
    pub(super) bytes: i64,
}

/// Memory without an address, of one kind and site: only its sum is known.
pub(super) type Kind = (Option<DeviceId>, Option<StringId>, Option<StringId>);

/// The sum of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) bytes: i64,
    pub(super) count: i64,
    /// The first change.
    pub(super) first: u32,
}

/// What is alive, and the level on each device.
#[derive(Clone, Debug, Default)]
pub(super) struct Alive {
    pub(super) blocks: FxHashMap<(Option<DeviceId>, i64), Block>,
    pub(super) sums: BTreeMap<Kind, Sum>,
    levels: BTreeMap<Option<DeviceId>, i64>,
    /// The sum of the levels.
    pub(super) level: i64,
    pub(super) unmatched_frees: i64,
    pub(super) missing_frees: i64,
}

impl Alive {
    /// Before the first of `changes`: nothing is known to be alive, but each device has the level that its first
    /// reading tells.
    pub(super) fn before(changes: &[Change]) -> Self {
        let mut alive = Self::default();
        for change in changes {
            alive.levels.entry(change.device).or_insert_with(|| {
                let before = change.level.unwrap_or(0).saturating_sub(change.bytes.unwrap_or(0));
                if change.level.is_some() { before } else { 0 }
            });
        }
        alive.level = alive.levels.values().copied().fold(0, i64::saturating_add);
        alive
    }

    /// After one more change, which is number `index`.
    pub(super) fn apply(&mut self, index: usize, change: &Change) {
        let gained = change.bytes.map_or(0, |bytes| self.change(index as u32, change, bytes));
        let level = self.levels.entry(change.device).or_default();
        let before = *level;
        *level = change.level.unwrap_or_else(|| before.saturating_add(gained));
        self.level = self.level.saturating_add(level.saturating_sub(before));
    }

    /// Bytes that are alive now and were not before.
    fn change(&mut self, index: u32, change: &Change, bytes: i64) -> i64 {
        let Some(address) = change.address else {
            let sum = self
                .sums
                .entry((change.device, change.kind, change.site))
                .or_insert(Sum { first: index, ..Sum::default() });
            sum.bytes = sum.bytes.saturating_add(bytes);
            sum.count += bytes.signum();
            return bytes;
        };
        let key = (change.device, address);
        if bytes > 0 {
            let replaced = self.blocks.insert(key, Block { change: index, bytes });
            self.missing_frees += i64::from(replaced.is_some());
            return bytes.saturating_sub(replaced.map_or(0, |block| block.bytes));
        }
        if bytes == 0 {
            return 0;
        }
        let Some(block) = self.blocks.remove(&key) else {
            self.unmatched_frees += 1;
            return 0;
        };
        -block.bytes
    }
}
