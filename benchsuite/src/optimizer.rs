//! `AdamW` with decoupled weight decay, or SGD with momentum; gradient clipping, and the learning-rate schedule.

use tch::{Device, Kind, Tensor};

use crate::failure::Result;
use crate::options::Algorithm;
use crate::parameters::{Division, Parameters};
use crate::shim::{self, AdamWNumbers, MemoryKind, SgdNumbers, Updated};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.95;
const WEIGHT_DECAY: f64 = 0.1;
const EPS: f64 = 1e-8;
/// Of SGD, as He et al. 2016 train residual networks.
const MOMENTUM: f64 = 0.9;
const SGD_WEIGHT_DECAY: f64 = 1e-4;
/// Gradients are scaled down to this global norm.
pub(crate) const MAX_NORM: f64 = 1.0;

/// The optimizer state of the weights that a rank updates.
pub(crate) struct Optimizer {
    algorithm: Algorithm,
    decayed: Vec<Updated>,
    plain: Vec<Updated>,
    units: Vec<UnitState>,
    step: Tensor,
}

/// A unit's state, in the order and length of its shard.
pub(crate) struct UnitState {
    /// What it remembers of gradients, under the names that checkpoints give.
    pub memory: Vec<(&'static str, Tensor)>,
    /// Where the optimizer is on the host, its own copies of the shard and the gradient.
    host: Option<(Tensor, Tensor)>,
}

impl Optimizer {
    /// State for the shards of these parameters; with `offload` in the host's memory, where the update is then computed.
    pub(crate) fn new(
        parameters: &Parameters,
        algorithm: Algorithm,
        offload: bool,
    ) -> Result<Self> {
        let _scope = MemoryKind::Optimizer.scope();
        let _no_graph = tch::no_grad_guard();
        let (mut decayed, mut plain, mut units) = (Vec::new(), Vec::new(), Vec::new());
        let mut device = Device::Cpu;
        for unit in &parameters.units {
            let host = if offload {
                let (weights, gradient) = (host_like(&unit.shard)?, host_like(&unit.shard)?);
                weights.shallow_clone().f_copy_(&unit.shard)?;
                Some((weights, gradient))
            } else {
                None
            };
            let (weights, gradient) =
                host.as_ref().map_or((&unit.shard, &unit.shard_gradient), |(w, g)| (w, g));
            device = weights.device();
            let memory: Vec<_> = algorithm
                .memory()
                .iter()
                .map(|name| Ok((*name, weights.f_zeros_like()?)))
                .collect::<Result<_>>()?;
            for slot in &unit.slots {
                let Some(own) = unit.owned(slot) else { continue };
                let part = |of: &Tensor| of.f_narrow(0, own.start, own.end - own.start);
                let remembered = memory.iter().map(|(_, of)| part(of));
                let tensors = Updated {
                    parameter: part(weights)?,
                    gradient: part(gradient)?,
                    memory: remembered.collect::<std::result::Result<_, _>>()?,
                };
                if slot.decay { &mut decayed } else { &mut plain }.push(tensors);
            }
            units.push(UnitState { memory, host });
        }
        let step = Tensor::f_zeros([], (Kind::Float, device))?;
        Ok(Self { algorithm, decayed, plain, units, step })
    }

    /// The state of each unit.
    pub(crate) fn units(&self) -> &[UnitState] {
        &self.units
    }

    /// The number of updates, a scalar.
    pub(crate) fn step(&self) -> &Tensor {
        &self.step
    }

    /// Weights have changed behind its back: copies of its own follow them.
    pub(crate) fn reload(&self, parameters: &Parameters) -> Result<()> {
        for (unit, state) in parameters.units.iter().zip(&self.units) {
            if let Some((weights, _)) = &state.host {
                weights.shallow_clone().f_copy_(&unit.shard)?;
            }
        }
        Ok(())
    }

    /// One update with the gradients times `factor`.
    pub(crate) fn update(&mut self, parameters: &Parameters, lr: f64, factor: f64) -> Result<()> {
        for (unit, state) in parameters.units.iter().zip(&self.units) {
            if factor.to_bits() != 1.0_f64.to_bits() {
                let _ = unit.shard_gradient.shallow_clone().f_mul_scalar_(factor)?;
            }
            if let Some((_, gradient)) = &state.host {
                gradient.shallow_clone().f_copy_(&unit.shard_gradient)?;
            }
        }
        let _ = self.step.f_add_scalar_(1.0)?;
        for (tensors, decays) in [(&self.decayed, true), (&self.plain, false)] {
            if tensors.is_empty() {
                continue;
            }
            let decay = |by: f64| if decays { by } else { 0.0 };
            match self.algorithm {
                Algorithm::Adamw => {
                    let (beta1, beta2, weight_decay) = (BETA1, BETA2, decay(WEIGHT_DECAY));
                    let numbers = AdamWNumbers { lr, beta1, beta2, weight_decay, eps: EPS };
                    shim::adamw(tensors, &self.step, numbers)?;
                }
                Algorithm::Sgd => {
                    let weight_decay = decay(SGD_WEIGHT_DECAY);
                    shim::sgd(tensors, SgdNumbers { lr, momentum: MOMENTUM, weight_decay })?;
                }
            }
        }
        for (unit, state) in parameters.units.iter().zip(&self.units) {
            if let Some((weights, _)) = &state.host {
                unit.shard.shallow_clone().f_copy_(weights)?;
            }
        }
        Ok(())
    }
}

/// A tensor of the same length in the host's memory.
fn host_like(tensor: &Tensor) -> Result<Tensor> {
    Ok(Tensor::f_empty(tensor.size(), (tensor.kind(), Device::Cpu))?)
}

/// The sum of squares of the gradients of this rank's shards, each element of the model counted on one rank: what all
/// parts of tensor parallelism have counts on the first, a copied embedding with its original. `[1]`
pub(crate) fn squared_norm(parameters: &Parameters) -> Result<Tensor> {
    let plan = &parameters.plan;
    let (part, parts) = plan.tensor;
    let mut sum = Tensor::f_zeros([1], (Kind::Float, parameters.units[0].shard.device()))?;
    for unit in parameters.units.iter().skip(usize::from(plan.copy_of_embedding)) {
        let gradient = &unit.shard_gradient;
        if parts == 1 || part == 0 {
            // libtorch counts the elements of a dot product in 32 bits.
            for gradient in gradient.f_split(1 << 30, 0)? {
                sum = sum.f_add(&gradient.f_dot(&gradient)?)?;
            }
            continue;
        }
        for own in unit.owned_of(Division::is_divided) {
            let gradient = gradient.f_narrow(0, own.start, own.end - own.start)?;
            sum = sum.f_add(&gradient.f_dot(&gradient)?)?;
        }
    }
    Ok(sum)
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
    use super::*;
    use crate::parameters::{Plan, Zero};
    use crate::shape::{Architecture, Shape, find};

    /// The same update written with plain tensor arithmetic (Loshchilov & Hutter 2019; SGD by its definition).
    fn reference(
        algorithm: Algorithm,
        (p, g): (&Tensor, &Tensor),
        decays: bool,
        lr: f64,
        steps: i32,
    ) -> Tensor {
        let decay = |by: f64| if decays { by } else { 0.0 };
        if algorithm == Algorithm::Sgd {
            let (mut p, mut m) = (p.copy(), g.zeros_like());
            for _ in 1..=steps {
                m = &m * MOMENTUM + g + &p * decay(SGD_WEIGHT_DECAY);
                p -= &m * lr;
            }
            return p;
        }
        let decay = decay(WEIGHT_DECAY);
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

    fn parameters(zero: u8, data: (usize, usize)) -> Parameters {
        let nano = find(Architecture::Gpt, "nano").unwrap().shape;
        let shape =
            Shape { layers: 1, hidden: 8, heads: 2, kv_heads: 2, head_dim: 4, ffn: 32, ..nano };
        let plan = Plan { zero: Zero::of(zero), data, ..Plan::alone(3) };
        Parameters::new(&shape, 1, plan, Device::Cpu).unwrap()
    }

    #[test]
    fn the_update_is_the_algorithms_whole_in_shards_and_on_the_host() {
        for algorithm in [Algorithm::Adamw, Algorithm::Sgd] {
            updates_agree(algorithm);
        }
    }

    fn updates_agree(algorithm: Algorithm) {
        let _no_graph = tch::no_grad_guard();
        let whole = parameters(0, (0, 1));
        tch::manual_seed(5);
        let gradients: Vec<Tensor> =
            whole.units.iter().map(|unit| Tensor::randn_like(&unit.full) * 1e-3).collect();
        for zero in [0, 1, 3] {
            for offload in [false, true] {
                let ranks = if zero == 0 { 1 } else { 3 };
                for rank in 0..ranks {
                    let part = parameters(zero, (rank, ranks));
                    for (unit, gradient) in part.units.iter().zip(&gradients) {
                        let padded = part.plan.padded(unit.len);
                        let own = part.plan.own(padded);
                        let zeros = Tensor::zeros([padded - unit.len], (Kind::Float, Device::Cpu));
                        let gradient = Tensor::cat(&[gradient, &zeros], 0);
                        let gradient = gradient.narrow(0, own.start, own.end - own.start);
                        unit.shard_gradient.shallow_clone().copy_(&(gradient * 2.0));
                    }
                    let mut optimizer = Optimizer::new(&part, algorithm, offload).unwrap();
                    for factor in [0.5, 1.0, 1.0] {
                        optimizer.update(&part, 1e-2, factor).unwrap();
                    }
                    for ((unit, before), gradient) in
                        part.units.iter().zip(&whole.units).zip(&gradients)
                    {
                        let own = part.plan.own(part.plan.padded(unit.len));
                        for slot in &unit.slots {
                            let (from, to) =
                                (slot.offset.max(own.start), (slot.offset + slot.len).min(own.end));
                            if from >= to {
                                continue;
                            }
                            let of = |all: &Tensor| all.narrow(0, from, to - from);
                            let expected = reference(
                                algorithm,
                                (&of(&before.full), &of(gradient)),
                                slot.decay,
                                1e-2,
                                3,
                            );
                            let updated = unit.shard.narrow(0, from - own.start, to - from);
                            let error = (updated - expected).abs().max().double_value(&[]);
                            assert!(
                                error < 1e-5,
                                "{algorithm:?} ZeRO-{zero} {offload} {}: {error}",
                                slot.name
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_norm_counts_every_element_once() {
        let _no_graph = tch::no_grad_guard();
        let norm = |plan: Plan| {
            let shape = find(Architecture::Gpt, "nano").unwrap().shape;
            let parameters = Parameters::new(&shape, 1, plan, Device::Cpu).unwrap();
            for unit in &parameters.units {
                let own = parameters.plan.own(unit.full.numel() as i64);
                for slot in &unit.slots {
                    let (from, to) =
                        (slot.offset.max(own.start), (slot.offset + slot.len).min(own.end));
                    if from < to {
                        let mut part = unit.shard_gradient.narrow(0, from - own.start, to - from);
                        let _ = part.fill_(1.0);
                    }
                }
            }
            (squared_norm(&parameters).unwrap().double_value(&[0]), shape.parameters())
        };
        let units = 6;
        let (whole, count) = norm(Plan::alone(units));
        assert!((whole - count as f64).abs() < 1.0, "{whole} {count}");
        for zero in [0, 1] {
            let mut sum = 0.0;
            for data in 0..if zero == 0 { 1 } else { 2 } {
                for tensor in 0..2 {
                    for stage in 0..2 {
                        let plan = Plan {
                            zero: Zero::of(zero),
                            data: (data, if zero == 0 { 1 } else { 2 }),
                            tensor: (tensor, 2),
                            units: if stage == 0 { 0..3 } else { 3..units },
                            copy_of_embedding: stage == 1,
                            ..Plan::alone(units)
                        };
                        sum += norm(plan).0;
                    }
                }
            }
            assert!((sum - count as f64).abs() < 1.0, "ZeRO-{zero}: {sum} {count}");
        }
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
