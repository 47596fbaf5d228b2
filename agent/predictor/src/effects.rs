//! What the formulas miss systematically: factors of frameworks with certain degrees, models or machines.
//!
//! Each job has a list of keys, from the general to the particular. A key's factor is the mean of what is left over in the
//! jobs that have it, drawn towards one as far as they are few; a key that no measured job had has no factor.

use std::collections::BTreeMap;

use crate::setup::{Precision, Setup};

/// Which figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Time of a step.
    Time,
    /// Peak memory.
    Memory,
}

/// Logarithms of the factors by key.
pub(crate) type Effects = BTreeMap<String, f64>;

/// The keys of a job, each with how many jobs' weight its factor is drawn towards one.
pub(crate) fn keys(setup: &Setup, figure: Figure) -> Vec<(String, f64)> {
    let s = setup;
    // Hosts copy for Omni-Path, which tells on more than the exchange: what was measured there says nothing of other networks.
    let family = match figure {
        Figure::Time if s.network.omni_path => format!("{}/omni-path", s.framework.name()),
        _ => s.framework.name().to_owned(),
    };
    let generation = s.gpu.generation.name();
    let size = format!("h{:.0}x{:.0}", s.shape.hidden, s.shape.layers);
    let mut keys = vec![
        (format!("{family}/tp{:.0}", s.tp), 8.0),
        (format!("{family}/pp{:.0}", s.pp), 8.0),
        (format!("{family}/zero{}", s.zero), 8.0),
        (format!("{family}/tp{:.0}/mb{:.0}", s.tp, s.micro_batch), 8.0),
    ];
    match figure {
        Figure::Time => {
            let precision = match s.precision {
                Precision::Fp32 => "fp32",
                Precision::Tf32 => "tf32",
                Precision::Half => "half",
                Precision::Fp8 => "fp8",
                Precision::Block8 => "block8",
                Precision::Fp4 => "fp4",
            };
            keys.push((format!("{family}/{generation}/{precision}"), 6.0));
            keys.push((format!("{family}/{}", s.arch), 4.0));
            keys.push((format!("{family}/{}/{}", s.arch, s.gpu.name), 4.0));
            keys.push((
                format!("{family}/nodes{:.0}/pp{}/zero{}", s.nodes, u8::from(s.pp > 1.0), s.zero),
                8.0,
            ));
            keys.push((format!("{family}/tp{:.0}/mb{:.0}/{size}", s.tp, s.micro_batch), 10.0));
        }
        Figure::Memory => {
            keys.push((format!("{family}/tp{:.0}/pp{:.0}", s.tp, s.pp), 8.0));
            let passes = if s.passes > 1.0 { "several" } else { "one" };
            keys.push((format!("{family}/{passes}/pp{:.0}", s.pp.min(2.0)), 8.0));
            keys.push((
                format!("{family}/dp{:.0}/tp{:.0}/pp{}", s.dp, s.tp, u8::from(s.pp > 1.0)),
                8.0,
            ));
            keys.push((format!("{family}/pp{:.0}/{size}", s.pp), 8.0));
            keys.push((
                format!("{family}/tp{:.0}/mb{:.0}/pp{}", s.tp, s.micro_batch, u8::from(s.pp > 1.0)),
                8.0,
            ));
            keys.push((format!("{family}/tp{:.0}/mb{:.0}/{size}", s.tp, s.micro_batch), 8.0));
        }
    }
    keys.push((format!("{family}/{size}"), 6.0));
    keys
}

/// The logarithm of the factor of a job.
pub(crate) fn of(effects: &Effects, keys: &[(String, f64)]) -> f64 {
    keys.iter().filter_map(|(key, _)| effects.get(key)).sum()
}

/// Sweeps over the keys; more change nothing that counts.
const SWEEPS: usize = 12;
/// Residuals beyond this count less, natural logarithm.
const FAR: f64 = 0.15;

/// A job of a fit: its keys, what is left over and its weight.
pub(crate) type Row = (Vec<(String, f64)>, f64, f64);

/// Factors that take away what is left over: `rows` are keys, what is left (measured by predicted, logarithm) and weight.
#[must_use]
pub(crate) fn fit(rows: &[Row]) -> Effects {
    let mut members: Vec<BTreeMap<&str, (f64, Vec<usize>)>> = Vec::new();
    for (index, (keys, _, _)) in rows.iter().enumerate() {
        for (place, (key, draw)) in keys.iter().enumerate() {
            if members.len() <= place {
                members.push(BTreeMap::new());
            }
            members[place].entry(key).or_insert((*draw, Vec::new())).1.push(index);
        }
    }
    let mut left: Vec<f64> = rows.iter().map(|(_, left, _)| *left).collect();
    let mut effects = Effects::new();
    for _ in 0..SWEEPS {
        for place in &members {
            for (key, (draw, indices)) in place {
                let old = effects.get(*key).copied().unwrap_or(0.0);
                let (mut sum, mut weights) = (0.0, 0.0);
                for &index in indices {
                    let without = left[index] + old;
                    let weight = rows[index].2 / (1.0 + (left[index] / FAR).powi(2));
                    sum += weight * without;
                    weights += weight;
                }
                let new = sum / (weights + draw);
                for &index in indices {
                    left[index] += old - new;
                }
                effects.insert((*key).to_owned(), new);
            }
        }
    }
    effects.retain(|_, effect| effect.abs() >= 5e-4);
    effects
}
