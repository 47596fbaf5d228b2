//! Rotary positions: pairs of a head's numbers are turned by an angle that grows with the position (Su et al. 2021), in
//! the halves of a head, as Llama's checkpoints have them.

use tch::{Device, Kind, Tensor};

use crate::failure::Result;
use crate::shape::{RopeScaling, Shape};

/// Cosines and sines of all angles, `[seq, head_dim]`, the second half a copy of the first.
pub(super) struct Rotary {
    cosines: Tensor,
    /// The first half negated, so that one product with the swapped halves gives both.
    sines: Tensor,
}

impl Rotary {
    /// The angles of a shape. Computed in double precision: at position 100,000 a single one is off by a hundredth.
    pub(super) fn new(shape: &Shape, kind: Kind, device: Device) -> Result<Self> {
        let frequencies = frequencies(shape);
        let angles: Vec<f64> = (0..shape.seq)
            .flat_map(|position| frequencies.iter().map(move |f| position as f64 * f))
            .collect();
        let angles = Tensor::f_from_slice(&angles)?.f_view([shape.seq, shape.head_dim / 2])?;
        let to = |halves: [Tensor; 2]| -> Result<Tensor> {
            Ok(Tensor::f_cat(&halves, 1)?.f_to_kind(kind)?.f_to_device(device)?)
        };
        let (cosine, sine) = (angles.f_cos()?, angles.f_sin()?);
        Ok(Self {
            cosines: to([cosine.shallow_clone(), cosine])?,
            sines: to([sine.f_neg()?, sine])?,
        })
    }

    /// Turns heads, `[batch, heads, seq, head_dim]`.
    pub(super) fn turn(&self, heads: &Tensor) -> Result<Tensor> {
        let seq = heads.size()[2];
        turned(heads, &self.cosines.f_narrow(0, 0, seq)?, &self.sines.f_narrow(0, 0, seq)?)
    }

    /// Turns one token of each sequence, `[batch, heads, 1, head_dim]`, that stands at its own position, `[batch]`.
    pub(super) fn turn_at(&self, heads: &Tensor, positions: &Tensor) -> Result<Tensor> {
        let (batch, width) = (positions.size()[0], heads.size()[3]);
        let at = |angles: &Tensor| -> Result<Tensor> {
            Ok(angles.f_index_select(0, positions)?.f_view([batch, 1, 1, width])?)
        };
        turned(heads, &at(&self.cosines)?, &at(&self.sines)?)
    }
}

fn turned(heads: &Tensor, cosines: &Tensor, sines: &Tensor) -> Result<Tensor> {
    let swapped = heads.f_roll([heads.size()[3] / 2], [3])?;
    Ok(heads.f_mul(cosines)?.f_addcmul(&swapped, sines)?)
}

/// Radians a position, of each pair.
fn frequencies(shape: &Shape) -> Vec<f64> {
    let width = shape.head_dim as f64;
    (0..shape.head_dim / 2)
        .map(|pair| shape.rope_theta.powf(-2.0 * pair as f64 / width))
        .map(|frequency| {
            shape.rope_scaling.map_or(frequency, |scaling| scaled(frequency, &scaling))
        })
        .collect()
}

/// Llama 3.1's stretching: low frequencies are divided by the factor, high ones stay, those between are mixed.
fn scaled(frequency: f64, scaling: &RopeScaling) -> f64 {
    let turns = scaling.original * frequency / std::f64::consts::TAU;
    let high = ((turns - scaling.low) / (scaling.high - scaling.low)).clamp(0.0, 1.0);
    (1.0 - high) * frequency / scaling.factor + high * frequency
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Architecture, find};

    fn shape() -> Shape {
        find(Architecture::Llama, "nano").unwrap().shape
    }

    /// What attention sees of two positions depends on their distance alone, and a turn keeps lengths.
    #[test]
    fn products_depend_on_the_distance() {
        let shape = shape();
        let rotary = Rotary::new(&shape, Kind::Double, Device::Cpu).unwrap();
        let of = |seed: i64| {
            tch::manual_seed(seed);
            Tensor::randn([1, 1, 1, shape.head_dim], (Kind::Double, Device::Cpu))
                .repeat([1, 1, 64, 1])
        };
        let (q, k) = (rotary.turn(&of(1)).unwrap(), rotary.turn(&of(2)).unwrap());
        let product = |i: i64, j: i64| {
            (q.get(0).get(0).get(i) * k.get(0).get(0).get(j)).sum(Kind::Double).double_value(&[])
        };
        assert!((product(5, 2) - product(60, 57)).abs() < 1e-9);
        assert!((product(5, 2) - product(5, 3)).abs() > 1e-6);
        assert!((q.norm().double_value(&[]) - of(1).norm().double_value(&[])).abs() < 1e-9);
    }

    #[test]
    fn only_low_frequencies_are_stretched() {
        let scaling = RopeScaling { factor: 32.0, low: 1.0, high: 4.0, original: 8192.0 };
        let low = std::f64::consts::TAU / 100_000.0;
        assert!((scaled(1.0, &scaling) - 1.0).abs() < 1e-12);
        assert!((scaled(low, &scaling) - low / 32.0).abs() < 1e-12);
        let between = std::f64::consts::TAU / 4000.0;
        assert!(scaled(between, &scaling) < between && scaled(between, &scaling) > between / 32.0);
    }
}
