//! Which call of the host launched which operation of a GPU, by their correlation.

use std::cmp::Ordering;

use perfagent_recording::{ProcessId, Recording};

use crate::lanes::order;

/// The calls of a recording by correlation.
pub(crate) struct Links {
    /// Rows of `api_calls` by process, correlation and start.
    order: Vec<u32>,
    /// By row, whether anything was launched.
    launches: Vec<bool>,
    /// By row, the external id of the operator around the call; 0 where there is none.
    external: Vec<u32>,
}

impl Links {
    /// The links of `recording`.
    pub(crate) fn new(recording: &Recording) -> Self {
        let calls = &recording.api_calls;
        let order = order(calls.len(), |row| {
            let call = calls.get(row)?;
            Some((call.process_id, call.correlation?, call.start_ns))
        });
        let mut links =
            Self { order, launches: vec![false; calls.len()], external: vec![0; calls.len()] };
        let kernels = recording.kernels.iter().map(|row| (row.process_id, row.correlation));
        let copies = recording.copies.iter().map(|row| (row.process_id, row.correlation));
        for (process, correlation) in kernels.chain(copies) {
            if let Some(row) = links.call(recording, process, correlation) {
                links.launches[row] = true;
            }
        }
        links
    }

    /// The row of the call that launched an operation; of several with the same number the one that started first.
    pub(crate) fn call(
        &self,
        recording: &Recording,
        process: ProcessId,
        correlation: Option<i64>,
    ) -> Option<usize> {
        let wanted = (process, correlation?);
        let key = |row: u32| {
            let call = recording.api_calls.get(row as usize)?;
            Some((call.process_id, call.correlation?))
        };
        let at = self
            .order
            .partition_point(|&row| key(row).is_some_and(|key| key.cmp(&wanted) == Ordering::Less));
        let row = *self.order.get(at)?;
        (key(row) == Some(wanted)).then_some(row as usize)
    }

    /// Whether the call of this row launched anything.
    pub(crate) fn launches(&self, row: usize) -> bool {
        self.launches.get(row).copied().unwrap_or(false)
    }

    /// Notes the operator around a call.
    pub(crate) fn set_external(&mut self, row: usize, external: u32) {
        if let Some(known) = self.external.get_mut(row) {
            *known = external;
        }
    }

    /// The operator around a call.
    pub(crate) fn external(&self, row: usize) -> Option<i64> {
        self.external.get(row).filter(|&&external| external > 0).map(|&id| i64::from(id))
    }
}
