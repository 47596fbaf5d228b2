//! Causal attention of the heads that this rank has.

use tch::Tensor;

use super::Model;
use crate::failure::Result;

impl Model {
    /// Attention from the joint product for queries, keys and values, `[batch, seq, (heads + 2·kv_heads)·head_dim]`, to
    /// `[batch, seq, heads·head_dim]`.
    pub(super) fn attention(&self, qkv: &Tensor) -> Result<Tensor> {
        let (batch, seq, _) = qkv.size3()?;
        let shape = &self.shape;
        let (heads, keys) = (shape.heads / self.parts(), shape.kv_heads / self.parts());
        let parts =
            qkv.f_view([batch, seq, heads + 2 * keys, shape.head_dim])?.f_transpose(1, 2)?;
        let part = |begin, len| parts.f_narrow(1, begin, len);
        let (mut q, mut k, v) = (part(0, heads)?, part(heads, keys)?, part(heads + keys, keys)?);
        if let Some(rotary) = &self.rotary {
            (q, k) = (rotary.turn(&q)?, rotary.turn(&k)?);
        }
        let mixed = Tensor::f_scaled_dot_product_attention(
            &q,
            &k,
            &v,
            None::<&Tensor>,
            0.0,
            true,
            None,
            keys != heads,
        )?;
        Ok(mixed.f_transpose(1, 2)?.f_reshape([batch, seq, heads * shape.head_dim])?)
    }
}
