//! Repeated timing: warm up, repeat until the median is known well enough, and say how well it is known.

mod interval;
mod stop;

pub use interval::{CONFIDENCE, Interval};
pub use stop::{Stop, Stopped};

use std::time::{Duration, Instant};

pub(crate) use interval::{median, median_interval};

/// The times of one measurement, and why there are no more of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// In the order in which they were taken.
    pub times: Vec<Duration>,
    /// Why it ended.
    pub stopped: Stopped,
}

/// Calls `once` until [`Stop`] says so; its first call warms up (it loads code, faults pages in, raises clocks) and is
/// not counted.
pub fn sample<E>(stop: &Stop, mut once: impl FnMut() -> Result<Duration, E>) -> Result<Samples, E> {
    once()?;
    let start = Instant::now();
    let mut times = Vec::new();
    loop {
        times.push(once()?);
        if let Some(stopped) = stop.now(&times, start.elapsed()) {
            return Ok(Samples { times, stopped });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use super::{Stop, Stopped, sample};

    const STOP: Stop = Stop { least: 6, most: 40, seconds: 60.0, within: 0.01 };

    #[test]
    fn the_first_call_is_not_counted() {
        let mut calls = 0;
        let samples = sample(&STOP, || {
            calls += 1;
            Ok::<_, Infallible>(Duration::from_millis(if calls == 1 { 900 } else { 5 }))
        });
        let samples = samples.unwrap();
        assert_eq!(samples.times, vec![Duration::from_millis(5); 6]);
        assert_eq!((calls, samples.stopped), (7, Stopped::Tight));
    }

    #[test]
    fn a_failure_ends_it() {
        let mut calls = 0;
        let failed = sample(&STOP, || {
            calls += 1;
            if calls == 4 { Err("gone") } else { Ok(Duration::from_millis(calls)) }
        });
        assert_eq!((failed, calls), (Err("gone"), 4));
    }
}
