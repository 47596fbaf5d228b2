//! Causal attention of the heads that this rank has.

use tch::Tensor;

use super::Model;
use crate::failure::Result;

impl Model {
    /// Attention from the joint product for queries, keys and values, `[batch, seq, (heads + 2·kv_heads)·head_dim]`, to
    /// `[batch, seq, heads·head_dim]`.
    pub(super) fn attention(&self, qkv: &Tensor) -> Result<Tensor> {
        let [mut q, mut k, v] = self.heads(qkv)?;
        if let Some(rotary) = &self.rotary {
            (q, k) = (rotary.turn(&q)?, rotary.turn(&k)?);
        }
        causal(&q, &k, &v)
    }

    /// Queries, keys and values of the joint product, `[batch, (kv_)heads, seq, head_dim]` each, before rotary positions.
    pub(super) fn heads(&self, qkv: &Tensor) -> Result<[Tensor; 3]> {
        let (batch, seq, _) = qkv.size3()?;
        let shape = &self.shape;
        let (heads, keys) = (shape.heads / self.parts(), shape.kv_heads / self.parts());
        let parts =
            qkv.f_view([batch, seq, heads + 2 * keys, shape.head_dim])?.f_transpose(1, 2)?;
        let part = |begin, len| parts.f_narrow(1, begin, len);
        Ok([part(0, heads)?, part(heads, keys)?, part(heads + keys, keys)?])
    }
}

/// Attention of every token to itself and those before it, `[batch, seq, heads·head_dim]`.
pub(super) fn causal(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let (batch, heads, seq, width) = q.size4()?;
    let is_grouped = k.size()[1] != heads;
    let none = None::<&Tensor>;
    let mixed = Tensor::f_scaled_dot_product_attention(q, k, v, none, 0.0, true, None, is_grouped)?;
    Ok(mixed.f_transpose(1, 2)?.f_reshape([batch, seq, heads * width])?)
}
