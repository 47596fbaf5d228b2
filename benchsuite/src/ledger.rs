//! What a rank has sent: calls and bytes by operation and group.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::engine::{About, Group};

/// One kind of collective, since the ledger began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// `all_reduce`, `all_gather`, `reduce_scatter`, `broadcast`, `send`, `recv`, `barrier`.
    pub op: String,
    /// What it was for.
    pub group: String,
    /// As PyTorch names it.
    pub dtype: String,
    /// Ranks taking part.
    pub group_size: usize,
    /// Calls of this rank.
    pub count: u64,
    /// The sum of what nccl-tests calls the size: the larger of a rank's input and output.
    pub bytes: u64,
}

/// Counts collectives.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<Key, (u64, u64)>>);

type Key = (&'static str, &'static str, &'static str, usize);

impl Ledger {
    /// One call.
    pub(crate) fn add(&self, group: Group, about: &About, size: usize) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, bytes) =
            entries.entry((group.name(), about.name, about.dtype, size)).or_default();
        *count += 1;
        *bytes += about.bytes;
    }

    /// Begins anew.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What was counted.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry =
            |(&(group, op, dtype, group_size), &(count, bytes)): (&Key, &(u64, u64))| Entry {
                op: op.to_owned(),
                group: group.to_owned(),
                dtype: dtype.to_owned(),
                group_size,
                count,
                bytes,
            };
        entries.iter().map(entry).collect()
    }
}
