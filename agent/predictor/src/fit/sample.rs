//! A measured job, ready for a fit.

use crate::calibration::Calibration;
use crate::constants::Constants;
use crate::effects::{self, Figure};
use crate::formulas;
use crate::framework::Framework;
use crate::gpu::Generation;
use crate::job::{Job, Measured};
use crate::setup::Setup;

/// A measured job.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The job's own name.
    pub id: String,
    /// Where it was published.
    pub source: String,
    /// Source and model: jobs of one group are near twins, and are held out together.
    pub group: String,
    /// Jobs of one cell answer the question which arrangement is best: same model, machines, batch and length.
    pub cell: String,
    /// One machine or several.
    pub single_node: bool,
    /// Measured seconds of a step.
    pub step_s: Option<f64>,
    /// Measured peak, bytes.
    pub peak_bytes: Option<f64>,
    /// How much it counts.
    pub weight: f64,
    pub(crate) setup: Setup,
}

impl Sample {
    /// The job with what was measured, or why it is refused.
    pub fn of(job: &Job, measured: &Measured, source: &str) -> Result<Self, String> {
        let setup = Setup::of(job)?;
        if setup.shape.images.is_some() {
            return Err("model.arch: constants are fitted to transformers only".to_owned());
        }
        let (shape, nodes) = (&setup.shape, setup.nodes);
        let model = format!("{source} {}x{:.0}", setup.arch, shape.hidden);
        let cell = format!(
            "{model}x{:.0} s{:.0} {} {:.0}x{nodes:.0} B{:.0} {}",
            shape.layers,
            shape.seq,
            setup.gpu.name,
            setup.on_node,
            setup.global_batch,
            job.run.precision.as_deref().unwrap_or("?"),
        );
        Ok(Self {
            id: job.id.clone().unwrap_or_default(),
            source: source.to_owned(),
            group: model,
            cell,
            single_node: nodes <= 1.0,
            step_s: measured.step_s.filter(|seconds| *seconds > 0.0),
            peak_bytes: measured.peak_mem_bytes.filter(|bytes| *bytes > 0.0),
            weight: 1.0,
            setup,
        })
    }

    /// What was measured.
    #[must_use]
    pub fn measured(&self, figure: Figure) -> Option<f64> {
        match figure {
            Figure::Time => self.step_s,
            Figure::Memory => self.peak_bytes,
        }
    }

    /// What the formulas alone say.
    pub(crate) fn formulas(&self, figure: Figure, constants: &Constants) -> f64 {
        formulas::figure(&self.setup, constants, figure)
    }

    /// What formulas and factors say.
    pub(crate) fn predicted(&self, figure: Figure, calibration: &Calibration) -> f64 {
        let constants = calibration.constants(self.setup.framework, self.setup.gpu.generation);
        let factor = effects::of(calibration.effects(figure), &effects::keys(&self.setup, figure));
        self.formulas(figure, constants) * factor.exp()
    }

    pub(crate) fn family(&self) -> (Framework, Generation) {
        (self.setup.framework, self.setup.gpu.generation)
    }
}

/// Rows of a source count as if there were about this many of them at most, so that no large source hides a small one.
const AT_MOST: f64 = 200.0;
/// A row of a small source counts for at most this many.
const MOST_WEIGHT: f64 = 3.0;

/// Gives each sample its weight: the root of how much smaller than others its source is.
pub fn weigh(samples: &mut [Sample]) {
    let mut counts = std::collections::BTreeMap::<String, f64>::new();
    for sample in samples.iter() {
        *counts.entry(sample.source.clone()).or_default() += 1.0;
    }
    for sample in samples {
        sample.weight = (AT_MOST / counts[&sample.source]).sqrt().min(MOST_WEIGHT);
    }
}
