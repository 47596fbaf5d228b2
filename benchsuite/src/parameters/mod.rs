//! The weights of the part of the model that this rank has.

mod division;
mod image_layout;
mod layout;
mod plan;
mod start;
mod statistics;
mod unit;

pub(crate) use layout::{Division, UnitLayout, units as layout};
pub(crate) use plan::{Plan, Zero};
pub(crate) use unit::{Slot, Unit};

use tch::{Device, Kind, Tensor};

use crate::failure::Result;
use crate::shape::ModelShape;
use crate::shim::MemoryKind;

/// All weights and gradients of one rank.
pub(crate) struct Parameters {
    /// How they are spread.
    pub plan: Plan,
    /// In the order of the model; a copy of the embedding comes first.
    pub units: Vec<Unit>,
    /// Gradients of all units one after another, where they stay.
    pub gradients: Option<Tensor>,
}

impl Parameters {
    /// Initial weights of this rank's part: the same for a seed, however it is divided.
    pub(crate) fn new(
        shape: impl Into<ModelShape>,
        seed: u64,
        plan: Plan,
        device: Device,
    ) -> Result<Self> {
        let model = match shape.into() {
            ModelShape::Language(shape) => layout(&shape),
            ModelShape::Images(shape) => image_layout::units(&shape),
        };
        let copy = plan.copy_of_embedding.then_some(0);
        let layouts: Vec<&UnitLayout> =
            copy.into_iter().chain(plan.units.clone()).map(|unit| &model[unit]).collect();
        let slots: Vec<Vec<Slot>> =
            layouts.iter().map(|layout| unit::slots(layout, &plan)).collect::<Result<_>>()?;
        let padded: Vec<i64> = slots
            .iter()
            .map(|slots| plan.padded(slots.iter().map(|slot| slot.len).sum()))
            .collect();
        let gradients = plan
            .keeps_gradients()
            .then(|| {
                let _scope = MemoryKind::Gradients.scope();
                Tensor::f_zeros([padded.iter().sum::<i64>()], (Kind::Float, device))
            })
            .transpose()?;
        let mut units = Vec::with_capacity(layouts.len());
        let mut offset = 0;
        for ((layout, slots), len) in layouts.into_iter().zip(slots).zip(padded) {
            let gradient =
                gradients.as_ref().map(|all| all.f_narrow(0, offset, len)).transpose()?;
            units.push(Unit::new(layout, slots, seed, &plan, (gradient, device))?);
            offset += len;
        }
        Ok(Self { plan, units, gradients })
    }

    /// Elements on this rank, without padding.
    pub(crate) fn count(&self) -> i64 {
        self.units.iter().map(|unit| unit.len).sum()
    }

    /// A number that differs when any weight differs: the sum of all bit patterns. Not for ZeRO-3.
    pub(crate) fn checksum(&self) -> Result<i64> {
        let mut sum = 0_i64;
        for unit in &self.units {
            let bits = unit.full.f_detach()?.f_view_dtype(Kind::Int)?;
            sum = sum.wrapping_add(bits.f_sum(Kind::Int64)?.f_int64_value(&[])?);
        }
        Ok(sum)
    }

    /// Forgets the gradients of the last step.
    pub(crate) fn zero_gradients(&mut self) -> Result<()> {
        match &mut self.gradients {
            Some(gradients) => drop(gradients.f_zero_()?),
            None => {
                for unit in &mut self.units {
                    let _ = unit.shard_gradient.f_zero_()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Architecture, Shape, find};
    use crate::shim;

    fn shape() -> Shape {
        let nano = find(Architecture::Llama, "nano").unwrap().shape;
        Shape {
            layers: 1,
            hidden: 24,
            heads: 4,
            kv_heads: 2,
            head_dim: 6,
            ffn: 10,
            vocab: 258,
            ..nano
        }
    }

    fn plan(zero: u8, data: (usize, usize), tensor: (usize, usize)) -> Plan {
        Plan { zero: Zero::of(zero), data, tensor, ..Plan::alone(3) }
    }

    fn new(seed: u64, plan: Plan) -> Parameters {
        Parameters::new(&shape(), seed, plan, Device::Cpu).unwrap()
    }

    #[test]
    fn weights_follow_the_seed() {
        let one = new(1, Plan::alone(3));
        assert_eq!(one.count(), shape().parameters());
        assert_eq!(one.checksum().unwrap(), new(1, Plan::alone(3)).checksum().unwrap());
        assert_ne!(one.checksum().unwrap(), new(2, Plan::alone(3)).checksum().unwrap());
    }

    #[test]
    fn shards_together_are_the_whole() {
        let whole = new(1, Plan::alone(3));
        for zero in 1..=3 {
            let parts: Vec<_> = (0..5).map(|rank| new(1, plan(zero, (rank, 5), (0, 1)))).collect();
            for (at, unit) in whole.units.iter().enumerate() {
                let shards: Vec<_> = parts.iter().map(|part| &part.units[at].shard).collect();
                let all = Tensor::cat(&shards, 0);
                assert_eq!(all.narrow(0, 0, unit.len), unit.full, "ZeRO-{zero} {}", unit.name);
                assert_eq!(all.size1().unwrap() % 5, 0);
            }
        }
    }

    #[test]
    fn tensor_parallel_parts_are_those_of_the_whole() {
        let whole = new(1, Plan::alone(3));
        let parts: Vec<_> = (0..2).map(|rank| new(1, plan(0, (0, 1), (rank, 2)))).collect();
        for (at, unit) in whole.units.iter().enumerate() {
            for (slot, leaf) in unit.leaves().iter().enumerate() {
                for (rank, part) in parts.iter().enumerate() {
                    let expected = unit.slots[slot].division.part(leaf, rank as i64, 2).unwrap();
                    assert_eq!(
                        part.units[at].leaves()[slot],
                        expected,
                        "{}",
                        unit.slots[slot].name
                    );
                }
            }
        }
    }

    #[test]
    fn backward_writes_into_the_flat_gradients_whether_they_stay_or_not() {
        for zero in [0, 2, 3] {
            let mut parameters = new(1, plan(zero, (0, 1), (0, 1)));
            let unit = &mut parameters.units[1];
            if zero == 3 {
                shim::restore_storage(&unit.full).unwrap();
            }
            unit.begin_gradient().unwrap();
            unit.leaves()[1].sum(Kind::Float).backward();
            let slot = unit.slots[1].clone();
            let gradient = unit.gradient.as_ref().unwrap();
            assert_eq!(gradient.sum(Kind::Int64).int64_value(&[]), slot.len);
            let part = gradient.narrow(0, slot.offset, slot.len);
            assert_eq!(part.min().int64_value(&[]), 1);
        }
    }

    /// What autograd has kept of a weight is there again in backward, in other memory.
    #[test]
    fn a_released_weight_comes_back() {
        let parameters = new(1, plan(3, (0, 1), (0, 1)));
        let unit = &parameters.units[1];
        shim::restore_storage(&unit.full).unwrap();
        let mut full = unit.full.shallow_clone();
        full.copy_(&unit.shard);
        let x = Tensor::ones([1, 24], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let out = x.matmul(&unit.leaves()[1].transpose(0, 1)).sum(Kind::Float);
        let expected = unit.leaves()[1].sum_dim_intlist(0, false, Kind::Float).copy();
        shim::release_storage(&unit.full).unwrap();
        shim::restore_storage(&unit.full).unwrap();
        full.copy_(&unit.shard);
        out.backward();
        assert!(x.grad().squeeze().allclose(&expected, 1e-6, 1e-6, false));
    }
}
