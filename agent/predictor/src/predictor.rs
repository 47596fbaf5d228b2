//! From a job to its prediction.

use std::sync::Arc;

use crate::benchmark;
use crate::calibration::Calibration;
use crate::ceilings::Ceilings;
use crate::constants::Constants;
use crate::conv;
use crate::effects::{self, Figure};
use crate::formulas::{self, Formulas, total};
use crate::gpu::Gpu;
use crate::interval::{self, Spread};
use crate::job::Job;
use crate::loader::Loader;
use crate::prediction::{Breakdown, Interval, Prediction, SCHEMA};
use crate::setup::Setup;

/// Doublings outside of the measured jobs from which on nothing is predicted.
const TOO_FAR: f64 = 5.0;
/// What an interval is wider for each doubling outside.
const WIDER: f64 = 0.5;
/// What it is wider where the figure that decides was assumed.
const GUESSED: f64 = 1.5;
/// What is left of the driver, the CUDA context and others of a GPU's memory as the vendor states it, bytes.
const NOT_OURS: f64 = 1.0e9;

/// The part of a step in which it waits for data.
pub(crate) const DATA_STALL: &str = "data_stall_s";

/// Predicts jobs.
#[derive(Clone, Debug)]
pub struct Predictor {
    calibration: Calibration,
    ceilings: Option<Arc<Ceilings>>,
}

/// Half of a 90 % interval of a job that was measured itself, logarithm: published repeats of one configuration lie 2 % from
/// their mean in the median, of which nine in ten are within 2.4 times as much.
const REPEATED: f64 = 0.05;

/// A job that was measured: others are predicted by how they differ from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchor {
    /// The job itself, whatever of it was stated and what assumed.
    setup: Setup,
    /// Measured by predicted, logarithm, of the time.
    time: Option<f64>,
    /// The same of the memory.
    memory: Option<f64>,
    /// How fast its data came, if that was measured.
    loader: Option<Loader>,
}

impl Anchor {
    /// The anchor of a run that waited for data in `wait_s` of the `step_s` seconds of its steps: what is left of a step is what it
    /// worked, and other arrangements wait for what the loader needs beyond their own work.
    #[must_use]
    pub fn waiting(mut self, step_s: f64, wait_s: f64) -> Self {
        if step_s > 0.0 && (0.0..step_s).contains(&wait_s) {
            self.time = self.time.map(|time| time + (1.0 - wait_s / step_s).ln());
            self.loader = Some(Loader::of(&self.setup, step_s, wait_s));
        }
        self
    }
}

impl Predictor {
    /// With this calibration.
    #[must_use]
    pub fn new(calibration: Calibration) -> Self {
        Self { calibration, ceilings: None }
    }

    /// With what was measured of a device, for jobs on such a one.
    #[must_use]
    pub fn with_ceilings(self, ceilings: Ceilings) -> Self {
        Self { ceilings: Some(Arc::new(ceilings)), ..self }
    }

    /// The processor that its ceilings are of, if they are of one.
    #[must_use]
    pub fn processor(&self) -> Option<&str> {
        self.ceilings.as_deref().filter(|of| of.is_of_processor()).map(Ceilings::name)
    }

    /// The device that its ceilings are of, if it has any.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        self.ceilings.as_deref().map(Ceilings::name)
    }

    /// The job with nothing left open.
    fn setup(&self, job: &Job) -> Result<Setup, String> {
        Setup::on(job, self.ceilings.as_ref())
    }

    /// With the calibration that this crate carries.
    ///
    /// # Errors
    ///
    /// See [`Calibration::built_in`].
    pub fn built_in() -> Result<Self, String> {
        Calibration::built_in().map(Self::new)
    }

    pub(crate) fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// What `job` is expected to take.
    #[must_use]
    pub fn predict(&self, job: &Job) -> Prediction {
        self.answer(job, None)
    }

    /// The anchor that `job`'s measured seconds a step and peak bytes make.
    ///
    /// # Errors
    ///
    /// Why the job cannot be predicted.
    pub fn anchor(
        &self,
        job: &Job,
        step_s: Option<f64>,
        peak_bytes: Option<f64>,
    ) -> Result<Anchor, String> {
        let mut setup = self.setup(job)?;
        let off = |figure, measured: Option<f64>| {
            measured
                .filter(|measured| *measured > 0.0)
                .map(|measured| (measured / self.middle(&setup, figure)).ln())
        };
        let (time, memory) = (off(Figure::Time, step_s), off(Figure::Memory, peak_bytes));
        (setup.assumed, setup.guessed) = (Vec::new(), false);
        Ok(Anchor { setup, time, memory, loader: None })
    }

    /// What `job` is expected to take, given that one beside it was measured.
    #[must_use]
    pub fn predict_beside(&self, anchor: &Anchor, job: &Job) -> Prediction {
        self.answer(job, Some(anchor))
    }

    /// Memory of a GPU of the job that a program can have, bytes; infinite if the GPU is not known.
    #[must_use]
    pub fn memory_of(&self, job: &Job) -> f64 {
        self.setup(job).map_or_else(
            |_| {
                let gpu = job.cluster.gpu.as_deref().and_then(Gpu::find);
                gpu.map_or(f64::INFINITY, |gpu| gpu.memory_bytes - NOT_OURS)
            },
            |setup| limit(&setup),
        )
    }

    /// How far the ratio of two steps of one cell may be off, as natural logarithms.
    pub(crate) fn ratio_spread(&self, job: &Job) -> (f64, f64) {
        self.setup(job)
            .ok()
            .and_then(|setup| {
                interval::anchored(
                    self.calibration.spreads(Figure::Time),
                    &interval::family(&setup),
                )
            })
            .map_or((-1.0, 1.0), |spread| (spread.p05, spread.p95))
    }

    /// The ratio of a figure `new` of another arrangement of `job` to its own, with a 90 % interval: errors that both have in common
    /// are not in it.
    #[must_use]
    pub fn ratio(&self, job: &Job, new: f64, own: f64) -> Interval {
        crate::plan::ratio(new, own, self.ratio_spread(job))
    }

    /// What formulas and factors say.
    fn middle(&self, setup: &Setup, figure: Figure) -> f64 {
        formulas::figure(setup, self.constants(setup), figure) * self.factor(setup, figure)
    }

    fn constants(&self, setup: &Setup) -> &Constants {
        self.calibration.constants(setup.framework, setup.gpu.generation)
    }

    /// What formulas of transformers miss; those of images have no measured jobs to tell.
    fn factor(&self, setup: &Setup, figure: Figure) -> f64 {
        if setup.shape.images.is_some() {
            return 1.0;
        }
        effects::of(self.calibration.effects(figure), &effects::keys(setup, figure)).exp()
    }

    fn answer(&self, job: &Job, anchor: Option<&Anchor>) -> Prediction {
        let mut setup = match self.setup(job) {
            Ok(setup) => setup,
            Err(why) => return Prediction::refused(job.id.clone(), why),
        };
        let outside = match &setup.shape.images {
            Some(network) => conv::outside(&setup, network),
            // What these take is measured, not fitted to jobs.
            None if setup.gpu.is_processor() || benchmark::is_known_on_gpu(&setup) => Vec::new(),
            None => self.calibration.outside(&setup),
        };
        if let Some((why, _)) = outside.iter().find(|(_, doublings)| *doublings > TOO_FAR) {
            return Prediction::refused(job.id.clone(), format!("{why}, too far to say anything"));
        }
        let mut wider = 1.0;
        for (why, doublings) in outside {
            wider += WIDER * doublings;
            setup.assumed.push(format!("interval widened: {why}"));
        }
        if std::mem::take(&mut setup.guessed) {
            wider *= GUESSED;
        }
        let Formulas { time, memory, states, fuller } =
            Formulas::of(&setup, self.constants(&setup));
        let (step, peak) = (total(&time), total(&memory));
        if setup.shape.images.is_some() && conv::waits(&time, step) {
            wider *= GUESSED;
            setup.assumed.push("interval widened: the GPU waits for the host, which no published run of such a network did".to_owned());
        }
        let mut assumed = std::mem::take(&mut setup.assumed);
        let itself = anchor.is_some_and(|anchor| anchor.setup == setup);
        let mut figure = |figure, total: f64, measured: Option<f64>| {
            // Of the job itself what was measured is known.
            let shared = if itself { 1.0 } else { benchmark::shared(&setup, figure) };
            let factor = self.factor(&setup, figure) * (shared * measured.unwrap_or(0.0)).exp();
            let spread = if itself && measured.is_some() {
                Spread { p05: -REPEATED, p95: REPEATED, jobs: 1 }
            } else {
                self.spread(&setup, figure, measured.is_some(), &mut assumed).times(wider)
            };
            (Interval::around(total * factor, spread), spread, factor)
        };
        let anchored = |pick: fn(&Anchor) -> Option<f64>| anchor.and_then(pick);
        let (step_s, _, time_factor) = figure(Figure::Time, step, anchored(|anchor| anchor.time));
        let (work_s, loader) = (step_s, anchor.and_then(|anchor| anchor.loader));
        let step_s = loader.map_or(work_s, |loader| loader.slowed(&setup, work_s));
        let (peak_bytes, _, memory_factor) =
            figure(Figure::Memory, peak, anchored(|anchor| anchor.memory));
        // Weights, gradients and the optimizer's states are arithmetic: no job needs less.
        let states = states.min(peak_bytes.p50);
        let peak_bytes = Interval { p05: peak_bytes.p05.max(states), ..peak_bytes };
        if fuller > 1.005 {
            assumed.push(format!(
                "peak_mem_bytes: of the first stage, as {} prints it; the fullest needs {fuller:.2} times as much, which oom_probability counts",
                setup.framework.name()
            ));
        }
        let tokens = setup.global_batch * setup.shape.seq;
        let limit = limit(&setup);
        if limit.is_infinite() {
            assumed.push(
                "the machine's memory is not known: no probability of running out of it".to_owned(),
            );
        }
        let mut time_breakdown = breakdown(&time, step, time_factor, "corrections_s");
        if step_s.p50 > work_s.p50 {
            time_breakdown.insert(DATA_STALL.to_owned(), step_s.p50 - work_s.p50);
        }
        if loader.is_none() {
            assumed.push("no data stalls".to_owned());
        }
        Prediction {
            schema: SCHEMA.to_owned(),
            id: job.id.clone(),
            refused: None,
            step_s: Some(step_s),
            tokens_per_s: Some(Interval {
                p05: tokens / step_s.p95,
                p50: tokens / step_s.p50,
                p95: tokens / step_s.p05,
            }),
            peak_mem_bytes: Some(peak_bytes),
            oom_probability: limit.is_finite().then(|| peak_bytes.above(limit / fuller)),
            time_breakdown: Some(time_breakdown),
            memory_breakdown: Some(breakdown(&memory, peak, memory_factor, "corrections_bytes")),
            assumed,
        }
    }

    /// How far the figure may be off. Next to a job that was measured, the narrower of what differences from such a job and
    /// predictions of the class were off by: a measurement takes no knowledge away.
    fn spread(
        &self,
        setup: &Setup,
        figure: Figure,
        anchored: bool,
        assumed: &mut Vec<String>,
    ) -> Spread {
        if let Some(spread) = benchmark::spread(setup, figure, anchored, assumed) {
            return spread;
        }
        let spreads = self.calibration.spreads(figure);
        let nothing = Spread { p05: -1.0, p95: 1.0, jobs: 0 };
        let beside =
            if anchored { interval::anchored(spreads, &interval::family(setup)) } else { None };
        let of_class = if setup.shape.images.is_some() {
            Some(conv::spread(figure))
        } else if self.calibration.has_seen(setup.framework, figure) {
            interval::find(spreads, &interval::classes(setup, figure, &self.calibration))
        } else {
            if beside.is_none() {
                let what = match figure {
                    Figure::Time => "time",
                    Figure::Memory => "memory",
                };
                assumed.push(format!(
                    "interval of the {what} as for frameworks that were not measured"
                ));
            }
            spreads.get(interval::UNSEEN).copied()
        };
        let of_class = of_class.unwrap_or(nothing);
        beside.map_or(of_class, |beside| of_class.narrower(beside))
    }
}

/// Memory that a rank can have, bytes: all but the context of a GPU, a share of a machine's.
fn limit(setup: &Setup) -> f64 {
    if setup.gpu.is_processor() {
        return setup.gpu.memory_bytes / setup.on_node.min(setup.world);
    }
    setup.gpu.memory_bytes - NOT_OURS
}

/// Parts that are not nothing, and the difference that factors make.
fn breakdown(
    parts: &[(&'static str, f64)],
    total: f64,
    factor: f64,
    corrections: &str,
) -> Breakdown {
    let mut breakdown: Breakdown = parts
        .iter()
        .filter(|(_, part)| *part > 0.0)
        .map(|(name, part)| ((*name).to_owned(), *part))
        .collect();
    breakdown.insert(corrections.to_owned(), total * (factor - 1.0));
    breakdown
}
