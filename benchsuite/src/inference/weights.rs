//! A model's weights for inference: in the number format of the run, without gradients or optimizer state.

use tch::{Device, Kind, Tensor};

use crate::failure::Result;
use crate::parameters;
use crate::shape::Shape;
use crate::shim::MemoryKind;

/// The tensors of every unit, in the order of the layout.
pub(crate) struct Weights {
    pub embedding: Vec<Tensor>,
    pub blocks: Vec<Vec<Tensor>>,
    /// The last norm.
    pub norm: Vec<Tensor>,
    /// The head's matrix, `[vocab, hidden]`: the embedding's where it is tied.
    pub matrix: Tensor,
}

impl Weights {
    /// The weights that training starts from with this seed.
    pub(crate) fn new(shape: &Shape, seed: u64, kind: Kind, device: Device) -> Result<Self> {
        let _no_graph = tch::no_grad_guard();
        let _scope = MemoryKind::Parameters.scope();
        let mut units = Vec::new();
        for unit in parameters::layout(shape) {
            let mut tensors = Vec::with_capacity(unit.tensors.len());
            for tensor in unit.tensors {
                tensors.push(tensor.drawn(seed)?.f_to_kind(kind)?.f_to_device(device)?);
            }
            units.push(tensors);
        }
        let embedding = units.remove(0);
        let mut norm = units.pop().unwrap_or_default();
        let own = if shape.tied { None } else { norm.pop() };
        let matrix = own.unwrap_or_else(|| embedding[0].shallow_clone());
        Ok(Self { embedding, blocks: units, norm, matrix })
    }

    /// Bytes of them all.
    pub(crate) fn bytes(shape: &Shape, kind: Kind) -> i64 {
        shape.parameters() * kind.elt_size_in_bytes() as i64
    }
}
