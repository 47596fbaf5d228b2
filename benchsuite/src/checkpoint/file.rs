//! The safetensors file of one rank.

use std::fs;
use std::path::Path;

use tch::Tensor;

use super::failed;
use crate::failure::{Failure, Result};
use crate::parameters::{Unit, Zero};
use crate::trainer::Trainer;

/// A stretch of a unit's shard under its name, as a tensor of this shape.
struct Piece {
    name: String,
    begin: i64,
    len: i64,
    shape: Vec<i64>,
}

/// A whole unit by its tensors, a shard as what it is.
fn pieces(unit: &Unit, zero: Zero) -> Vec<Piece> {
    if zero != Zero::Off {
        let len = unit.shard.numel() as i64;
        return vec![Piece {
            name: format!("{}.shard", unit.name),
            begin: 0,
            len,
            shape: vec![len],
        }];
    }
    let of_slot = |slot: &crate::parameters::Slot| Piece {
        name: slot.name.clone(),
        begin: slot.offset,
        len: slot.len,
        shape: slot.shape.clone(),
    };
    unit.slots.iter().map(of_slot).collect()
}

/// Every tensor of the file, as views of the rank's state.
fn tensors(trainer: &Trainer<'_>) -> Result<Vec<(String, Tensor)>> {
    let parameters = &trainer.parameters;
    let mut all = Vec::new();
    for (unit, state) in parameters.units.iter().zip(trainer.optimizer().units()) {
        for piece in pieces(unit, parameters.plan.zero) {
            let remembered = state.memory.iter().map(|(kind, flat)| (*kind, flat));
            for (kind, flat) in std::iter::once(("weight", &unit.shard)).chain(remembered) {
                let view =
                    flat.f_narrow(0, piece.begin, piece.len)?.f_view(piece.shape.as_slice())?;
                all.push((format!("{}.{kind}", piece.name), view));
            }
        }
    }
    // Every rank has seen other batches than the others.
    for norm in parameters.units.iter().flat_map(|unit| &unit.statistics) {
        all.push((format!("{}.running_mean", norm.name), norm.mean.shallow_clone()));
        all.push((format!("{}.running_variance", norm.name), norm.variance.shallow_clone()));
    }
    all.push(("step".to_owned(), trainer.optimizer().step().shallow_clone()));
    Ok(all)
}

/// Writes a rank's file, and makes sure that it is on the disk.
pub(super) fn write(path: &Path, trainer: &Trainer<'_>) -> Result<()> {
    let _no_graph = tch::no_grad_guard();
    let mut all = tensors(trainer)?;
    for (_, tensor) in &mut all {
        *tensor = tensor.f_detach()?.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
    }
    Tensor::write_safetensors(&all, path).map_err(|e| failed(path, &e))?;
    fs::File::open(path).and_then(|file| file.sync_all()).map_err(|e| failed(path, &e))
}

/// Reads a rank's file into its state.
pub(super) fn read(path: &Path, trainer: &mut Trainer<'_>) -> Result<()> {
    let _no_graph = tch::no_grad_guard();
    let damaged = |what: &str| {
        Failure::input(format!(
            "--resume: {}: {what}; remove its folder to take the checkpoint before it",
            path.display()
        ))
    };
    let read = Tensor::read_safetensors(path).map_err(|e| {
        let text = e.to_string();
        damaged(text.lines().next().unwrap_or("cannot be read"))
    })?;
    for (name, mut place) in tensors(trainer)? {
        let Some((_, tensor)) = read.iter().find(|(found, _)| *found == name) else {
            return Err(damaged(&format!("there is no tensor {name}")));
        };
        if tensor.size() != place.size() {
            let (is, wanted) = (tensor.size(), place.size());
            return Err(damaged(&format!("{name} is {is:?}, and this run has {wanted:?}")));
        }
        place.f_copy_(tensor)?;
    }
    Ok(())
}
