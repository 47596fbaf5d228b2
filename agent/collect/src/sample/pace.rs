//! The beat of a sampler: when it is due, whether it was late, what it took.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

/// Tells all samplers to stop, at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    /// From now on.
    pub(crate) fn set(&self) {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.1.notify_all();
    }

    /// Whether it is time to stop, now.
    pub(crate) fn is_set(&self) -> bool {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, at most `wait`. Returns whether it is time to stop.
    pub(crate) fn within(&self, wait: Duration) -> bool {
        let stopped = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.1.wait_timeout_while(stopped, wait, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// How regular a sampler was and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Pace {
    /// Samples that were taken.
    pub(crate) turns: u64,
    /// The time between two samples that was asked for.
    pub(crate) period_ns: u64,
    /// Time that a sample took, mean.
    pub(crate) mean_cost_ns: u64,
    /// Time by which a sample was late, mean.
    pub(crate) mean_late_ns: u64,
    /// The same of the latest one.
    pub(crate) worst_late_ns: u64,
    #[serde(skip)]
    cost_ns: u64,
    #[serde(skip)]
    late_ns: u64,
}

impl Pace {
    fn add(&mut self, late: Duration, cost: Duration) {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.turns += 1;
        self.cost_ns = self.cost_ns.saturating_add(nanos(cost));
        self.late_ns = self.late_ns.saturating_add(nanos(late));
        self.worst_late_ns = self.worst_late_ns.max(nanos(late));
        self.mean_cost_ns = self.cost_ns / self.turns;
        self.mean_late_ns = self.late_ns / self.turns;
    }
}

/// Calls `turn` every `period` until `stop`, and notes in `pace` how it went.
pub(crate) fn run(period: Duration, stop: &Stop, pace: &Mutex<Pace>, mut turn: impl FnMut()) {
    let mut next = Instant::now();
    loop {
        let begin = Instant::now();
        turn();
        let cost = begin.elapsed();
        {
            let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
            pace.add(begin.saturating_duration_since(next), cost);
        }
        // A turn that took too long moves the pace instead of being followed by hurried ones.
        next = (next + period).max(Instant::now());
        if stop.within(next.saturating_duration_since(Instant::now())) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_sampler_does_not_wait_for_its_turn() {
        let (stop, pace) = (Stop::default(), Mutex::new(Pace::default()));
        let begin = Instant::now();
        run(Duration::from_mins(10), &stop, &pace, || stop.set());
        assert!(begin.elapsed() < Duration::from_mins(1));
        assert!(stop.is_set());
        assert_eq!(pace.lock().unwrap().turns, 1);
    }

    #[test]
    fn lateness_and_cost_are_means() {
        let mut pace = Pace::default();
        pace.add(Duration::from_nanos(10), Duration::from_nanos(100));
        pace.add(Duration::from_nanos(30), Duration::from_nanos(300));
        assert_eq!((pace.turns, pace.mean_late_ns, pace.mean_cost_ns), (2, 20, 200));
        assert_eq!(pace.worst_late_ns, 30);
    }
}
