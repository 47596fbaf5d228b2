//! Forward for inference: keys and values of tokens are kept, so that a further token of a sequence costs one token's
//! products and the attention to those before it. No tensor parallelism, no graph.

use tch::{Kind, Tensor};

use super::attention::causal;
use super::{BlockOutput, Model};
use crate::failure::Result;

/// Keys (at their positions) and values of one block, `[slots, capacity, kv_heads, head_dim]` each: a slot holds the
/// tokens of one sequence, from position 0 on.
pub(crate) struct LayerCache {
    pub keys: Tensor,
    pub values: Tensor,
}

/// Where the next tokens of the sequences in the slots 0, 1, … stand.
pub(crate) struct Next {
    /// Their positions, `[sequences]`.
    positions: Tensor,
    /// Their places among all of the cache's tokens, `[sequences]`.
    places: Tensor,
    /// The longest sequence, these tokens included.
    longest: i64,
    /// Added to the scores, `[sequences, 1, 1, longest]`: minus infinity behind the end of a sequence. None where all
    /// are equally long.
    mask: Option<Tensor>,
}

impl Next {
    /// After `lengths` tokens that slots of `capacity` tokens hold. The mask is of the activations' format, `like`.
    pub(crate) fn new(lengths: &[i64], capacity: i64, like: &Tensor) -> Result<Self> {
        let device = like.device();
        let longest = lengths.iter().copied().max().unwrap_or(0) + 1;
        let places: Vec<i64> =
            lengths.iter().zip(0..).map(|(len, slot)| slot * capacity + len).collect();
        let positions = Tensor::f_from_slice(lengths)?.f_to_device(device)?;
        let mask = if lengths.iter().all(|len| len + 1 == longest) {
            None
        } else {
            let tokens = Tensor::f_arange(longest, (Kind::Int64, device))?;
            let behind = tokens.f_unsqueeze(0)?.f_gt_tensor(&positions.f_unsqueeze(1)?)?;
            let zeros = Tensor::f_zeros([lengths.len() as i64, longest], (like.kind(), device))?;
            let mask = zeros.f_masked_fill(&behind, f64::NEG_INFINITY)?;
            Some(mask.f_view([-1, 1, 1, longest])?)
        };
        let places = Tensor::f_from_slice(&places)?.f_to_device(device)?;
        Ok(Self { positions, places, longest, mask })
    }
}

impl Model {
    /// The start of the residual stream of one token of each sequence, `ids` of `[sequences, 1]`.
    pub(crate) fn embed_next(
        &self,
        weights: &[Tensor],
        ids: &Tensor,
        next: &Next,
    ) -> Result<Tensor> {
        let tokens = Tensor::f_embedding(&weights[0], ids, -1, false, false)?;
        let x = match weights.get(1) {
            None => tokens,
            Some(learned) => {
                tokens.f_add(&learned.f_index_select(0, &next.positions)?.f_unsqueeze(1)?)?
            }
        };
        Ok(x.f_to_kind(self.kind)?)
    }

    /// One block over whole prompts, `[sequences, tokens, hidden]`, that the slots from `first` on take up. A prompt that
    /// is shorter than `tokens` is filled up behind its end, which nothing before it sees.
    pub(crate) fn block_of_prompts(
        &self,
        weights: &[Tensor],
        x: &Tensor,
        cache: &LayerCache,
        first: i64,
    ) -> Result<BlockOutput> {
        let attend = |qkv: &Tensor| {
            let [mut q, mut k, v] = self.heads(qkv)?;
            if let Some(rotary) = &self.rotary {
                (q, k) = (rotary.turn(&q)?, rotary.turn(&k)?);
            }
            let (sequences, tokens) = (q.size()[0], q.size()[2]);
            for (all, fresh) in [(&cache.keys, &k), (&cache.values, &v)] {
                let mut place = all.f_narrow(0, first, sequences)?.f_narrow(1, 0, tokens)?;
                place.f_copy_(&fresh.f_transpose(1, 2)?)?;
            }
            causal(&q, &k, &v)
        };
        self.block_with(weights, x, &attend, false)
    }

    /// One block over one token of each sequence, `[sequences, 1, hidden]`.
    pub(crate) fn block_of_next(
        &self,
        weights: &[Tensor],
        x: &Tensor,
        cache: &LayerCache,
        next: &Next,
    ) -> Result<BlockOutput> {
        let attend = |qkv: &Tensor| {
            let [mut q, mut k, v] = self.heads(qkv)?;
            if let Some(rotary) = &self.rotary {
                (q, k) =
                    (rotary.turn_at(&q, &next.positions)?, rotary.turn_at(&k, &next.positions)?);
            }
            for (all, fresh) in [(&cache.keys, &k), (&cache.values, &v)] {
                let mut tokens = all.f_flatten(0, 1)?;
                let _ = tokens.f_index_copy_(0, &next.places, &fresh.f_squeeze_dim(2)?)?;
            }
            attention_to_cache(&q, cache, next)
        };
        self.block_with(weights, x, &attend, false)
    }

    /// Scores of every token of the vocabulary, `[rows, vocab]` in fp32 (or wider), of rows of the residual stream,
    /// `[rows, hidden]`.
    pub(crate) fn logits(&self, norm: &[Tensor], x: &Tensor, matrix: &Tensor) -> Result<Tensor> {
        let logits = self.norm(norm, x)?.f_linear(matrix, None::<&Tensor>)?;
        let is_wide = matches!(logits.kind(), Kind::Float | Kind::Double);
        Ok(if is_wide { logits } else { logits.f_to_kind(Kind::Float)? })
    }
}

/// Attention of one token of each sequence, queries of `[sequences, heads, 1, head_dim]`, to the cache.
fn attention_to_cache(q: &Tensor, cache: &LayerCache, next: &Next) -> Result<Tensor> {
    let (sequences, heads, _, width) = q.size4()?;
    let keys = cache.keys.size()[2];
    // The heads that share one of keys are so many queries to it: nothing is repeated in memory.
    let q = q.f_reshape([sequences, keys, heads / keys, width])?;
    let of = |all: &Tensor| {
        all.f_narrow(0, 0, sequences)?.f_narrow(1, 0, next.longest)?.f_transpose(1, 2)
    };
    let mixed = Tensor::f_scaled_dot_product_attention(
        &q,
        &of(&cache.keys)?,
        &of(&cache.values)?,
        next.mask.as_ref(),
        0.0,
        false,
        None,
        false,
    )?;
    Ok(mixed.f_reshape([sequences, 1, heads * width])?)
}
