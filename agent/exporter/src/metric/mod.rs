//! From what is known to metrics: pure functions, one module a subject.

mod dcgm;
mod gpu;
mod health;
mod itself;
mod recording;
mod xid;

use crate::exposition::Page;
use crate::moment::Moment;
use crate::state::{Session, State};

/// How the metrics are to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Style {
    /// The node's name, which dcgm-exporter puts into its labels.
    pub host: String,
    /// With dcgm-exporter's names besides.
    pub dcgm: bool,
    /// So many GPUs should be here, whatever the node shows.
    pub expected_gpus: Option<u64>,
    /// How long after it a sample is not worth anything any more, seconds.
    pub valid_s: f64,
}

/// Everything as metrics. What is not known, or not any more, is not there.
#[must_use]
pub(crate) fn page(state: &State, style: &Style, now: Moment) -> Page {
    let mut page = Page::default();
    itself::add(&mut page, state, now);
    gpu::add_counts(&mut page, state, style, now);
    let is_fresh = state.nvml.at.is_some_and(|at| at.age_s(now) <= style.valid_s);
    if is_fresh {
        gpu::add(&mut page, &state.nvml);
    }
    // Until it is known which GPU is where, the series would have other labels than afterwards.
    if state.nvml.session != Session::Starting {
        xid::add(&mut page, state);
    }
    health::add(&mut page, state, now);
    recording::add(&mut page, &state.recordings);
    if style.dcgm && is_fresh {
        dcgm::add(&mut page, state, &style.host);
    }
    page
}

/// A value in another unit. Thousandths and hundredths are divided for: 0.001 is no number that a float has.
fn scaled(value: f64, factor: f64) -> f64 {
    if factor < 1.0 { value / (1.0 / factor).round() } else { value * factor }
}

#[cfg(test)]
mod tests;
