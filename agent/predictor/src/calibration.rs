//! What was fitted: constants, factors and intervals, and how they were made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::constants::{Constants, GENERATIONS, SPECS, Slot, slots};
use crate::effects::{Effects, Figure};
use crate::fit::{Held, Sample};
use crate::framework::Framework;
use crate::gpu::Generation;
use crate::interval::{self, Spread, Spreads};
use crate::setup::Setup;

/// The calibration that this crate carries.
const OWN: &str = include_str!("../../../data/calibration.toml");

/// The name and version of the file.
pub const SCHEMA: &str = "perfagent.calibration/1";

/// What to do about a damaged one.
const REMEDY: &str = "`cargo xtask calibrate` writes it again";

/// Constants, factors and intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// How it was made.
    pub made: Made,
    /// Least and greatest of what the measured jobs had.
    ranges: BTreeMap<String, [f64; 2]>,
    /// Values by name of the constant, and of whose they are: `all`, else factors of that.
    constants: BTreeMap<String, BTreeMap<String, f64>>,
    /// Spreads of measured by predicted time.
    time_spreads: Spreads,
    /// Spreads of measured by predicted memory.
    memory_spreads: Spreads,
    /// Logarithms of the factors of time.
    time_factors: Effects,
    /// Logarithms of the factors of memory.
    memory_factors: Effects,
    /// Constants of every family, made from the above.
    #[serde(skip)]
    families: Vec<Constants>,
}

/// How a calibration was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The command that makes it again.
    pub command: String,
    /// What the jobs are, and where they come from.
    pub from: String,
    /// Jobs by source.
    pub jobs: BTreeMap<String, usize>,
    /// Jobs that were refused.
    pub refused: usize,
}

fn place(framework: Framework, generation: Generation) -> usize {
    let framework = Framework::ALL.iter().position(|other| *other == framework).unwrap_or(0);
    let generation = GENERATIONS.iter().position(|other| *other == generation).unwrap_or(0);
    framework * GENERATIONS.len() + generation
}

/// Four digits: more are not known.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

impl Calibration {
    /// The calibration that this crate carries.
    ///
    /// # Errors
    ///
    /// Never, unless `data/calibration.toml` was damaged before it was compiled in: then what is wrong with it.
    pub fn built_in() -> Result<Self, String> {
        Self::parse(OWN)
    }

    /// Reads a calibration.
    ///
    /// # Errors
    ///
    /// What is wrong with `text`, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut calibration: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            format!("line {line}: {}; {REMEDY}", error.message().replace('\n', " "))
        })?;
        if calibration.schema != SCHEMA {
            return Err(format!("schema is {:?}, not {SCHEMA:?}; {REMEDY}", calibration.schema));
        }
        calibration.check().map_err(|why| format!("{why}; {REMEDY}"))?;
        calibration.derive();
        Ok(calibration)
    }

    /// The file's text, which [`Self::parse`] reads.
    ///
    /// # Errors
    ///
    /// Never for a calibration that was fitted: all its numbers can be written.
    pub fn text(&self) -> Result<String, String> {
        toml::to_string(self).map_err(|error| error.to_string())
    }

    pub(crate) fn of(slots: &[Slot], vector: &[f64]) -> Self {
        let mut constants = BTreeMap::<String, BTreeMap<String, f64>>::new();
        for (slot, value) in slots.iter().zip(vector) {
            let (index, whose) = match *slot {
                Slot::All(index) => (index, "all"),
                Slot::Framework(index, framework) => (index, framework.name()),
                Slot::Generation(index, generation) => (index, generation.name()),
            };
            let value = rounded(value.exp());
            if whose == "all" || (value - 1.0).abs() >= 5e-4 {
                constants
                    .entry(SPECS[index].name.to_owned())
                    .or_default()
                    .insert(whose.to_owned(), value);
            }
        }
        let mut calibration = Self {
            schema: SCHEMA.to_owned(),
            made: Made::default(),
            ranges: BTreeMap::new(),
            constants,
            time_spreads: Spreads::new(),
            memory_spreads: Spreads::new(),
            time_factors: Effects::new(),
            memory_factors: Effects::new(),
            families: Vec::new(),
        };
        calibration.derive();
        calibration
    }

    /// What no fit writes.
    fn check(&self) -> Result<(), String> {
        for (name, values) in &self.constants {
            let Some(spec) = SPECS.iter().find(|spec| spec.name == name) else {
                return Err(format!("constants.{name} is no constant of the models"));
            };
            if !values.contains_key("all") {
                return Err(format!("constants.{}.all is missing", spec.name));
            }
            for (whose, value) in values {
                let known = whose == "all"
                    || Framework::ALL.iter().any(|framework| framework.name() == whose)
                    || GENERATIONS.iter().any(|generation| generation.name() == whose);
                if !known {
                    return Err(format!(
                        "constants.{name}.{whose} is of no framework and no generation"
                    ));
                }
                if !value.is_finite() || *value <= 0.0 {
                    return Err(format!("constants.{name}.{whose} is {value}, not positive"));
                }
            }
        }
        for (name, [least, greatest]) in &self.ranges {
            if !(*least > 0.0 && least <= greatest && greatest.is_finite()) {
                return Err(format!(
                    "ranges.{name} is [{least}, {greatest}], not from a positive number to a greater one"
                ));
            }
        }
        for (table, spreads) in
            [("time_spreads", &self.time_spreads), ("memory_spreads", &self.memory_spreads)]
        {
            for (class, Spread { p05, p95, .. }) in spreads {
                if !(p05.is_finite() && p95.is_finite() && p05 <= p95) {
                    return Err(format!("{table}.{class:?} goes from {p05} to {p95}"));
                }
            }
        }
        for (table, effects) in
            [("time_factors", &self.time_factors), ("memory_factors", &self.memory_factors)]
        {
            if let Some((key, effect)) = effects.iter().find(|(_, effect)| !effect.is_finite()) {
                return Err(format!("{table}.{key:?} is {effect}"));
            }
        }
        Ok(())
    }

    fn derive(&mut self) {
        let slots = slots();
        let vector: Vec<f64> = slots
            .iter()
            .map(|slot| {
                let (index, whose, otherwise) = match *slot {
                    Slot::All(index) => (index, "all", SPECS[index].prior),
                    Slot::Framework(index, framework) => (index, framework.name(), 1.0),
                    Slot::Generation(index, generation) => (index, generation.name(), 1.0),
                };
                let values = self.constants.get(SPECS[index].name);
                values.and_then(|values| values.get(whose)).copied().unwrap_or(otherwise).ln()
            })
            .collect();
        self.families = Framework::ALL
            .iter()
            .flat_map(|framework| {
                GENERATIONS.iter().map(move |generation| (*framework, *generation))
            })
            .map(|(framework, generation)| Constants::of(&slots, &vector, framework, generation))
            .collect();
    }

    pub(crate) fn constants(&self, framework: Framework, generation: Generation) -> &Constants {
        &self.families[place(framework, generation)]
    }

    pub(crate) fn effects(&self, figure: Figure) -> &Effects {
        match figure {
            Figure::Time => &self.time_factors,
            Figure::Memory => &self.memory_factors,
        }
    }

    pub(crate) fn effects_mut(&mut self, figure: Figure) -> &mut Effects {
        match figure {
            Figure::Time => &mut self.time_factors,
            Figure::Memory => &mut self.memory_factors,
        }
    }

    pub(crate) fn spreads(&self, figure: Figure) -> &Spreads {
        match figure {
            Figure::Time => &self.time_spreads,
            Figure::Memory => &self.memory_spreads,
        }
    }

    /// Whether this figure of jobs of this framework was among those of the fit.
    pub(crate) fn has_seen(&self, framework: Framework, figure: Figure) -> bool {
        framework != Framework::Other
            && self
                .effects(figure)
                .keys()
                .any(|key| key.split('/').next() == Some(framework.name()))
    }

    pub(crate) fn set_intervals(&mut self, held: &[Held]) {
        let held: Vec<&Held> = held.iter().collect();
        self.time_spreads = interval::spreads(&held, Figure::Time);
        self.memory_spreads = interval::spreads(&held, Figure::Memory);
        for spreads in [&mut self.time_spreads, &mut self.memory_spreads] {
            for spread in spreads.values_mut() {
                (spread.p05, spread.p95) = (rounded(spread.p05), rounded(spread.p95));
            }
        }
        for effects in [&mut self.time_factors, &mut self.memory_factors] {
            for effect in effects.values_mut() {
                *effect = rounded(*effect);
            }
        }
    }

    pub(crate) fn set_ranges(&mut self, samples: &[Sample]) {
        for sample in samples {
            for (name, _, value) in ranged(&sample.setup) {
                let range = self.ranges.entry(name.to_owned()).or_insert([value, value]);
                *range = [range[0].min(value), range[1].max(value)];
            }
        }
    }

    /// What lies outside of the measured jobs: a sentence, and by how many doublings.
    pub(crate) fn outside(&self, setup: &Setup) -> Vec<(String, f64)> {
        let mut outside = Vec::new();
        for (name, fields, value) in ranged(setup) {
            let Some(range) = self.ranges.get(name) else { continue };
            outside.extend(beyond(name, fields, value, *range));
        }
        outside
    }
}

/// A sentence on a figure that is outside of its range, and by how many doublings. Whoever is a little outside is told nothing:
/// the ends of a range are as good as what is between.
pub(crate) fn beyond(
    name: &str,
    fields: &str,
    value: f64,
    [least, greatest]: [f64; 2],
) -> Option<(String, f64)> {
    let doublings = (value / greatest).log2().max((least / value).log2());
    let sentence = || {
        format!(
            "{fields}: {name} {value:.4} is outside of the measured jobs ({least:.4} to {greatest:.4})"
        )
    };
    (doublings > 0.05).then(|| (sentence(), doublings))
}

/// The figures whose range is kept, each with the fields of a job that it comes from.
fn ranged(setup: &Setup) -> [(&'static str, &'static str, f64); 5] {
    [
        ("gpus", "cluster.gpus_per_node × cluster.nodes", setup.world),
        ("params_e9", "model.params", setup.shape.params / 1e9),
        ("layers", "model.layers", setup.shape.layers),
        ("seq", "model.seq", setup.shape.seq),
        ("tokens_a_pass", "run.micro_batch × model.seq", setup.tokens()),
    ]
}
