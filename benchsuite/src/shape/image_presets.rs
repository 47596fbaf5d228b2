//! The named shapes of networks for images.

use super::ResNet;
use crate::failure::{Failure, Result};

/// A named shape with the micro-batch that suits it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImagePreset {
    /// The name given to `--preset`.
    pub name: &'static str,
    /// The network.
    pub shape: ResNet,
    /// Images of a forward pass, unless `--micro-batch` says otherwise.
    pub micro_batch: i64,
    /// Where it is meant to run.
    pub about: &'static str,
}

/// The preset that is taken when none is named.
pub(crate) const DEFAULT: &str = "resnet50";

const fn small(
    name: &'static str,
    (blocks, width): ([i64; 4], i64),
    [image_size, classes]: [i64; 2],
    about: &'static str,
) -> ImagePreset {
    let shape = ResNet { blocks, width, bottleneck: true, image_size, classes };
    ImagePreset { name, shape, micro_batch: 8, about }
}

/// As published, for `ImageNet`.
const fn full(name: &'static str, blocks: [i64; 4], bottleneck: bool) -> ImagePreset {
    let shape = ResNet { blocks, width: 64, bottleneck, image_size: 224, classes: 1000 };
    ImagePreset { name, shape, micro_batch: 32, about: "one GPU" }
}

/// All presets, smallest first.
pub(crate) const IMAGE_PRESETS: [ImagePreset; 7] = [
    small("nano", ([1; 4], 16), [64, 10], "seconds on two CPU cores"),
    small("micro", ([2; 4], 32), [64, 100], "a minute on a few CPU cores"),
    full("resnet18", [2; 4], false),
    full("resnet34", [3, 4, 6, 3], false),
    full("resnet50", [3, 4, 6, 3], true),
    full("resnet101", [3, 4, 23, 3], true),
    full("resnet152", [3, 8, 36, 3], true),
];

/// The preset of that name.
pub(crate) fn find(name: &str) -> Result<ImagePreset> {
    IMAGE_PRESETS.into_iter().find(|preset| preset.name == name).ok_or_else(|| {
        let known = IMAGE_PRESETS.map(|preset| preset.name).join(", ");
        Failure::input(format!("unknown preset '{name}' of resnet50: known are {known}"))
    })
}
