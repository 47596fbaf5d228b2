//! libtorch's fused optimizers over many tensors.
#![expect(unsafe_code, reason = "the one door to the C++ shim; see shim/shim.cpp")]

use tch::Tensor;

use super::sys::{Raw, pa_adamw, pa_sgd};
use super::{check, raw};
use crate::failure::{Failure, Result};

/// One tensor of each kind for a parameter (or a part of one) that is updated in place.
pub(crate) struct Updated {
    /// The fp32 master weights.
    pub parameter: Tensor,
    /// Their gradient, already clipped.
    pub gradient: Tensor,
    /// What the optimizer remembers of gradients: of `AdamW` the running means of the gradient and of its square, of SGD the
    /// momentum.
    pub memory: Vec<Tensor>,
}

fn column<'a>(
    tensors: &'a [Updated],
    of: impl Fn(&'a Updated) -> Option<&'a Tensor>,
) -> Result<Vec<Raw>> {
    let missing = || Failure::run("an optimizer has less state than it needs");
    tensors.iter().map(|tensors| of(tensors).map(raw).ok_or_else(missing)).collect()
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
pub(crate) fn adamw(tensors: &[Updated], step: &Tensor, numbers: AdamWNumbers) -> Result<()> {
    let parameters = column(tensors, |t| Some(&t.parameter))?;
    let gradients = column(tensors, |t| Some(&t.gradient))?;
    let first = column(tensors, |t| t.memory.first())?;
    let second = column(tensors, |t| t.memory.get(1))?;
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

/// The numbers of one step of stochastic gradient descent.
#[derive(Clone, Copy)]
pub(crate) struct SgdNumbers {
    pub lr: f64,
    pub momentum: f64,
    pub weight_decay: f64,
}

/// Updates all the tensors with libtorch's fused SGD: m ← momentum·m + g + decay·p, p ← p − lr·m.
pub(crate) fn sgd(tensors: &[Updated], numbers: SgdNumbers) -> Result<()> {
    let parameters = column(tensors, |t| Some(&t.parameter))?;
    let gradients = column(tensors, |t| Some(&t.gradient))?;
    let momenta = column(tensors, |t| t.memory.first())?;
    // SAFETY: three arrays of `tensors.len()` live tensors each, read only during the call.
    let ok = unsafe {
        pa_sgd(
            parameters.as_ptr(),
            gradients.as_ptr(),
            momenta.as_ptr(),
            tensors.len(),
            numbers.lr,
            numbers.momentum,
            numbers.weight_decay,
        )
    };
    check(ok, "SGD failed")
}
