//! perfagent-bench, the project's own benchmark: what a step takes and keeps is known from its source, not fitted.

mod device;
mod gpu;
mod layout;
mod memory;
mod processor;
mod result;
pub(crate) mod time;

pub(crate) use memory::peak;
pub use result::read as read_result;

use crate::constants::Constants;
use crate::effects::Figure;
use crate::framework::Framework;
use crate::interval::Spread;
use crate::setup::{Offload, Setup};
use crate::time::Times;

/// How far its jobs on processors were from what was predicted, natural logarithm (`OWN.md` has all of them): nine in ten
/// within this, of steps and of memory.
const TIME: f64 = 0.15;
const MEMORY: f64 = 0.03;
/// The same beside one that was measured.
const TIME_BESIDE: f64 = 0.12;
const MEMORY_BESIDE: f64 = 0.02;
/// Of a GPU memory is that of libtorch's allocator, which gives out blocks.
const MEMORY_OF_GPU: f64 = 0.1;
/// How far steps of one GPU were from what was predicted (`OWN_GPU.md`).
const ON_GPU: f64 = 0.25;
const ON_GPU_BESIDE: f64 = 0.15;
/// What the interval is wider where the whole step waits for the host: machines with one kind of GPU differ by half there, and
/// small models launch twice as fast as those that the figure was read off.
const OF_HOST: f64 = 0.8;
/// What the interval is wider for each doubling of a product's sides away from what was measured: half of the step's time.
const DOUBLING: f64 = 0.25;
/// The same where the document has no operators: their bytes are known, and how fast caches are is not.
const WITHOUT_OPERATORS: f64 = 4.0;

/// What of the difference between a measured run and its prediction is others' of the same model too. On a processor the
/// error that arrangements have in common is about as large as what each has of its own and of its run's noise, so the best
/// guess of the common part is a half of one of them; on GPUs all of it where constants were fitted, as those are off for all
/// together.
const SHARED: f64 = 0.5;

/// The part of a measured run's difference that is taken over.
pub(crate) fn shared(setup: &Setup, figure: Figure) -> f64 {
    let is_close = figure == Figure::Time && is_known_on_gpu(setup);
    if setup.gpu.is_processor() || is_close { SHARED } else { 1.0 }
}

/// Whether the job is a language model of it.
pub(crate) fn knows(setup: &Setup) -> bool {
    setup.framework == Framework::Benchmark && setup.shape.images.is_none()
}

/// Time of a step: by what was measured of the device, and of GPUs of which that is not known as of other frameworks.
pub(crate) fn step(setup: &Setup, constants: &Constants) -> Times {
    if setup.gpu.is_processor() {
        // Refused before, where the device was not measured in the job's precision.
        return time::step(setup).unwrap_or_default();
    }
    let known = if is_held_against_runs(setup) { time::step(setup) } else { None };
    known.unwrap_or_else(|| crate::time::step(setup, constants))
}

/// Whether runs of such a job on a GPU were at hand: of dense models on one, which keeps everything. What several exchange, the
/// launches of experts and copies to the host have not been held against any.
fn is_held_against_runs(setup: &Setup) -> bool {
    setup.world <= 1.0
        && setup.shape.experts.is_none()
        && setup.offload == Offload::None
        && !setup.cuda_graphs
}

/// Whether the time on a GPU is known from the source.
pub(crate) fn is_known_on_gpu(setup: &Setup) -> bool {
    knows(setup)
        && !setup.gpu.is_processor()
        && is_held_against_runs(setup)
        && time::has_operators(setup)
}

/// The interval of a figure, where it does not come from published jobs.
pub(crate) fn spread(
    setup: &Setup,
    figure: Figure,
    anchored: bool,
    assumed: &mut Vec<String>,
) -> Option<Spread> {
    if !knows(setup) {
        return None;
    }
    let around = |width: f64| Some(Spread { p05: -width, p95: width, jobs: 0 });
    match (figure, setup.gpu.is_processor()) {
        (Figure::Memory, false) => around(MEMORY_OF_GPU),
        (Figure::Memory, true) => around(if anchored { MEMORY_BESIDE } else { MEMORY }),
        (Figure::Time, false) if !is_known_on_gpu(setup) => None,
        (Figure::Time, false) => {
            let waits = time::host_share(setup);
            if waits >= 0.1 {
                let share = 100.0 * waits;
                assumed.push(format!(
                    "interval widened: {share:.0} % of the step waits for the host, and hosts differ"
                ));
            }
            around(if anchored { ON_GPU_BESIDE } else { ON_GPU } + OF_HOST * waits)
        }
        (Figure::Time, true) => {
            let mut width = if anchored { TIME_BESIDE } else { TIME };
            let doublings = (time::doublings(setup).unwrap_or(0.0) - 1.0).max(0.0);
            if doublings > 0.0 {
                width += DOUBLING * doublings;
                assumed.push(format!(
                    "interval widened: products are {doublings:.1} doublings and one from the nearest measured shape"
                ));
            }
            if !time::has_operators(setup) {
                width *= WITHOUT_OPERATORS;
                assumed.push("operators beside products: by their bytes and the measured bandwidth, as the ceilings have none".to_owned());
            }
            around(width)
        }
    }
}
