//! How ranks share the work: replicas of the model, parts of its tensors, stages of its blocks.

mod gather;
mod gradients;
mod schedule;
mod sequence;
mod tensor;

pub(crate) use gather::Gather;
pub(crate) use gradients::GradientSync;
pub(crate) use schedule::{Action, schedule};
pub(crate) use tensor::TensorParallel;
