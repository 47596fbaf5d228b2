//! The shape of a model from its configuration file on Hugging Face.

use perfagent_predictor::Model;
use serde_json::Value;

/// The model that `config.json` describes.
///
/// # Errors
///
/// What is missing, with the field's name.
pub fn read(config: &Value) -> Result<Model, String> {
    let number = |names: &[&str]| names.iter().find_map(|name| config.get(name)?.as_u64());
    let needed = |names: &[&str]| number(names).ok_or_else(|| format!("has no \"{}\"", names[0]));
    let kind = config.get("model_type").and_then(Value::as_str).unwrap_or("");
    let hidden = needed(&["hidden_size", "n_embd", "d_model"])?;
    let heads = needed(&["num_attention_heads", "n_head", "n_heads"])?;
    let experts = number(&["num_local_experts", "num_experts", "n_routed_experts"]);
    let arch = match kind {
        "gpt2" | "gpt_neo" => "gpt",
        "mpt" => "mpt",
        "deepseek_v3" => "deepseek-v3",
        "qwen3_moe" => "qwen3-moe",
        "gpt_oss" => "gpt-oss",
        _ if experts.is_some() => "moe",
        _ => "llama",
    };
    let plain = matches!(arch, "gpt" | "mpt");
    Ok(Model {
        arch: Some(arch.to_owned()),
        layers: Some(needed(&["num_hidden_layers", "n_layer", "n_layers"])?),
        hidden: Some(hidden),
        ffn: number(&["moe_intermediate_size", "intermediate_size", "n_inner"])
            .or_else(|| plain.then_some(4 * hidden)),
        gated_mlp: Some(!plain),
        heads: Some(heads),
        kv_heads: Some(number(&["num_key_value_heads"]).unwrap_or(heads)),
        vocab: Some(needed(&["vocab_size"])?),
        tied_embeddings: Some(
            config.get("tie_word_embeddings").and_then(Value::as_bool).unwrap_or(plain),
        ),
        seq: number(&["n_positions", "max_seq_len"]),
        params: None,
        experts,
        top_k: number(&["num_experts_per_tok"]),
        image_size: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn of_llama() {
        let model = read(&json!({"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
            "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128_256,
            "tie_word_embeddings": false}))
        .unwrap();
        assert_eq!((model.layers, model.kv_heads, model.ffn), (Some(32), Some(8), Some(14336)));
        assert_eq!(
            (model.gated_mlp, model.tied_embeddings, model.seq),
            (Some(true), Some(false), None)
        );
    }

    #[test]
    fn of_gpt2() {
        let model = read(&json!({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024,
            "vocab_size": 50257}))
        .unwrap();
        assert_eq!(
            (model.ffn, model.seq, model.arch.as_deref()),
            (Some(3072), Some(1024), Some("gpt"))
        );
        assert_eq!(model.tied_embeddings, Some(true));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            read(&json!({"hidden_size": 64})).unwrap_err(),
            "has no \"num_attention_heads\""
        );
    }
}
