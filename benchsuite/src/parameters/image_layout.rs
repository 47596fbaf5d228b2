//! The units of a network for images: the stem, each block, the head. Nothing of them is divided by tensor parallelism.

use super::layout::{Division, Start, TensorLayout, UnitLayout, matrix, vector};
use crate::shape::{Convolution, ResNet};

/// What the head's matrix starts with (Goyal et al. 2017).
const HEAD_STD: f64 = 0.01;

/// The units of the network. In each, three tensors a convolution: its kernel, and the weight and bias of its norm.
pub(crate) fn units(shape: &ResNet) -> Vec<UnitLayout> {
    let mut stem = empty("stem".to_owned());
    add(&mut stem, &shape.stem(), ("conv", "norm"), Start::Ones);
    let mut units = vec![stem];
    for (at, block) in shape.all_blocks().iter().enumerate() {
        let mut unit = empty(format!("blocks.{at}"));
        for (number, convolution) in (1..).zip(&block.convolutions) {
            // The last norm of a block starts at zero, so that the block starts as no more than its shortcut: deep networks
            // learn better so (Goyal et al. 2017, 5.1).
            let is_last = number == block.convolutions.len();
            let start = if is_last { Start::Zeros } else { Start::Ones };
            let names = (format!("conv{number}"), format!("norm{number}"));
            add(&mut unit, convolution, (&names.0, &names.1), start);
        }
        if let Some(shortcut) = &block.shortcut {
            add(&mut unit, shortcut, ("shortcut.conv", "shortcut.norm"), Start::Ones);
        }
        units.push(unit);
    }
    units.push(head(shape));
    units
}

fn empty(name: String) -> UnitLayout {
    UnitLayout { name, tensors: Vec::new(), norms: Vec::new() }
}

fn add(unit: &mut UnitLayout, convolution: &Convolution, (conv, norm): (&str, &str), start: Start) {
    let Convolution { inputs, outputs, kernel, .. } = *convolution;
    // He et al. 2015, by what a place receives in backward.
    let std = (2.0 / (kernel * kernel * outputs) as f64).sqrt();
    let name = |part: &str, kind: &str| format!("{}.{part}.{kind}", unit.name);
    let tensors: [TensorLayout; 3] = [
        matrix(name(conv, "weight"), &[outputs, inputs, kernel, kernel], std, Division::Whole),
        vector(name(norm, "weight"), outputs, start, Division::Whole),
        vector(name(norm, "bias"), outputs, Start::Zeros, Division::Whole),
    ];
    let norm = format!("{}.{norm}", unit.name);
    unit.tensors.extend(tensors);
    unit.norms.push((norm, outputs));
}

fn head(shape: &ResNet) -> UnitLayout {
    let (features, classes) = (shape.features().0, shape.classes);
    let weight = "head.weight".to_owned();
    UnitLayout {
        tensors: vec![
            matrix(weight, &[classes, features], HEAD_STD, Division::Whole),
            vector("head.bias".to_owned(), classes, Start::Zeros, Division::Whole),
        ],
        ..empty("head".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::IMAGE_PRESETS;

    #[test]
    fn the_layout_has_as_many_elements_as_the_formulas_say() {
        for preset in IMAGE_PRESETS {
            let units = units(&preset.shape);
            assert_eq!(units.len() as i64, preset.shape.block_count() + 2);
            let tensors = units.iter().flat_map(|unit| &unit.tensors);
            let total: i64 = tensors.map(|tensor| tensor.shape.iter().product::<i64>()).sum();
            assert_eq!(total, preset.shape.parameters(), "{}", preset.name);
            let norms = units.iter().flat_map(|unit| &unit.norms);
            let statistics: i64 = norms.map(|(_, channels)| 2 * channels).sum();
            assert_eq!(statistics, preset.shape.statistics(), "{}", preset.name);
        }
    }

    #[test]
    fn names_are_unique() {
        for preset in IMAGE_PRESETS {
            let units = units(&preset.shape);
            let tensors = units.iter().flat_map(|unit| &unit.tensors).map(|t| t.name.clone());
            let norms = units.iter().flat_map(|unit| &unit.norms).map(|(name, _)| name.clone());
            let mut names: Vec<_> = tensors.chain(norms).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
