//! How layers are dealt out to the stages of a pipeline.

use crate::framework::Framework;
use crate::setup::Setup;

/// Layers of the first, the second and the last stage, as the model of the memory takes them: even shares but for nanotron's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Partition {
    pub first: f64,
    pub second: f64,
    pub last: f64,
}

/// The layers of `setup`'s stages at the ends, of which there is more than one.
pub(crate) fn of(setup: &Setup) -> Partition {
    if !above_shares(setup) {
        let even = setup.shape.layers / setup.pp;
        return Partition { first: even, second: even, last: even };
    }
    let first = up_to(setup, 1.0);
    let second = up_to(setup, 2.0) - first;
    Partition { first, second, last: setup.shape.layers - up_to(setup, setup.pp - 1.0) }
}

/// Layers of all parts of `setup`'s stages in the order of the model: part `g` is on stage `g % stages`.
///
/// Nanotron goes through layers and head by what they compute and moves on to the next stage once their sum is above that
/// stage's share: the first stages hold more than an even share, the last less. Others deal out evenly; where layers alone
/// cannot be, the embedding and the head count as a layer each, as in Megatron-LM
/// (`--account-for-embedding-in-pipeline-split`, `--account-for-loss-in-pipeline-split`) and in `DeepSpeed`'s partition of
/// Megatron-DeepSpeed's models (`type:transformer|embedding`), or the head alone.
pub(crate) fn parts(setup: &Setup) -> Vec<f64> {
    let stages = setup.pp as usize;
    if !above_shares(setup) {
        return evenly(setup.shape.layers, stages * setup.vpp as usize);
    }
    let mut before = 0.0;
    (1..=stages)
        .map(|count| {
            let all = count == stages;
            let until = if all { setup.shape.layers } else { up_to(setup, count as f64) };
            until - std::mem::replace(&mut before, until)
        })
        .collect()
}

fn above_shares(setup: &Setup) -> bool {
    setup.framework == Framework::Nanotron && setup.shape.experts.is_none()
}

/// Layers up to and with the one whose sum is above the shares of `count` stages.
fn up_to(setup: &Setup, count: f64) -> f64 {
    let shape = &setup.shape;
    let matrices = shape.dense_params / shape.layers;
    let head = shape.vocab * shape.hidden / matrices;
    let of_a_stage = (shape.layers + head) / setup.pp;
    ((count * of_a_stage).floor() + 1.0).min(shape.layers)
}

fn evenly(layers: f64, parts: usize) -> Vec<f64> {
    let count = parts as f64;
    let divides = |units: f64| units % count == 0.0;
    // Units of the first part and of the last that are no layers.
    let (embedding, head) = match () {
        () if divides(layers) => (0.0, 0.0),
        () if !divides(layers + 2.0) && divides(layers + 1.0) => (0.0, 1.0),
        () => (1.0, 1.0),
    };
    let units = layers + embedding + head;
    let each = (units / count).floor();
    let more = units - each * count;
    (0..parts)
        .map(|part| {
            let mut layers = each + if (part as f64) < more { 1.0 } else { 0.0 };
            if part == 0 {
                layers -= embedding;
            }
            if part + 1 == parts {
                layers -= head;
            }
            layers.max(0.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{of, parts};
    use crate::job::Job;
    use crate::setup::Setup;

    /// 8.9 billion parameters in 32 layers, whose head weighs as much as 2.21 of them.
    fn setup(framework: &str, layers: u64, pp: u64, vpp: u64) -> Setup {
        let job: Job = serde_json::from_value(json!({
            "cluster": {"gpu": "H100", "gpus_per_node": pp, "nodes": 1},
            "model": {"arch": "llama", "layers": layers, "hidden": 4096, "ffn": 14336, "gated_mlp": true, "heads": 32,
                "kv_heads": 32, "vocab": 131_072, "seq": 4096},
            "run": {"framework": framework, "micro_batch": 1, "grad_accum": 64, "pp": pp, "vpp": vpp}}))
        .unwrap();
        Setup::of(&job).unwrap()
    }

    fn ends(setup: &Setup) -> (f64, f64, f64) {
        let ends = of(setup);
        (ends.first, ends.second, ends.last)
    }

    #[test]
    fn nanotron_goes_on_above_a_share() {
        // 34.21 in all: a stage's share of 8 is 4.28, of 32 it is 1.07.
        let of_8 = setup("nanotron", 32, 8, 1);
        assert_eq!(parts(&of_8), [5.0, 4.0, 4.0, 5.0, 4.0, 4.0, 4.0, 2.0]);
        assert_eq!(ends(&of_8), (5.0, 4.0, 2.0));
        assert_eq!(ends(&setup("nanotron", 32, 32, 1)), (2.0, 1.0, 0.0));
    }

    #[test]
    fn others_deal_out_evenly() {
        let even = setup("megatron", 32, 8, 1);
        assert_eq!(ends(&even), (4.0, 4.0, 4.0));
        assert_eq!(parts(&even), [4.0; 8]);
        assert_eq!(parts(&setup("megatron", 32, 8, 2)), [2.0; 16]);
    }

    #[test]
    fn embedding_and_head_take_the_place_of_layers_where_those_cannot_be_dealt_out() {
        // Llama 3 405B on eight stages of four parts each; BLOOM's 82 layers on twelve stages.
        let llama = parts(&setup("nemo", 126, 8, 4));
        assert_eq!((llama[0], llama[1], llama[31]), (3.0, 4.0, 3.0));
        let bloom = parts(&setup("megatron-deepspeed", 82, 12, 1));
        assert_eq!((bloom[0], bloom[1], bloom[11]), (6.0, 7.0, 6.0));
        assert_eq!(parts(&setup("megatron", 31, 8, 1))[6..], [4.0, 3.0]);
        // 61 layers of DeepSeek-V3 on 16 stages: 63 units, of which the last stage has three.
        let deepseek = parts(&setup("nemo", 61, 16, 1));
        assert_eq!((deepseek[0], deepseek[14], deepseek[15]), (3.0, 4.0, 2.0));
        for layers in 16..80 {
            for (pp, vpp) in [(2, 1), (8, 1), (16, 1), (4, 3), (8, 2)] {
                let all = parts(&setup("megatron", layers, pp, vpp));
                assert_eq!(all.len() as u64, pp * vpp);
                assert!((all.iter().sum::<f64>() - layers as f64).abs() < 1e-9, "{all:?}");
                assert!(all.iter().all(|layers| *layers >= 0.0), "{all:?}");
            }
        }
    }
}
