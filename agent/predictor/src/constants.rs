//! The constants of the time and memory models: what physics leaves open and measurements decide.

use crate::framework::Framework;
use crate::gpu::Generation;

/// Of what a constant may depend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One value for all.
    All,
    /// The framework.
    Framework,
    /// The generation of the GPU.
    Generation,
    /// Both, each with its own factor.
    Both,
}

/// What is known of a constant before measurements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    /// Its name, with the unit at its end where it has one.
    pub name: &'static str,
    /// Where a fit begins, and what is used if nothing was fitted.
    pub prior: f64,
    /// How far from the prior the fit may easily go, as a standard deviation of the natural logarithm.
    pub spread: f64,
    /// Of what it depends.
    pub scope: Scope,
}

macro_rules! constants {
    ($($(#[doc = $doc:literal])+ $id:ident = $prior:literal, $spread:literal, $scope:ident;)+) => {
        /// The constants, all positive.
        #[allow(non_camel_case_types, missing_docs, clippy::upper_case_acronyms)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub(crate) enum Constant { $($(#[doc = $doc])+ $id,)+ }
        /// Their specifications, in their order.
        pub(crate) static SPECS: &[Spec] = &[$(Spec { name: stringify!($id), prior: $prior, spread: $spread, scope: Scope::$scope },)+];
    };
}

constants! {
    /// Share of the stated peak that an endless product reaches in 16 bits.
    product_share = 0.72, 0.15, Both;
    /// Elements by which each dimension of a product is too long for the work that counts: tiles, waves and start-up.
    product_edge = 60.0, 0.7, Generation;
    /// Share of the 8-bit peak that an endless product reaches, by that of 16 bits: the greatest rates that were measured on an
    /// H100 are 1402.6 and 794.5 TFLOP/s (stas00/ml-engineering), 1.77 for a peak twice as high.
    product_share_8bit = 0.88, 0.05, All;
    /// The same for block-scaled 8 bits.
    product_share_block8 = 0.9, 0.07, All;
    /// The same for 4 bits, by the 8-bit peak.
    product_share_4bit = 1.5, 0.15, All;
    /// Bytes of memory traffic that a conversion to 8 bits costs an element of a product's operands.
    cast_bytes = 3.0, 1.0, All;
    /// Share of the 16-bit peak that fused attention reaches.
    attention_share = 0.45, 0.4, Generation;
    /// Bytes of traffic an attention score where scores are written out, forward and backward.
    score_bytes = 24.0, 0.6, Framework;
    /// Time of unfused attention whose heads are not a multiple of eight wide, by that of others: no tensor cores.
    attention_misaligned = 20.0, 0.5, All;
    /// Bytes of traffic an element of the residual stream and layer: norms, residuals, dropout.
    stream_bytes = 60.0, 0.6, Framework;
    /// Bytes of traffic an element of the feed-forward network's middle and of the heads.
    middle_bytes = 14.0, 0.6, Framework;
    /// Bytes of traffic a logit. Known well: in 32 bits, softmax, loss and their backward passes go over the logits about six times.
    /// What a last stage takes longer beside its head must not end up here.
    logit_bytes = 24.0, 0.1, Framework;
    /// Time of the host to launch a layer forward and backward, seconds.
    host_layer_s = 1.5e-3, 0.8, Framework;
    /// Time of the host a micro-batch, seconds.
    host_micro_s = 2e-3, 1.0, Framework;
    /// How host time grows with tensor parallelism: its share a rank.
    host_tensor = 0.03, 1.0, Framework;
    /// Time a layer and tensor rank that pipelining adds, seconds.
    host_pipeline_tensor_s = 1e-5, 3.0, Framework;
    /// Fixed time of a step, seconds.
    step_s = 10e-3, 1.2, Framework;
    /// Bytes of memory traffic an optimizer step takes a parameter.
    optimizer_bytes = 40.0, 0.6, Framework;
    /// Time of the host a layer in the optimizer step, seconds.
    optimizer_layer_s = 3e-4, 1.2, Framework;
    /// Latency of a collective, seconds.
    latency_s = 20e-6, 0.8, All;
    /// Latency a rank, seconds.
    latency_rank_s = 2e-6, 0.8, All;
    /// Share of the links of a machine that a collective reaches.
    link_share = 0.6, 0.3, Generation;
    /// Share of the network that a collective reaches.
    network_share = 0.6, 0.5, Framework;
    /// Share of Omni-Path links, by that of others: hosts copy for it.
    network_share_omni_path = 0.6, 0.5, All;
    /// How the network's share falls with each doubling of the machines.
    network_fall = 0.1, 1.0, Framework;
    /// Share of the tensor-parallel collectives that is hidden.
    tensor_exposed = 0.9, 0.5, Framework;
    /// Share of the gradient collectives that the last backward pass cannot hide.
    data_exposed = 0.5, 0.6, Framework;
    /// The same where the optimizer is sharded: updated parameters are gathered too.
    data_exposed_sharded = 0.5, 0.6, Framework;
    /// Share of ZeRO-3's gathers that is exposed even under long layers.
    gather_exposed = 0.15, 1.0, Framework;
    /// Latency of a transfer between stages, seconds.
    transfer_s = 100e-6, 1.5, Framework;
    /// Share of a transfer's bytes between stages that computing does not hide.
    transfer_exposed = 0.5, 0.8, Framework;
    /// Time of a step by that of one machine, for each doubling of machines, minus one.
    straggle = 0.01, 1.0, Framework;
    /// Share of context-parallel exchange that is exposed.
    context_exposed = 0.3, 1.0, All;
    /// Share of the experts' exchange that is exposed.
    expert_exposed = 0.7, 1.0, Framework;
    /// Bytes of traffic an element that is routed to an expert.
    route_bytes = 20.0, 0.8, Framework;
    /// Time of the host a layer of experts, seconds.
    host_expert_s = 1e-3, 1.0, Framework;
    /// Odds that a pipeline's transfers stall, on one machine.
    stall_odds = 1e-5, 3.0, Framework;
    /// Power of the machines with which they grow.
    stall_power = 1.0, 0.7, Framework;
    /// Factor of the odds where gradients are not sharded.
    stall_unsharded = 1.5, 2.0, Framework;
    /// Time of such a stall, seconds a micro-batch and neighbour.
    stall_s = 0.6, 0.7, Framework;
    /// Time of a stall without stages, by that with one neighbour.
    stall_unstaged = 1.0, 0.7, Framework;
    /// Rate of a host's memory and links for what is offloaded, bytes a second.
    offload_rate = 10e9, 0.7, All;
    /// Parameters a second that a host's optimizer updates.
    offload_update = 1e9, 0.7, All;
    /// Memory that is there before the first tensor (and after the last), bytes.
    kept_fixed = 1.5e9, 0.7, Framework;
    /// Bytes kept for the backward pass an element of the residual stream and layer.
    kept_stream = 12.0, 0.4, Framework;
    /// Bytes kept an element of queries, keys, values and attention's output.
    kept_heads = 2.5, 0.4, Framework;
    /// Bytes kept an attention score where scores are written out.
    kept_score = 5.0, 0.4, Framework;
    /// Bytes kept an element of the feed-forward network's middle, of each of its matrices.
    kept_middle = 2.5, 0.4, Framework;
    /// Bytes kept an element of the residual stream and layer that tensor parallelism does not split: gathered inputs.
    kept_whole = 3.0, 0.8, Framework;
    /// The same, once a micro-batch: before the first and after the last layer.
    kept_whole_once = 4.0, 1.0, Framework;
    /// Bytes a logit of each micro-batch that waits between stages.
    kept_waiting_logit = 0.2, 1.5, Framework;
    /// Bytes an element of a layer's input that is kept where the layer is recomputed.
    kept_input = 2.0, 0.3, Framework;
    /// Bytes a logit at the loss.
    kept_logit = 12.0, 0.5, Framework;
    /// Bytes an element of the residual stream for each micro-batch that waits between stages.
    kept_waiting = 8.0, 0.8, Framework;
    /// Bytes a parameter of the stage beyond weights, gradients and optimizer: buckets, casts, copies.
    kept_bucket = 1.0, 0.8, Framework;
    /// The same beside it where there are stages.
    kept_bucket_staged = 1.0, 1.0, Framework;
    /// Bytes a parameter that the optimizer step needs for a moment, of those that the rank updates.
    kept_update = 4.0, 0.8, Framework;
    /// Bytes a weight gathered by ZeRO-3 that is alive, by layers.
    kept_gathered = 2.0, 0.5, Framework;
    /// Memory of communicators, bytes a group.
    kept_communicator = 0.1e9, 1.0, Framework;
    /// What fragmentation and rounding add, as a share.
    kept_fragments = 0.03, 0.5, Framework;
}

/// How many there are.
pub(crate) const COUNT: usize = Constant::kept_fragments as usize + 1;

/// Values of all constants for one framework and generation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Constants(pub(crate) [f64; COUNT]);

impl std::ops::Index<Constant> for Constants {
    type Output = f64;

    fn index(&self, constant: Constant) -> &f64 {
        &self.0[constant as usize]
    }
}

/// Which of a fit's numbers belong to which constant: the logarithm of a global value, and of factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The global value.
    All(usize),
    /// The factor of a framework.
    Framework(usize, Framework),
    /// The factor of a generation.
    Generation(usize, Generation),
}

/// The generations that have factors.
pub(crate) const GENERATIONS: [Generation; 5] = [
    Generation::Volta,
    Generation::Other,
    Generation::Ampere,
    Generation::Hopper,
    Generation::Blackwell,
];

/// All slots in the order of a fit's vector.
pub(crate) fn slots() -> Vec<Slot> {
    let mut slots = Vec::new();
    for (index, spec) in SPECS.iter().enumerate() {
        slots.push(Slot::All(index));
        if matches!(spec.scope, Scope::Framework | Scope::Both) {
            slots.extend(Framework::ALL.map(|framework| Slot::Framework(index, framework)));
        }
        if matches!(spec.scope, Scope::Generation | Scope::Both) {
            slots.extend(GENERATIONS.map(|generation| Slot::Generation(index, generation)));
        }
    }
    slots
}

impl Constants {
    /// The values that a vector of slots gives for one framework and generation.
    pub(crate) fn of(
        slots: &[Slot],
        vector: &[f64],
        framework: Framework,
        generation: Generation,
    ) -> Self {
        let mut logs = [0.0; COUNT];
        for (slot, value) in slots.iter().zip(vector) {
            match *slot {
                Slot::All(index) => logs[index] += value,
                Slot::Framework(index, of) if of == framework => logs[index] += value,
                Slot::Generation(index, of) if of == generation => logs[index] += value,
                Slot::Framework(..) | Slot::Generation(..) => {}
            }
        }
        Self(logs.map(f64::exp))
    }
}
