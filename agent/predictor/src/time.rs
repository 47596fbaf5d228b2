//! Time of a step: products by their shapes, traffic by its bytes, launches, exchanges, and the pipeline around them.

mod stages;

use crate::collective::Group;
use crate::constants::{Constant, Constants};
use crate::framework::Framework;
use crate::measured;
use crate::setup::{Offload, Precision, Recompute, Setup};
use crate::{launches, loss};

/// Parts of a step, seconds. `total` is their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Times {
    pub products: f64,
    pub attention: f64,
    pub memory_bound: f64,
    pub head: f64,
    pub tensor_parallel: f64,
    pub context_parallel: f64,
    pub expert_parallel: f64,
    pub gathers: f64,
    /// Beyond what the GPU would need, because the host launches too slowly.
    pub host_bound: f64,
    pub bubble: f64,
    pub transfers: f64,
    pub data_parallel: f64,
    pub optimizer: f64,
    pub offload: f64,
    pub fixed: f64,
    pub stragglers: f64,
    pub stalls: f64,
}

impl Times {
    pub(crate) fn parts(&self) -> [(&'static str, f64); 17] {
        [
            ("products_s", self.products),
            ("attention_s", self.attention),
            ("memory_bound_s", self.memory_bound),
            ("head_s", self.head),
            ("tensor_parallel_s", self.tensor_parallel),
            ("context_parallel_s", self.context_parallel),
            ("expert_parallel_s", self.expert_parallel),
            ("zero3_gathers_s", self.gathers),
            ("host_bound_s", self.host_bound),
            ("pipeline_bubble_s", self.bubble),
            ("pipeline_transfers_s", self.transfers),
            ("data_parallel_s", self.data_parallel),
            ("optimizer_s", self.optimizer),
            ("offload_s", self.offload),
            ("fixed_s", self.fixed),
            ("stragglers_s", self.stragglers),
            ("stalls_s", self.stalls),
        ]
    }

    pub(crate) fn total(&self) -> f64 {
        crate::formulas::total(&self.parts())
    }
}

/// Parts of one layer (or the head) and micro-batch on one GPU, forward and backward, seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Pass {
    products: f64,
    attention: f64,
    memory_bound: f64,
    tensor_parallel: f64,
    context_parallel: f64,
    expert_parallel: f64,
    host: f64,
}

impl Pass {
    fn device(&self) -> f64 {
        self.products
            + self.attention
            + self.memory_bound
            + self.tensor_parallel
            + self.context_parallel
            + self.expert_parallel
    }

    fn add(&mut self, other: &Self, times: f64) {
        self.products += times * other.products;
        self.attention += times * other.attention;
        self.memory_bound += times * other.memory_bound;
        self.tensor_parallel += times * other.tensor_parallel;
        self.context_parallel += times * other.context_parallel;
        self.expert_parallel += times * other.expert_parallel;
        self.host += times * other.host;
    }
}

/// Where both of two things bound, the longer counts, a little more when they are near each other.
pub(crate) fn longer(a: f64, b: f64) -> f64 {
    (a.powi(4) + b.powi(4)).powf(0.25)
}

struct Model<'a> {
    setup: &'a Setup,
    constants: &'a Constants,
    /// Operations a second of an endless product.
    rate: f64,
    /// Bandwidth of the memory as it was measured, by that of the usual device with this datasheet.
    memory_by_usual: f64,
    /// Whether waits for transfers are told apart from other waits of a pipeline.
    apart: bool,
}

/// Time of a step of `setup`.
pub(crate) fn step(setup: &Setup, constants: &Constants) -> Times {
    Model::of(setup, constants, true).step()
}

/// The same in half the time, waits for transfers among the other waits of a pipeline.
fn together(setup: &Setup, constants: &Constants) -> Times {
    Model::of(setup, constants, false).step()
}

/// Seconds of a step of `setup`: the sum of its parts.
pub(crate) fn total(setup: &Setup, constants: &Constants) -> f64 {
    together(setup, constants).total()
}

/// Share of a step of `setup` in which its transfers stall.
pub(crate) fn stalled(setup: &Setup, constants: &Constants) -> f64 {
    let times = together(setup, constants);
    times.stalls / times.total()
}

fn product_rate(setup: &Setup, constants: &Constants) -> f64 {
    let gpu = &setup.gpu;
    let share = constants[Constant::product_share];
    let eight = gpu.fp8_rate.unwrap_or(gpu.half_rate);
    match setup.precision {
        Precision::Fp32 => gpu.single_rate * share,
        Precision::Tf32 => gpu.tf32_rate.unwrap_or(gpu.single_rate) * share,
        Precision::Half => gpu.half_rate * share,
        Precision::Fp8 => eight * share * constants[Constant::product_share_8bit],
        Precision::Block8 => eight * share * constants[Constant::product_share_block8],
        Precision::Fp4 => eight * share * constants[Constant::product_share_4bit],
    }
}

impl<'a> Model<'a> {
    fn of(setup: &'a Setup, constants: &'a Constants, apart: bool) -> Self {
        let (rate, memory_by_usual) =
            (product_rate(setup, constants), measured::memory_by_usual(setup));
        Self { setup, constants, rate, memory_by_usual, apart }
    }
}

impl Model<'_> {
    fn c(&self, constant: Constant) -> f64 {
        self.constants[constant]
    }

    /// Rate of memory, bytes a second: what of the stated one is reached is in the constants of bytes.
    fn memory(&self, bytes: f64) -> f64 {
        bytes / (self.setup.gpu.memory_rate * self.memory_by_usual)
    }

    /// One product of `m`×`k` by `k`×`n`.
    fn product(&self, m: f64, n: f64, k: f64) -> f64 {
        let edge = self.c(Constant::product_edge);
        let quantized =
            matches!(self.setup.precision, Precision::Fp8 | Precision::Block8 | Precision::Fp4);
        let cast = if quantized {
            self.memory(self.c(Constant::cast_bytes) * (m * k + k * n))
        } else {
            0.0
        };
        let usual = measured::products_by_usual(self.setup, edge, [m, n, k]);
        let arithmetic = usual * 2.0 * (m + edge) * (n + edge) * (k + edge) / self.rate;
        let traffic = self.memory(2.0 * (m * k + k * n + m * n));
        longer(arithmetic, traffic) + cast
    }

    /// Forward, and twice as much backward; once more if the activations are recomputed.
    fn passes(&self) -> f64 {
        if self.setup.recompute == Recompute::Full { 4.0 } else { 3.0 }
    }

    fn attention(&self) -> Pass {
        let s = self.setup;
        let shape = &s.shape;
        let (tokens, tp) = (s.tokens(), s.tp);
        let passes = self.passes();
        let mut pass = Pass::default();
        let width = shape.query_width + shape.key_value_width;
        pass.products += passes
            * (self.product(tokens, width / tp, shape.hidden)
                + self.product(tokens, shape.hidden, shape.query_width / tp));
        // Scores and their use, half of them masked where the kernel can leave those out.
        let whole = 4.0 * tokens * shape.seq * shape.query_width / tp;
        let half_peak = s.gpu.half_rate;
        if s.flash {
            let passes = if s.recompute == Recompute::Full { 4.5 } else { 3.5 };
            pass.attention +=
                passes * 0.5 * whole / (half_peak * self.c(Constant::attention_share));
        } else {
            let passes = if s.recompute == Recompute::None { 3.0 } else { 4.0 };
            // Tensor cores take rows of 16 bytes: other widths of a head run on the ordinary cores.
            let aligned = (shape.query_width / shape.heads) % 8.0 == 0.0;
            let slower = if aligned { 1.0 } else { self.c(Constant::attention_misaligned) };
            pass.attention +=
                slower * passes * whole / (half_peak * self.c(Constant::product_share));
            let scores = tokens * shape.seq * shape.heads / tp;
            pass.memory_bound += self.memory(self.c(Constant::score_bytes) * scores * passes / 3.0);
        }
        pass.memory_bound += passes / 3.0
            * self.memory(
                self.c(Constant::stream_bytes) * tokens * shape.hidden / s.stream_split()
                    + self.c(Constant::middle_bytes) * tokens * width / tp,
            );
        if s.cp > 1.0 {
            let group = Group::of(s, self.constants, s.cp, tp);
            let bytes = 2.0 * tokens * s.cp * shape.key_value_width / tp;
            pass.context_parallel +=
                passes * group.gather(bytes) * self.c(Constant::context_exposed);
        }
        pass
    }

    fn feed_forward(&self, width: f64) -> Pass {
        let s = self.setup;
        let tokens = s.tokens();
        let up = (s.shape.ffn_matrices - 1.0) * width / s.tp;
        Pass {
            products: self.passes()
                * (self.product(tokens, up, s.shape.hidden)
                    + self.product(tokens, s.shape.hidden, width / s.tp)),
            memory_bound: self.passes() / 3.0
                * self.memory(self.c(Constant::middle_bytes) * tokens * up),
            ..Pass::default()
        }
    }

    fn experts(&self, experts: f64) -> Pass {
        let s = self.setup;
        let shape = &s.shape;
        let routed = s.tokens() * shape.top_k;
        let local = (experts / s.ep).max(1.0);
        let rows = (routed / local).max(1.0);
        let up = (shape.ffn_matrices - 1.0) * shape.ffn / s.tp;
        let mut pass = Pass {
            products: self.passes()
                * local
                * (self.product(rows, up, shape.hidden)
                    + self.product(rows, shape.hidden, shape.ffn / s.tp)),
            memory_bound: self.passes() / 3.0
                * self.memory(
                    self.c(Constant::middle_bytes) * routed * up
                        + self.c(Constant::route_bytes) * routed * shape.hidden,
                ),
            host: self.c(Constant::host_expert_s),
            ..Pass::default()
        };
        if shape.shared_ffn > 0.0 {
            pass.add(&self.feed_forward(shape.shared_ffn), 1.0);
        }
        if s.ep > 1.0 {
            let group = Group::of(s, self.constants, s.ep, s.tp);
            pass.expert_parallel +=
                self.c(Constant::expert_exposed) * 4.0 * group.gather(2.0 * routed * shape.hidden);
        }
        pass
    }

    /// What every layer has, whatever its feed-forward network is.
    fn common(&self) -> Pass {
        let s = self.setup;
        let mut pass = self.attention();
        pass.host += self.passes() / 3.0 * launches::layer(s, self.constants);
        if s.tp > 1.0 {
            let group = Group::of(s, self.constants, s.tp, 1.0);
            let count = if s.recompute == Recompute::Full { 6.0 } else { 4.0 };
            let bytes = 2.0 * s.tokens() * s.shape.hidden;
            pass.tensor_parallel += self.c(Constant::tensor_exposed) * count * group.reduce(bytes);
            if s.pp > 1.0 {
                pass.host += self.c(Constant::host_pipeline_tensor_s) * s.tp;
            }
        }
        pass
    }

    fn head(&self) -> f64 {
        let s = self.setup;
        3.0 * self.product(s.tokens(), s.shape.vocab / s.tp, s.shape.hidden)
            + self.memory(loss::traffic(s, self.c(Constant::logit_bytes)))
    }

    fn step(&self) -> Times {
        let s = self.setup;
        let shape = &s.shape;
        let common = self.common();
        // All layers of the model, and what the fullest stage has of them.
        let mut model = Pass::default();
        model.add(&common, shape.layers);
        match shape.experts {
            Some(experts) => {
                model.add(&self.feed_forward(shape.dense_ffn), shape.dense_layers);
                model.add(&self.experts(experts), shape.layers - shape.dense_layers);
            }
            None => model.add(&self.feed_forward(shape.ffn), shape.layers),
        }
        let head = self.head();
        let micro = self.c(Constant::host_micro_s);
        let load = self.load(&model, head, micro);
        let m = s.passes;
        let of_model = load.layers / shape.layers;
        let mut times = Times {
            products: m * model.products * of_model,
            attention: m * model.attention * of_model,
            memory_bound: m * model.memory_bound * of_model,
            head: m * load.head,
            tensor_parallel: m * model.tensor_parallel * of_model,
            context_parallel: m * model.context_parallel * of_model,
            expert_parallel: m * model.expert_parallel * of_model,
            gathers: m * load.gathers,
            host_bound: m * load.late,
            bubble: load.bubble,
            transfers: load.transfers,
            ..Times::default()
        };
        times.data_parallel = self.data_parallel(load.pass);
        times.optimizer = self.optimizer(load.layers);
        times.offload = self.offload();
        times.fixed = self.c(Constant::step_s);
        times.stragglers =
            times.total() * self.c(Constant::straggle) * (s.world / s.on_node).max(1.0).log2();
        times.stalls = self.stalls();
        times
    }

    /// Parameters that a GPU holds of its stage, experts of others left out.
    fn stage_params(&self) -> f64 {
        let s = self.setup;
        let shape = &s.shape;
        let tables = shape.vocab * shape.hidden;
        let dense = shape.dense_params / s.pp
            + if s.pp > 1.0 || shape.tied { tables } else { 2.0 * tables };
        dense / s.tp + shape.expert_params / (s.pp * s.tp * s.ep)
    }

    /// Runs of a framework on many machines stall now and then for about the same time in each micro-batch, whatever the
    /// model: expected as the odds of it say, since a median run either stalls or does not.
    fn stalls(&self) -> f64 {
        let s = self.setup;
        let machines = s.world / s.on_node;
        if s.framework != Framework::Nanotron || machines <= 1.0 {
            return 0.0;
        }
        let mut odds =
            self.c(Constant::stall_odds) * machines.powf(2.0 * self.c(Constant::stall_power));
        if s.zero == 0 && s.dp > 1.0 {
            odds *= self.c(Constant::stall_unsharded);
        }
        let odds = odds.powi(3);
        let neighbours =
            if s.pp > 1.0 { (s.pp - 1.0).min(2.0) } else { self.c(Constant::stall_unstaged) };
        odds / (1.0 + odds) * s.passes * self.c(Constant::stall_s) * neighbours
    }

    /// Exchange of gradients (and of updated parameters) that the last backward pass does not hide.
    fn data_parallel(&self, stage: f64) -> f64 {
        let s = self.setup;
        if s.dp * s.cp <= 1.0 || s.zero == 3 {
            return 0.0;
        }
        let group = Group::of(s, self.constants, s.dp * s.cp, s.tp);
        let shape = &s.shape;
        let expert = shape.expert_params / (s.pp * s.tp * s.ep);
        let dense = self.stage_params() - expert;
        let bytes = |params: f64| match s.zero {
            0 => 2.0 * params * s.grad_bytes,
            _ => params * (s.grad_bytes + 2.0),
        };
        let mut time = group.gather(bytes(dense));
        if expert > 0.0 && s.dp > s.ep {
            let group = Group::of(s, self.constants, (s.dp / s.ep).max(1.0), s.tp * s.ep);
            time += group.gather(bytes(expert));
        }
        let which =
            if s.zero == 0 { Constant::data_exposed } else { Constant::data_exposed_sharded };
        let hidden = (stage * 2.0 / 3.0).min(time) * (1.0 - exposed(self.c(which)));
        time - hidden
    }

    fn optimizer(&self, stage_layers: f64) -> f64 {
        let s = self.setup;
        if s.offload != Offload::None {
            return 0.0;
        }
        let split = if s.zero >= 1 { s.dp } else { 1.0 };
        let params = self.stage_params() / split;
        self.memory(self.c(Constant::optimizer_bytes) * params)
            + self.c(Constant::optimizer_layer_s) * stage_layers
    }

    fn offload(&self) -> f64 {
        let s = self.setup;
        if s.offload == Offload::None {
            return 0.0;
        }
        let params = self.stage_params() / s.dp.max(1.0) * s.on_node.min(s.world);
        let rate = self.c(Constant::offload_rate);
        let mut time =
            params * (2.0 + s.grad_bytes) / rate + params / self.c(Constant::offload_update);
        if s.offload == Offload::OptimizerAndParameters {
            time += s.passes * 3.0 * 2.0 * params / rate;
        }
        time
    }
}

/// A positive constant as a share: 1 becomes a half.
pub(crate) fn exposed(value: f64) -> f64 {
    value / (1.0 + value)
}
