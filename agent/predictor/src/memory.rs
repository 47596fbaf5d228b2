//! Peak memory of the fullest GPU, tensor by tensor.

use crate::constants::{Constant, Constants};
use crate::formulas::total;
use crate::framework::Framework;
use crate::loss;
use crate::partition;
use crate::pipeline::in_flight;
use crate::setup::{Offload, Precision, Recompute, Setup};

/// What the memory is made of at the peak, bytes. `total` is their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Memory {
    pub weights: f64,
    pub gradients: f64,
    pub optimizer: f64,
    pub activations: f64,
    pub logits: f64,
    pub buckets: f64,
    pub update: f64,
    pub fixed: f64,
    pub fragments: f64,
}

impl Memory {
    pub(crate) fn parts(&self) -> [(&'static str, f64); 9] {
        [
            ("weights_bytes", self.weights),
            ("gradients_bytes", self.gradients),
            ("optimizer_bytes", self.optimizer),
            ("activations_bytes", self.activations),
            ("logits_and_loss_bytes", self.logits),
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

/// Which stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stage {
    first: bool,
    last: bool,
    layers: f64,
    /// Micro-batches whose activations it holds at most.
    in_flight: f64,
}

/// The peak of `setup` that its framework prints.
///
/// Nanotron prints the peak of rank 0, which is in the first stage: an inference from its published runs, of which those whose
/// last stage holds large logits print less than these alone need. Of other frameworks it is the fullest stage's.
pub(crate) fn printed(setup: &Setup, constants: &Constants) -> Memory {
    let model = Model { s: setup, constants };
    if setup.framework == Framework::Nanotron {
        return model.peak(model.stages().first().copied());
    }
    model.peak(model.stages())
}

/// The peak of `setup`: the fullest stage at its fullest moment.
pub(crate) fn fullest(setup: &Setup, constants: &Constants) -> Memory {
    let model = Model { s: setup, constants };
    model.peak(model.stages())
}

struct Model<'a> {
    s: &'a Setup,
    constants: &'a Constants,
}

impl Model<'_> {
    fn c(&self, constant: Constant) -> f64 {
        self.constants[constant]
    }

    /// The fullest moment of `stages`.
    fn peak(&self, stages: impl IntoIterator<Item = Stage>) -> Memory {
        stages.into_iter().flat_map(|stage| self.moments(stage)).fold(
            Memory::default(),
            |fullest, memory| {
                if memory.total() > fullest.total() { memory } else { fullest }
            },
        )
    }

    /// The first, the last and the second stage: one of them is the fullest.
    fn stages(&self) -> Vec<Stage> {
        let s = self.s;
        let (layers, p) = (s.shape.layers, s.pp);
        if p <= 1.0 {
            return vec![Stage { first: true, last: true, layers, in_flight: 1.0 }];
        }
        let partition = partition::of(s);
        let stage = |index: f64, layers: f64| Stage {
            first: index <= 0.0,
            last: index >= p - 1.0,
            layers,
            in_flight: in_flight(index, p, s.passes, s.vpp),
        };
        let mut stages = vec![stage(0.0, partition.first), stage(p - 1.0, partition.last)];
        if p > 2.0 {
            stages.push(stage(1.0, partition.second));
        }
        stages
    }

    fn moments(&self, stage: Stage) -> [Memory; 2] {
        let s = self.s;
        let shape = &s.shape;
        let part = stage.layers / shape.layers;
        let tables = match (stage.first, stage.last, shape.tied) {
            (true, true, false) => 2.0,
            (false, false, _) => 0.0,
            _ => 1.0,
        } * shape.vocab
            * shape.hidden;
        let dense = (shape.dense_params * part + tables) / s.tp;
        let expert = shape.expert_params * part / (s.tp * s.ep);
        let expert_dp = (s.dp * s.cp / s.ep).max(1.0);
        let dp = (s.dp * s.cp).max(1.0);
        let held = dense + expert;
        let sharded = |from: u64| {
            if s.zero >= from { dense / dp + expert / expert_dp } else { held }
        };
        let full = matches!(s.precision, Precision::Fp32 | Precision::Tf32);
        let weight_bytes = if full { 4.0 } else { 2.0 };
        let mut weights = weight_bytes * sharded(3);
        let mut gradients = (s.grad_bytes + s.grad_beside) * sharded(2);
        let states = if s.sgd {
            4.0
        } else if s.optimizer_8bit {
            2.0
        } else {
            8.0
        };
        let master = if full { 0.0 } else { 4.0 };
        let updated = sharded(1);
        let mut optimizer = (states + master) * updated;
        if s.offload != Offload::None {
            optimizer = 0.0;
        }
        if s.offload == Offload::OptimizerAndParameters {
            weights = 0.0;
            gradients = 0.0;
        }
        let staged = if s.pp > 1.0 { self.c(Constant::kept_bucket_staged) } else { 0.0 };
        let mut buckets = (self.c(Constant::kept_bucket) + staged) * held;
        if s.zero >= 3 {
            let layer = (dense - tables / s.tp) / stage.layers + expert / stage.layers;
            buckets = self.c(Constant::kept_gathered) * (2.0 * layer + tables / s.tp);
        }
        let tokens = s.tokens();
        let groups = [s.dp, s.tp, s.pp, s.cp, s.ep].iter().filter(|degree| **degree > 1.0).count();
        let base = Memory {
            weights,
            gradients,
            optimizer,
            buckets,
            fixed: self.c(Constant::kept_fixed)
                + self.c(Constant::kept_communicator) * groups as f64,
            ..Memory::default()
        };
        let waiting = if s.pp > 1.0 {
            self.c(Constant::kept_waiting) * tokens * shape.hidden / s.stream_split()
                + self.c(Constant::kept_waiting_logit) * tokens * shape.vocab / s.tp
        } else {
            0.0
        };
        let once = if stage.first || stage.last {
            self.c(Constant::kept_whole_once) * tokens * shape.hidden
        } else {
            0.0
        };
        let activations = self
            .kept()
            .map(|(kept, alive)| stage.in_flight * (stage.layers * kept + waiting) + once + alive)
            .fold(f64::INFINITY, f64::min);
        let logits = if stage.last { loss::kept(s, self.c(Constant::kept_logit)) } else { 0.0 };
        let backward = self.broken_up(Memory { activations, logits, ..base });
        let update =
            if s.offload == Offload::None { self.c(Constant::kept_update) * updated } else { 0.0 };
        let step = self.broken_up(Memory { update, ..base });
        [backward, step]
    }

    /// With what fragmentation adds.
    fn broken_up(&self, memory: Memory) -> Memory {
        Memory { fragments: self.c(Constant::kept_fragments) * memory.total(), ..memory }
    }

    /// Bytes kept for the backward pass of one layer and micro-batch, and what is alive besides while one layer is calculated
    /// again. Where that costs more than it saves, as with one layer, a milder recomputation needs as much: so those come too.
    fn kept(&self) -> impl Iterator<Item = (f64, f64)> {
        let s = self.s;
        let shape = &s.shape;
        let tokens = s.tokens();
        let stream = tokens * shape.hidden / s.stream_split();
        let (ffn, copies) = match shape.experts {
            Some(_) => (shape.ffn * shape.top_k + shape.shared_ffn, 2.0 * shape.top_k),
            None => (shape.ffn, 0.0),
        };
        let mut kept = self.c(Constant::kept_stream) * stream
            + 2.0 * copies * tokens * shape.hidden
            + self.c(Constant::kept_heads)
                * tokens
                * (2.0 * shape.query_width + shape.key_value_width)
                / s.tp
            + self.c(Constant::kept_middle) * tokens * ffn * (2.0 * shape.ffn_matrices - 2.0)
                / s.tp;
        // Seen of runs without stages only, once gradients of a pass are kept beside the next one's activations.
        if s.tp > 1.0 && s.pp <= 1.0 && s.passes > 1.0 {
            kept += self.c(Constant::kept_whole) * tokens * shape.hidden;
        }
        let scores = if s.flash {
            0.0
        } else {
            self.c(Constant::kept_score) * tokens * shape.seq * shape.heads / s.tp
        };
        let kinds = match s.recompute {
            Recompute::None => 1,
            Recompute::Selective => 2,
            Recompute::Full => 3,
        };
        let full = (self.c(Constant::kept_input) * stream, kept + scores);
        [(kept + scores, 0.0), (kept, scores), full].into_iter().take(kinds)
    }
}
