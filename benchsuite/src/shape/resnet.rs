//! The shape of a residual network for images (He et al. 2016), in the form that is known as v1.5: where a bottleneck
//! block halves its image, its 3×3 convolution does so, not the 1×1 before it.

use serde::Serialize;

use crate::failure::{Failure, Result};

/// The numbers that define a residual network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ResNet {
    /// Blocks of each stage; the second and later stages begin by halving the image.
    pub blocks: [i64; 4],
    /// Channels after the stem; inside the blocks of the four stages they are 1, 2, 4 and 8 times as many.
    pub width: i64,
    /// Whether blocks are 1×1, 3×3 and 1×1 with four times the channels at their ends, or two of 3×3.
    pub bottleneck: bool,
    /// Side of an image, pixels.
    pub image_size: i64,
    /// Classes.
    pub classes: i64,
}

/// One convolution without bias, and the batch norm behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Convolution {
    /// Channels of its input.
    pub inputs: i64,
    /// Channels of its output.
    pub outputs: i64,
    /// Side of its kernel, odd.
    pub kernel: i64,
    /// Pixels from one place of the kernel to the next.
    pub stride: i64,
    /// Side of its output, pixels.
    pub side: i64,
}

impl Convolution {
    /// Numbers of the kernel.
    pub(crate) fn weights(&self) -> i64 {
        self.kernel * self.kernel * self.inputs * self.outputs
    }

    /// Multiply-adds for one image: K²·Cin·Cout·H·W of the output.
    fn products(&self) -> i64 {
        self.weights() * self.side * self.side
    }

    /// Numbers of one image's output.
    pub(crate) fn output(&self) -> i64 {
        self.outputs * self.side * self.side
    }
}

/// A block: convolutions one after another, and what is added to their result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// In order.
    pub convolutions: Vec<Convolution>,
    /// Through which the block's input comes to have its output's shape; none where it has.
    pub shortcut: Option<Convolution>,
}

impl Block {
    /// All convolutions, the shortcut's last.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Convolution> {
        self.convolutions.iter().chain(&self.shortcut)
    }

    /// Channels and side of its output.
    pub(crate) fn output(&self) -> (i64, i64) {
        self.convolutions.last().map_or((0, 0), |last| (last.outputs, last.side))
    }
}

/// Colours of a pixel.
pub(crate) const COLOURS: i64 = 3;
/// The stem halves the image twice and three stages do so once.
const HALVINGS: i64 = 32;

impl ResNet {
    /// The first convolution, 7×7. Pooling halves its output once more.
    pub(crate) fn stem(&self) -> Convolution {
        Convolution {
            inputs: COLOURS,
            outputs: self.width,
            kernel: 7,
            stride: 2,
            side: self.image_size / 2,
        }
    }

    /// All blocks, in order.
    pub(crate) fn all_blocks(&self) -> Vec<Block> {
        let mut all = Vec::new();
        let (mut channels, mut side) = (self.width, self.image_size / 4);
        for (stage, count) in self.blocks.into_iter().enumerate() {
            let inner = self.width << stage;
            for at in 0..count {
                let stride = if stage > 0 && at == 0 { 2 } else { 1 };
                let block = self.block(channels, inner, side, stride);
                (channels, side) = block.output();
                all.push(block);
            }
        }
        all
    }

    fn block(&self, inputs: i64, inner: i64, side: i64, stride: i64) -> Block {
        let small = side / stride;
        let convolution = |inputs, outputs, kernel, stride, side| Convolution {
            inputs,
            outputs,
            kernel,
            stride,
            side,
        };
        let (convolutions, outputs) = if self.bottleneck {
            let outputs = 4 * inner;
            let all = vec![
                convolution(inputs, inner, 1, 1, side),
                convolution(inner, inner, 3, stride, small),
                convolution(inner, outputs, 1, 1, small),
            ];
            (all, outputs)
        } else {
            let all = vec![
                convolution(inputs, inner, 3, stride, small),
                convolution(inner, inner, 3, 1, small),
            ];
            (all, inner)
        };
        let shortcut = (inputs != outputs || stride != 1)
            .then(|| convolution(inputs, outputs, 1, stride, small));
        Block { convolutions, shortcut }
    }

    /// Channels that the head averages over the image, and the side of that image.
    pub(crate) fn features(&self) -> (i64, i64) {
        self.all_blocks().last().map_or((self.width, self.image_size / 4), Block::output)
    }

    /// How many blocks there are.
    pub(crate) fn block_count(&self) -> i64 {
        self.blocks.iter().sum()
    }

    fn convolutions(&self) -> Vec<Convolution> {
        let blocks = self.all_blocks();
        std::iter::once(self.stem()).chain(blocks.iter().flat_map(Block::all).copied()).collect()
    }

    /// Trainable parameters: of each convolution K²·Cin·Cout and 2·Cout of its norm, of the head (C + 1)·classes.
    pub(crate) fn parameters(&self) -> i64 {
        let convolutions = self.convolutions();
        let inside: i64 = convolutions.iter().map(|c| c.weights() + 2 * c.outputs).sum();
        inside + (self.features().0 + 1) * self.classes
    }

    /// Running means and variances of all norms.
    #[cfg(test)]
    pub(crate) fn statistics(&self) -> i64 {
        self.convolutions().iter().map(|convolution| 2 * convolution.outputs).sum()
    }

    /// Multiply-adds of forward for one image: those of each convolution, and C·classes.
    pub(crate) fn products(&self) -> i64 {
        let convolutions: i64 = self.convolutions().iter().map(Convolution::products).sum();
        convolutions + self.features().0 * self.classes
    }

    /// Floating-point operations of forward and backward for one image: two a multiply-add, three times as many as of
    /// forward alone. (The gradient of the image itself, which the formula counts, is not computed: 1 % of ResNet-50.)
    pub(crate) fn flops(&self) -> f64 {
        6.0 * self.products() as f64
    }

    /// Checks that the numbers are in range.
    pub(crate) fn check(&self) -> Result<()> {
        if !(HALVINGS..=1 << 13).contains(&self.image_size) || self.image_size % HALVINGS != 0 {
            return Err(Failure::input(format!(
                "--image-size {}: a multiple of {HALVINGS} up to 8192 is expected, as the network halves an image five times",
                self.image_size
            )));
        }
        if !(2..=1 << 20).contains(&self.classes) {
            return Err(Failure::input(format!(
                "--classes {} is out of range: 2 to 1048576 is expected",
                self.classes
            )));
        }
        Ok(())
    }

    /// Refuses a micro-batch whose last norms would have the mean of a single number.
    pub(crate) fn check_batch(&self, micro_batch: i64) -> Result<()> {
        if self.features().1 == 1 && micro_batch == 1 {
            return Err(Failure::input(format!(
                "--micro-batch 1 with --image-size {}: batch normalisation would take the mean of one number; use --micro-batch 2 or larger images",
                self.image_size
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::find_images;

    fn shape(name: &str) -> ResNet {
        find_images(name).unwrap().shape
    }

    /// As torchvision documents its weights of the same networks (v1.5 for those with bottlenecks): parameters, and
    /// multiply-adds of an image of 224 × 224 in units of 10⁷.
    #[test]
    fn presets_have_the_published_sizes() {
        for (name, parameters, products) in [
            ("resnet18", 11_689_512, 181),
            ("resnet34", 21_797_672, 366),
            ("resnet50", 25_557_032, 409),
            ("resnet101", 44_549_160, 780),
            ("resnet152", 60_192_808, 1151),
        ] {
            let shape = shape(name);
            assert_eq!(shape.parameters(), parameters, "{name}");
            assert_eq!((shape.products() + 5_000_000) / 10_000_000, products, "{name}");
            shape.check().unwrap();
        }
        assert_eq!(shape("resnet50").statistics(), 53_120);
    }

    #[test]
    fn the_3x3_of_a_bottleneck_halves_its_image() {
        let blocks = shape("resnet50").all_blocks();
        assert_eq!(blocks.len(), 16);
        let strides: Vec<_> = blocks[3].convolutions.iter().map(|c| c.stride).collect();
        assert_eq!(strides, [1, 2, 1]);
        assert_eq!(blocks[3].shortcut.unwrap().stride, 2);
        assert_eq!(blocks[15].output(), (2048, 7));
        assert!(blocks[4].shortcut.is_none() && blocks[0].shortcut.is_some());
        assert!(shape("resnet18").all_blocks()[0].shortcut.is_none());
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let nano = shape("nano");
        for (changed, says) in [
            (ResNet { image_size: 48, ..nano }, "--image-size 48"),
            (ResNet { image_size: 0, ..nano }, "--image-size 0"),
            (ResNet { classes: 1, ..nano }, "--classes 1"),
        ] {
            let refused = changed.check().unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        let small = ResNet { image_size: 32, ..nano };
        assert!(small.check_batch(1).is_err() && small.check_batch(2).is_ok());
        assert!(nano.check_batch(1).is_ok());
    }
}
