//! Images that are drawn, not read: a coarse pattern of its class, and noise. There is something to learn, any number of
//! images, and hardly any work: a training run is then measured without the decoder of a data set.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tch::{Device, Kind, Tensor};

use crate::data::hash::{hash, scatter};
use crate::data::report::LoaderReport;
use crate::failure::Result;
use crate::shape::{COLOURS, ResNet};

/// Patches along a side of a pattern; every image is a multiple of 32 pixels.
const PATCHES: i64 = 8;
/// Different noises that images are given; as many again are for validation.
const NOISES: i64 = 16;
/// In the place of a step where validation draws.
const VALIDATION: u64 = u64::MAX;

/// The images of a seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Images {
    size: i64,
    classes: i64,
    seed: u64,
}

impl Images {
    /// Images for this network.
    pub(crate) fn new(shape: &ResNet, seed: u64) -> Self {
        Self { size: shape.image_size, classes: shape.classes, seed }
    }

    /// Equal for equal images.
    pub(crate) fn checksum(&self) -> u64 {
        hash([self.size as u64, self.classes as u64, self.seed].into_iter())
    }

    /// What they are, for people.
    pub(crate) fn describe(&self) -> String {
        format!("drawn images of {0} × {0} in {1} classes", self.size, self.classes)
    }
}

/// Draws batches of them.
pub(crate) struct ImageBatches {
    images: Images,
    device: Device,
    /// `[classes, patches, 1, patches, 1, colours]`
    patterns: Tensor,
    /// `[2 · NOISES, size, size, colours]`
    noises: Tensor,
    drawn: Cell<u64>,
    time: Cell<Duration>,
}

impl ImageBatches {
    /// Patterns and noises are the same for a seed on every device: they are drawn on the CPU.
    pub(crate) fn new(images: &Images, device: Device) -> Result<Self> {
        let _no_graph = tch::no_grad_guard();
        let Images { size, classes, seed } = *images;
        tch::manual_seed(scatter([seed, VALIDATION, 1]) as i64);
        let normal = |shape: &[i64]| -> Result<Tensor> {
            let mut drawn = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
            Ok(drawn.f_normal_(0.0, 1.0)?.f_to_device(device)?)
        };
        let patterns = normal(&[classes, PATCHES, 1, PATCHES, 1, COLOURS])?;
        let noises = normal(&[2 * NOISES, size, size, COLOURS])?;
        let (drawn, time) = (Cell::new(0), Cell::new(Duration::ZERO));
        Ok(Self { images: *images, device, patterns, noises, drawn, time })
    }

    /// Images `first..first+count` of the global batch of a step, `[count, 3, size, size]`, and their classes, `[count]`.
    /// How a batch is split over ranks and micro-batches does not change an image.
    pub(crate) fn train(&self, step: u64, first: u64, count: i64) -> Result<(Tensor, Tensor)> {
        let begun = Instant::now();
        let batch = self.draw(first..first + count as u64, step, 0)?;
        self.drawn.set(self.drawn.get() + count as u64);
        self.time.set(self.time.get() + begun.elapsed());
        Ok(batch)
    }

    /// `count` images with noises of their own.
    pub(crate) fn validation(&self, count: i64) -> Result<(Tensor, Tensor)> {
        self.draw(0..count as u64, VALIDATION, NOISES)
    }

    fn draw(
        &self,
        wanted: std::ops::Range<u64>,
        step: u64,
        noises: i64,
    ) -> Result<(Tensor, Tensor)> {
        let _no_graph = tch::no_grad_guard();
        let Images { size, classes, seed } = self.images;
        let (mut labels, mut places) = (Vec::new(), Vec::new());
        for index in wanted {
            let random = scatter([seed, step, index]);
            labels.push((random % classes as u64) as i64);
            places.push(noises + ((random >> 32) % NOISES as u64) as i64);
        }
        let count = labels.len() as i64;
        let place = Tensor::f_from_slice(&places)?.f_to_device(self.device)?;
        let labels = Tensor::f_from_slice(&labels)?.f_to_device(self.device)?;
        let patch = size / PATCHES;
        let of_class = self.patterns.f_index_select(0, &labels)?;
        let sides = [count, PATCHES, patch, PATCHES, patch, COLOURS];
        let images = self.noises.f_index_select(0, &place)?.f_view(sides)?.f_add_(&of_class)?;
        // A pixel's channels stay next to each other: convolutions are computed so.
        let images = images.f_view([count, size, size, COLOURS])?.f_permute([0, 3, 1, 2])?;
        Ok((images, labels))
    }

    /// What was drawn until now. It is the thread that trains that draws.
    pub(crate) fn report(&self) -> LoaderReport {
        let time = self.time.get();
        LoaderReport {
            format: "drawn".to_owned(),
            documents: self.drawn.get(),
            tokens_per_s: None,
            samples_per_s: Some(self.drawn.get() as f64 / time.as_secs_f64().max(1e-9)),
            wait_ns: time.as_nanos() as u64,
            stalls: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::find_images;

    fn batches(seed: u64) -> ImageBatches {
        let shape = find_images("nano").unwrap().shape;
        ImageBatches::new(&Images::new(&shape, seed), Device::Cpu).unwrap()
    }

    #[test]
    fn two_halves_of_a_global_batch_are_the_whole() {
        let batches = batches(1);
        let (whole, labels) = batches.train(3, 0, 4).unwrap();
        let (left, right) = (batches.train(3, 0, 2).unwrap(), batches.train(3, 2, 2).unwrap());
        assert_eq!(whole.size(), [4, 3, 64, 64]);
        assert_eq!(whole.stride(), [3 * 64 * 64, 1, 3 * 64, 3]);
        assert_eq!(Tensor::cat(&[left.0, right.0], 0), whole);
        assert_eq!(Tensor::cat(&[left.1, right.1], 0), labels);
        assert_ne!(batches.train(4, 0, 4).unwrap().0, whole, "each step draws anew");
        assert_eq!(batches.report().documents, 12);
    }

    #[test]
    fn a_seed_decides_the_images() {
        let (one, same, other) = (batches(1), batches(1), batches(2));
        let of = |batches: &ImageBatches| batches.train(0, 0, 2).unwrap().0;
        assert_eq!(of(&one), of(&same));
        assert_ne!(of(&one), of(&other));
        assert_ne!(one.images.checksum(), other.images.checksum());
    }

    /// Images of one class have their pattern in common: the mean over a patch, where noise averages out.
    #[test]
    fn a_class_is_seen_through_the_noise() {
        let batches = batches(1);
        let (images, labels) = batches.validation(40).unwrap();
        let patches = images.permute([0, 2, 3, 1]).contiguous().view([40, 8, 8, 8, 8, 3]);
        let patches = patches.mean_dim([2_i64, 4].as_slice(), true, Kind::Float);
        let distance = |class: i64| {
            let differences = &patches - batches.patterns.get(class).unsqueeze(0);
            (&differences * &differences).mean_dim(
                [1_i64, 2, 3, 4, 5].as_slice(),
                false,
                Kind::Float,
            )
        };
        let distances: Vec<_> = (0..10).map(distance).collect();
        let nearest = Tensor::stack(&distances, 0).argmin(0, false);
        assert_eq!(nearest, labels);
        let (seen, _) = batches.train(0, 0, 40).unwrap();
        for image in 0..40 {
            let same = (&seen - images.get(image)).abs().amax([1_i64, 2, 3], false);
            assert!(same.min().double_value(&[]) > 0.5, "validation has noises of its own");
        }
    }
}
