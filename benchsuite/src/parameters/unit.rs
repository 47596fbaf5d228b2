//! The weights of one unit: flat buffers, and a view of each tensor that autograd knows as a leaf.
//! Flat because collectives, ZeRO's shards and the optimizer then work on plain ranges.

use std::ops::Range;

use tch::{Device, Kind, Tensor};

use super::layout::{Division, Start, UnitLayout};
use super::plan::{Plan, Zero};
use super::statistics::{self, Statistics};
use crate::failure::Result;
use crate::shim::{self, MemoryKind};

/// One tensor's place in the unit's flat buffers.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// As checkpoints name it.
    pub name: String,
    /// Its shape on this rank.
    pub shape: Vec<i64>,
    /// First element in the flat buffer.
    pub offset: i64,
    /// Elements.
    pub len: i64,
    /// Whether weight decay applies.
    pub decay: bool,
    /// How tensor parallelism divides it.
    pub division: Division,
}

/// The weights of a unit on one rank, and their gradients.
pub(crate) struct Unit {
    /// As a recording names it.
    pub name: String,
    /// Where each tensor lies.
    pub slots: Vec<Slot>,
    /// Elements that are parameters; the buffers may be longer.
    pub len: i64,
    /// What forward reads, `[padded]`: the fp32 master weights, or under ZeRO-3 a gathered copy whose memory comes and
    /// goes.
    pub full: Tensor,
    /// The fp32 master weights that this rank updates: all of `full`, or its part of it.
    pub shard: Tensor,
    /// Gradients of the shard, fp32, summed over the ranks when the step is complete; a part of `gradient` where that
    /// stays.
    pub shard_gradient: Tensor,
    /// The elements of `full` that these are.
    own: Range<i64>,
    /// Gradients of all the unit; under ZeRO-2 and 3 only while backward is in the unit.
    pub gradient: Option<Tensor>,
    /// Of its batch norms, in the order of their tensors.
    pub statistics: Vec<Statistics>,
    leaves: Vec<Tensor>,
}

impl Unit {
    /// Initial weights, the same for a seed however they are divided. `number` is the unit's place in the model.
    /// `gradient` is where gradients stay, if they do: `[padded]`.
    pub(crate) fn new(
        layout: &UnitLayout,
        slots: Vec<Slot>,
        seed: u64,
        plan: &Plan,
        (gradient, device): (Option<Tensor>, Device),
    ) -> Result<Self> {
        let len: i64 = slots.iter().map(|slot| slot.len).sum();
        let padded = plan.padded(len);
        let _no_graph = tch::no_grad_guard();
        let start = initial(layout, &slots, seed, plan, padded)?;
        let own = plan.own(padded);
        let of_weights = MemoryKind::Parameters.scope();
        let (full, shard) = if plan.zero == Zero::Parameters {
            let mut shard = Tensor::f_empty([own.end - own.start], (Kind::Float, device))?;
            shard.f_copy_(&start.f_narrow(0, own.start, own.end - own.start)?)?;
            (Tensor::f_empty([padded], (plan.kind, device))?, shard)
        } else {
            let mut full = Tensor::f_empty([padded], (Kind::Float, device))?;
            full.f_copy_(&start)?;
            let shard = full.f_narrow(0, own.start, own.end - own.start)?;
            (full, shard)
        };
        drop(of_weights);
        let of_gradients = MemoryKind::Gradients.scope();
        let shard_gradient = match &gradient {
            Some(gradient) => gradient.f_narrow(0, own.start, own.end - own.start)?,
            None => shard.f_zeros_like()?,
        };
        drop(of_gradients);
        let mut leaves = Vec::with_capacity(slots.len());
        for slot in &slots {
            // Not a view that autograd knows of: `full` is written between forward and backward.
            let leaf = view(&full, slot)?.f_data()?.f_set_requires_grad(true)?;
            if let Some(gradient) = &gradient {
                shim::set_grad(&leaf, Some(&view(gradient, slot)?.f_data()?))?;
            }
            leaves.push(leaf);
        }
        if plan.zero == Zero::Parameters {
            shim::release_storage(&full)?;
        }
        let (name, statistics) = (layout.name.clone(), statistics::of_unit(layout, device)?);
        Ok(Self {
            name,
            slots,
            len,
            full,
            shard,
            shard_gradient,
            own,
            gradient,
            statistics,
            leaves,
        })
    }

    /// The elements of the shard that are of this slot: a shard may begin or end inside a tensor, or have none of it.
    pub(crate) fn owned(&self, slot: &Slot) -> Option<Range<i64>> {
        let start = slot.offset.max(self.own.start) - self.own.start;
        let end = (slot.offset + slot.len).min(self.own.end) - self.own.start;
        (start < end).then_some(start..end)
    }

    /// The same of all slots with such a division.
    pub(crate) fn owned_of(
        &self,
        division: impl Fn(&Division) -> bool,
    ) -> impl Iterator<Item = Range<i64>> {
        let slots = self.slots.iter().filter(move |slot| division(&slot.division));
        slots.filter_map(|slot| self.owned(slot))
    }

    /// Tensors that autograd tracks, in the order of `slots`.
    pub(crate) fn leaves(&self) -> &[Tensor] {
        &self.leaves
    }

    /// The first `count` tensors as forward uses them, in `kind`: where that is not theirs, copies that autograd casts
    /// back.
    pub(crate) fn working(&self, count: usize, kind: Kind) -> Result<Vec<Tensor>> {
        let cast = |leaf: &Tensor| {
            if leaf.kind() == kind { Ok(leaf.shallow_clone()) } else { leaf.f_to_kind(kind) }
        };
        Ok(self.leaves.iter().take(count).map(cast).collect::<std::result::Result<_, _>>()?)
    }

    /// Has backward write gradients of the unit, zero at first, into memory of its own.
    pub(crate) fn begin_gradient(&mut self) -> Result<()> {
        if self.gradient.is_some() {
            return Ok(());
        }
        let _scope = MemoryKind::Gradients.scope();
        let gradient = Tensor::f_zeros(self.full.size(), (self.full.kind(), self.full.device()))?;
        for (leaf, slot) in self.leaves.iter().zip(&self.slots) {
            shim::set_grad(leaf, Some(&view(&gradient, slot)?.f_data()?))?;
        }
        self.gradient = Some(gradient);
        Ok(())
    }

    /// The gradient that `begin_gradient` has made way for.
    pub(crate) fn take_gradient(&mut self) -> Result<Option<Tensor>> {
        for leaf in &self.leaves {
            shim::set_grad(leaf, None)?;
        }
        Ok(self.gradient.take())
    }

    /// Where gradients of this slot of the unit are now, in its shape.
    pub(crate) fn gradient_of(&self, slot: usize) -> Result<Option<Tensor>> {
        self.gradient.as_ref().map(|gradient| view(gradient, &self.slots[slot])).transpose()
    }
}

/// The slot's part of a flat buffer in the tensor's shape.
fn view(flat: &Tensor, slot: &Slot) -> Result<Tensor> {
    Ok(flat.f_narrow(0, slot.offset, slot.len)?.f_view(slot.shape.as_slice())?)
}

/// The slots of a unit under this plan.
pub(crate) fn slots(layout: &UnitLayout, plan: &Plan) -> Result<Vec<Slot>> {
    let mut offset = 0;
    let mut slots = Vec::with_capacity(layout.tensors.len());
    for tensor in &layout.tensors {
        let ranks = plan.tensor.1 as i64;
        let shape = tensor.division.part_shape(&tensor.name, &tensor.shape, ranks)?;
        let len = shape.iter().product();
        slots.push(Slot {
            name: tensor.name.clone(),
            shape,
            offset,
            len,
            decay: tensor.decay,
            division: tensor.division.clone(),
        });
        offset += len;
    }
    Ok(slots)
}

/// The unit's weights before training, `[padded]`, on the CPU: a GPU's generator gives other numbers. Every tensor is
/// drawn whole, so that any rank finds its part.
fn initial(
    layout: &UnitLayout,
    slots: &[Slot],
    seed: u64,
    plan: &Plan,
    padded: i64,
) -> Result<Tensor> {
    let start = Tensor::f_zeros([padded], (Kind::Float, Device::Cpu))?;
    for (tensor, slot) in layout.tensors.iter().zip(slots) {
        let mut place = view(&start, slot)?;
        match tensor.start {
            Start::Ones => drop(place.f_fill_(1.0)?),
            Start::Zeros => {}
            Start::Normal(_) => {
                let (rank, ranks) = plan.tensor;
                let whole = tensor.drawn(seed)?;
                place.f_copy_(&tensor.division.part(&whole, rank as i64, ranks as i64)?)?;
            }
        }
    }
    Ok(start)
}
