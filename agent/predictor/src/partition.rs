//! How layers are dealt out to the stages of a pipeline.

use crate::framework::Framework;
use crate::setup::Setup;

/// Layers of the stages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Partition {
    /// Of the parts in the order of the model: part `g` is on stage `g % stages`.
    pub parts: Vec<f64>,
    pub first: f64,
    pub second: f64,
    pub last: f64,
    /// Of the stage that has most.
    pub most: f64,
}

/// The layers of `setup`'s stages, of which there is more than one.
///
/// Nanotron goes through layers and head by what they compute and moves on to the next stage once their sum is above that
/// stage's share: the first stages hold more than an even share, the last less. Others deal out evenly; where layers alone
/// cannot be, the embedding and the head count as a layer each, as in Megatron-LM
/// (`--account-for-embedding-in-pipeline-split`, `--account-for-loss-in-pipeline-split`) and in `DeepSpeed`'s partition of
/// Megatron-DeepSpeed's models (`type:transformer|embedding`), or the head alone.
pub(crate) fn of(setup: &Setup) -> Partition {
    let shape = &setup.shape;
    let (layers, stages) = (shape.layers, setup.pp as usize);
    let parts = if setup.framework == Framework::Nanotron && shape.experts.is_none() {
        above_shares(setup)
    } else {
        evenly(layers, stages * setup.vpp as usize)
    };
    let of = |stage: usize| parts.iter().skip(stage).step_by(stages).sum::<f64>();
    Partition {
        first: of(0),
        second: of(1),
        last: of(stages - 1),
        most: (0..stages).map(of).fold(0.0, f64::max),
        parts,
    }
}

fn above_shares(setup: &Setup) -> Vec<f64> {
    let shape = &setup.shape;
    let (layers, stages) = (shape.layers, setup.pp as usize);
    let matrices = shape.dense_params / layers;
    let head = shape.vocab * shape.hidden / matrices;
    let share = (layers + head) / setup.pp;
    // Layers up to and with the one whose sum is above the shares of `count` stages.
    let up_to = |count: usize| {
        if count == stages { layers } else { ((count as f64 * share).floor() + 1.0).min(layers) }
    };
    let mut before = 0.0;
    (1..=stages).map(|count| up_to(count) - std::mem::replace(&mut before, up_to(count))).collect()
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

    use super::{Partition, of};
    use crate::job::Job;
    use crate::setup::Setup;

    /// 8.9 billion parameters in 32 layers, whose head weighs as much as 2.21 of them.
    fn partition(framework: &str, layers: u64, pp: u64, vpp: u64) -> Partition {
        let job: Job = serde_json::from_value(json!({
            "cluster": {"gpu": "H100", "gpus_per_node": 8, "nodes": pp.div_ceil(8), "interconnect": null},
            "model": {"arch": "llama", "layers": layers, "hidden": 4096, "ffn": 14336, "gated_mlp": true, "heads": 32,
                "kv_heads": 32, "vocab": 131_072, "seq": 4096},
            "run": {"framework": framework, "micro_batch": 1, "grad_accum": 64, "pp": pp, "vpp": vpp}}))
        .unwrap();
        of(&Setup::of(&job).unwrap())
    }

    fn ends(partition: &Partition) -> (f64, f64, f64) {
        (partition.first, partition.second, partition.last)
    }

    #[test]
    fn nanotron_goes_on_above_a_share() {
        // 34.21 in all: a stage's share of 8 is 4.28, of 32 it is 1.07.
        let of_8 = partition("nanotron", 32, 8, 1);
        assert_eq!(of_8.parts, [5.0, 4.0, 4.0, 5.0, 4.0, 4.0, 4.0, 2.0]);
        assert_eq!((ends(&of_8), of_8.most), ((5.0, 4.0, 2.0), 5.0));
        assert_eq!(ends(&partition("nanotron", 32, 32, 1)), (2.0, 1.0, 0.0));
    }

    #[test]
    fn others_deal_out_evenly() {
        let even = partition("megatron", 32, 8, 1);
        assert_eq!((ends(&even), even.most), ((4.0, 4.0, 4.0), 4.0));
        assert_eq!(partition("megatron", 32, 8, 2).parts, [2.0; 16]);
    }

    #[test]
    fn embedding_and_head_take_the_place_of_layers_where_those_cannot_be_dealt_out() {
        // Llama 3 405B on eight stages of four parts each; BLOOM's 82 layers on twelve stages.
        let llama = partition("nemo", 126, 8, 4);
        assert_eq!((llama.parts[0], llama.parts[1], llama.parts[31]), (3.0, 4.0, 3.0));
        assert_eq!((ends(&llama), llama.most), ((15.0, 16.0, 15.0), 16.0));
        assert_eq!(ends(&partition("megatron-deepspeed", 82, 4, 1)), (20.0, 21.0, 20.0));
        assert_eq!(partition("megatron", 31, 8, 1).parts[6..], [4.0, 3.0]);
        // 61 layers of DeepSeek-V3 on 16 stages: 63 units, of which the last stage has three.
        let deepseek = partition("nemo", 61, 16, 1);
        assert_eq!((ends(&deepseek), deepseek.parts[14]), ((3.0, 4.0, 2.0), 4.0));
        for layers in 16..80 {
            for (pp, vpp) in [(2, 1), (8, 1), (16, 1), (4, 3), (8, 2)] {
                let parts = partition("megatron", layers, pp, vpp).parts;
                assert_eq!(parts.len() as u64, pp * vpp);
                assert!((parts.iter().sum::<f64>() - layers as f64).abs() < 1e-9, "{parts:?}");
                assert!(parts.iter().all(|layers| *layers >= 0.0), "{parts:?}");
            }
        }
    }
}
