//! Pre-norm blocks. Weights are in the order of the layout.

use tch::Tensor;

use super::Model;
use crate::failure::Result;

/// What makes attention's output of a block's joint product for queries, keys and values.
pub(super) type Attend<'a> = &'a dyn Fn(&Tensor) -> Result<Tensor>;

impl Model {
    pub(super) fn gpt_block(
        &self,
        weights: &[Tensor],
        x: &Tensor,
        attend: Attend<'_>,
    ) -> Result<Tensor> {
        let inner = self.enter(&self.norm(weights, x)?)?;
        let qkv = self.product(&inner, &weights[2], Some(&weights[3]))?;
        let x = x.f_add(&self.leave(&attend(&qkv)?, &weights[4], Some(&weights[5]))?)?;
        let weights = &weights[6..];
        let inner = self.enter(&self.norm(weights, &x)?)?;
        let wide = self.product(&inner, &weights[2], Some(&weights[3]))?;
        let down = |bias: Option<&Tensor>| self.activated(&wide, &weights[4], bias);
        Ok(x.f_add(&self.left(Some(&weights[5]), down)?)?)
    }

    pub(super) fn llama_block(
        &self,
        weights: &[Tensor],
        x: &Tensor,
        attend: Attend<'_>,
    ) -> Result<Tensor> {
        let x = self.llama_attention(weights, x, attend)?;
        let weights = &weights[3..];
        let inner = self.enter(&self.norm(weights, &x)?)?;
        let wide = self.product(&inner, &weights[1], None)?;
        let down = |bias: Option<&Tensor>| self.activated(&wide, &weights[2], bias);
        Ok(x.f_add(&self.left(None, down)?)?)
    }

    /// The attention half of a block of Llama, with its residual.
    pub(super) fn llama_attention(
        &self,
        weights: &[Tensor],
        x: &Tensor,
        attend: Attend<'_>,
    ) -> Result<Tensor> {
        let inner = self.enter(&self.norm(weights, x)?)?;
        let qkv = self.product(&inner, &weights[1], None)?;
        Ok(x.f_add(&self.leave(&attend(&qkv)?, &weights[2], None)?)?)
    }
}
