//! Collectives along the sequence, dimension 1 of `[batch, seq, …]`.

use tch::Tensor;

use crate::engine::{Collectives, Group};
use crate::failure::Result;
use crate::shim::{MemoryKind, Operation};

/// All ranks' stretches of the sequence, one after another.
pub(super) fn gather(engine: &dyn Collectives, part: &Tensor) -> Result<Tensor> {
    let ranks = engine.size() as i64;
    let part = part.f_contiguous()?;
    let size = part.size();
    let out = {
        let _scope = MemoryKind::Communication.scope();
        Tensor::f_empty([ranks * part.numel() as i64], (part.kind(), part.device()))?
    };
    let input = part.f_view([-1])?;
    engine.run(Group::TensorParallel, &Operation::AllGather { out: &out, input: &input })?;
    let mut all = vec![ranks];
    all.extend(&size);
    let mut joined = size;
    joined[1] *= ranks;
    Ok(out.f_view(all.as_slice())?.f_transpose(0, 1)?.f_reshape(joined)?)
}

/// This rank's stretch of the sum over all ranks.
pub(super) fn scatter(engine: &dyn Collectives, whole: &Tensor) -> Result<Tensor> {
    let ranks = engine.size() as i64;
    let size = whole.size();
    let mut parts = vec![size[0], ranks, size[1] / ranks];
    parts.extend(&size[2..]);
    let input = whole.f_reshape(parts)?.f_transpose(0, 1)?.f_contiguous()?.f_view([-1])?;
    let out = {
        let _scope = MemoryKind::Communication.scope();
        Tensor::f_empty([input.numel() as i64 / ranks], (whole.kind(), whole.device()))?
    };
    let operation = Operation::ReduceScatterSum { out: &out, input: &input };
    engine.run(Group::TensorParallel, &operation)?;
    let mut shape = size;
    shape[1] /= ranks;
    Ok(out.f_view(shape.as_slice())?)
}
