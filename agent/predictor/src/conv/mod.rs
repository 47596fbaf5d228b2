//! Residual networks for images: convolutions where transformers have matrices.
//!
//! A network ([`ResNet`]) is its list of convolutions, each with a batch norm behind it. A convolution is calculated as a matrix
//! product: a row for each place of each image's output, a column for each output channel, and a sum over the kernel's places
//! and input channels. What lies between convolutions (norms, activations, sums) is traffic of memory. Data parallelism is the
//! only kind: nobody splits these layers.
//!
//! No constant here is fitted to such networks: there are too few published runs. Exchanges, context and fragments are as the
//! calibration has them of transformers. Each has its source beside it, and what is known of public
//! runs is compared with what the formulas say in `ACCURACY.md`.

mod memory;
mod resnet;
mod spread;
mod time;

pub(crate) use memory::peak;
pub(crate) use resnet::{ResNet, is_of_images};
pub(crate) use spread::{outside, spread, waits};
pub(crate) use time::step;

use crate::setup::{Precision, Recompute, Setup};

/// Why a network for images cannot be arranged so.
pub(crate) fn refusal(setup: &Setup) -> Option<String> {
    let arch = &setup.arch;
    let degrees = [
        ("run.tp", setup.tp),
        ("run.pp", setup.pp),
        ("run.cp", setup.cp),
        ("run.ep", setup.ep),
        ("run.vpp", setup.vpp),
    ];
    if let Some((field, degree)) = degrees.into_iter().find(|(_, degree)| *degree > 1.0) {
        return Some(format!(
            "{field} {degree}: {arch} is only predicted data parallel, with whole layers on each GPU; leave it out or use 1"
        ));
    }
    if setup.recompute == Recompute::Selective {
        return Some(format!(
            "run.recompute \"selective\": {arch} has no attention whose scores could be computed again; use none or full"
        ));
    }
    if matches!(setup.precision, Precision::Fp8 | Precision::Block8 | Precision::Fp4) {
        return Some(format!(
            "run.precision: {arch} is not trained in 8 or 4 bits; one of fp32, tf32, fp16, bf16"
        ));
    }
    None
}
