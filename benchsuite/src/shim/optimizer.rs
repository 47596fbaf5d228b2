//! libtorch's fused `AdamW` over many tensors.
#![expect(unsafe_code, reason = "the one door to the C++ shim; see shim/shim.cpp")]

use tch::Tensor;

use super::sys::{Raw, pa_adamw};
use super::{check, raw};
use crate::failure::Result;

/// One tensor of each kind for a parameter (or a part of one) that `AdamW` updates in place.
pub(crate) struct AdamWTensors {
    /// The fp32 master weights.
    pub parameter: Tensor,
    /// Their gradient, already clipped.
    pub gradient: Tensor,
    /// Running mean of the gradient.
    pub first_moment: Tensor,
    /// Running mean of its square.
    pub second_moment: Tensor,
}

/// The numbers of one `AdamW` step.
#[derive(Clone, Copy)]
pub(crate) struct AdamWNumbers {
    pub lr: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub weight_decay: f64,
    pub eps: f64,
}

/// Updates all the tensors with libtorch's fused `AdamW`. `step` holds the step number, from 1.
pub(crate) fn adamw(tensors: &[AdamWTensors], step: &Tensor, numbers: AdamWNumbers) -> Result<()> {
    let column = |of: fn(&AdamWTensors) -> &Tensor| -> Vec<Raw> {
        tensors.iter().map(|tensors| raw(of(tensors))).collect()
    };
    let parameters = column(|t| &t.parameter);
    let gradients = column(|t| &t.gradient);
    let first = column(|t| &t.first_moment);
    let second = column(|t| &t.second_moment);
    // SAFETY: four arrays of `tensors.len()` live tensors each, read only during the call.
    let ok = unsafe {
        pa_adamw(
            parameters.as_ptr(),
            gradients.as_ptr(),
            first.as_ptr(),
            second.as_ptr(),
            tensors.len(),
            raw(step),
            numbers.lr,
            numbers.beta1,
            numbers.beta2,
            numbers.weight_decay,
            numbers.eps,
        )
    };
    check(ok, "AdamW failed")
}
