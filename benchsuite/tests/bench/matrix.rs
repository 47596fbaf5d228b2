//! Every way to share the work against one process: the same losses and norms of gradients, the bytes that the formulas
//! say, the memory of the model's state.
//!
//! What differs is the order in which fp32 numbers are added: within a batch, over ranks, over parts of a product. A sum of
//! n terms of like size is then off by some √n · 6e-8; batches have 256 tokens and products up to 128 terms, so that a
//! loss or a norm is off by 1e-6, and over 20 steps of updates by little more. Half of what is allowed would be seen if
//! one block of two had its gradients 1 % too large.

use serde_json::Value;

use crate::run::{losses, numbers, train_model};

const TOLERANCE: f64 = 1e-5;

/// The numbers of the small model that all runs here train.
const LAYERS: i64 = 2;
const HIDDEN: i64 = 32;
const SEQ: i64 = 32;
const VOCAB: i64 = 320;
const STEPS: i64 = 20;
/// Sequences of a step.
const BATCH: i64 = 8;

fn reference(model: &str) -> Value {
    train_model(model, &["--micro-batch", "8"])
}

#[track_caller]
fn assert_same(shared: &Value, alone: &Value) {
    let close = |name: &str, left: &[f64], right: &[f64]| {
        assert_eq!((left.len(), right.len()), (STEPS as usize, STEPS as usize));
        for (step, (l, r)) in left.iter().zip(right).enumerate() {
            assert!(((l - r) / r).abs() <= TOLERANCE, "{name} of step {step}: {l} and {r}");
        }
    };
    close("loss", &losses(shared), &losses(alone));
    // Adam forgives a gradient that is too large by a factor; its norm does not.
    close("norm", &numbers(shared, "gradient_norms"), &numbers(alone, "gradient_norms"));
    assert_eq!(shared["tokens_per_step"], alone["tokens_per_step"]);
}

/// Trains `model` shared as `options` say, eight sequences a step, and compares it with one process.
#[track_caller]
fn shared(model: &str, options: &[&str]) -> Value {
    let document = train_model(model, options);
    assert_same(&document, &reference(model));
    document
}

/// Bytes of an operation in a group, over all steps, on rank 0.
fn bytes(document: &Value, op: &str, group: &str) -> i64 {
    let entries = document["ranks"][0]["collectives"].as_array().unwrap();
    let of_it = entries.iter().filter(|entry| entry["op"] == op && entry["group"] == group);
    of_it.map(|entry| entry["bytes"].as_i64().unwrap()).sum()
}

/// Bytes of weights, gradients and optimizer state for each parameter that rank 0 has, within 2 %.
#[track_caller]
fn assert_state(document: &Value, expected: f64) {
    let rank = &document["ranks"][0];
    let of = |name: &str| rank[name].as_f64().unwrap();
    let measured = of("state_bytes") / of("params");
    assert!((measured / expected - 1.0).abs() < 0.02, "{measured} B, not {expected} B");
}

/// Elements of GPT's embedding, one block, and the head.
const GPT: [i64; 3] = [(VOCAB + SEQ) * HIDDEN, 12 * HIDDEN * HIDDEN + 13 * HIDDEN, 2 * HIDDEN];

fn gpt_parameters() -> i64 {
    GPT[0] + LAYERS * GPT[1] + GPT[2]
}

/// Bytes of the residual stream of a step.
const STREAM: i64 = 4 * BATCH * SEQ * HIDDEN;

#[test]
fn plain_data_parallel() {
    let two = shared("gpt", &["--micro-batch", "4", "--nproc", "2"]);
    assert_eq!(bytes(&two, "all_reduce", "data_parallel"), STEPS * 4 * gpt_parameters());
    assert_state(&two, 16.0);
}

#[test]
fn zero_1() {
    let two = shared("gpt", &["--micro-batch", "4", "--nproc", "2", "--zero", "1"]);
    for op in ["reduce_scatter", "all_gather"] {
        assert_eq!(bytes(&two, op, "data_parallel"), STEPS * 4 * gpt_parameters(), "{op}");
    }
    assert_state(&two, 8.0 + 8.0 / 2.0);
}

#[test]
fn zero_2() {
    let options = ["--micro-batch", "2", "--accumulate", "2", "--nproc", "2", "--zero", "2"];
    let two = shared("gpt", &options);
    // Gradients of a micro-batch do not stay: each is scattered.
    assert_eq!(bytes(&two, "reduce_scatter", "data_parallel"), STEPS * 2 * 4 * gpt_parameters());
    assert_eq!(bytes(&two, "all_gather", "data_parallel"), STEPS * 4 * gpt_parameters());
    assert_state(&two, 4.0 + 12.0 / 2.0);
    // While it is in a unit, backward has all of its gradients, and those of the embedding because the head has them.
    let peak = two["ranks"][0]["peak_bytes"]["gradients"].as_i64().unwrap();
    assert!(peak <= 4 * (gpt_parameters() / 2 + GPT[0] + 3 * GPT[1]), "{peak}");
}

#[test]
fn zero_3() {
    let options = ["--micro-batch", "2", "--accumulate", "2", "--nproc", "2", "--zero", "3"];
    let two = shared("gpt", &options);
    // Forward gathers everything and backward the blocks again; the head needs nothing twice, as its backward follows at
    // once, and the gradient of an embedding does not depend on it.
    let gathered = gpt_parameters() + LAYERS * GPT[1];
    assert_eq!(bytes(&two, "all_gather", "data_parallel"), STEPS * 2 * 4 * gathered);
    assert_eq!(bytes(&two, "reduce_scatter", "data_parallel"), STEPS * 2 * 4 * gpt_parameters());
    assert_state(&two, 16.0 / 2.0);
    let peak = two["ranks"][0]["peak_bytes"]["parameters"].as_i64().unwrap();
    let most = 4 * (gpt_parameters() / 2 + GPT[0] + 2 * GPT[1] + GPT[2]);
    assert!(
        peak <= most,
        "{peak} of {most}: two blocks at a time, and the embedding for the tied head"
    );
}

#[test]
fn zero_3_of_llama_and_its_untied_head() {
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    let config = r#"{"model_type": "llama", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 88, "max_position_embeddings": 32, "vocab_size": 320,
        "tie_word_embeddings": false, "rms_norm_eps": 1e-5}"#;
    std::fs::write(file.path(), config).unwrap();
    let with = ["--model", file.path().to_str().unwrap()];
    let alone = train_model("llama", &[&with[..], &["--micro-batch", "6"]].concat());
    let options = ["--micro-batch", "2", "--nproc", "3", "--zero", "3", "--recompute", "full"];
    let three = train_model("llama", &[&with[..], &options].concat());
    assert_same(&three, &alone);
    assert_state(&three, 16.0 / 3.0);
    let embedding = VOCAB * HIDDEN;
    let block = 2 * HIDDEN * (HIDDEN + HIDDEN / 2) + 3 * HIDDEN * 88 + 2 * HIDDEN;
    assert_eq!(three["params"], 2 * embedding + 2 * block + HIDDEN);
}

#[test]
fn the_optimizer_on_the_host() {
    let alone = shared("gpt", &["--micro-batch", "8", "--offload", "optimizer"]);
    // The host's copies of weights and gradients come to Adam's 8 bytes; here the host is the device.
    assert_state(&alone, 16.0 + 8.0);
    let options = ["--micro-batch", "4", "--nproc", "2", "--zero", "3", "--offload", "optimizer"];
    assert_state(&shared("gpt", &options), 24.0 / 2.0);
}

#[test]
fn activations_computed_again() {
    let kept = reference("gpt");
    let again = shared("gpt", &["--micro-batch", "8", "--recompute", "full"]);
    assert_eq!(losses(&again), losses(&kept), "the same operations on the same numbers");
    let peak =
        |document: &Value| document["ranks"][0]["peak_bytes"]["activations"].as_i64().unwrap();
    assert!(peak(&again) < peak(&kept), "{} and {}", peak(&again), peak(&kept));
    for (model, more) in [
        ("gpt", &["--micro-batch", "8"][..]),
        ("llama", &["--micro-batch", "8", "--nproc", "2", "--tp", "2"]),
    ] {
        let some = shared(model, &[more, &["--recompute", "selective"]].concat());
        let none = train_model(model, more);
        assert!(peak(&some) < peak(&none), "{model}: {} and {}", peak(&some), peak(&none));
    }
}

#[test]
fn two_parts_of_each_tensor() {
    for model in ["gpt", "llama"] {
        let two = shared(model, &["--micro-batch", "8", "--nproc", "2", "--tp", "2"]);
        // Two sums a block in each direction, one after the embedding, one of the gradient before the head; the loss.
        let sums = (4 * LAYERS + 2) * STREAM;
        assert_eq!(bytes(&two, "all_reduce", "tensor_parallel"), STEPS * (sums + 4), "{model}");
        let of_rows = 4 * 2 * BATCH * SEQ;
        assert_eq!(bytes(&two, "all_gather", "tensor_parallel"), STEPS * of_rows, "{model}");
        assert_state(&two, 16.0);
    }
}

#[test]
fn two_parts_of_each_sequence() {
    let options = ["--micro-batch", "8", "--nproc", "2", "--tp", "2", "--sequence-parallel"];
    for model in ["gpt", "llama"] {
        let two = shared(model, &options);
        let exchanged = (4 * LAYERS + 2) * STREAM;
        let of_rows = 4 * 2 * BATCH * SEQ;
        let scattered = bytes(&two, "reduce_scatter", "tensor_parallel");
        assert_eq!(scattered, STEPS * exchanged, "{model}: as much as the sums without");
        let gathered = bytes(&two, "all_gather", "tensor_parallel");
        assert_eq!(gathered, STEPS * (exchanged + of_rows), "{model}");
    }
}

#[test]
fn two_stages_of_a_pipeline() {
    let options = ["--micro-batch", "2", "--accumulate", "4", "--nproc", "2", "--pp", "2"];
    for model in ["gpt", "llama"] {
        let two = shared(model, &options);
        for op in ["send", "recv"] {
            assert_eq!(bytes(&two, op, "pipeline"), STEPS * STREAM, "{model} {op}");
        }
        // The embedding, which the head on the last stage is tied to.
        let positions = if model == "gpt" { SEQ } else { 0 };
        let embedding = 4 * (VOCAB + positions) * HIDDEN;
        assert_eq!(bytes(&two, "all_reduce", "embedding"), STEPS * embedding, "{model}");
        assert_state(&two, 16.0);
    }
}

#[test]
fn two_parts_of_two_stages_of_two_replicas() {
    let three_ways =
        ["--micro-batch", "2", "--accumulate", "2", "--nproc", "8", "--tp", "2", "--pp", "2"];
    let eight = shared("gpt", &three_ways);
    let rank = &eight["ranks"][0];
    let own = rank["params"].as_i64().unwrap();
    assert_eq!(bytes(&eight, "all_reduce", "data_parallel"), STEPS * 4 * own);
    // This replica's half of the batch; on the first stage one block's four sums and that after the embedding.
    assert_eq!(bytes(&eight, "all_reduce", "tensor_parallel"), STEPS * 5 * STREAM / 2);
    assert_eq!(bytes(&eight, "send", "pipeline"), STEPS * STREAM / 2);
    let with = ["--sequence-parallel", "--zero", "3", "--recompute", "full"];
    let all = shared("llama", &[&three_ways[..], &with].concat());
    assert_state(&all, 8.0);
}

#[test]
fn a_mixture_of_experts() {
    shared("moe", &["--micro-batch", "4", "--nproc", "2"]);
    shared("moe", &["--micro-batch", "2", "--accumulate", "2", "--nproc", "2", "--zero", "3"]);
    let three_ways =
        ["--micro-batch", "2", "--accumulate", "2", "--nproc", "8", "--tp", "2", "--pp", "2"];
    shared("moe", &[&three_ways[..], &["--zero", "1", "--sequence-parallel"]].concat());
}

#[test]
fn chunks_of_the_loss() {
    for model in ["gpt", "llama", "moe"] {
        shared(model, &["--micro-batch", "8", "--loss", "full"]);
    }
}
