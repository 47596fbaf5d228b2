//! Time of a step of perfagent-bench: each product and operator of its source, by what was measured of the device.

use super::device::{self, Device};
use super::gpu;
use super::layout::{Layout, Stage, is_gpt, stages};
use super::memory;
use crate::setup::{Offload, Recompute, Setup};
use crate::time::Times;

/// Bytes of a bucket of gradients, at least: so many, or as many as there are parameters (`options/job.rs`).
const BUCKET_BYTES: f64 = 4_194_304.0;

/// Seconds of a pass of one block, or of what is before and after the blocks.
#[derive(Clone, Copy, Debug, Default)]
struct Pass {
    products: f64,
    attention: f64,
    operators: f64,
    exchange: f64,
}

impl Pass {
    fn total(self) -> f64 {
        self.products + self.attention + self.operators + self.exchange
    }
}

/// Time of a step of `setup`; none where its device was not measured in its precision.
pub(crate) fn step(setup: &Setup) -> Option<Times> {
    Some(Model::of(setup)?.step())
}

/// Share of a step of `setup` in which a GPU waits for its host.
pub(crate) fn host_share(setup: &Setup) -> f64 {
    step(setup).map_or(0.0, |times| times.host_bound / times.total())
}

/// By how many doublings the shapes of its products are away from measured ones.
pub(crate) fn doublings(setup: &Setup) -> Option<f64> {
    let model = Model::of(setup)?;
    let [qkv, out, up, down] = model.matrices();
    let tokens = setup.tokens();
    let shapes = [qkv, out, up, down].map(|(rows, columns)| [tokens, rows, columns]);
    Some(model.d.doublings(&shapes))
}

/// Whether operators were measured, or only products.
pub(crate) fn has_operators(setup: &Setup) -> bool {
    device::of(setup).is_some_and(|device| device.has_operators())
}

struct Model<'a> {
    s: &'a Setup,
    d: Box<dyn Device + 'a>,
    layout: Layout,
}

impl<'a> Model<'a> {
    /// None where the device was not measured in the job's precision.
    fn of(setup: &'a Setup) -> Option<Self> {
        Some(Self { s: setup, d: device::of(setup)?, layout: Layout::of(setup) })
    }
}

impl Model<'_> {
    /// Rows and columns of a rank's matrices: queries with keys and values, attention's output, into and out of the
    /// feed-forward part.
    fn matrices(&self) -> [(f64, f64); 4] {
        let (s, shape) = (self.s, &self.s.shape);
        let (h, tp) = (shape.hidden, s.tp);
        let query = shape.query_width / tp;
        [
            (query + shape.key_value_width / tp, h),
            (h, query),
            ((shape.ffn_matrices - 1.0) * shape.ffn / tp, h),
            (h, shape.ffn / tp),
        ]
    }

    /// Rows that each expert gets, and experts that get some.
    fn experts(&self) -> (f64, f64) {
        let s = self.s;
        let routed = s.tokens() * s.shape.top_k;
        s.shape.experts.map_or((s.tokens(), 1.0), |experts| {
            let used = experts.min(routed);
            (routed / used, used)
        })
    }

    /// Products of a block, each of which is a call.
    fn calls(&self) -> f64 {
        2.0 + 2.0 * self.experts().1
    }

    /// What a block keeps goes to memory and comes back from it, unless caches hold all that the blocks keep: products and
    /// operators were measured on numbers that they had just had.
    fn cold(&self) -> f64 {
        let s = self.s;
        let kept = memory::kept(s);
        let all = if s.recompute == Recompute::Full { kept } else { kept * s.shape.layers / s.pp };
        if self.d.is_cached(all) { 0.0 } else { self.d.traffic(kept) }
    }

    fn norm_name(&self) -> &'static str {
        if is_gpt(self.s) { "layer_norm" } else { "rms_norm" }
    }

    fn activation_name(&self) -> &'static str {
        if is_gpt(self.s) { "gelu" } else { "gate" }
    }

    fn casts(&self) -> bool {
        self.d.bytes() < 4.0 && self.s.zero < 3
    }

    /// Attention's shape on this rank.
    fn heads(&self) -> [f64; 4] {
        let (s, shape) = (self.s, &self.s.shape);
        [s.micro_batch, shape.heads / s.tp, shape.seq, shape.query_width / shape.heads]
    }

    /// Elements that rotary positions turn.
    fn turned(&self) -> f64 {
        let (s, shape) = (self.s, &self.s.shape);
        if is_gpt(s) {
            return 0.0;
        }
        s.tokens() * (shape.query_width + shape.key_value_width / 2.0) / s.tp
    }

    fn forward(&self) -> Pass {
        let (s, shape, d) = (self.s, &self.s.shape, &*self.d);
        let tokens = s.tokens();
        let stream = tokens * shape.hidden / s.stream_split();
        let [qkv, out, up, down] = self.matrices();
        let (rows, experts) = self.experts();
        let of = |rows: f64, (n, k): (f64, f64)| d.product(rows, n, k);
        let products =
            of(tokens, qkv) + of(tokens, out) + experts * (of(rows, up) + of(rows, down));
        let middle = rows * shape.ffn / s.tp;
        let mut operators = 2.0 * (d.forward(self.norm_name(), stream) + d.forward("add", stream))
            + experts * d.forward(self.activation_name(), middle)
            + d.forward("rotary", self.turned());
        if self.casts() {
            operators += d.forward("cast", self.layout.block);
        }
        operators += self.calls() * d.forward("linear", 1.0) + self.cold();
        if shape.experts.is_some() {
            // Rows are picked, joined, weighted and added up.
            operators += 4.0 * d.forward("add", rows * experts * shape.hidden);
        }
        Pass {
            products,
            attention: d.attention(self.heads()).0,
            operators,
            exchange: 2.0 * self.sum_of_stream(),
        }
    }

    fn backward(&self) -> Pass {
        let (s, shape, d) = (self.s, &self.s.shape, &*self.d);
        let tokens = s.tokens();
        let stream = tokens * shape.hidden / s.stream_split();
        let [qkv, out, up, down] = self.matrices();
        let (rows, experts) = self.experts();
        // The gradient of the input, and that of the matrix.
        let of = |rows: f64, (n, k): (f64, f64)| d.gradients(rows, n, k);
        let products =
            of(tokens, qkv) + of(tokens, out) + experts * (of(rows, up) + of(rows, down));
        let middle = rows * shape.ffn / s.tp;
        let mut operators = 2.0 * (d.backward(self.norm_name(), stream) + d.forward("add", stream))
            + experts * d.backward(self.activation_name(), middle)
            + d.backward("rotary", self.turned());
        operators += self.calls() * d.backward("linear", 1.0) + self.cold();
        if s.recompute == Recompute::Selective {
            operators += experts * d.forward(self.activation_name(), middle);
        }
        operators += if self.casts() {
            // Back to fp32, and into the gradients.
            d.forward("cast", self.layout.block) + d.single("accumulate", self.layout.block)
        } else {
            d.forward("accumulate", self.layout.block)
        };
        if is_gpt(s) {
            let outputs = [qkv, out, up, down].map(|(rows, _)| tokens * rows);
            operators +=
                outputs.map(|elements| d.forward("column_sum", elements)).iter().sum::<f64>();
        }
        if !s.gpu.is_processor() {
            // On a processor that was measured as a part of attention.
            let joint = shape.query_width + shape.key_value_width;
            operators += d.backward("cuts", tokens * joint / s.tp);
        }
        if let Some(all) = shape.experts {
            operators += 6.0 * d.forward("add", rows * experts * shape.hidden);
            // Each expert's gradient comes in a stack of zeros, which is added to the others'.
            let stack = all * (up.0 * up.1 + down.0 * down.1);
            operators += 1.5 * experts * d.forward("accumulate", stack);
        }
        Pass {
            products,
            attention: d.attention(self.heads()).1,
            operators,
            exchange: 2.0 * self.sum_of_stream(),
        }
    }

    /// What tensor parallelism sums after each pair of matrices, or scatters and gathers.
    fn sum_of_stream(&self) -> f64 {
        let s = self.s;
        let bytes = self.d.bytes() * s.tokens() * s.shape.hidden;
        if s.sequence_parallel && s.tp > 1.0 {
            return self.d.exchange("all_gather", s.tp, bytes)
                + self.d.exchange("reduce_scatter", s.tp, bytes);
        }
        self.d.exchange("all_reduce", s.tp, bytes)
    }

    /// The last norm, the logits, the loss, and their gradients at once.
    fn head(&self) -> Pass {
        let (s, shape, d) = (self.s, &self.s.shape, &*self.d);
        let (tokens, h) = (s.tokens(), shape.hidden);
        let vocab = shape.vocab / s.tp;
        let stream = tokens * h / s.stream_split();
        let products =
            d.product(tokens, vocab, h) + d.product(tokens, h, vocab) + d.product(vocab, h, tokens);
        let mut operators = d.forward(self.norm_name(), stream)
            + d.backward(self.norm_name(), stream)
            + d.single("cross_entropy", tokens * vocab);
        if d.bytes() < 4.0 {
            let additions = memory::additions(s);
            operators += 2.0 * d.forward("cast", tokens * vocab)
                + 2.0 * d.forward("cast", vocab * h)
                + additions * d.single("accumulate", vocab * h);
        }
        let exchange = if s.tp > 1.0 {
            self.sum_of_stream()
                + d.exchange("all_gather", s.tp, 4.0 * tokens)
                + d.exchange("all_reduce", s.tp, 4.0)
        } else {
            0.0
        };
        Pass { products, attention: 0.0, operators, exchange }
    }

    /// Rows of the embedding, there and back: the gradient of all rows is made of zeros and added to what is there.
    fn embedding(&self) -> f64 {
        let (s, d) = (self.s, &*self.d);
        let stream = s.tokens() * s.shape.hidden;
        3.0 * d.single("add", stream) + 2.0 * d.single("accumulate", self.layout.embedding)
    }

    fn step(&self) -> Times {
        let s = self.s;
        let (forward, backward, head) = (self.forward(), self.backward(), self.head());
        let again = if s.recompute == Recompute::Full { forward } else { Pass::default() };
        let all = stages(s);
        let gathers = self.gathers();
        let of_stage = |stage: &Stage| {
            let block = forward.total() + backward.total() + again.total() + gathers;
            let ends = if stage.last { head.total() } else { 0.0 }
                + if stage.first { self.embedding() } else { 0.0 };
            stage.blocks * block + ends
        };
        let slowest =
            all.iter().copied().max_by(|a, b| of_stage(a).total_cmp(&of_stage(b))).unwrap_or(
                Stage { first: true, last: true, blocks: s.shape.layers, in_flight: 1.0 },
            );
        let m = s.passes;
        let parts = |pick: fn(Pass) -> f64| {
            m * slowest.blocks * (pick(forward) + pick(backward) + pick(again))
        };
        let mut times = Times {
            products: parts(|pass| pass.products),
            attention: parts(|pass| pass.attention),
            memory_bound: parts(|pass| pass.operators)
                + if slowest.first { m * self.embedding() } else { 0.0 },
            head: if slowest.last { m * (head.total() - head.exchange) } else { 0.0 },
            tensor_parallel: parts(|pass| pass.exchange)
                + if slowest.last { m * head.exchange } else { 0.0 },
            gathers: m * slowest.blocks * gathers,
            ..Times::default()
        };
        if s.pp > 1.0 {
            // A first micro-batch goes forward through all stages, and back.
            times.bubble = all.iter().map(of_stage).sum::<f64>() - of_stage(&slowest);
            let bytes = self.d.bytes() * s.tokens() * s.shape.hidden / s.stream_split();
            times.transfers = 2.0 * m * self.d.exchange("broadcast", 2.0, bytes);
        }
        times.data_parallel = self.data_parallel(slowest);
        times.optimizer = self.optimizer(slowest);
        let recomputed = s.recompute == Recompute::Full;
        if let Some(host) = gpu::host(s, slowest.blocks, recomputed) {
            let device = times.total();
            times.host_bound = crate::time::longer(device, host) - device;
        }
        times
    }

    /// ZeRO-3: weights of a block are gathered for forward and backward, again when activations are computed again.
    fn gathers(&self) -> f64 {
        let s = self.s;
        if s.zero < 3 {
            return 0.0;
        }
        2.0 * self.d.exchange("all_gather", s.dp, self.d.bytes() * self.layout.block)
    }

    /// Gradients between replicas. Cores that compute carry the exchange too: nothing of it is hidden.
    fn data_parallel(&self, stage: Stage) -> f64 {
        let (s, d) = (self.s, &*self.d);
        if s.dp <= 1.0 {
            return 0.0;
        }
        let held = 4.0 * self.layout.of_stage(&s.shape, stage);
        let norm = d.exchange("all_reduce", s.world, 4.0);
        if s.zero == 0 {
            let bucket = BUCKET_BYTES.min(s.shape.params).max(4.0 * self.layout.block);
            let buckets = (held / bucket).ceil().max(1.0);
            return norm + buckets * d.exchange("all_reduce", s.dp, held / buckets);
        }
        let units = |name: &str, times: f64| {
            let Layout { embedding, block, head, .. } = self.layout;
            let ends = if stage.first { d.exchange(name, s.dp, 4.0 * embedding) } else { 0.0 }
                + if stage.last { d.exchange(name, s.dp, 4.0 * head) } else { 0.0 };
            times * (stage.blocks * d.exchange(name, s.dp, 4.0 * block) + ends)
        };
        let scatters = if s.zero >= 2 { s.passes } else { 1.0 };
        let spread = if s.zero < 3 { units("all_gather", 1.0) } else { 0.0 };
        norm + units("reduce_scatter", scatters) + spread
    }

    /// Gradients are set to zero, measured and clipped; weights are updated.
    fn optimizer(&self, stage: Stage) -> f64 {
        let (s, d) = (self.s, &*self.d);
        let held = self.layout.of_stage(&s.shape, stage);
        let own = if s.zero >= 1 { held / s.dp } else { held };
        let kept = if s.zero >= 2 { own } else { held };
        let copies = if s.offload == Offload::None { 0.0 } else { 2.0 };
        let arrays = kept / 3.0 + own / 3.0 + 2.0 * own / 3.0 + copies * 2.0 * own / 3.0;
        // Of all these numbers none was had just before: weights, gradients and states come from memory and go there.
        let bytes = 12.0 * arrays + if s.sgd { 20.0 } else { 28.0 } * own;
        let all = 16.0 * held;
        let cold = if d.is_cached(all) { 0.0 } else { d.traffic(bytes) };
        (d.single("accumulate", arrays) + d.single("adamw", own)).max(cold)
    }
}
