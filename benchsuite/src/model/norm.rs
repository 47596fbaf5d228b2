//! Norms of the residual stream.

use tch::Tensor;

use super::Model;
use crate::failure::Result;
use crate::shape::Architecture;

impl Model {
    /// The norm of this architecture; `weights` begins with its tensors.
    pub(super) fn norm(&self, weights: &[Tensor], x: &Tensor) -> Result<Tensor> {
        let width = [self.shape.hidden];
        let epsilon = self.shape.norm_epsilon;
        Ok(match self.shape.architecture {
            Architecture::Gpt => {
                x.f_layer_norm(width, Some(&weights[0]), Some(&weights[1]), epsilon, true)?
            }
            Architecture::Llama | Architecture::Moe => {
                x.f_rms_norm(width, Some(&weights[0]), epsilon)?
            }
        })
    }
}
