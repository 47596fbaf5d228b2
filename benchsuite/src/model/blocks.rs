//! Pre-norm blocks. Weights are in the order of the layout.

use tch::Tensor;

use super::Model;
use crate::failure::Result;

impl Model {
    pub(super) fn gpt_block(&self, weights: &[Tensor], x: &Tensor) -> Result<Tensor> {
        let inner = self.enter(&self.norm(weights, x)?)?;
        let qkv = self.product(&inner, &weights[2], Some(&weights[3]))?;
        let x = x.f_add(&self.leave(&self.attention(&qkv)?, &weights[4], Some(&weights[5]))?)?;
        let weights = &weights[6..];
        let inner = self.enter(&self.norm(weights, &x)?)?;
        let wide = self.product(&inner, &weights[2], Some(&weights[3]))?.f_gelu("tanh")?;
        Ok(x.f_add(&self.leave(&wide, &weights[4], Some(&weights[5]))?)?)
    }

    pub(super) fn llama_block(&self, weights: &[Tensor], x: &Tensor) -> Result<Tensor> {
        let x = self.llama_attention(weights, x)?;
        let weights = &weights[3..];
        let inner = self.enter(&self.norm(weights, &x)?)?;
        let gated = gate(&self.product(&inner, &weights[1], None)?)?;
        Ok(x.f_add(&self.leave(&gated, &weights[2], None)?)?)
    }

    /// The attention half of a block of Llama, with its residual.
    pub(super) fn llama_attention(&self, weights: &[Tensor], x: &Tensor) -> Result<Tensor> {
        let inner = self.enter(&self.norm(weights, x)?)?;
        let qkv = self.product(&inner, &weights[1], None)?;
        Ok(x.f_add(&self.leave(&self.attention(&qkv)?, &weights[2], None)?)?)
    }
}

/// `SwiGLU`: the first half of the last dimension, through `SiLU`, times the second.
pub(super) fn gate(gate_up: &Tensor) -> Result<Tensor> {
    let halves = gate_up.f_chunk(2, -1)?;
    Ok(halves[0].f_silu()?.f_mul(&halves[1])?)
}
