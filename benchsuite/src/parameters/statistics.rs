//! Running means and variances of batch norms: state of the model that no gradient reaches.

use tch::{Device, Kind, Tensor};

use super::layout::UnitLayout;
use crate::failure::Result;
use crate::shim::MemoryKind;

/// What a batch norm remembers of the batches that it has seen in training, fp32, one number a channel. Validation uses it
/// in the place of a batch's own. Every rank has that of its own batches; ZeRO does not divide it.
pub(crate) struct Statistics {
    /// The norm, as checkpoints name it.
    pub name: String,
    /// The running mean.
    pub mean: Tensor,
    /// The running variance.
    pub variance: Tensor,
}

/// Those of a unit's norms, in their order, before training: mean 0, variance 1.
pub(super) fn of_unit(layout: &UnitLayout, device: Device) -> Result<Vec<Statistics>> {
    let _scope = MemoryKind::Parameters.scope();
    let new = |(name, channels): &(String, i64)| -> Result<Statistics> {
        Ok(Statistics {
            name: name.clone(),
            mean: Tensor::f_zeros([*channels], (Kind::Float, device))?,
            variance: Tensor::f_ones([*channels], (Kind::Float, device))?,
        })
    };
    layout.norms.iter().map(new).collect()
}
