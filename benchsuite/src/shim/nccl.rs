//! NCCL between GPUs, on tensors of libtorch.
#![expect(unsafe_code, reason = "hands addresses of tensors to NCCL")]

use std::time::Duration;

use perfagent_kernels::cuda::{Call, Element, Flight, Link, LinkId};
use tch::{Kind, Tensor};

use super::Operation;
use crate::failure::{Failure, Result};

/// The connection of this rank's GPU to those of a group.
pub(crate) struct NcclGroup(Link);

/// A collective under way, and the tensors that it works on: libtorch's allocator must not give their memory to anybody
/// before the stream that computes has waited for it.
pub(crate) struct NcclPending {
    flight: Flight,
    _tensors: Vec<Tensor>,
}

impl NcclGroup {
    /// What the ranks of a new group find each other by.
    pub(crate) fn name() -> Result<Vec<u8>> {
        LinkId::new().map(|id| id.0.to_vec()).map_err(Failure::Input)
    }

    /// Joins the group of this name; returns when all its ranks have.
    pub(crate) fn join(
        ordinal: usize,
        name: &[u8],
        place: (usize, usize),
        timeout: Duration,
    ) -> Result<Self> {
        let id = name.try_into().map_err(|_| Failure::run("NCCL's name of a group was cut"))?;
        Link::join(ordinal as u32, LinkId(id), place, timeout)
            .map(Self)
            .map_err(|said| Failure::Peer(format!("the GPUs cannot connect: {said}")))
    }

    /// Issues a collective and returns at once.
    pub(crate) fn issue(&self, operation: &Operation<'_>) -> Result<NcclPending> {
        let tensors = operation.tensors();
        let Some(first) = tensors.first() else {
            return Err(Failure::run("NCCL has no barrier"));
        };
        let element = element(first.kind())?;
        let alike = |tensor: &&Tensor| {
            tensor.kind() == first.kind() && tensor.is_contiguous() && tensor.device().is_cuda()
        };
        if !tensors.iter().all(alike) {
            return Err(Failure::run(
                "a collective of NCCL's needs contiguous tensors of one format on the GPU",
            ));
        }
        // SAFETY: the addresses are those of contiguous tensors of this element type, which are kept in what is returned
        // until it was waited for.
        unsafe { self.0.start(call(operation), element) }
            .map(|flight| NcclPending {
                flight,
                _tensors: tensors.iter().map(|tensor| tensor.shallow_clone()).collect(),
            })
            .map_err(|said| Failure::Peer(format!("a collective cannot be issued: {said}")))
    }
}

impl NcclPending {
    /// Lets the computing stream wait for the result.
    pub(crate) fn wait(&self) -> Result<()> {
        let gone = |said| Failure::Peer(format!("another rank is gone or stuck: {said}"));
        self.flight.wait().map_err(gone)
    }
}

fn element(kind: Kind) -> Result<Element> {
    Ok(match kind {
        Kind::Float => Element::Float,
        Kind::BFloat16 => Element::BFloat16,
        Kind::Half => Element::Half,
        Kind::Double => Element::Double,
        Kind::Int64 => Element::Int64,
        other => return Err(Failure::run(format!("no collective of {other:?} is made here"))),
    })
}

/// Sizes are those of the tensors: of a reduce-scatter the part that is received, of an all-gather the one that is sent.
fn call(operation: &Operation<'_>) -> Call {
    let at = |tensor: &Tensor| tensor.data_ptr() as u64;
    match operation {
        Operation::AllReduceSum(tensor) => {
            Call::AllReduceSum { at: at(tensor), count: tensor.numel() }
        }
        Operation::ReduceScatterSum { out, input } => {
            Call::ReduceScatterSum { input: at(input), out: at(out), count: out.numel() }
        }
        Operation::AllGather { out, input } => {
            Call::AllGather { input: at(input), out: at(out), count: input.numel() }
        }
        Operation::Broadcast { tensor, root } => {
            Call::Broadcast { at: at(tensor), count: tensor.numel(), root: *root }
        }
        Operation::Send { tensor, to } => {
            Call::Send { at: at(tensor), count: tensor.numel(), to: *to }
        }
        Operation::Receive { tensor, from } => {
            Call::Receive { at: at(tensor), count: tensor.numel(), from: *from }
        }
        // `issue` has refused it.
        Operation::Barrier => Call::AllReduceSum { at: 0, count: 0 },
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn counts_are_those_that_nccl_takes() {
        let zeros = |count| Tensor::zeros([count], (Kind::Float, Device::Cpu));
        let (whole, part) = (zeros(8), zeros(4));
        let (at_whole, at_part) = (whole.data_ptr() as u64, part.data_ptr() as u64);
        let scatter = Operation::ReduceScatterSum { out: &part, input: &whole };
        let expected = Call::ReduceScatterSum { input: at_whole, out: at_part, count: 4 };
        assert_eq!(call(&scatter), expected);
        let gather = Operation::AllGather { out: &whole, input: &part };
        assert_eq!(call(&gather), Call::AllGather { input: at_part, out: at_whole, count: 4 });
        let receive = Operation::Receive { tensor: &whole, from: 3 };
        assert_eq!(call(&receive), Call::Receive { at: at_whole, count: 8, from: 3 });
    }

    #[test]
    fn formats_without_sums_are_refused() {
        assert_eq!(element(Kind::BFloat16).unwrap(), Element::BFloat16);
        assert!(element(Kind::Bool).is_err());
    }
}
