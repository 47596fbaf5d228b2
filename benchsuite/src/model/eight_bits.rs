//! Products in 8 bits: inputs and weights as e4m3, gradients as e5m2, whose range is larger (Micikevicius et al. 2022),
//! each with a scale that brings its largest number to the largest of the format.

use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::failure::{Failure, Result};
use crate::shim::{Bridge, bridge};

/// What shares a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fp8Scaling {
    /// A whole tensor.
    Tensor,
    /// Each row of the left and each column of the right factor.
    Row,
}

/// The largest numbers of e4m3 and e5m2.
const E4M3: (Kind, f64) = (Kind::Float8e4m3fn, 448.0);
const E5M2: (Kind, f64) = (Kind::Float8e5m2, 57344.0);

/// x·wᵀ, of `[…, inputs]` and `[outputs, inputs]`, in the format of `x`.
pub(super) fn linear(x: &Tensor, weight: &Tensor, scaling: Fp8Scaling) -> Result<Tensor> {
    let mut size = x.size();
    let inputs = size.pop().unwrap_or(1);
    size.push(weight.size()[0]);
    let rows = x.f_reshape([-1, inputs])?;
    let product = Product { scaling, kept: Mutex::new(None) };
    Ok(bridge(Box::new(product), &[&rows, weight], false)?.f_view(size.as_slice())?)
}

/// A tensor in 8 bits, and what its numbers are to be multiplied by: one scale, or one a row.
struct Narrow {
    numbers: Tensor,
    scale: Tensor,
}

impl Narrow {
    /// `[rows, columns]`, contiguous.
    fn of(wide: &Tensor, (kind, largest): (Kind, f64), scaling: Fp8Scaling) -> Result<Self> {
        let top = match scaling {
            Fp8Scaling::Tensor => wide.f_abs()?.f_amax([0, 1], false)?,
            Fp8Scaling::Row => wide.f_abs()?.f_amax([1], true)?,
        };
        // Of nothing but zeros any scale will do.
        let scale = top.f_to_kind(Kind::Float)?.f_clamp_min(1e-12)?.f_div_scalar(largest)?;
        let numbers = wide.f_to_kind(Kind::Float)?.f_div(&scale)?;
        let numbers = numbers.f_clamp(-largest, largest)?.f_to_kind(kind)?.f_contiguous()?;
        Ok(Self { numbers, scale })
    }

    /// Turned on its side; of one scale.
    fn turned(self) -> Result<Self> {
        Ok(Self { numbers: turned(&self.numbers)?, scale: self.scale })
    }
}

/// left·rightᵀ, both with contiguous rows, as the hardware wants them.
fn multiply(left: &Narrow, right: &Narrow, out: Kind) -> Result<Tensor> {
    let product = |left_scale: &Tensor, right_scale: &Tensor, out: Kind| {
        left.numbers.f_internal_scaled_mm(
            &right.numbers.f_transpose(0, 1)?,
            left_scale,
            right_scale,
            None::<&Tensor>,
            None::<&Tensor>,
            out,
            false,
        )
    };
    if left.scale.dim() == 0 {
        return Ok(product(&left.scale, &right.scale, out)?);
    }
    let right_scale = right.scale.f_transpose(0, 1)?;
    if left.numbers.device().is_cuda() {
        return Ok(product(&left.scale, &right_scale, out)?);
    }
    // libtorch's product on the CPU knows one scale only.
    let one = Tensor::f_ones([], (Kind::Float, Device::Cpu))?;
    Ok(product(&one, &one, Kind::Float)?.f_mul(&left.scale)?.f_mul(&right_scale)?.f_to_kind(out)?)
}

/// The operands, kept for backward in 8 bits where one scale serves both directions, else as they were.
enum Kept {
    Narrow(Narrow, Narrow),
    Wide(Tensor, Tensor),
}

impl Kept {
    /// The operands in 8 bits, and what of them backward needs.
    fn of(x: &Tensor, weight: &Tensor, scaling: Fp8Scaling) -> Result<(Tensor, Self)> {
        let narrow_x = Narrow::of(x, E4M3, scaling)?;
        let narrow_weight = Narrow::of(weight, E4M3, scaling)?;
        let out = multiply(&narrow_x, &narrow_weight, x.kind())?;
        let kept = match scaling {
            Fp8Scaling::Tensor => Self::Narrow(narrow_x, narrow_weight),
            // Backward needs columns of these scaled alike, not rows.
            Fp8Scaling::Row => Self::Wide(x.f_detach()?, weight.f_detach()?),
        };
        Ok((out, kept))
    }

    /// The gradients of `x` and of the weight.
    fn gradients(self, gradient: &Tensor, scaling: Fp8Scaling) -> Result<(Tensor, Tensor)> {
        let kind = gradient.kind();
        let (x, weight) = match self {
            Self::Narrow(x, weight) => (x.turned()?, weight.turned()?),
            Self::Wide(x, weight) => (
                Narrow::of(&turned(&x)?, E4M3, scaling)?,
                Narrow::of(&turned(&weight)?, E4M3, scaling)?,
            ),
        };
        let rows = Narrow::of(gradient, E5M2, scaling)?;
        let of_x = multiply(&rows, &weight, kind)?;
        let columns = match scaling {
            Fp8Scaling::Tensor => rows.turned()?,
            Fp8Scaling::Row => Narrow::of(&turned(gradient)?, E5M2, scaling)?,
        };
        Ok((of_x, multiply(&columns, &x, kind)?))
    }
}

/// The gradients of x·wᵀ, of matrices, where nothing was kept of forward.
pub(super) fn gradients(
    x: &Tensor,
    weight: &Tensor,
    gradient: &Tensor,
    scaling: Fp8Scaling,
) -> Result<(Tensor, Tensor)> {
    let kept = match scaling {
        Fp8Scaling::Tensor => {
            Kept::Narrow(Narrow::of(x, E4M3, scaling)?, Narrow::of(weight, E4M3, scaling)?)
        }
        Fp8Scaling::Row => Kept::Wide(x.shallow_clone(), weight.shallow_clone()),
    };
    kept.gradients(gradient, scaling)
}

fn turned(matrix: &Tensor) -> Result<Tensor> {
    Ok(matrix.f_transpose(0, 1)?.f_contiguous()?)
}

/// A product in the graph.
struct Product {
    scaling: Fp8Scaling,
    kept: Mutex<Option<Kept>>,
}

impl Bridge for Product {
    fn forward(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let (out, kept) = Kept::of(&inputs[0], &inputs[1], self.scaling)?;
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(out)
    }

    fn backward(&self, _: &[Tensor], gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        let kept = kept.ok_or_else(|| Failure::run("backward of a product runs once"))?;
        let (of_x, of_weight) = kept.gradients(gradient, self.scaling)?;
        Ok(vec![Some(of_x), Some(of_weight)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_their_gradients_are_those_of_rounded_numbers() {
        tch::manual_seed(4);
        let random = |shape: [i64; 2]| Tensor::randn(shape, (Kind::BFloat16, Device::Cpu));
        let (x, weight, gradient) =
            (random([48, 32]), random([16, 32]) * 0.02, random([48, 16]) * 1e-4);
        for scaling in [Fp8Scaling::Tensor, Fp8Scaling::Row] {
            let (x, weight) =
                (x.copy().set_requires_grad(true), weight.copy().set_requires_grad(true));
            let out = linear(&x, &weight, scaling).unwrap();
            crate::shim::backward(&[(&out, Some(&gradient))]).unwrap();
            let of = |tensor: &Tensor| tensor.to_kind(Kind::Double);
            let close = |narrow: &Tensor, exact: &Tensor, name: &str| {
                let error = (of(narrow) - exact).norm() / exact.norm();
                let error = error.double_value(&[]);
                // e4m3 keeps 4 bits: 1/32 of relative error a number, at random; e5m2 keeps 3.
                assert!(error > 1e-3 && error < 0.08, "{scaling:?} {name}: {error}");
            };
            let (wx, ww, wg) = (of(&x).detach(), of(&weight).detach(), of(&gradient));
            close(&out, &wx.matmul(&ww.tr()), "product");
            close(&x.grad(), &wg.matmul(&ww), "gradient of x");
            close(&weight.grad(), &wg.tr().matmul(&wx), "gradient of the weight");
        }
    }

    #[test]
    fn zeros_stay_zeros() {
        let zeros = Tensor::zeros([16, 16], (Kind::BFloat16, Device::Cpu));
        let out = linear(&zeros, &zeros, Fp8Scaling::Tensor).unwrap();
        assert!(out.abs().sum(Kind::Float).double_value(&[]) < 1e-30);
    }
}
