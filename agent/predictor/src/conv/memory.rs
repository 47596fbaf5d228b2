//! Peak memory of a GPU that trains a network for images, tensor by tensor.
//!
//! Weights, gradients and the optimizer's states are fp32 in every precision; in 16 bits autocast keeps a cast copy of each
//! weight as long as the graph of a pass lives. A convolution keeps its input for backward and its norm keeps what it
//! normalises, which is the convolution's output; an activation in place keeps its output, which is the next one's input; a sum
//! keeps nothing. So of a convolution there are two tensors of its output's size, of a shortcut's one. Pooling keeps the place
//! of each greatest number in 8 bytes.

use super::resnet::{Block, Convolution, ResNet};
use super::time::element;
use crate::constants::{Constant, Constants};
use crate::formulas::total;
use crate::setup::{Offload, Precision, Recompute, Setup};

/// Bytes that cuDNN takes for a convolution while it runs, where it does not transpose: in a trace of ResNet-50 (see the
/// crate's ACCURACY.md) 41 MiB at the peak are left over for it. Its search for the fastest kernel may take more.
const WORKSPACE: f64 = 64e6;
/// Bytes a parameter that an update over all parameters at once allocates for a moment: a tensor as large as the gradients.
const UPDATE: f64 = 4.0;

/// What the memory is made of at the peak, bytes. `total` is their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Memory {
    pub weights: f64,
    pub gradients: f64,
    pub optimizer: f64,
    pub activations: f64,
    /// Gradients of activations that are there at a time.
    pub flowing: f64,
    pub workspace: f64,
    pub input: f64,
    pub buckets: f64,
    pub update: f64,
    pub fixed: f64,
    pub fragments: f64,
}

impl Memory {
    pub(crate) fn parts(&self) -> [(&'static str, f64); 11] {
        [
            ("weights_bytes", self.weights),
            ("gradients_bytes", self.gradients),
            ("optimizer_bytes", self.optimizer),
            ("activations_bytes", self.activations),
            ("activation_gradients_bytes", self.flowing),
            ("workspaces_bytes", self.workspace),
            ("input_bytes", self.input),
            ("buckets_bytes", self.buckets),
            ("update_bytes", self.update),
            ("context_bytes", self.fixed),
            ("fragments_bytes", self.fragments),
        ]
    }

    pub(crate) fn total(&self) -> f64 {
        total(&self.parts())
    }

    /// What training keeps from step to step.
    pub(crate) fn states(&self) -> f64 {
        self.weights + self.gradients + self.optimizer
    }
}

/// What runs at once and what it leaves, bytes of a micro-batch: the stem, a block, or the classifier.
#[derive(Clone, Copy, Debug, Default)]
struct Unit {
    /// Kept for backward.
    kept: f64,
    /// Kept where it is computed again: its output, which the next one starts from.
    entered: f64,
    /// Gradients that are there at a time while backward is in it: of its largest output, and of what that is made of.
    flowing: f64,
    /// What its hungriest convolution takes while it runs.
    workspace: f64,
    parameters: f64,
}

/// The peak of `setup`, which trains `network`: the fullest of the moments of a step.
pub(crate) fn peak(setup: &Setup, network: &ResNet, constants: &Constants) -> Memory {
    let model = Model { s: setup, network, constants };
    let mut fullest = Memory::default();
    for memory in model.moments() {
        if memory.total() > fullest.total() {
            fullest = memory;
        }
    }
    fullest
}

struct Model<'a> {
    s: &'a Setup,
    network: &'a ResNet,
    constants: &'a Constants,
}

impl Model<'_> {
    fn c(&self, constant: Constant) -> f64 {
        self.constants[constant]
    }

    /// Bytes of `numbers` of each image.
    fn bytes(&self, numbers: f64) -> f64 {
        element(self.s) * self.s.micro_batch * numbers
    }

    /// A workspace for tensors of so many numbers of an image: where channels are not next to each other, tensor cores work
    /// on transposed copies of input and output.
    fn workspace(&self, numbers: f64) -> f64 {
        let transposed = self.s.precision != Precision::Fp32 && !self.s.channels_last;
        WORKSPACE + if transposed { self.bytes(numbers) } else { 0.0 }
    }

    fn units(&self) -> Vec<Unit> {
        let network = self.network;
        let stem = network.stem;
        let mut units = vec![Unit {
            kept: self.bytes(2.0 * stem.output() + network.pooled())
                + 8.0 * self.s.micro_batch * network.pooled(),
            entered: 0.0,
            flowing: self.bytes(2.0 * stem.output()),
            workspace: self.workspace(stem.input() + stem.output()),
            parameters: stem.parameters(),
        }];
        // The stem is not computed again: what it keeps stays.
        units[0].entered = units[0].kept;
        units.extend(network.blocks.iter().map(|block| self.block(block)));
        let head = self.bytes(2.0 * network.features + 3.0 * network.classes);
        units.push(Unit {
            kept: head,
            entered: head,
            flowing: network.blocks.last().map_or(0.0, |last| self.bytes(last.output())),
            workspace: 0.0,
            parameters: network.head(),
        });
        units
    }

    fn block(&self, block: &Block) -> Unit {
        let inside: f64 = block.convolutions.iter().map(|one| 2.0 * one.output()).sum();
        let beside = block.shortcut.map_or(0.0, |shortcut| shortcut.output());
        let largest = block.all().map(Convolution::output).fold(0.0, f64::max);
        let busiest = block.all().map(|one| one.input() + one.output()).fold(0.0, f64::max);
        Unit {
            kept: self.bytes(inside + beside),
            entered: self.bytes(block.output()),
            flowing: self.bytes(2.0 * largest),
            workspace: self.workspace(busiest),
            parameters: block.all().map(Convolution::parameters).sum(),
        }
    }

    fn moments(&self) -> Vec<Memory> {
        let s = self.s;
        let units = self.units();
        let all: f64 = units.iter().map(|unit| unit.parameters).sum();
        let share = |from: u64| if s.zero >= from { 1.0 / s.dp.max(1.0) } else { 1.0 };
        let base = self.base(all, share(3), share(1));
        let gradient = s.grad_bytes * share(2);
        let on_gpu = s.offload != Offload::OptimizerAndParameters;
        // Buckets of data parallelism, and sums over passes, stay; else gradients come with backward.
        let stay = s.dp > 1.0 || s.passes > 1.0;
        let again = s.recompute == Recompute::Full;
        let mut before: f64 =
            units.iter().map(|unit| if again { unit.entered } else { unit.kept }).sum();
        let mut moments = Vec::new();
        let mut done = 0.0;
        for unit in units.iter().rev() {
            let (left, whole) =
                if again { (unit.entered, unit.kept) } else { (unit.kept, unit.kept) };
            let there = if stay { all } else { done };
            moments.push(self.broken_up(Memory {
                gradients: if on_gpu { gradient * there } else { 0.0 },
                activations: before - left + whole.max(left),
                flowing: unit.flowing,
                workspace: unit.workspace,
                input: s.micro_batch * self.network.pixels() * self.pixel(),
                ..base
            }));
            before -= left;
            done += unit.parameters;
        }
        let update = if s.offload == Offload::None { UPDATE * all * share(1) } else { 0.0 };
        let gradients = if on_gpu { gradient * all } else { 0.0 };
        moments.push(self.broken_up(Memory { gradients, update, ..base }));
        moments
    }

    /// Bytes of a number of the image: as it is loaded, and in 16 bits as it is cast.
    fn pixel(&self) -> f64 {
        if self.s.precision == Precision::Half { 6.0 } else { 4.0 }
    }

    /// What is there all the time.
    fn base(&self, parameters: f64, held: f64, updated: f64) -> Memory {
        let s = self.s;
        let states = if s.sgd {
            4.0
        } else if s.optimizer_8bit {
            2.0
        } else {
            8.0
        };
        let on_gpu = s.offload == Offload::None;
        let weights = if s.offload == Offload::OptimizerAndParameters { 0.0 } else { 4.0 };
        let cast = if s.precision == Precision::Half { 2.0 } else { 0.0 };
        let exchanged = if s.dp > 1.0 { s.grad_bytes } else { 0.0 };
        let groups = if s.dp > 1.0 { 1.0 } else { 0.0 };
        Memory {
            weights: (weights * held + cast) * parameters,
            optimizer: if on_gpu { states * updated * parameters } else { 0.0 },
            buckets: exchanged * held * parameters,
            fixed: self.c(Constant::kept_fixed) + self.c(Constant::kept_communicator) * groups,
            ..Memory::default()
        }
    }

    /// With what fragmentation adds.
    fn broken_up(&self, memory: Memory) -> Memory {
        Memory { fragments: self.c(Constant::kept_fragments) * memory.total(), ..memory }
    }
}
