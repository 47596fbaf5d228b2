//! Collectives between ranks, whatever carries them: the interface, and Gloo and NCCL behind it.

mod nccl;

pub(crate) use nccl::Nccl;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::failure::Result;
use crate::ledger::Ledger;
use crate::marks;
use crate::shim::{GlooGroup, GlooPending, Operation};

/// What a collective is for; the name under which a recording shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Gradients, and with ZeRO weights.
    DataParallel,
    /// Activations of a block that several ranks compute together.
    TensorParallel,
    /// Activations from one stage to the next.
    Pipeline,
    /// Gradients of an embedding that two stages have.
    Embedding,
    /// The scalar of gradient clipping.
    Norm,
    /// Before the first step, and around checkpoints.
    Init,
}

const GROUPS: usize = 6;

impl Group {
    /// The name, as recordings show it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::DataParallel => "data_parallel",
            Self::TensorParallel => "tensor_parallel",
            Self::Pipeline => "pipeline",
            Self::Embedding => "embedding",
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

    /// Which of them this is.
    fn rank(&self) -> usize;

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
    rank: usize,
    size: usize,
    /// Which of several groups with this purpose; those have other ranks.
    number: Option<usize>,
    issued: [AtomicU64; GROUPS],
    ledger: Arc<Ledger>,
}

impl Gloo {
    /// Wraps a connected process group, in which this is `rank` of `size`.
    pub(crate) fn new(
        group: GlooGroup,
        (rank, size): (usize, usize),
        number: Option<usize>,
        ledger: Arc<Ledger>,
    ) -> Self {
        Self { group: Mutex::new(group), rank, size, number, issued: Default::default(), ledger }
    }
}

impl Collectives for Gloo {
    fn size(&self) -> usize {
        self.size
    }

    fn rank(&self) -> usize {
        self.rank
    }

    fn start(&self, group: Group, operation: &Operation<'_>) -> Result<Box<dyn Pending>> {
        let sequence = self.issued[group as usize].fetch_add(1, Ordering::Relaxed);
        let about = About::of(operation);
        self.ledger.add(group, &about, self.size);
        let range = marks::collective(&about.text(group, self.number, self.size), sequence);
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

/// A collective in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// `all_reduce`, …
    pub name: &'static str,
    /// As PyTorch names it.
    pub dtype: &'static str,
    /// What nccl-tests calls the size: the larger of a rank's input and output.
    pub bytes: u64,
}

impl About {
    fn of(operation: &Operation<'_>) -> Self {
        let (name, tensor) = match operation {
            Operation::AllReduceSum(tensor) => ("all_reduce", Some(*tensor)),
            Operation::ReduceScatterSum { input, .. } => ("reduce_scatter", Some(*input)),
            Operation::AllGather { out, .. } => ("all_gather", Some(*out)),
            Operation::Broadcast { tensor, .. } => ("broadcast", Some(*tensor)),
            Operation::Send { tensor, .. } => ("send", Some(*tensor)),
            Operation::Receive { tensor, .. } => ("recv", Some(*tensor)),
            Operation::Barrier => ("barrier", None),
        };
        let dtype = match tensor.map(tch::Tensor::kind) {
            Some(tch::Kind::BFloat16) => "bfloat16",
            Some(tch::Kind::Half) => "float16",
            Some(tch::Kind::Double) => "float64",
            Some(tch::Kind::Int64) => "int64",
            _ => "float32",
        };
        let bytes = tensor.map_or(0, |t| t.numel() * t.kind().elt_size_in_bytes()) as u64;
        Self { name, dtype, bytes }
    }

    fn text(&self, group: Group, number: Option<usize>, size: usize) -> String {
        let Self { name, dtype, bytes } = self;
        let number = number.map_or_else(String::new, |number| format!("/{number}"));
        format!("{name} dtype={dtype} bytes={bytes} group={}{number} size={size}", group.name())
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn a_collective_names_its_operation_size_and_group() {
        let full = Tensor::zeros([6], (Kind::Float, Device::Cpu));
        let shard = Tensor::zeros([3], (Kind::Float, Device::Cpu));
        let text = |operation| About::of(&operation).text(Group::DataParallel, None, 2);
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
        assert_eq!(
            About::of(&Operation::Barrier).text(Group::Init, Some(1), 4),
            "barrier dtype=float32 bytes=0 group=init/1 size=4"
        );
    }
}
