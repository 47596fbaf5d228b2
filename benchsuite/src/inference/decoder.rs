//! A model with its KV cache: prompts go in, logits of the next tokens come out.

use tch::{Device, Kind, Tensor};

use super::cache::KvCache;
use super::weights::Weights;
use crate::failure::Result;
use crate::model::{Model, Next};
use crate::options::Recompute;
use crate::shape::Shape;

/// Serves sequences in the slots 0, 1, … of its cache.
pub(crate) struct Decoder {
    model: Model,
    weights: Weights,
    cache: KvCache,
    device: Device,
}

/// What a pass gives.
pub(crate) struct Pass {
    /// Of the token after the last one of each sequence, `[sequences, vocab]`.
    pub logits: Tensor,
    /// Experts that some token was sent to, summed over the blocks.
    pub experts: i64,
}

impl Decoder {
    /// A model of this shape with the weights that training starts from with `seed`, and a cache of (slots, tokens a slot).
    pub(crate) fn new(
        shape: &Shape,
        seed: u64,
        slots: (i64, i64),
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        let model = Model::new(shape, (kind, None), Recompute::None, None, device)?;
        let weights = Weights::new(shape, seed, kind, device)?;
        let cache = KvCache::new(shape, slots, (kind, device))?;
        Ok(Self { model, weights, cache, device })
    }

    /// Takes prompts into the slots from `first` on. They are padded to the longest; what is behind the end of a shorter
    /// one is overwritten by what is generated.
    pub(crate) fn prefill(&self, first: i64, prompts: &[&[i64]]) -> Result<Pass> {
        let _no_graph = tch::no_grad_guard();
        let longest = prompts.iter().map(|prompt| prompt.len()).max().unwrap_or(0);
        let mut ids = vec![0_i64; prompts.len() * longest];
        let mut last = Vec::with_capacity(prompts.len());
        for (row, prompt) in prompts.iter().enumerate() {
            ids[row * longest..][..prompt.len()].copy_from_slice(prompt);
            last.push((row * longest + prompt.len()) as i64 - 1);
        }
        let ids = self.send(&ids)?.f_view([prompts.len() as i64, longest as i64])?;
        let mut x = self.model.embed(&self.weights.embedding, &ids)?;
        let mut experts = 0;
        for (weights, cache) in self.weights.blocks.iter().zip(&self.cache.layers) {
            let out = self.model.block_of_prompts(weights, &x, cache, first)?;
            (x, experts) = (out.x, experts + out.experts);
        }
        // Only what follows the last token of each is asked for.
        let x = x.f_flatten(0, 1)?.f_index_select(0, &self.send(&last)?)?;
        Ok(Pass { logits: self.logits(&x)?, experts })
    }

    /// Takes one more token of each of the sequences in the slots 0, 1, …, which have `lengths` tokens in the cache.
    pub(crate) fn decode(&self, tokens: &[i64], lengths: &[i64]) -> Result<Pass> {
        let _no_graph = tch::no_grad_guard();
        let ids = self.send(tokens)?.f_unsqueeze(1)?;
        let next = Next::new(lengths, self.cache.capacity, &self.weights.matrix)?;
        let mut x = self.model.embed_next(&self.weights.embedding, &ids, &next)?;
        let mut experts = 0;
        for (weights, cache) in self.weights.blocks.iter().zip(&self.cache.layers) {
            let out = self.model.block_of_next(weights, &x, cache, &next)?;
            (x, experts) = (out.x, experts + out.experts);
        }
        Ok(Pass { logits: self.logits(&x.f_flatten(0, 1)?)?, experts })
    }

    /// Puts the sequence of the slot `last`, of `tokens` tokens in the cache, into `slot`, whose sequence has ended.
    pub(crate) fn replace(&self, slot: i64, last: i64, tokens: i64) -> Result<()> {
        if slot == last { Ok(()) } else { self.cache.move_slot(last, slot, tokens) }
    }

    fn logits(&self, rows: &Tensor) -> Result<Tensor> {
        self.model.logits(&self.weights.norm, rows, &self.weights.matrix)
    }

    fn send(&self, numbers: &[i64]) -> Result<Tensor> {
        Ok(Tensor::f_from_slice(numbers)?.f_to_device(self.device)?)
    }
}

#[cfg(test)]
mod tests;
