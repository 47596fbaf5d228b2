//! `AdamW` with decoupled weight decay, gradient clipping, and the learning-rate schedule.

use std::ops::Range;

use tch::{Kind, Tensor};

use crate::failure::Result;
use crate::parameters::Parameters;
use crate::shim::{self, AdamWNumbers, AdamWTensors};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.95;
const WEIGHT_DECAY: f64 = 0.1;
const EPS: f64 = 1e-8;
/// Gradients are scaled down to this global norm.
const MAX_NORM: f64 = 1.0;

/// The optimizer state of a range of the flat weights.
pub(crate) struct AdamW {
    decayed: Vec<AdamWTensors>,
    plain: Vec<AdamWTensors>,
    gradient: Tensor,
    step: Tensor,
}

impl AdamW {
    /// State for the elements `range` of the flat weights, whose gradients are `gradient`
    /// (`[range.len()]`).
    pub(crate) fn new(
        parameters: &Parameters,
        range: &Range<i64>,
        gradient: &Tensor,
    ) -> Result<Self> {
        let gradient = gradient.f_detach()?;
        let first = gradient.f_zeros_like()?;
        let second = gradient.f_zeros_like()?;
        let (mut decayed, mut plain) = (Vec::new(), Vec::new());
        for slot in &parameters.slots {
            // A shard may begin or end inside a tensor.
            let from = slot.offset.max(range.start);
            let len = (slot.offset + slot.len).min(range.end) - from;
            if len <= 0 {
                continue;
            }
            let own = from - range.start;
            let tensors = AdamWTensors {
                parameter: parameters.flat.f_narrow(0, from, len)?,
                gradient: gradient.f_narrow(0, own, len)?,
                first_moment: first.f_narrow(0, own, len)?,
                second_moment: second.f_narrow(0, own, len)?,
            };
            if slot.decay { &mut decayed } else { &mut plain }.push(tensors);
        }
        let step = Tensor::f_zeros([], (Kind::Float, gradient.device()))?;
        Ok(Self { decayed, plain, gradient, step })
    }

    /// The sum of squares of this range's gradients, as a one-element tensor.
    pub(crate) fn squared_norm(&self) -> Result<Tensor> {
        Ok(self.gradient.f_dot(&self.gradient)?.f_view([1])?)
    }

    /// One update, with the gradients clipped by their norm over all ranks.
    pub(crate) fn update(&mut self, lr: f64, norm: f64) -> Result<()> {
        if norm > MAX_NORM {
            let _ = self.gradient.f_mul_scalar_(MAX_NORM / norm)?;
        }
        let _ = self.step.f_add_scalar_(1.0)?;
        for (tensors, weight_decay) in [(&self.decayed, WEIGHT_DECAY), (&self.plain, 0.0)] {
            if !tensors.is_empty() {
                let numbers =
                    AdamWNumbers { lr, beta1: BETA1, beta2: BETA2, weight_decay, eps: EPS };
                shim::adamw(tensors, &self.step, numbers)?;
            }
        }
        Ok(())
    }
}

/// The learning rate of a 0-based step: linear warm-up over a tenth of the run (at most 200 steps),
/// then a cosine down to a tenth of the peak.
pub(crate) fn learning_rate(peak: f64, step: u64, steps: u64) -> f64 {
    let warm_up = (steps / 10).clamp(1, 200);
    if step < warm_up {
        return peak * (step + 1) as f64 / warm_up as f64;
    }
    let progress = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
    peak * (0.1 + 0.45 * (1.0 + (std::f64::consts::PI * progress).cos()))
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::shape::Shape;

    /// The same update written with plain tensor arithmetic (Loshchilov & Hutter 2019).
    fn reference(p: &Tensor, g: &Tensor, decay: f64, lr: f64, steps: i32) -> Tensor {
        let (mut p, mut m, mut v) = (p.copy(), g.zeros_like(), g.zeros_like());
        for step in 1..=steps {
            p = &p * (1.0 - lr * decay);
            m = &m * BETA1 + g * (1.0 - BETA1);
            v = &v * BETA2 + g * g * (1.0 - BETA2);
            let corrected = &m / (1.0 - BETA1.powi(step));
            p -= corrected / ((&v / (1.0 - BETA2.powi(step))).sqrt() + EPS) * lr;
        }
        p
    }

    #[test]
    fn the_update_is_adamw_whole_or_in_shards() {
        let shape = Shape { layers: 1, hidden: 8, heads: 2, seq: 4, vocab: 257 };
        let parameters = Parameters::new(&shape, 1, 2, Device::Cpu).unwrap();
        let before = parameters.flat.copy();
        let g = Tensor::randn_like(&before) * 1e-3;
        let _no_graph = tch::no_grad_guard();
        let half = before.size1().unwrap() / 2;
        for range in [0..half, half..2 * half] {
            let gradient = g.narrow(0, range.start, half).copy();
            let mut optimizer = AdamW::new(&parameters, &range, &gradient).unwrap();
            for _ in 0..3 {
                optimizer.update(1e-2, 0.5).unwrap();
            }
        }
        for slot in &parameters.slots {
            let part = |of: &Tensor| of.narrow(0, slot.offset, slot.len);
            let decay = if slot.decay { WEIGHT_DECAY } else { 0.0 };
            let expected = reference(&part(&before), &part(&g), decay, 1e-2, 3);
            let error = (part(&parameters.flat) - expected).abs().max().double_value(&[]);
            assert!(error < 1e-5, "at {}: {error}", slot.offset);
        }
    }

    #[test]
    fn large_gradients_are_scaled_to_the_norm() {
        let shape = Shape { layers: 1, hidden: 8, heads: 2, seq: 4, vocab: 257 };
        let parameters = Parameters::new(&shape, 1, 1, Device::Cpu).unwrap();
        let _no_graph = tch::no_grad_guard();
        let gradient = Tensor::ones_like(&parameters.flat);
        let range = 0..gradient.size1().unwrap();
        let mut optimizer = AdamW::new(&parameters, &range, &gradient).unwrap();
        let norm = optimizer.squared_norm().unwrap().double_value(&[0]).sqrt();
        optimizer.update(1e-3, norm).unwrap();
        let clipped = optimizer.squared_norm().unwrap().double_value(&[0]);
        assert!((clipped - 1.0).abs() < 1e-4, "{clipped}");
    }

    #[test]
    fn the_schedule_warms_up_and_ends_at_a_tenth() {
        assert!((learning_rate(1.0, 0, 100) - 0.1).abs() < 1e-12);
        assert!((learning_rate(1.0, 9, 100) - 1.0).abs() < 1e-12);
        assert!((learning_rate(1.0, 10, 100) - 1.0).abs() < 1e-12);
        assert!(learning_rate(1.0, 99, 100) < 0.11);
        assert!((learning_rate(1.0, 0, 1) - 1.0).abs() < 1e-12);
    }
}
