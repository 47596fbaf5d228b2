//! Peak memory of a rank of perfagent-bench, known from its source: which tensors autograd keeps of a block, and what is
//! alive beside them at the moments that can be the fullest.
//!
//! Counted are the bytes that libtorch gives out, as perfagent-bench counts them (`peak_bytes.total`, and on a GPU
//! `peak_device_bytes`): no program text, no context of a GPU, no scratch memory of product libraries.

use super::layout::{Layout, Stage, is_gpt, stages};
use crate::memory::Memory;
use crate::setup::{Offload, Precision, Recompute, Setup};

/// On a processor a chunk of the head's logits takes at most so many bytes in fp32, and has at least so many tokens; on a GPU
/// it has tiles of tokens for the width of the model, and its logits have full columns (`benchsuite/src/model/head/chunk.rs`).
const CHUNK_BYTES: f64 = 33_554_432.0;
const CHUNK_TOKENS: f64 = 64.0;
const TILE: f64 = 128.0;
const COLUMNS: f64 = 64.0;
/// Reduce-scatters of whole units under way at a time (`parallel/gradients.rs`).
const AT_ONCE: f64 = 2.0;

/// The peak of the fullest rank at its fullest moment.
pub(crate) fn peak(setup: &Setup) -> Memory {
    let model = Model { s: setup, layout: Layout::of(setup) };
    stages(setup)
        .into_iter()
        .flat_map(|stage| model.moments(stage))
        .max_by(|a, b| a.total().total_cmp(&b.total()))
        .unwrap_or_default()
}

/// Bytes that a block keeps of a micro-batch.
pub(super) fn kept(setup: &Setup) -> f64 {
    Model { s: setup, layout: Layout::of(setup) }.block().kept
}

/// Tokens that the head takes at a time.
fn chunk(s: &Setup) -> f64 {
    if s.gpu.is_processor() {
        (CHUNK_BYTES * s.tp / (4.0 * s.shape.vocab)).floor().max(CHUNK_TOKENS)
    } else {
        (s.shape.hidden / TILE).ceil() * TILE
    }
}

/// Times that the head adds to the gradient of its matrix in a micro-batch, as far as that is not hidden: on a processor the
/// sum stays in its caches.
pub(super) fn additions(s: &Setup) -> f64 {
    if s.gpu.is_processor() { 1.0 } else { (s.tokens() / chunk(s)).ceil() }
}

struct Model<'a> {
    s: &'a Setup,
    layout: Layout,
}

/// What a block keeps of a micro-batch, and what is alive beside that while backward is at its fullest in it, bytes.
#[derive(Clone, Copy, Debug)]
struct Block {
    kept: f64,
    backward: f64,
}

impl Model<'_> {
    /// Bytes of an element of activations.
    fn width(&self) -> f64 {
        if matches!(self.s.precision, Precision::Fp32 | Precision::Tf32) { 4.0 } else { 2.0 }
    }

    fn moments(&self, stage: Stage) -> [Memory; 4] {
        let s = self.s;
        let states = self.states(stage);
        let (tokens, e) = (s.tokens(), self.width());
        let stream = e * tokens * s.shape.hidden / s.stream_split();
        let block = self.block();
        let in_blocks = match s.recompute {
            Recompute::Full => stage.blocks * stream,
            _ => stage.blocks * block.kept,
        };
        // Beside its blocks' a micro-batch keeps what the last of them has made, and its ids and targets of eight bytes.
        let ids = 8.0 * tokens;
        let ends = f64::from(u8::from(stage.first)) + f64::from(u8::from(stage.last));
        let activations = stage.in_flight * (in_blocks + stream + ends * ids) + self.rotary();
        // Of a block that is calculated again the input is there already.
        let again = if s.recompute == Recompute::Full { block.kept - stream } else { 0.0 };
        let loss = if stage.last { self.head() } else { 0.0 };
        let (at_loss, at_last, at_first) = self.units(stage);
        let in_backward = |held: f64| held + again + block.backward + stream;
        let backward = in_backward(activations) - if stage.last { ids } else { 0.0 };
        let others = (stage.blocks - 1.0) * in_blocks / stage.blocks.max(1.0);
        let first = in_backward(activations - others);
        [
            Memory { activations, logits: loss, buckets: at_loss, ..states },
            Memory { activations: backward, buckets: at_last, ..states },
            Memory { activations: first, buckets: at_first, ..states },
            Memory { update: self.update(stage), ..states },
        ]
    }

    /// Weights, gradients and the optimizer's state: fp32 whatever the precision, in flat buffers by unit.
    fn states(&self, stage: Stage) -> Memory {
        let s = self.s;
        let held = self.layout.of_stage(&s.shape, stage);
        let divided = |from: u64| if s.zero >= from { held / s.dp } else { held };
        let remembered = if s.sgd { 4.0 } else { 8.0 };
        // On a processor the host is where everything else is: there offloading adds a copy of weights and gradients.
        let optimizer = match (s.offload, s.gpu.is_processor()) {
            (Offload::None, _) => remembered * divided(1),
            (_, true) => (remembered + 8.0) * divided(1),
            (_, false) => 0.0,
        };
        Memory {
            weights: 4.0 * divided(3),
            gradients: 4.0 * divided(2),
            optimizer,
            ..Memory::default()
        }
    }

    /// Whole units that ZeRO has beside the shards: at the loss, in the last block's backward and in the first's.
    fn units(&self, stage: Stage) -> (f64, f64, f64) {
        let s = self.s;
        if s.zero < 2 {
            return (0.0, 0.0, 0.0);
        }
        let gathered = if s.zero == 3 { self.width() } else { 0.0 };
        let summed = if s.zero == 3 { self.width() } else { 4.0 };
        let Layout { embedding, block, head, .. } = self.layout;
        let head = match (stage.last, s.shape.tied) {
            (false, _) => 0.0,
            (true, true) => embedding + head,
            (true, false) => head,
        };
        // Of the block that is worked on; of the next one what is gathered, and what Gloo gathers into before it copies.
        let ahead = if s.dp > 1.0 { 2.0 } else { 1.0 };
        let worked_on = block * (gathered + summed + ahead * gathered);
        // The gradient of a tied embedding stays until backward is through.
        let tied = if s.shape.tied && stage.last { embedding * summed } else { 0.0 };
        let under_way = if s.dp > 1.0 { AT_ONCE * 4.0 * block * (1.0 + 1.0 / s.dp) } else { 0.0 };
        (head * (gathered + summed), worked_on + tied, worked_on + tied + under_way)
    }

    /// What the optimizer step needs for a moment: with ZeRO-1 and 2 copies of the shards, and what Gloo gathers into.
    fn update(&self, stage: Stage) -> f64 {
        let s = self.s;
        if !(1..=2).contains(&s.zero) || s.dp <= 1.0 {
            return 0.0;
        }
        let held = self.layout.of_stage(&s.shape, stage);
        4.0 * held * (1.0 + 1.0 / s.dp)
    }

    /// Cosines and sines of all positions.
    fn rotary(&self) -> f64 {
        let shape = &self.s.shape;
        if is_gpt(self.s) {
            return 0.0;
        }
        2.0 * self.width() * shape.seq * shape.query_width / shape.heads
    }

    /// What the head has at its fullest: the normed stream, a chunk's logits with their logarithms (which become their
    /// gradient), and in 16 bits the matrix, its gradient and the logits' once more.
    fn head(&self) -> f64 {
        let s = self.s;
        let (tokens, e, h) = (s.tokens(), self.width(), s.shape.hidden);
        let vocab = s.shape.vocab / s.tp;
        let is_processor = s.gpu.is_processor();
        let wide = if is_processor { vocab } else { (vocab / COLUMNS).ceil() * COLUMNS };
        let chunk = chunk(s).min(tokens);
        let normed = e * tokens * h + self.norm(tokens);
        let inner = self.inner() * tokens * h;
        let chunks = (tokens / chunk).ceil();
        let of_input = if chunks > 1.0 { 2.0 * e * tokens * h } else { e * tokens * h };
        let logits = 8.0 * chunk * wide;
        let (beside, narrow) = if e < 4.0 {
            // The matrix and its gradient in 16 bits, that gradient on a processor once more in 32, and the logits' in 16.
            let part = if is_processor { e + 4.0 } else { e };
            (e * wide * h, e * chunk * wide + part * wide * h)
        } else if wide > vocab {
            (e * wide * h, 0.0)
        } else {
            (0.0, 0.0)
        };
        let in_chunk = logits + narrow.max(e * chunk * h) + (chunks - 1.0) * e * chunk * h;
        normed + inner + beside + in_chunk.max(of_input)
    }

    /// Statistics that a norm keeps beside its input and output: a layer norm two a token, an RMS norm one.
    fn norm(&self, tokens: f64) -> f64 {
        if is_gpt(self.s) { 2.0 * self.width() * tokens } else { 4.0 * tokens }
    }

    /// Bytes an element that an RMS norm keeps beside its input and output: on a processor it is made of several operators in
    /// fp32, of which one keeps the stream before the weights, and in 16 bits another one the stream in fp32. On a GPU it is
    /// one operator.
    fn inner(&self) -> f64 {
        if !self.s.gpu.is_processor() {
            return 0.0;
        }
        match (is_gpt(self.s), self.width() < 4.0) {
            (true, _) => 0.0,
            (false, false) => 4.0,
            (false, true) => 8.0,
        }
    }

    /// One block: the tensors that autograd keeps, in the order of forward, and the fullest moment of backward.
    fn block(&self) -> Block {
        let s = self.s;
        let shape = &s.shape;
        let (e, tokens, tp) = (self.width(), s.tokens(), s.tp);
        let stream = tokens * shape.hidden / s.stream_split();
        let whole = tokens * shape.hidden;
        let (gpt, query) = (is_gpt(s), shape.query_width / tp);
        let qkv = query + shape.key_value_width / tp;
        let inner = self.inner();
        let turned = if gpt { 0.0 } else { query + shape.key_value_width / (2.0 * tp) };
        // The input, and the stream between attention and the feed-forward part, which is not kept where the norm keeps it in
        // fp32; both normed.
        let between = if inner > 4.0 { 0.0 } else { stream };
        let streams = e * (stream + between + 2.0 * whole) + 2.0 * inner * stream;
        let attention = tokens * (qkv + turned + query);
        let sums = 4.0 * tokens * shape.heads / tp + 2.0 * self.norm(tokens / s.stream_split());
        let (feed_forward, backward) = match shape.experts {
            Some(experts) => self.experts(experts),
            None => self.feed_forward(),
        };
        let copies = if e < 4.0 && s.zero < 3 { e * self.layout.block } else { 0.0 };
        Block { kept: streams + e * attention + feed_forward + sums + copies, backward }
    }

    /// Bytes kept of a feed-forward part, and alive beside them in its backward.
    fn feed_forward(&self) -> (f64, f64) {
        let s = self.s;
        let (e, middle) = (self.width(), s.tokens() * s.shape.ffn / s.tp);
        let matrix = s.shape.hidden * s.shape.ffn / s.tp;
        let selective = s.recompute == Recompute::Selective;
        // GELU keeps its input and the product its output; a gate both halves, what becomes of one, and their product.
        let kept = match (is_gpt(s), selective) {
            (true, false) | (false, true) => 2.0,
            (true, true) => 1.0,
            (false, false) => 4.0,
        };
        // The gradient of the activation while that of the matrix is there; of a gate, those of both halves and their union.
        let of_matrix = middle + matrix;
        let of_halves = if is_gpt(s) { 0.0 } else { 2.0 * middle };
        let again = if selective { middle * if is_gpt(s) { 2.0 } else { 4.0 } } else { 0.0 };
        (e * kept * middle, e * (of_matrix.max(of_halves) + again))
    }

    /// The same of experts, each of which has its rows of what is sorted by them.
    fn experts(&self, experts: f64) -> (f64, f64) {
        let s = self.s;
        let (e, tokens, k) = (self.width(), s.tokens(), s.shape.top_k);
        let routed = tokens * k;
        let middle = routed * s.shape.ffn / s.tp;
        let stream = routed * s.shape.hidden;
        let kept_middle = if s.recompute == Recompute::Selective { 2.0 } else { 4.0 };
        // Scores and their softmax in fp32, and places of eight bytes.
        let routing = tokens * experts * (e + 4.0) + routed * (3.0 * 8.0 + 4.0 + e);
        // What is sent to experts, what comes back, and that weighted, which the sum over a token's experts keeps.
        let kept = e * (kept_middle * middle + 3.0 * stream) + routing;
        // The first expert's gradients come as those of whole stacks; of later ones there is less kept beside them.
        let stack = experts * s.shape.hidden * s.shape.ffn / s.tp;
        let of_stacks = 3.0 * stack + 2.0 * stack / experts;
        (kept, e * (of_stacks + 4.0 * stream + tokens * s.shape.hidden))
    }
}
