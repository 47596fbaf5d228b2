//! What must hold of a network for images.

use std::collections::HashMap;

use super::*;
use crate::parallel::GradientSync;
use crate::parameters::{Parameters, Plan};
use crate::shape::{ResNet, find_images};
use crate::stage::{Stage, State};

/// The classes of four images.
const TARGETS: [i64; 4] = [1, 2, 3, 9];

struct Rig {
    parameters: Parameters,
    stage: Stage,
    sync: GradientSync,
}

/// A small network of either kind of block. The norms that start at zero start at one here: else the convolutions before
/// them have no gradient. Channels come in eights: of fewer, oneDNN in libtorch 2.11 writes past the end of a gradient on processors
/// with AVX2 alone.
fn rig(bottleneck: bool, kind: Kind, recompute: Recompute) -> Rig {
    let _no_graph = tch::no_grad_guard();
    let nano = find_images("nano").unwrap().shape;
    let shape = ResNet { blocks: [1, 2, 1, 1], width: 8, bottleneck, ..nano };
    let plan = Plan { kind, ..Plan::alone(shape.block_count() as usize + 2) };
    let parameters = Parameters::new(&shape, 3, plan, Device::Cpu).unwrap();
    for unit in &parameters.units {
        for slot in unit
            .slots
            .iter()
            .filter(|slot| slot.name.contains("norm") && slot.name.ends_with(".weight"))
        {
            let _ = unit.full.narrow(0, slot.offset, slot.len).fill_(1.0);
        }
    }
    let stage =
        Stage::new(ImageModel::new(&shape, kind), &parameters, false, recompute, LossKind::Full);
    let sync = GradientSync::new(&parameters, None, 1);
    Rig { parameters, stage, sync }
}

fn images(count: i64) -> Tensor {
    tch::manual_seed(7);
    Tensor::randn([count, 64, 64, 3], (Kind::Float, Device::Cpu)).permute([0, 3, 1, 2])
}

impl Rig {
    /// What the blocks make of the images.
    fn forward(&mut self, images: &Tensor, graph: bool) -> Tensor {
        let mut state =
            State { parameters: &mut self.parameters, gather: None, sync: &mut self.sync };
        self.stage.forward(&mut state, images, graph).unwrap().x
    }

    /// The loss, and the gradients of all units.
    fn pass(&mut self) -> (f64, Tensor) {
        let (images, targets) = (images(4), Tensor::from_slice(&TARGETS));
        self.parameters.zero_gradients().unwrap();
        let mut state =
            State { parameters: &mut self.parameters, gather: None, sync: &mut self.sync };
        let held = self.stage.forward(&mut state, &images, true).unwrap();
        let (loss, gradient) =
            self.stage.loss(&mut state, &held.x, &targets, (Some(1.0), true)).unwrap();
        let _ = self.stage.backward(&mut state, held, gradient.unwrap(), (1.0, true)).unwrap();
        (loss.double_value(&[]), self.parameters.gradients.as_ref().unwrap().copy())
    }
}

#[test]
fn every_weight_gets_a_gradient() {
    for bottleneck in [true, false] {
        for kind in [Kind::Float, Kind::BFloat16, Kind::Half] {
            let mut rig = rig(bottleneck, kind, Recompute::None);
            let (loss, _) = rig.pass();
            assert!((loss - 10f64.ln()).abs() < 0.3, "{kind:?}: {loss}");
            for unit in &rig.parameters.units {
                for (at, slot) in unit.slots.iter().enumerate() {
                    let gradient = unit.gradient_of(at).unwrap().unwrap();
                    let sum = gradient.abs().sum(Kind::Float).double_value(&[]);
                    assert!(sum > 0.0 && sum.is_finite(), "{kind:?} {}: {sum}", slot.name);
                }
            }
        }
    }
}

/// The same network in one graph, as the papers draw it, norms by their definition: He et al. 2016, Ioffe & Szegedy 2015.
struct Drawn<'a> {
    weights: HashMap<&'a str, Tensor>,
    bottleneck: bool,
}

impl Drawn<'_> {
    fn convolved(&self, x: &Tensor, [conv, norm]: [&str; 2], stride: i64) -> Tensor {
        let of = |name: String| &self.weights[name.as_str()];
        let kernel = of(format!("{conv}.weight"));
        let padding = (kernel.size()[2] - 1) / 2;
        let none = None::<&Tensor>;
        let x = x.conv2d(kernel, none, [stride, stride], [padding, padding], [1, 1], 1);
        let over = [0_i64, 2, 3];
        let mean = x.mean_dim(over.as_slice(), true, Kind::Float);
        let variance = x.var_dim(over.as_slice(), false, true);
        let channels = |name: &str| of(format!("{norm}.{name}")).view([1, -1, 1, 1]);
        (x - mean) / (variance + 1e-5).sqrt() * channels("weight") + channels("bias")
    }

    fn block(&self, x: &Tensor, number: i64, stride: i64) -> Tensor {
        let part = |x: &Tensor, at: i64, stride: i64| {
            let names = ["conv", "norm"].map(|kind| format!("blocks.{number}.{kind}{at}"));
            self.convolved(x, [&names[0], &names[1]], stride)
        };
        let inside = if self.bottleneck {
            part(&part(&part(x, 1, 1).relu(), 2, stride).relu(), 3, 1)
        } else {
            part(&part(x, 1, stride).relu(), 2, 1)
        };
        let names = ["conv", "norm"].map(|kind| format!("blocks.{number}.shortcut.{kind}"));
        let beside = if inside.size() == x.size() {
            x.shallow_clone()
        } else {
            self.convolved(x, [&names[0], &names[1]], stride)
        };
        (inside + beside).relu()
    }

    /// The loss. The second stage has two blocks, all others one.
    fn loss(&self, images: &Tensor, targets: &Tensor) -> Tensor {
        let x = self.convolved(images, ["stem.conv", "stem.norm"], 2).relu();
        let mut x = x.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
        for (number, stride) in [1, 2, 1, 2, 2].into_iter().enumerate() {
            x = self.block(&x, number as i64, stride);
        }
        let features = x.mean_dim([2_i64, 3].as_slice(), false, Kind::Float);
        let logits =
            features.matmul(&self.weights["head.weight"].tr()) + &self.weights["head.bias"];
        logits.log_softmax(-1, Kind::Float).nll_loss(targets)
    }
}

#[test]
fn units_one_by_one_are_the_network_as_it_is_drawn() {
    tch::set_num_threads(1);
    for bottleneck in [true, false] {
        let mut rig = rig(bottleneck, Kind::Float, Recompute::Full);
        let (loss, _) = rig.pass();
        let all: Vec<_> = rig
            .parameters
            .units
            .iter()
            .flat_map(|unit| (0..unit.slots.len()).map(move |at| (unit, at)))
            .collect();
        let weights = all
            .iter()
            .map(|(unit, at)| {
                let leaf = unit.leaves()[*at].detach().copy().set_requires_grad(true);
                (unit.slots[*at].name.as_str(), leaf)
            })
            .collect();
        let drawn = Drawn { weights, bottleneck };
        let expected = drawn.loss(&images(4), &Tensor::from_slice(&TARGETS));
        assert!((loss - expected.double_value(&[])).abs() < 1e-5, "{loss} {expected}");
        expected.backward();
        for (unit, at) in all {
            let name = &unit.slots[at].name;
            let (is, wanted) =
                (unit.gradient_of(at).unwrap().unwrap(), drawn.weights[name.as_str()].grad());
            let error = (is - &wanted).norm() / wanted.norm();
            let error = error.double_value(&[]);
            assert!(error < 1e-3, "{name}: {error}");
        }
    }
}

/// A tenth of a batch's mean and of its variance (of a sample, not of the batch), once, however often it is computed.
#[test]
fn norms_remember_every_batch_once() {
    for recompute in [Recompute::None, Recompute::Full] {
        let mut rig = rig(true, Kind::Float, recompute);
        let _ = rig.pass();
        let _no_graph = tch::no_grad_guard();
        let block = &rig.parameters.units[1];
        let stem = &rig.parameters.units[0];
        let out = images(4).conv2d(&stem.leaves()[0], None::<&Tensor>, [2, 2], [3, 3], [1, 1], 1);
        let over = [0_i64, 2, 3];
        let mean = out.mean_dim(over.as_slice(), false, Kind::Float);
        let variance = out.var_dim(over.as_slice(), true, false);
        let near = |is: &Tensor, wanted: Tensor| is.allclose(&wanted, 1e-4, 1e-6, false);
        assert!(near(&stem.statistics[0].mean, mean * 0.1));
        assert!(near(&stem.statistics[0].variance, variance * 0.1 + 0.9));
        // The input of a block: what its stem has normed, pooled.
        let (mean, variance) = (&block.statistics[0].mean, &block.statistics[0].variance);
        let (mean, variance) = (mean.copy(), variance.copy());
        assert_ne!(mean, mean.zeros_like(), "{recompute:?}");
        let _ = rig.forward(&images(4), false);
        let block = &rig.parameters.units[1];
        assert_eq!((&block.statistics[0].mean, &block.statistics[0].variance), (&mean, &variance));
    }
}

#[test]
fn computing_again_changes_nothing() {
    let (mut kept, mut again) =
        (rig(true, Kind::Float, Recompute::None), rig(true, Kind::Float, Recompute::Full));
    let (left, right) = (kept.pass(), again.pass());
    assert_eq!(left.0.to_bits(), right.0.to_bits());
    assert_eq!(left.1, right.1);
    let statistics = |rig: &Rig| -> Vec<Tensor> {
        let norms = rig.parameters.units.iter().flat_map(|unit| &unit.statistics);
        norms.flat_map(|norm| [norm.mean.copy(), norm.variance.copy()]).collect()
    };
    assert_eq!(statistics(&kept), statistics(&again));
}

/// In training an image is normed with those beside it; in validation with what norms remember.
#[test]
fn an_image_is_validated_by_itself() {
    let _no_graph = tch::no_grad_guard();
    let mut rig = rig(true, Kind::Float, Recompute::None);
    let (all, some) = (images(4), images(4).narrow(0, 0, 2));
    let mut difference = |graph: bool| {
        let (all, some) = (rig.forward(&all, graph), rig.forward(&some, graph));
        (all.narrow(0, 0, 2) - some).abs().max().double_value(&[])
    };
    assert!(difference(false) < 1e-5);
    assert!(difference(true) > 1e-2);
}
