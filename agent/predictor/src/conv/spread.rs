//! How far predictions of networks for images may be off.
//!
//! Published runs are too few to hold any out, so the intervals are chosen wide enough for all of them that
//! `data/resnet_runs.toml` holds, whose errors `ACCURACY.md` tells.

use super::resnet::ResNet;
use crate::calibration::beyond;
use crate::effects::Figure;
use crate::interval::Spread;
use crate::setup::Setup;

/// Published runs of which the step is known.
const RUNS: usize = 110;
/// Published runs that say something of memory: one peak, and the largest batches of five networks on one GPU.
const PEAKS: usize = 6;

/// Share of a step that waits for the host from which on an interval is wider: no such run was published.
const LAUNCH_BOUND: f64 = 0.1;

/// Whether a step of these parts waits for the host so long.
pub(crate) fn waits(parts: &[(&'static str, f64)], step: f64) -> bool {
    parts.iter().any(|(name, part)| *name == "host_bound_s" && *part > LAUNCH_BOUND * step)
}

/// Measured by predicted, as natural logarithms that one in twenty is below and one in twenty above.
pub(crate) fn spread(figure: Figure) -> Spread {
    match figure {
        Figure::Time => Spread { p05: -0.5, p95: 0.7, jobs: RUNS },
        Figure::Memory => Spread { p05: -0.25, p95: 0.35, jobs: PEAKS },
    }
}

/// What lies outside of the published runs: a sentence, and by how many doublings. Small batches are none of it: those wait
/// for the host, which [`waits`] tells.
pub(crate) fn outside(setup: &Setup, network: &ResNet) -> Vec<(String, f64)> {
    [
        ("gpus", "cluster.gpus_per_node × cluster.nodes", setup.world, [1.0, 16.0]),
        ("params_e9", "model.arch and model.hidden", setup.shape.params / 1e9, [0.0116, 0.0602]),
        ("image_size", "model.image_size", network.image_size, [224.0, 224.0]),
        ("images_a_pass", "run.micro_batch", setup.micro_batch, [1.0, 1280.0]),
    ]
    .into_iter()
    .filter_map(|(name, fields, value, range)| beyond(name, fields, value, range))
    .collect()
}
