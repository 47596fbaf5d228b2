//! The second product of a feed-forward part, whose input is an activation: with selective recomputation only what the
//! activation was taken of is kept, and it is taken again in backward. That is cheap, as no product is computed twice,
//! and halves what a feed-forward part keeps. Of attention nothing is to be gained: the fused kernels keep no scores.

use tch::Tensor;

use super::{Model, eight_bits};
use crate::failure::Result;
use crate::model::Fp8Scaling;
use crate::options::Recompute;
use crate::shape::Architecture;
use crate::shim::{self, Bridge, bridge};

/// The activation of a feed-forward part.
#[derive(Clone, Copy)]
enum Activation {
    /// GELU by its approximation with tanh.
    Gelu,
    /// `SwiGLU`: the first half of the last dimension, through `SiLU`, times the second.
    Gate,
}

impl Activation {
    fn of(self, wide: &Tensor) -> Result<Tensor> {
        match self {
            Self::Gelu => Ok(wide.f_gelu("tanh")?),
            Self::Gate => {
                let halves = wide.f_chunk(2, -1)?;
                Ok(halves[0].f_silu()?.f_mul(&halves[1])?)
            }
        }
    }
}

impl Model {
    /// activation(wide)·weightᵀ + bias.
    pub(super) fn activated(
        &self,
        wide: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<Tensor> {
        let activation = match self.shape.architecture {
            Architecture::Gpt => Activation::Gelu,
            Architecture::Llama | Architecture::Moe => Activation::Gate,
        };
        if self.recompute != Recompute::Selective {
            return self.product(&activation.of(wide)?, weight, bias);
        }
        let again = Again { activation, fp8: self.fp8 };
        let out = bridge(Box::new(again), &[wide, weight], true)?;
        Ok(bias.map_or_else(|| Ok(out.shallow_clone()), |bias| out.f_add(bias))?)
    }
}

/// The product with an activation that is taken again.
struct Again {
    activation: Activation,
    fp8: Option<Fp8Scaling>,
}

impl Bridge for Again {
    fn forward(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let active = self.activation.of(&inputs[0])?;
        match self.fp8 {
            None => Ok(active.f_linear(&inputs[1], None::<&Tensor>)?),
            Some(scaling) => eight_bits::linear(&active, &inputs[1], scaling),
        }
    }

    fn backward(&self, inputs: &[Tensor], gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let wide = inputs[0].f_detach()?.f_set_requires_grad(true)?;
        let active = tch::with_grad(|| self.activation.of(&wide))?;
        let rows = |of: &Tensor| -> Result<Tensor> {
            Ok(of.f_detach()?.f_reshape([-1, of.size().last().copied().unwrap_or(1)])?)
        };
        let (flat, flat_gradient) = (rows(&active)?, rows(gradient)?);
        let weight = inputs[1].f_detach()?;
        let (of_active, of_weight) = match self.fp8 {
            None => (
                flat_gradient.f_matmul(&weight)?,
                flat_gradient.f_transpose(0, 1)?.f_matmul(&flat)?,
            ),
            Some(scaling) => eight_bits::gradients(&flat, &weight, &flat_gradient, scaling)?,
        };
        shim::backward(&[(&active, Some(&of_active.f_view_as(&active)?))])?;
        Ok(vec![Some(wide.grad()), Some(of_weight)])
    }
}
