//! The shape of a model: its matrices and how many parameters they hold.

use crate::conv::ResNet;
use crate::job::Job;

/// Widths and counts of a transformer; `f64` since they only ever multiply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub layers: f64,
    pub hidden: f64,
    /// Width of the feed-forward network, of one expert where there are some.
    pub ffn: f64,
    /// Matrices of the feed-forward network: 3 with a gate, else 2.
    pub ffn_matrices: f64,
    pub heads: f64,
    /// Width of the queries (and of the attention's output) and of keys with values.
    pub query_width: f64,
    pub key_value_width: f64,
    pub vocab: f64,
    pub tied: bool,
    pub seq: f64,
    pub experts: Option<f64>,
    pub top_k: f64,
    /// Width of the experts that every token goes through.
    pub shared_ffn: f64,
    /// Layers without experts in a model with them, and their width.
    pub dense_layers: f64,
    pub dense_ffn: f64,
    /// Parameters of all, as stated or counted.
    pub params: f64,
    /// Parameters of what every token goes through, in all layers.
    pub dense_params: f64,
    /// Parameters of experts in all layers.
    pub expert_params: f64,
    /// The convolutions of a network for images, in the place of all of the above but `params`.
    pub images: Option<ResNet>,
}

/// What is public of architectures beyond the fields of a job.
struct Known {
    head_width: Option<f64>,
    shared_ffn: f64,
    dense_layers: f64,
    dense_ffn: f64,
    /// Parameters of attention in a layer where it is not made of the usual four matrices.
    attention_params: Option<f64>,
}

/// From the models' configuration files on Hugging Face.
fn known(arch: &str) -> Known {
    let plain = Known {
        head_width: None,
        shared_ffn: 0.0,
        dense_layers: 0.0,
        dense_ffn: 0.0,
        attention_params: None,
    };
    match arch {
        // Multi-head latent attention: q 7168→1536→128·192, kv 7168→512+64→128·256, out 128·128→7168.
        "deepseek-v3" => Known {
            head_width: Some(128.0),
            shared_ffn: 2048.0,
            dense_layers: 3.0,
            dense_ffn: 18432.0,
            attention_params: Some(187.1e6),
        },
        "qwen3-moe" => Known { head_width: Some(128.0), ..plain },
        "gpt-oss" => Known { head_width: Some(64.0), ..plain },
        _ => plain,
    }
}

impl Shape {
    pub(crate) fn of(job: &Job, assumed: &mut Vec<String>) -> Result<Self, String> {
        let model = &job.model;
        let whole = |name: &str, value: Option<u64>| match value {
            Some(0) => Err(format!("{name} is 0")),
            Some(value) => Ok(value as f64),
            None => Err(format!("{name} is not stated")),
        };
        if let Some(params) = model.params.filter(|params| *params <= 0.0) {
            return Err(format!("model.params {params} is no number of parameters"));
        }
        let arch = model.arch.as_deref().unwrap_or("gpt").to_lowercase();
        if let Some(network) = ResNet::of(job, assumed)? {
            return Ok(Self::of_images(network));
        }
        let (layers, hidden) = match (model.layers, model.hidden) {
            (Some(_), Some(_)) => {
                (whole("model.layers", model.layers)?, whole("model.hidden", model.hidden)?)
            }
            _ => Self::usual(model.params, assumed)?,
        };
        let gated = model.gated_mlp.unwrap_or_else(|| {
            let gated = !matches!(arch.as_str(), "gpt" | "gpt2" | "mpt" | "bloom" | "opt");
            assumed.push(format!("model.gated_mlp: {gated}"));
            gated
        });
        let mut or_assumed = |name: &str, value: Option<u64>, otherwise: f64| {
            if value.is_none() {
                assumed.push(format!("{name}: {otherwise:.0}"));
                return Ok(otherwise);
            }
            whole(name, value)
        };
        let ffn = if gated { (8.0 * hidden / 3.0).round() } else { 4.0 * hidden };
        let ffn = or_assumed("model.ffn", model.ffn, ffn)?;
        let heads = or_assumed("model.heads", model.heads, (hidden / 128.0).max(1.0).round())?;
        let kv_heads =
            if model.kv_heads.is_some() { whole("model.kv_heads", model.kv_heads)? } else { heads };
        if kv_heads > heads {
            return Err(format!("model.kv_heads {kv_heads} are more than model.heads {heads}"));
        }
        let seq = whole("model.seq", model.seq)?;
        let vocab = or_assumed("model.vocab", model.vocab, 51200.0)?;
        let tied = model.tied_embeddings.unwrap_or(!gated);
        let extra = known(&arch);
        let head_width = extra.head_width.unwrap_or(hidden / heads);
        let experts = model.experts.filter(|&experts| experts > 1).map(|experts| experts as f64);
        let top_k = match experts {
            Some(_) => whole("model.top_k", model.top_k)?,
            None => 1.0,
        };
        if experts.is_some_and(|experts| top_k > experts) {
            return Err(format!(
                "model.top_k {top_k} is more than model.experts {}",
                experts.unwrap_or(1.0)
            ));
        }
        let matrices = if gated { 3.0 } else { 2.0 };
        let (query_width, key_value_width) = (head_width * heads, 2.0 * head_width * kv_heads);
        let attention =
            extra.attention_params.unwrap_or(hidden * (2.0 * query_width + key_value_width));
        let (dense_layers, dense_ffn) = if experts.is_some() {
            (extra.dense_layers.min(layers), extra.dense_ffn)
        } else {
            (layers, ffn)
        };
        let shared_ffn = if experts.is_some() { extra.shared_ffn } else { 0.0 };
        let biases = if gated { 2.0 * hidden } else { 13.0 * hidden };
        let expert_layers = layers - dense_layers;
        let dense_params = layers * (attention + biases)
            + matrices * hidden * (dense_layers * dense_ffn + expert_layers * shared_ffn)
            + expert_layers * hidden * experts.unwrap_or(0.0);
        let expert_params = expert_layers * matrices * hidden * ffn * experts.unwrap_or(0.0);
        let tables = vocab * hidden * if tied { 1.0 } else { 2.0 };
        let positions =
            if matches!(arch.as_str(), "gpt" | "gpt2" | "mpt") { seq * hidden } else { 0.0 };
        let last_norm = if gated { hidden } else { 2.0 * hidden };
        let counted = dense_params + expert_params + tables + positions + last_norm;
        Ok(Self {
            layers,
            hidden,
            ffn,
            ffn_matrices: matrices,
            heads,
            query_width,
            key_value_width,
            vocab,
            tied,
            seq,
            experts,
            top_k,
            shared_ffn,
            dense_layers,
            dense_ffn,
            params: model.params.unwrap_or(counted),
            dense_params,
            expert_params,
            images: None,
        })
    }

    /// Of a network for images, whose passes count images: one each in the place of a sequence's tokens.
    fn of_images(network: ResNet) -> Self {
        let params = network.parameters();
        Self {
            layers: network.blocks.len() as f64,
            hidden: network.features,
            ffn: 0.0,
            ffn_matrices: 0.0,
            heads: 0.0,
            query_width: 0.0,
            key_value_width: 0.0,
            vocab: network.classes,
            tied: false,
            seq: 1.0,
            experts: None,
            top_k: 1.0,
            shared_ffn: 0.0,
            dense_layers: 0.0,
            dense_ffn: 0.0,
            params,
            dense_params: params,
            expert_params: 0.0,
            images: Some(network),
        }
    }

    /// Depth and width as common for a number of parameters: width about 128 times the depth, 12 parameters an element and layer.
    fn usual(params: Option<f64>, assumed: &mut Vec<String>) -> Result<(f64, f64), String> {
        let params = params
            .filter(|params| *params > 0.0)
            .ok_or("model.layers and model.hidden are not stated, nor model.params")?;
        let layers = (params / (12.0 * 128.0 * 128.0)).cbrt().round().max(1.0);
        let hidden = ((params / (12.0 * layers)).sqrt() / 128.0).round().max(1.0) * 128.0;
        assumed.push(format!("model.layers and model.hidden: {layers:.0} and {hidden:.0}, as common for {params:.3e} parameters"));
        Ok((layers, hidden))
    }
}
