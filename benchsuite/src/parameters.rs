//! The weights: one flat fp32 buffer, one flat gradient buffer, and a named view of each tensor.
//! Flat because collectives, ZeRO's shards and the optimizer then work on plain ranges.

use tch::{Device, Kind, Tensor};

use crate::failure::Result;
use crate::shape::Shape;
use crate::shim;

/// How a tensor starts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Start {
    Normal(f64),
    Ones,
    Zeros,
}

/// One tensor's place in the flat buffer.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    shape: Vec<i64>,
    start: Start,
    /// First element in the flat buffer.
    pub offset: i64,
    /// Elements.
    pub len: i64,
    /// Whether weight decay applies: matrices and embeddings, not norms and biases.
    pub decay: bool,
}

/// Index of the token embedding, which is also the head.
pub(crate) const TOKENS: usize = 0;
/// Index of the position embedding.
pub(crate) const POSITIONS: usize = 1;
/// Tensors of one block.
pub(crate) const PER_BLOCK: usize = 12;

/// Index of the first tensor of a block; past the last block, of the final norm.
pub(crate) const fn block(layer: usize) -> usize {
    2 + PER_BLOCK * layer
}

/// The tensors of a GPT in the order in which forward uses them.
fn layout(shape: &Shape) -> Vec<Slot> {
    let h = shape.hidden;
    // GPT-2: residual projections start smaller, so that depth does not add up.
    let residual = 0.02 / (2.0 * shape.layers as f64).sqrt();
    let matrix = |rows, columns, std| (vec![rows, columns], Start::Normal(std), true);
    let bias = |len| (vec![len], Start::Zeros, false);
    let norm = || [(vec![h], Start::Ones, false), (vec![h], Start::Zeros, false)];

    let mut tensors = vec![matrix(shape.vocab, h, 0.02), matrix(shape.seq, h, 0.02)];
    for _ in 0..shape.layers {
        tensors.extend(norm());
        tensors.extend([matrix(3 * h, h, 0.02), bias(3 * h), matrix(h, h, residual), bias(h)]);
        tensors.extend(norm());
        tensors.extend([matrix(4 * h, h, 0.02), bias(4 * h), matrix(h, 4 * h, residual), bias(h)]);
    }
    tensors.extend(norm());

    let mut offset = 0;
    tensors
        .into_iter()
        .map(|(shape, start, decay)| {
            let len = shape.iter().product();
            let slot = Slot { shape, start, offset, len, decay };
            offset += len;
            slot
        })
        .collect()
}

/// All weights and gradients of one rank.
pub(crate) struct Parameters {
    /// Where each tensor lies.
    pub slots: Vec<Slot>,
    /// Elements that are parameters; the buffers may be longer.
    pub count: i64,
    /// The fp32 master weights, `[padded]`.
    pub flat: Tensor,
    /// Their gradients, `[padded]`; backward accumulates here.
    pub gradients: Tensor,
    leaves: Vec<Tensor>,
}

impl Parameters {
    /// Initial weights: the same for a seed on every rank and device. The buffers are padded with
    /// zeros to a multiple of `ranks`.
    pub(crate) fn new(shape: &Shape, seed: u64, ranks: usize, device: Device) -> Result<Self> {
        let slots = layout(shape);
        let count: i64 = slots.iter().map(|slot| slot.len).sum();
        let ranks = ranks as i64;
        let padded = (count + ranks - 1) / ranks * ranks;
        let _no_graph = tch::no_grad_guard();
        tch::manual_seed(seed as i64);
        // Drawn on the CPU: a GPU's generator gives other numbers.
        let start = Tensor::f_zeros([padded], (Kind::Float, Device::Cpu))?;
        for slot in &slots {
            let mut view = start.f_narrow(0, slot.offset, slot.len)?;
            match slot.start {
                Start::Normal(std) => drop(view.f_normal_(0.0, std)?),
                Start::Ones => drop(view.f_fill_(1.0)?),
                Start::Zeros => {}
            }
        }
        let flat = start.f_to_device(device)?;
        let gradients = flat.f_zeros_like()?;
        let mut leaves = Vec::with_capacity(slots.len());
        for slot in &slots {
            let view = |of: &Tensor| -> Result<Tensor> {
                Ok(of
                    .f_narrow(0, slot.offset, slot.len)?
                    .f_view(slot.shape.as_slice())?
                    .f_detach()?)
            };
            let leaf = view(&flat)?.f_set_requires_grad(true)?;
            shim::set_grad(&leaf, &view(&gradients)?)?;
            leaves.push(leaf);
        }
        Ok(Self { slots, count, flat, gradients, leaves })
    }

    /// The tensors that autograd tracks, in the order of `slots`.
    pub(crate) fn leaves(&self) -> &[Tensor] {
        &self.leaves
    }

    /// The tensors as forward uses them: in bf16, copies that autograd casts back.
    pub(crate) fn working_copy(&self, bf16: bool) -> Result<Vec<Tensor>> {
        if !bf16 {
            return Ok(self.leaves.iter().map(Tensor::shallow_clone).collect());
        }
        let cast = |leaf: &Tensor| leaf.f_to_kind(Kind::BFloat16);
        Ok(self.leaves.iter().map(cast).collect::<std::result::Result<_, _>>()?)
    }

    /// A number that differs when any weight differs: the sum of all bit patterns.
    pub(crate) fn checksum(&self) -> Result<i64> {
        let bits = self.flat.f_detach()?.f_view_dtype(Kind::Int)?;
        Ok(bits.f_sum(Kind::Int64)?.f_int64_value(&[])?)
    }

    /// Forgets the gradients of the last step.
    pub(crate) fn zero_gradients(&mut self) -> Result<()> {
        let _ = self.gradients.f_zero_()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape;

    #[test]
    fn the_layout_has_as_many_elements_as_the_formula_says() {
        for preset in shape::PRESETS {
            let total: i64 = layout(&preset.shape).iter().map(|slot| slot.len).sum();
            assert_eq!(total, preset.shape.parameters(), "{}", preset.name);
        }
    }

    #[test]
    fn weights_follow_the_seed_and_the_buffers_are_padded() {
        let shape = Shape { layers: 1, hidden: 10, heads: 2, seq: 3, vocab: 257 };
        let new = |seed| Parameters::new(&shape, seed, 4, Device::Cpu).unwrap();
        let one = new(1);
        assert_eq!(one.checksum().unwrap(), new(1).checksum().unwrap());
        assert_ne!(one.checksum().unwrap(), new(2).checksum().unwrap());
        assert_eq!(one.flat.size1().unwrap() % 4, 0);
        assert_eq!(one.count, shape.parameters());
    }

    #[test]
    fn backward_writes_into_the_flat_gradients() {
        let shape = Shape { layers: 1, hidden: 4, heads: 2, seq: 3, vocab: 257 };
        let parameters = Parameters::new(&shape, 1, 1, Device::Cpu).unwrap();
        parameters.leaves()[POSITIONS].sum(Kind::Float).backward();
        let slot = &parameters.slots[POSITIONS];
        assert_eq!(parameters.gradients.sum(Kind::Int64).int64_value(&[]), slot.len);
        let part = parameters.gradients.narrow(0, slot.offset, slot.len);
        assert_eq!(part.min().int64_value(&[]), 1);
    }
}
