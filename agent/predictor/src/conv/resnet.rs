//! The shape of a residual network for images (He et al. 2016, arXiv 1512.03385) in the form known as v1.5: where a bottleneck
//! block halves its image, its 3×3 convolution does so, not the 1×1 before it.

use crate::job::Job;

/// The depths that have a name: blocks of the four stages, and whether they are bottlenecks. 18 to 152 are published; 14 and 26
/// are the same with one and two blocks a stage.
const DEPTHS: [(&str, [u64; 4], bool); 7] = [
    ("resnet14", [1; 4], true),
    ("resnet18", [2; 4], false),
    ("resnet26", [2; 4], true),
    ("resnet34", [3, 4, 6, 3], false),
    ("resnet50", [3, 4, 6, 3], true),
    ("resnet101", [3, 4, 23, 3], true),
    ("resnet152", [3, 8, 36, 3], true),
];

/// What names of networks for images have in them.
const NAMES: [&str; 9] = [
    "resnext",
    "resnet",
    "densenet",
    "vgg",
    "efficientnet",
    "mobilenet",
    "convnext",
    "inception",
    "alexnet",
];

/// Colours of a pixel.
pub(crate) const COLOURS: f64 = 3.0;
/// Sides of an image that are worth a prediction, pixels: smaller ones are gone before the last stage.
const SIDES: std::ops::RangeInclusive<u64> = 32..=8192;

/// Whether an architecture of this name is a network for images.
pub(crate) fn is_of_images(arch: &str) -> bool {
    let arch = arch.to_lowercase();
    NAMES.iter().any(|name| arch.contains(name))
}

/// One convolution without bias, and the batch norm behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Convolution {
    /// Channels of its input.
    pub inputs: f64,
    /// Channels of its output.
    pub outputs: f64,
    /// Side of its kernel.
    pub kernel: f64,
    /// Pixels from one place of the kernel to the next.
    pub stride: f64,
    /// Side of its input, pixels.
    pub input_side: f64,
    /// Side of its output, pixels.
    pub side: f64,
}

impl Convolution {
    fn new(inputs: f64, outputs: f64, kernel: f64, stride: f64, input_side: f64) -> Self {
        Self { inputs, outputs, kernel, stride, input_side, side: (input_side / stride).ceil() }
    }

    /// Numbers of the kernel.
    pub(crate) fn weights(&self) -> f64 {
        self.kernel * self.kernel * self.inputs * self.outputs
    }

    /// Its parameters: the kernel, and a scale and a shift of each channel.
    pub(crate) fn parameters(&self) -> f64 {
        self.weights() + 2.0 * self.outputs
    }

    /// Numbers of one image's input.
    pub(crate) fn input(&self) -> f64 {
        self.inputs * self.input_side * self.input_side
    }

    /// Numbers of one image's output.
    pub(crate) fn output(&self) -> f64 {
        self.outputs * self.side * self.side
    }

    /// Multiply-adds of one image.
    #[cfg(test)]
    pub(crate) fn multiply_adds(&self) -> f64 {
        self.weights() * self.side * self.side
    }
}

/// Convolutions one after another, each with a norm and all but the last with an activation; their result and what came in are
/// added and activated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    /// In order.
    pub convolutions: Vec<Convolution>,
    /// Through which the input comes to have the output's shape, with a norm; none where it has.
    pub shortcut: Option<Convolution>,
}

impl Block {
    fn new(inputs: f64, inner: f64, side: f64, stride: f64, bottleneck: bool) -> Self {
        let convolutions = if bottleneck {
            let narrow = Convolution::new(inputs, inner, 1.0, 1.0, side);
            let middle = Convolution::new(inner, inner, 3.0, stride, side);
            vec![narrow, middle, Convolution::new(inner, 4.0 * inner, 1.0, 1.0, middle.side)]
        } else {
            let first = Convolution::new(inputs, inner, 3.0, stride, side);
            vec![first, Convolution::new(inner, inner, 3.0, 1.0, first.side)]
        };
        let outputs = if bottleneck { 4.0 * inner } else { inner };
        let same = stride <= 1.0 && (inputs - outputs).abs() < 0.5;
        let shortcut = (!same).then(|| Convolution::new(inputs, outputs, 1.0, stride, side));
        Self { convolutions, shortcut }
    }

    /// All convolutions, the shortcut's last.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Convolution> {
        self.convolutions.iter().chain(&self.shortcut)
    }

    /// Numbers of one image's output.
    pub(crate) fn output(&self) -> f64 {
        self.convolutions.last().map_or(0.0, Convolution::output)
    }
}

/// A network: the stem with its norm, activation and pooling (which halves once more), blocks, and the classifier on the mean
/// over the places of the image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ResNet {
    /// Side of an image, pixels.
    pub image_size: f64,
    /// The first convolution, 7×7.
    pub stem: Convolution,
    /// Side of what pooling leaves, pixels.
    pub pooled_side: f64,
    /// In order.
    pub blocks: Vec<Block>,
    /// Channels that the classifier sees.
    pub features: f64,
    /// Classes.
    pub classes: f64,
}

impl ResNet {
    /// The network of a job whose architecture is one; else nothing.
    pub(crate) fn of(job: &Job, assumed: &mut Vec<String>) -> Result<Option<Self>, String> {
        let model = &job.model;
        let Some(arch) = model.arch.as_deref().map(str::to_lowercase) else { return Ok(None) };
        if !is_of_images(&arch) {
            return Ok(None);
        }
        let plain = ["_v1.5", "-v1.5", "v1.5"].iter().find_map(|form| arch.strip_suffix(form));
        let plain = plain.unwrap_or(&arch);
        let Some((_, blocks, bottleneck)) = DEPTHS.iter().find(|(name, ..)| *name == plain) else {
            let known: Vec<&str> = DEPTHS.iter().map(|(name, ..)| *name).collect();
            return Err(format!(
                "model.arch {arch:?}: of networks for images these are known: {}",
                known.join(", ")
            ));
        };
        let mut or_usual = |name: &str, value: Option<u64>, usual: u64| match value {
            Some(0) => Err(format!("{name} is 0")),
            Some(value) => Ok(value),
            None => {
                assumed.push(format!("{name}: {usual}"));
                Ok(usual)
            }
        };
        let side = or_usual("model.image_size", model.image_size, 224)?;
        let width = or_usual("model.hidden (channels after the stem)", model.hidden, 64)?;
        let classes = or_usual("model.vocab (classes)", model.vocab, 1000)?;
        if !SIDES.contains(&side) {
            return Err(format!(
                "model.image_size {side} is out of range: {} to {} pixels are predicted",
                SIDES.start(),
                SIDES.end()
            ));
        }
        if width > 1 << 16 || classes > 1 << 24 {
            return Err(format!(
                "model.hidden {width} and model.vocab {classes}: no network has so many channels or classes"
            ));
        }
        assumed.push(
            "tokens_per_s: images a second; run.global_batch and run.micro_batch count images"
                .to_owned(),
        );
        Ok(Some(Self::new(*blocks, *bottleneck, width as f64, side as f64, classes as f64)))
    }

    fn new(blocks: [u64; 4], bottleneck: bool, width: f64, image_size: f64, classes: f64) -> Self {
        let stem = Convolution::new(COLOURS, width, 7.0, 2.0, image_size);
        let pooled_side = (stem.side / 2.0).ceil();
        let (mut channels, mut side, mut inner) = (width, pooled_side, width);
        let mut all = Vec::new();
        for (stage, count) in blocks.into_iter().enumerate() {
            for place in 0..count {
                let stride = if stage > 0 && place == 0 { 2.0 } else { 1.0 };
                let block = Block::new(channels, inner, side, stride, bottleneck);
                if let Some(last) = block.convolutions.last() {
                    (channels, side) = (last.outputs, last.side);
                }
                all.push(block);
            }
            inner *= 2.0;
        }
        Self { image_size, stem, pooled_side, blocks: all, features: channels, classes }
    }

    /// All convolutions, in order.
    pub(crate) fn convolutions(&self) -> impl Iterator<Item = &Convolution> {
        std::iter::once(&self.stem).chain(self.blocks.iter().flat_map(Block::all))
    }

    /// Numbers of one image.
    pub(crate) fn pixels(&self) -> f64 {
        COLOURS * self.image_size * self.image_size
    }

    /// Numbers that pooling leaves of one image.
    pub(crate) fn pooled(&self) -> f64 {
        self.stem.outputs * self.pooled_side * self.pooled_side
    }

    /// Parameters of the classifier.
    pub(crate) fn head(&self) -> f64 {
        (self.features + 1.0) * self.classes
    }

    /// Trainable parameters.
    pub(crate) fn parameters(&self) -> f64 {
        self.convolutions().map(Convolution::parameters).sum::<f64>() + self.head()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Block, Convolution, ResNet};
    use crate::job::Job;

    fn resnet(arch: &str, image_size: u64) -> ResNet {
        let model = json!({"arch": arch, "image_size": image_size});
        let job: Job = serde_json::from_value(json!({ "model": model })).unwrap();
        ResNet::of(&job, &mut Vec::new()).unwrap().unwrap()
    }

    /// Parameters and multiply-adds (in units of 10⁷) as torchvision's documentation of the weights has them
    /// (<https://docs.pytorch.org/vision/stable/models.html>), outputs of convolutions as Radosavovic et al. 2020
    /// (arXiv 2003.13678) count activations.
    #[test]
    fn networks_have_the_published_sizes() {
        for (arch, parameters, multiply_adds, activations) in [
            ("resnet18", 11_689_512.0, 181, None),
            ("resnet34", 21_797_672.0, 366, None),
            ("resnet50", 25_557_032.0, 409, Some(11.1)),
            ("resnet101", 44_549_160.0, 780, Some(16.2)),
            ("resnet152", 60_192_808.0, 1151, Some(22.6)),
        ] {
            let network = resnet(arch, 224);
            let products: f64 = network.convolutions().map(Convolution::multiply_adds).sum();
            let products = products + network.features * network.classes;
            assert!((network.parameters() - parameters).abs() < 0.5, "{arch}");
            assert_eq!((products / 1e7).round() as u64, multiply_adds, "{arch}: {products}");
            let outputs: f64 = network.convolutions().map(Convolution::output).sum();
            assert!(activations.is_none_or(|count| (outputs / 1e6 - count).abs() < 0.05), "{arch}");
        }
    }

    #[test]
    fn the_3x3_of_a_bottleneck_halves_its_image() {
        let network = resnet("ResNet50-v1.5", 224);
        let strides = |block: &Block| block.all().map(|one| one.stride as u64).collect::<Vec<_>>();
        assert_eq!(strides(&network.blocks[0]), [1, 1, 1, 1]);
        assert_eq!(strides(&network.blocks[1]), [1, 1, 1]);
        assert_eq!(strides(&network.blocks[3]), [1, 2, 1, 2]);
        assert!(resnet("resnet18", 224).blocks[0].shortcut.is_none());
    }

    #[test]
    fn sides_that_are_no_multiple_of_32_round_up() {
        let network = resnet("resnet50", 299);
        let sides: Vec<u64> = [0, 3, 7, 13]
            .map(|block: usize| network.blocks[block].convolutions[2].side as u64)
            .to_vec();
        assert_eq!((network.stem.side as u64, network.pooled_side as u64), (150, 75));
        assert_eq!(sides, [75, 38, 19, 10]);
    }
}
