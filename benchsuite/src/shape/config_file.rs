//! A model's shape from a Hugging Face configuration file (`config.json`).

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Architecture, RopeScaling, Shape};
use crate::failure::{Failure, Result};

/// Reads the file. The sequence length is the model's longest, at most `LONGEST` unless `--seq` says more.
pub(crate) fn read(path: &Path) -> Result<Shape> {
    let failed = |text: &str| Failure::input(format!("--model {}: {text}", path.display()));
    let text = fs::read_to_string(path).map_err(|e| failed(&format!("{e}; name a config.json")))?;
    let value: Value = serde_json::from_str(&text).map_err(|e| failed(&format!("{e}")))?;
    let Value::Object(fields) = value else {
        return Err(failed("a JSON object is expected"));
    };
    shape(&Fields(&fields)).map_err(|text| failed(&text))
}

/// A configuration names the longest context, which few train with.
const LONGEST: i64 = 4096;

struct Fields<'a>(&'a Map<String, Value>);

type Answer<T> = std::result::Result<T, String>;

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn optional(&self, name: &str) -> Answer<Option<i64>> {
        let number = |value: &Value| {
            value.as_i64().ok_or_else(|| format!("\"{name}\": {value} is not a whole number"))
        };
        self.get(name).map(number).transpose()
    }

    fn number(&self, name: &str) -> Answer<i64> {
        self.optional(name)?.ok_or_else(|| format!("\"{name}\" is missing"))
    }

    fn real(&self, name: &str, default: f64) -> Answer<f64> {
        let number = |value: &Value| {
            let number = value.as_f64().filter(|number| number.is_finite() && *number > 0.0);
            number.ok_or_else(|| format!("\"{name}\": {value} is not a positive number"))
        };
        self.get(name).map_or(Ok(default), number)
    }

    fn flag(&self, name: &str, default: bool) -> Answer<bool> {
        let flag = |value: &Value| {
            value.as_bool().ok_or_else(|| format!("\"{name}\": {value} is no truth"))
        };
        self.get(name).map_or(Ok(default), flag)
    }

    /// Refuses what this program would compute otherwise than the model's own.
    fn refuse(&self, name: &str, usual: &[Value]) -> Answer<()> {
        match self.get(name) {
            Some(value) if !usual.contains(value) => {
                Err(format!("\"{name}\": {value} is not what this program computes"))
            }
            _ => Ok(()),
        }
    }
}

fn shape(fields: &Fields<'_>) -> Answer<Shape> {
    let kind = fields.get("model_type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "gpt2" => gpt(fields),
        "llama" | "mistral" => llama(fields, Architecture::Llama),
        "mixtral" => llama(fields, Architecture::Moe),
        "" => Err("\"model_type\" is missing: gpt2, llama, mistral or mixtral".to_owned()),
        other => Err(format!(
            "\"model_type\": \"{other}\" cannot be trained here: gpt2, llama, mistral or mixtral"
        )),
    }
}

fn gpt(fields: &Fields<'_>) -> Answer<Shape> {
    fields.refuse("activation_function", &["gelu_new".into(), "gelu_pytorch_tanh".into()])?;
    fields.refuse("tie_word_embeddings", &[true.into()])?;
    fields.refuse("scale_attn_by_inverse_layer_idx", &[false.into()])?;
    let (hidden, heads) = (fields.number("n_embd")?, fields.number("n_head")?);
    if heads < 1 || hidden % heads != 0 {
        return Err(format!("\"n_embd\": {hidden} is not a multiple of \"n_head\": {heads}"));
    }
    Ok(Shape {
        architecture: Architecture::Gpt,
        layers: fields.number("n_layer")?,
        hidden,
        heads,
        kv_heads: heads,
        head_dim: hidden / heads,
        ffn: fields.optional("n_inner")?.unwrap_or(4 * hidden),
        seq: fields.optional("n_positions")?.map_or_else(|| fields.number("n_ctx"), Ok)?,
        vocab: fields.number("vocab_size")?,
        tied: true,
        experts: 0,
        top_k: 0,
        rope_theta: 0.0,
        rope_scaling: None,
        norm_epsilon: fields.real("layer_norm_epsilon", 1e-5)?,
    })
}

fn llama(fields: &Fields<'_>, architecture: Architecture) -> Answer<Shape> {
    fields.refuse("hidden_act", &["silu".into()])?;
    fields.refuse("attention_bias", &[false.into()])?;
    fields.refuse("mlp_bias", &[false.into()])?;
    let (hidden, heads) = (fields.number("hidden_size")?, fields.number("num_attention_heads")?);
    let head_dim = match fields.optional("head_dim")? {
        Some(width) => width,
        None if heads > 0 && hidden % heads == 0 => hidden / heads,
        None => {
            return Err(format!(
                "\"hidden_size\": {hidden} is not a multiple of \"num_attention_heads\": {heads}"
            ));
        }
    };
    let seq = fields.number("max_position_embeddings")?.min(LONGEST);
    if let Some(window) = fields.optional("sliding_window")?
        && window < seq
    {
        return Err(format!("\"sliding_window\": {window}: attention here looks at all tokens"));
    }
    let is_moe = architecture == Architecture::Moe;
    let of_moe = |name: &str| if is_moe { fields.number(name) } else { Ok(0) };
    Ok(Shape {
        architecture,
        layers: fields.number("num_hidden_layers")?,
        hidden,
        heads,
        kv_heads: fields.optional("num_key_value_heads")?.unwrap_or(heads),
        head_dim,
        ffn: fields.number("intermediate_size")?,
        seq,
        vocab: fields.number("vocab_size")?,
        tied: fields.flag("tie_word_embeddings", false)?,
        experts: of_moe("num_local_experts")?,
        top_k: of_moe("num_experts_per_tok")?,
        rope_theta: fields.real("rope_theta", 1e4)?,
        rope_scaling: scaling(fields)?,
        norm_epsilon: fields.real("rms_norm_eps", 1e-6)?,
    })
}

fn scaling(fields: &Fields<'_>) -> Answer<Option<RopeScaling>> {
    let Some(value) = fields.get("rope_scaling") else { return Ok(None) };
    let Value::Object(inner) = value else {
        return Err(format!("\"rope_scaling\": {value} is not an object"));
    };
    let inner = Fields(inner);
    let kind = inner.get("rope_type").or_else(|| inner.get("type")).and_then(Value::as_str);
    match kind {
        Some("default") => Ok(None),
        Some("llama3") => {
            let scaling = RopeScaling {
                factor: inner.real("factor", 8.0)?,
                low: inner.real("low_freq_factor", 1.0)?,
                high: inner.real("high_freq_factor", 4.0)?,
                original: inner.real("original_max_position_embeddings", 8192.0)?,
            };
            if scaling.high <= scaling.low {
                return Err(format!(
                    "\"high_freq_factor\": {} is not above \"low_freq_factor\": {}",
                    scaling.high, scaling.low
                ));
            }
            Ok(Some(scaling))
        }
        _ => {
            Err(format!("\"rope_scaling\": {value}: llama3 is the kind that this program computes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn parsed(text: &str) -> Result<Shape> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    /// Facts of the published configuration of Llama 3.2 1B, as its file names them.
    const LLAMA: &str = r#"{"model_type": "llama", "hidden_act": "silu", "attention_bias": false,
        "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
        "head_dim": 64, "intermediate_size": 8192, "max_position_embeddings": 131072, "vocab_size": 128256,
        "tie_word_embeddings": true, "rms_norm_eps": 1e-05, "rope_theta": 500000.0,
        "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192, "rope_type": "llama3"}}"#;

    #[test]
    fn a_published_configuration_is_the_preset() {
        let preset = find(Architecture::Llama, "llama-1b").unwrap().shape;
        assert_eq!(parsed(LLAMA).unwrap(), preset);
        let gpt2 = r#"{"model_type": "gpt2", "activation_function": "gelu_new", "n_embd": 768, "n_head": 12,
            "n_layer": 12, "n_positions": 1024, "n_ctx": 1024, "vocab_size": 50257, "layer_norm_epsilon": 1e-05}"#;
        assert_eq!(parsed(gpt2).unwrap(), find(Architecture::Gpt, "gpt2-124m").unwrap().shape);
        let mixtral = r#"{"model_type": "mixtral", "hidden_act": "silu", "hidden_size": 4096,
            "intermediate_size": 14336, "max_position_embeddings": 32768, "num_attention_heads": 32,
            "num_experts_per_tok": 2, "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8,
            "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "sliding_window": null, "tie_word_embeddings": false,
            "vocab_size": 32000}"#;
        let preset = find(Architecture::Moe, "mixtral-8x7b").unwrap().shape;
        assert_eq!(parsed(mixtral).unwrap(), preset);
    }

    #[test]
    fn what_would_be_computed_otherwise_is_refused_by_name() {
        for (from, to, says) in [
            ("\"silu\"", "\"gelu\"", "\"hidden_act\": \"gelu\""),
            ("\"llama\"", "\"mamba\"", "\"mamba\" cannot be trained here"),
            ("\"llama3\"", "\"yarn\"", "rope_scaling"),
            ("\"hidden_size\": 2048, ", "", "\"hidden_size\" is missing"),
            ("2048", "\"wide\"", "\"hidden_size\": \"wide\" is not a whole number"),
            ("{\"model_type\"", "{", "line 1 column"),
        ] {
            let refused = parsed(&LLAMA.replacen(from, to, 1));
            let Err(Failure::Input(text)) = refused else { panic!("{from}: {refused:?}") };
            assert!(text.contains(says) && text.contains("--model "), "{text}");
        }
    }
}
