//! Collectives between ranks, whatever carries them: the interface, and Gloo behind it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::failure::Result;
use crate::marks;
use crate::shim::{GlooGroup, GlooPending, Operation};

/// What a collective is for; the name under which a recording shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Gradients, and updated parameters with ZeRO.
    DataParallel,
    /// The scalar of gradient clipping, with ZeRO.
    Norm,
    /// Before the first step.
    Init,
}

impl Group {
    const fn name(self) -> &'static str {
        match self {
            Self::DataParallel => "data_parallel",
            Self::Norm => "norm",
            Self::Init => "init",
        }
    }
}

/// A collective under way.
pub(crate) trait Pending: Send {
    /// Waits until the result is there.
    fn wait(&self) -> Result<()>;
}

/// What the training loop needs of an engine. Every rank must start the same operations in the
/// same order.
pub(crate) trait Collectives: Send + Sync {
    /// Ranks taking part.
    fn size(&self) -> usize;

    /// Starts an operation and returns at once.
    fn start(&self, group: Group, operation: &Operation<'_>) -> Result<Box<dyn Pending>>;

    /// Starts an operation and waits for it.
    fn run(&self, group: Group, operation: &Operation<'_>) -> Result<()> {
        self.start(group, operation)?.wait()
    }
}

/// c10d's Gloo engine, for CPUs.
pub(crate) struct Gloo {
    group: Mutex<GlooGroup>,
    size: usize,
    issued: [AtomicU64; 3],
}

impl Gloo {
    /// Wraps a connected process group of `size` ranks.
    pub(crate) fn new(group: GlooGroup, size: usize) -> Self {
        Self { group: Mutex::new(group), size, issued: Default::default() }
    }
}

impl Collectives for Gloo {
    fn size(&self) -> usize {
        self.size
    }

    fn start(&self, group: Group, operation: &Operation<'_>) -> Result<Box<dyn Pending>> {
        let sequence = self.issued[group as usize].fetch_add(1, Ordering::Relaxed);
        let range = marks::collective(&describe(operation, group, self.size), sequence);
        let done = Box::new(move || {
            marks::name_thread(c"gloo");
            drop(range);
        });
        let gloo = self.group.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(Box::new(gloo.issue(operation, done)?))
    }
}

impl Pending for GlooPending {
    fn wait(&self) -> Result<()> {
        Self::wait(self)
    }
}

/// The text of a collective's range. `bytes` is what nccl-tests calls the size: the larger of
/// a rank's input and output.
fn describe(operation: &Operation<'_>, group: Group, size: usize) -> String {
    let (name, tensor) = match operation {
        Operation::AllReduceSum(tensor) => ("all_reduce", Some(*tensor)),
        Operation::ReduceScatterSum { input, .. } => ("reduce_scatter", Some(*input)),
        Operation::AllGather { out, .. } => ("all_gather", Some(*out)),
        Operation::Broadcast { tensor, .. } => ("broadcast", Some(*tensor)),
        Operation::Barrier => ("barrier", None),
    };
    let bytes = tensor.map_or(0, |t| t.numel() * t.kind().elt_size_in_bytes());
    let dtype = match tensor.map(tch::Tensor::kind) {
        Some(tch::Kind::BFloat16) => "bfloat16",
        Some(tch::Kind::Double) => "float64",
        _ => "float32",
    };
    format!("{name} dtype={dtype} bytes={bytes} group={} size={size}", group.name())
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn a_collective_names_its_operation_size_and_group() {
        let full = Tensor::zeros([6], (Kind::Float, Device::Cpu));
        let shard = Tensor::zeros([3], (Kind::Float, Device::Cpu));
        let text = |operation| describe(&operation, Group::DataParallel, 2);
        assert_eq!(
            text(Operation::AllReduceSum(&full)),
            "all_reduce dtype=float32 bytes=24 group=data_parallel size=2"
        );
        assert_eq!(
            text(Operation::ReduceScatterSum { out: &shard, input: &full }),
            "reduce_scatter dtype=float32 bytes=24 group=data_parallel size=2"
        );
        assert_eq!(
            text(Operation::AllGather { out: &full, input: &shard }),
            "all_gather dtype=float32 bytes=24 group=data_parallel size=2"
        );
    }
}
