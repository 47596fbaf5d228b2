//! Levenberg's and Marquardt's fit of the constants, with robust weights and priors.

use std::collections::BTreeMap;

use crate::constants::{Constants, SPECS, Slot, slots};
use crate::effects::Figure;
use crate::framework::Framework;
use crate::gpu::Generation;

use super::cholesky;
use super::sample::Sample;

/// Scatter that is expected of a good row, natural logarithm.
fn scatter(figure: Figure) -> f64 {
    match figure {
        Figure::Time => 0.08,
        Figure::Memory => 0.10,
    }
}

/// Rows that are further off than this many times the scatter count less and less: published tables hold outliers.
const ROBUST: f64 = 1.5;
/// Rounds, of which most fits need a third.
const ROUNDS: usize = 30;
/// Step of the logarithm of a constant for its derivative.
const STEP: f64 = 1e-4;
/// A factor of a framework or generation may differ by this share of what the global value may.
const FACTOR_SPREAD: f64 = 0.7;

/// The logarithms of constants and factors, with the slots that they belong to.
#[derive(Clone, Debug)]
pub(crate) struct Vector {
    pub slots: Vec<Slot>,
    pub values: Vec<f64>,
}

impl Vector {
    pub(crate) fn prior() -> Self {
        let slots = slots();
        let values = slots.iter().map(prior).collect();
        Self { slots, values }
    }

    fn constants(&self, family: (Framework, Generation)) -> Constants {
        Constants::of(&self.slots, &self.values, family.0, family.1)
    }
}

fn prior(slot: &Slot) -> f64 {
    match *slot {
        Slot::All(index) => SPECS[index].prior.ln(),
        Slot::Framework(..) | Slot::Generation(..) => 0.0,
    }
}

/// Whether a slot's constant is in the formulas of `figure`: the fit of one leaves the other's alone.
fn belongs(slot: &Slot, figure: Figure) -> bool {
    let (Slot::All(index) | Slot::Framework(index, _) | Slot::Generation(index, _)) = *slot;
    SPECS[index].name.starts_with("kept_") == (figure == Figure::Memory)
}

fn spread(slot: &Slot) -> f64 {
    match *slot {
        Slot::All(index) => SPECS[index].spread,
        Slot::Framework(index, _) | Slot::Generation(index, _) => {
            FACTOR_SPREAD * SPECS[index].spread
        }
    }
}

/// Rows by family, which share their constants.
type Families<'a> = BTreeMap<(Framework, Generation), Vec<(&'a Sample, f64)>>;

/// Fits `vector` to `figure` of the samples that have it.
pub(crate) fn fit(vector: &mut Vector, samples: &[&Sample], figure: Figure) {
    let mut families = Families::new();
    for sample in samples {
        if let Some(measured) = sample.measured(figure) {
            families.entry(sample.family()).or_default().push((sample, measured.ln()));
        }
    }
    let mut damping = 1e-2;
    let mut best = cost(vector, &families, figure);
    for _ in 0..ROUNDS {
        let (matrix, gradient) = normal_equations(vector, &families, figure);
        let before = best;
        for _ in 0..6 {
            let mut damped = matrix.clone();
            for place in 0..gradient.len() {
                damped[place * gradient.len() + place] *= 1.0 + damping;
            }
            if let Some(step) = cholesky::solve(damped, &gradient) {
                let old = vector.values.clone();
                for (value, step) in vector.values.iter_mut().zip(&step) {
                    *value -= step.clamp(-1.0, 1.0);
                }
                let new = cost(vector, &families, figure);
                if new < best {
                    best = new;
                    damping = (damping * 0.3).max(1e-6);
                    break;
                }
                vector.values = old;
            }
            damping *= 4.0;
        }
        if before - best < 1e-5 * before {
            break;
        }
    }
}

/// Cauchy's loss of the residuals, and the squares of how far constants are from their priors.
fn cost(vector: &Vector, families: &Families<'_>, figure: Figure) -> f64 {
    let scatter = scatter(figure);
    let mut cost = 0.0;
    for (family, rows) in families {
        let constants = vector.constants(*family);
        for (sample, measured) in rows {
            let off = (sample.formulas(figure, &constants).ln() - measured) / scatter / ROBUST;
            cost += sample.weight * ROBUST * ROBUST * (off * off).ln_1p();
        }
    }
    let slots = vector.slots.iter().zip(&vector.values);
    for (slot, value) in slots.filter(|(slot, _)| belongs(slot, figure)) {
        cost += ((value - prior(slot)) / spread(slot)).powi(2);
    }
    cost
}

fn normal_equations(
    vector: &Vector,
    families: &Families<'_>,
    figure: Figure,
) -> (Vec<f64>, Vec<f64>) {
    let size = vector.values.len();
    let scatter = scatter(figure);
    let mut matrix = vec![0.0; size * size];
    let mut gradient = vec![0.0; size];
    let mut slopes = vec![0.0; SPECS.len()];
    for (&(framework, generation), rows) in families {
        let active: Vec<(usize, usize)> = vector
            .slots
            .iter()
            .enumerate()
            .filter_map(|(place, slot)| match *slot {
                Slot::All(constant) => Some((place, constant)),
                Slot::Framework(constant, of) => (of == framework).then_some((place, constant)),
                Slot::Generation(constant, of) => (of == generation).then_some((place, constant)),
            })
            .collect();
        // A factor moves a constant as its global value does: one derivative for both.
        let base = vector.constants((framework, generation));
        let moved: Vec<(usize, Constants)> = (0..SPECS.len())
            .filter(|constant| belongs(&Slot::All(*constant), figure))
            .map(|constant| {
                let mut moved = base.clone();
                moved.0[constant] *= STEP.exp();
                (constant, moved)
            })
            .collect();
        for (sample, measured) in rows {
            let value = sample.formulas(figure, &base).ln();
            let off = value - measured;
            let far = off / scatter / ROBUST;
            let weight = sample.weight / (1.0 + far * far) / (scatter * scatter);
            for (constant, moved) in &moved {
                slopes[*constant] = (sample.formulas(figure, moved).ln() - value) / STEP;
            }
            for &(row, constant) in &active {
                let slope = weight * slopes[constant];
                if slope == 0.0 {
                    continue;
                }
                gradient[row] += slope * off;
                for &(column, constant) in active.iter().take_while(|(column, _)| *column <= row) {
                    matrix[row * size + column] += slope * slopes[constant];
                }
            }
        }
    }
    for (place, slot) in vector.slots.iter().enumerate() {
        let precision = spread(slot).powi(-2);
        matrix[place * size + place] += precision;
        if !belongs(slot, figure) {
            continue;
        }
        gradient[place] += precision * (vector.values[place] - prior(slot));
    }
    (matrix, gradient)
}
