//! NCCL for what is on GPUs; Gloo for the little that is not.

use std::sync::Arc;

use super::{About, Collectives, Gloo, Group, Pending};
use crate::failure::Result;
use crate::ledger::Ledger;
use crate::shim::{NcclGroup, NcclPending, Operation};

/// The ranks of a group, each with a GPU.
pub(crate) struct Nccl {
    gloo: Gloo,
    /// One, or of a pipeline two: what goes to later stages, and what goes to earlier ones. On one stream a stage that sends
    /// activations on would wait for the next one to take them, and that one, for this to take its gradients.
    links: Vec<NcclGroup>,
    ledger: Arc<Ledger>,
}

impl Nccl {
    /// Wraps connected groups of the same ranks; there is at least one link.
    pub(crate) fn new(gloo: Gloo, links: Vec<NcclGroup>, ledger: Arc<Ledger>) -> Self {
        Self { gloo, links, ledger }
    }

    fn link(&self, operation: &Operation<'_>) -> Option<&NcclGroup> {
        if !operation.tensors().first()?.device().is_cuda() {
            return None;
        }
        let goes_back = match operation {
            Operation::Send { to, .. } => (*to as usize) < self.rank(),
            Operation::Receive { from, .. } => *from as usize > self.rank(),
            _ => false,
        };
        let back = self.links.get(1).filter(|_| goes_back);
        back.or(self.links.first())
    }
}

impl Collectives for Nccl {
    fn size(&self) -> usize {
        self.gloo.size()
    }

    fn rank(&self) -> usize {
        self.gloo.rank()
    }

    /// A recorder sees NCCL's collectives itself, with the times of their kernels: no range is set for them here.
    fn start(&self, group: Group, operation: &Operation<'_>) -> Result<Box<dyn Pending>> {
        let Some(link) = self.link(operation) else { return self.gloo.start(group, operation) };
        self.ledger.add(group, &About::of(operation), self.size());
        Ok(Box::new(link.issue(operation)?))
    }
}

impl Pending for NcclPending {
    fn wait(&self) -> Result<()> {
        Self::wait(self)
    }
}
