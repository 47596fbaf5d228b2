//! Time of a step of a network for images.

use super::resnet::{Block, Convolution, ResNet};
use crate::collective::Group;
use crate::constants::{Constant, Constants};
use crate::formulas::total;
use crate::launches::{GRAPH_S, NODE_S};
use crate::setup::{Offload, Precision, Recompute, Setup};
use crate::time::{exposed, longer};

/// Share of the stated rate of arithmetic that an endless product reaches. The greatest rates that were measured of any shape
/// are 271 of 312 TFLOP/s on an A100 and 794.5 of 989 on an H100 in 16 bits (stas00/ml-engineering, matmul finder): 87 and 80 %.
const PRODUCT_SHARE: f64 = 0.8;
/// Share of the stated rate of memory that norms and activations reach: batch norms of ResNet-50 (32 images, fp32) take
/// 16.0 ms of kernels on a V100 for 11.4 GB, 709 of 900 GB/s (trace `resnet50_num_workers_0` of pytorch/kineto).
const MEMORY_SHARE: f64 = 0.79;
/// By how many fewer multiplications a 3×3 convolution comes through in fp32: Winograd's F(2×2, 3×3) (Lavin and Gray 2015,
/// arXiv 1509.09308), which cuDNN takes on ordinary cores. On tensor cores it gains nothing.
const WINOGRAD: f64 = 2.25;
/// Channels that tensor cores are given at least a multiple of (NVIDIA, Convolutional Layers User's Guide: channels are padded).
const CHANNELS: f64 = 8.0;
/// Rows and columns of a tile of the output, at least: outputs are worked on in whole tiles.
const TILE: f64 = 64.0;
/// Times that a convolution's input and output go through memory once more where tensor cores are used on channels that do not
/// lie next to each other: read and written, before or after (the same guide: kernels transpose to NHWC and back).
const TRANSPOSED: f64 = 2.0;
/// Times that a norm's numbers go through memory in forward: read for the statistics, read and written to normalise.
const NORM_FORWARD: f64 = 3.0;
/// The same in backward: two read for the sums, two read and one written for the gradient.
const NORM_BACKWARD: f64 = 5.0;
/// The same of an activation in place, forward and backward, where the output tells what was cut off.
const ACTIVATION: [f64; 2] = [2.0, 3.0];
/// The same of a sum of two, and of the sum of their two gradients.
const SUM: [f64; 2] = [3.0, 3.0];
/// Time of the host an operator of forward, seconds, and as much again in backward. Inference of ResNet-50 with one image, which
/// waits for nothing else, takes 10.4 ms on a V100 (NVIDIA's examples of deep learning, in fp32) and 5.5 ms in Hugging Face's
/// optimum-benchmark for its 174 operators: 60 and 32 µs, of which this is the middle.
const OPERATOR_S: f64 = 43e-6;
/// Bytes that an update moves a parameter: SGD reads weight, gradient and momentum and writes two of them; Adam has one more.
const SGD_BYTES: f64 = 20.0;
const ADAM_BYTES: f64 = 28.0;

/// Parts of a step, seconds. `total` is their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Times {
    pub convolutions: f64,
    pub elementwise: f64,
    /// Turning tensors between layouts.
    pub layout: f64,
    pub gathers: f64,
    /// Beyond what the GPU would need, because the host launches too slowly.
    pub host_bound: f64,
    pub data_parallel: f64,
    pub optimizer: f64,
    pub offload: f64,
    pub stragglers: f64,
}

impl Times {
    pub(crate) fn parts(&self) -> [(&'static str, f64); 9] {
        [
            ("convolutions_s", self.convolutions),
            ("norms_and_activations_s", self.elementwise),
            ("layout_s", self.layout),
            ("zero3_gathers_s", self.gathers),
            ("host_bound_s", self.host_bound),
            ("data_parallel_s", self.data_parallel),
            ("optimizer_s", self.optimizer),
            ("offload_s", self.offload),
            ("stragglers_s", self.stragglers),
        ]
    }

    pub(crate) fn total(&self) -> f64 {
        total(&self.parts())
    }
}

/// One pass over a micro-batch, forward and backward.
#[derive(Clone, Copy, Debug, Default)]
struct Pass {
    convolutions: f64,
    elementwise: f64,
    layout: f64,
    operators: f64,
}

impl Pass {
    fn device(&self) -> f64 {
        self.convolutions + self.elementwise + self.layout
    }
}

/// Time of a step of `setup`, which trains `network`.
pub(crate) fn step(setup: &Setup, network: &ResNet, constants: &Constants) -> Times {
    Model { s: setup, network, constants }.step()
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

    /// Seconds for `bytes` of memory traffic.
    fn memory(&self, bytes: f64) -> f64 {
        bytes / (self.s.gpu.memory_rate * MEMORY_SHARE)
    }

    fn rate(&self) -> f64 {
        let gpu = &self.s.gpu;
        let stated = match self.s.precision {
            Precision::Fp32 => gpu.single_rate,
            Precision::Tf32 => gpu.tf32_rate.unwrap_or(gpu.single_rate),
            _ => gpu.half_rate,
        };
        stated * PRODUCT_SHARE
    }

    fn on_tensor_cores(&self) -> bool {
        self.s.precision != Precision::Fp32
    }

    /// One of the three products of a convolution (output, gradient of the input, gradient of the kernel), which move the
    /// same tensors and multiply as often.
    fn product(&self, one: &Convolution) -> f64 {
        let images = self.s.micro_batch;
        let channels = |count: f64| {
            if self.on_tensor_cores() { (count / CHANNELS).ceil() * CHANNELS } else { count }
        };
        let rows = (images * one.side * one.side / TILE).ceil() * TILE;
        let columns = (one.outputs / TILE).ceil() * TILE;
        let summed = channels(one.inputs) * one.kernel * one.kernel;
        let winograd =
            !self.on_tensor_cores() && one.kernel > 2.0 && one.kernel < 4.0 && one.stride < 2.0;
        let fewer = if winograd { WINOGRAD } else { 1.0 };
        let arithmetic = 2.0 * rows * columns * summed / fewer / self.rate();
        let bytes = self.element() * (images * (one.input() + one.output()) + one.weights());
        longer(arithmetic, self.memory(bytes))
    }

    /// Bytes of a number of an activation.
    fn element(&self) -> f64 {
        element(self.s)
    }

    /// Products of a convolution in a pass: forward, once more where that is computed again, and two gradients; the first
    /// convolution's input, the image, needs none.
    fn convolution(&self, pass: &mut Pass, one: &Convolution, needs_input_gradient: bool) {
        let forward = self.forwards();
        let count = forward + if needs_input_gradient { 2.0 } else { 1.0 };
        pass.convolutions += count * self.product(one);
        if self.on_tensor_cores() && !self.s.channels_last {
            let numbers = self.s.micro_batch * (one.input() + one.output());
            pass.layout += count * self.memory(TRANSPOSED * self.element() * numbers);
        }
        self.traffic(pass, one.output(), forward * NORM_FORWARD + NORM_BACKWARD);
        // Convolution and norm; in 16 bits the kernel is cast.
        let cast = f64::from(u8::from(self.s.precision == Precision::Half));
        pass.operators += (forward + 1.0) * (2.0 + cast);
    }

    /// Times that forward is computed.
    fn forwards(&self) -> f64 {
        if self.s.recompute == Recompute::Full { 2.0 } else { 1.0 }
    }

    /// `numbers` of an image, so many times through memory.
    fn traffic(&self, pass: &mut Pass, numbers: f64, times: f64) {
        pass.elementwise += self.memory(times * self.element() * self.s.micro_batch * numbers);
    }

    fn elementwise(&self, pass: &mut Pass, numbers: f64, [forward, backward]: [f64; 2]) {
        self.traffic(pass, numbers, self.forwards() * forward + backward);
        pass.operators += self.forwards() + 1.0;
    }

    fn block(&self, pass: &mut Pass, block: &Block) {
        for one in block.all() {
            self.convolution(pass, one, true);
        }
        for one in &block.convolutions {
            self.elementwise(pass, one.output(), ACTIVATION);
        }
        self.elementwise(pass, block.output(), SUM);
    }

    fn pass(&self) -> Pass {
        let network = self.network;
        let mut pass = Pass::default();
        self.convolution(&mut pass, &network.stem, false);
        self.elementwise(&mut pass, network.stem.output(), ACTIVATION);
        // Pooling reads all and writes a quarter, and back.
        self.elementwise(&mut pass, network.stem.output() + network.pooled(), [1.0; 2]);
        for block in &network.blocks {
            self.block(&mut pass, block);
        }
        // The classifier is one product of each image's features; mean and loss are next to nothing.
        let (features, classes) = (network.features, network.classes);
        let bytes = self.element() * (self.s.micro_batch * (features + classes) + network.head());
        let arithmetic = 2.0 * self.s.micro_batch * features * classes / self.rate();
        pass.convolutions += 3.0 * longer(arithmetic, self.memory(bytes));
        pass.operators += 8.0;
        pass
    }

    fn step(&self) -> Times {
        let s = self.s;
        let pass = self.pass();
        let device = pass.device();
        let stage = longer(device, self.host(&pass));
        let gathers = self.gathers(stage);
        let m = s.passes;
        let mut times = Times {
            convolutions: m * pass.convolutions,
            elementwise: m * pass.elementwise,
            layout: m * pass.layout,
            gathers: m * gathers,
            host_bound: m * (stage - device),
            data_parallel: self.data_parallel(stage),
            optimizer: self.optimizer(),
            offload: self.offload(),
            stragglers: 0.0,
        };
        times.stragglers =
            times.total() * self.c(Constant::straggle) * (s.world / s.on_node).max(1.0).log2();
        times
    }

    /// Time of the host to launch a pass: operator by operator, or forward and backward as one captured graph each.
    fn host(&self, pass: &Pass) -> f64 {
        let one_by_one = pass.operators * OPERATOR_S;
        let captured = 2.0 * GRAPH_S + pass.operators * NODE_S;
        if self.s.cuda_graphs { one_by_one.min(captured) } else { one_by_one }
    }

    /// Weights that ZeRO-3 gathers for each forward and backward, and gradients that it scatters, as far as they are longer
    /// than the pass or exposed under it.
    fn gathers(&self, stage: f64) -> f64 {
        let s = self.s;
        if s.zero < 3 || s.dp <= 1.0 {
            return 0.0;
        }
        let group = Group::of(s, self.constants, s.dp, 1.0);
        let parameters = self.network.parameters();
        let rounds = self.forwards() + 1.0;
        let time = rounds * group.gather(self.element() * parameters)
            + group.gather(s.grad_bytes * parameters)
            + 3.0 * (self.network.blocks.len() as f64 + 2.0) * group.latency;
        let both = longer(stage, time) + self.c(Constant::gather_exposed) * stage.min(time);
        both - stage
    }

    /// Exchange of gradients (and of updated parameters) that the last backward pass does not hide.
    fn data_parallel(&self, stage: f64) -> f64 {
        let s = self.s;
        if s.dp <= 1.0 || s.zero == 3 {
            return 0.0;
        }
        let group = Group::of(s, self.constants, s.dp, 1.0);
        let parameters = self.network.parameters();
        let (bytes, which) = match s.zero {
            0 => (2.0 * s.grad_bytes, Constant::data_exposed),
            _ => (s.grad_bytes + self.element(), Constant::data_exposed_sharded),
        };
        let time = group.gather(bytes * parameters);
        let hidden = (stage * 2.0 / 3.0).min(time) * (1.0 - exposed(self.c(which)));
        time - hidden
    }

    /// Parameters that a rank updates.
    fn updated(&self) -> f64 {
        self.network.parameters() / if self.s.zero >= 1 { self.s.dp } else { 1.0 }
    }

    fn optimizer(&self) -> f64 {
        if self.s.offload != Offload::None {
            return 0.0;
        }
        self.memory(self.updated() * if self.s.sgd { SGD_BYTES } else { ADAM_BYTES })
    }

    /// The update by the host's processors, for all ranks of a machine.
    fn offload(&self) -> f64 {
        let s = self.s;
        if s.offload == Offload::None {
            return 0.0;
        }
        let parameters = self.updated() * s.on_node.min(s.world);
        let rate = self.c(Constant::offload_rate);
        let mut time = parameters * (4.0 + s.grad_bytes) / rate
            + parameters / self.c(Constant::offload_update);
        if s.offload == Offload::OptimizerAndParameters {
            time += s.passes * 2.0 * self.element() * parameters / rate;
        }
        time
    }
}

/// Bytes of a number of an activation.
pub(super) fn element(setup: &Setup) -> f64 {
    if setup.precision == Precision::Half { 2.0 } else { 4.0 }
}
