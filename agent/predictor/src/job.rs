//! A training job as users and published tables describe it: any field may be unknown.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::conv;
use crate::shape::Shape;

/// One job: where it runs, what it trains and how.
///
/// Fields that a source does not state are `None`; the predictor says what it assumed in their place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Handed back with the prediction.
    #[serde(default)]
    pub id: Option<String>,
    /// The machines.
    #[serde(default)]
    pub cluster: Cluster,
    /// The model.
    #[serde(default)]
    pub model: Model,
    /// The arrangement.
    #[serde(default)]
    pub run: Run,
}

impl Job {
    /// Parameters of the model, counted from its shape; what `model.params` states is not read.
    ///
    /// # Errors
    ///
    /// Which field of the shape is not stated, or impossible.
    pub fn parameters(&self) -> Result<f64, String> {
        let mut job = self.clone();
        job.model.params = None;
        Shape::of(&job, &mut Vec::new()).map(|shape| shape.params)
    }
}

/// The machines of a job. `gpus_per_node` × `nodes` GPUs are used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Name of the GPU, such as `H100-80GB`.
    #[serde(default)]
    pub gpu: Option<String>,
    /// GPUs that the job uses on a machine.
    #[serde(default, deserialize_with = "whole")]
    pub gpus_per_node: Option<u64>,
    /// Machines.
    #[serde(default, deserialize_with = "whole")]
    pub nodes: Option<u64>,
    /// What joins GPUs and machines, as the source says it.
    #[serde(default)]
    pub interconnect: Option<String>,
}

/// The model of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// `gpt`, `llama`, `mpt`, `moe`, `resnet50`, …
    #[serde(default)]
    pub arch: Option<String>,
    /// Transformer layers.
    #[serde(default, deserialize_with = "whole")]
    pub layers: Option<u64>,
    /// Width of the residual stream; of a `resnet` the channels after its stem.
    #[serde(default, deserialize_with = "whole")]
    pub hidden: Option<u64>,
    /// Width of the feed-forward network; of one routed expert in a mixture of experts.
    #[serde(default, deserialize_with = "whole")]
    pub ffn: Option<u64>,
    /// Whether the feed-forward network has a gate (SwiGLU): three matrices instead of two.
    #[serde(default)]
    pub gated_mlp: Option<bool>,
    /// Attention heads.
    #[serde(default, deserialize_with = "whole")]
    pub heads: Option<u64>,
    /// Heads of keys and values.
    #[serde(default, deserialize_with = "whole")]
    pub kv_heads: Option<u64>,
    /// Size of the vocabulary; of a `resnet` its classes.
    #[serde(default, deserialize_with = "whole")]
    pub vocab: Option<u64>,
    /// Whether the head shares the embedding's matrix.
    #[serde(default)]
    pub tied_embeddings: Option<bool>,
    /// Tokens of a sequence.
    #[serde(default, deserialize_with = "whole")]
    pub seq: Option<u64>,
    /// Parameters in all.
    #[serde(default)]
    pub params: Option<f64>,
    /// Routed experts of a layer.
    #[serde(default, deserialize_with = "whole")]
    pub experts: Option<u64>,
    /// Experts that a token goes through.
    #[serde(default, deserialize_with = "whole")]
    pub top_k: Option<u64>,
    /// Side of an image, pixels; only networks for images have one.
    #[serde(default, deserialize_with = "whole")]
    pub image_size: Option<u64>,
}

impl Model {
    /// Whether it is a network for images, by its name.
    #[must_use]
    pub fn is_of_images(&self) -> bool {
        self.arch.as_deref().is_some_and(conv::is_of_images)
    }
}

/// How a job is arranged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// `nanotron`, `megatron`, `deepspeed`, `fsdp`, …
    #[serde(default)]
    pub framework: Option<String>,
    /// Sequences (or images) of an optimizer step.
    #[serde(default, deserialize_with = "whole")]
    pub global_batch: Option<u64>,
    /// Sequences (or images) of a GPU (or its tensor and pipeline group) in one pass.
    #[serde(default, deserialize_with = "whole")]
    pub micro_batch: Option<u64>,
    /// Passes of a step.
    #[serde(default, deserialize_with = "whole")]
    pub grad_accum: Option<u64>,
    /// Data parallel degree.
    #[serde(default, deserialize_with = "whole")]
    pub dp: Option<u64>,
    /// Tensor parallel degree.
    #[serde(default, deserialize_with = "whole")]
    pub tp: Option<u64>,
    /// Pipeline stages.
    #[serde(default, deserialize_with = "whole")]
    pub pp: Option<u64>,
    /// Context parallel degree.
    #[serde(default, deserialize_with = "whole")]
    pub cp: Option<u64>,
    /// Expert parallel degree.
    #[serde(default, deserialize_with = "whole")]
    pub ep: Option<u64>,
    /// Virtual stages of a pipeline rank (interleaved schedule).
    #[serde(default, deserialize_with = "whole")]
    pub vpp: Option<u64>,
    /// ZeRO stage; full-shard FSDP is 3, grad-op shard is 2.
    #[serde(default, deserialize_with = "whole")]
    pub zero: Option<u64>,
    /// Whether norms and dropouts are split along the sequence over the tensor parallel group.
    #[serde(default)]
    pub sequence_parallel: Option<bool>,
    /// What products are calculated in: `fp32`, `tf32`, `bf16`, `fp16`, `fp8`, `mxfp8`, `nvfp4`.
    #[serde(default)]
    pub precision: Option<String>,
    /// What gradients are accumulated or reduced in.
    #[serde(default)]
    pub grad_dtype: Option<String>,
    /// `adamw`, `sgd`, …
    #[serde(default)]
    pub optimizer: Option<String>,
    /// Activation recomputation: `none`, `selective`, `full`.
    #[serde(default)]
    pub recompute: Option<String>,
    /// Whether attention keeps no scores.
    #[serde(default)]
    pub flash_attention: Option<bool>,
    /// What lives in host memory: `optimizer` or `optimizer+params`.
    #[serde(default)]
    pub offload: Option<String>,
    /// Whether the channels of a pixel lie next to each other (NHWC); only of networks for images.
    #[serde(default)]
    pub channels_last: Option<bool>,
    /// Whether the loss is taken from a chunk of the logits at a time, together with the head (Liger's fused linear cross-entropy,
    /// Cut Cross-Entropy). Not if not stated.
    #[serde(default)]
    pub fused_loss: Option<bool>,
    /// Whether layers are launched as captured CUDA graphs. Not if not stated.
    #[serde(default)]
    pub cuda_graphs: Option<bool>,
    /// Threads of a rank on a processor; its share of all of them if not stated. Nothing on GPUs.
    #[serde(default, deserialize_with = "whole")]
    pub threads: Option<u64>,
}

/// What a job was measured at; never read by the predictor, only by calibration and tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Seconds of an optimizer step.
    #[serde(default)]
    pub step_s: Option<f64>,
    /// Tokens a second of the whole job.
    #[serde(default)]
    pub tokens_per_s: Option<f64>,
    /// Tokens a second and GPU.
    #[serde(default)]
    pub tokens_per_s_per_gpu: Option<f64>,
    /// As the source prints it: not comparable between sources.
    #[serde(default)]
    pub tflops_per_gpu: Option<f64>,
    /// Peak memory of a GPU.
    #[serde(default)]
    pub peak_mem_bytes: Option<f64>,
    /// Whether it ran out of memory.
    #[serde(default)]
    pub oom: Option<bool>,
}

impl Job {
    /// The job with `other`'s fields where it has none.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let (Ok(mut own), Ok(others)) = (serde_json::to_value(self), serde_json::to_value(other))
        else {
            return self.clone();
        };
        fill(&mut own, &others);
        serde_json::from_value(own).unwrap_or_else(|_| self.clone())
    }
}

fn fill(own: &mut Value, others: &Value) {
    match (own, others) {
        (Value::Object(own), Value::Object(others)) => {
            for (field, value) in own {
                fill(value, &others[field]);
            }
        }
        (own @ Value::Null, other) => *own = other.clone(),
        _ => {}
    }
}

/// A whole number that may be spelled with a point, as programs that read tables write it: `48.0`.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    if let Some(value) = number.as_u64() {
        return Ok(Some(value));
    }
    let whole =
        number.as_f64().filter(|value| *value >= 0.0 && value.fract() == 0.0 && *value < 1e15);
    whole
        .map(|value| Some(value as u64))
        .ok_or_else(|| D::Error::custom(format!("{number} where a whole number is expected")))
}
