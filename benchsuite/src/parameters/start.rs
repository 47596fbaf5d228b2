//! What tensors hold before training.

use tch::{Device, Kind, Tensor};

use super::layout::{Start, TensorLayout};
use crate::failure::Result;

impl TensorLayout {
    /// The whole tensor as it starts, fp32, on the CPU: a GPU's generator gives other numbers. Every tensor has a
    /// generator of its own, so that it does not depend on which others are drawn.
    pub(crate) fn drawn(&self, seed: u64) -> Result<Tensor> {
        let options = (Kind::Float, Device::Cpu);
        Ok(match self.start {
            Start::Ones => Tensor::f_ones(self.shape.as_slice(), options)?,
            Start::Zeros => Tensor::f_zeros(self.shape.as_slice(), options)?,
            Start::Normal(std) => {
                tch::manual_seed(seed_of(seed, &self.name));
                Tensor::f_empty(self.shape.as_slice(), options)?.f_normal_(0.0, std)?
            }
        })
    }
}

/// A seed for a tensor: FNV-1a, because all ranks and builds must find the same.
fn seed_of(seed: u64, name: &str) -> i64 {
    let bytes = seed.to_le_bytes().into_iter().chain(name.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 1) as i64
}
