//! How layers are dealt out to the stages of a pipeline.

use crate::framework::Framework;
use crate::setup::Setup;

/// Layers of the stages that can be the fullest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Partition {
    pub first: f64,
    pub second: f64,
    pub last: f64,
    /// Of the stage that has most.
    pub most: f64,
}

/// The layers of `setup`'s stages, of which there is more than one.
///
/// Nanotron goes through layers and head by what they compute and moves on to the next stage once their sum is above that
/// stage's share: the first stages hold more than an even share, the last less. Others deal out evenly.
pub(crate) fn of(setup: &Setup) -> Partition {
    let shape = &setup.shape;
    let (layers, stages) = (shape.layers, setup.pp);
    let even = layers / stages;
    if setup.framework != Framework::Nanotron || shape.experts.is_some() {
        return Partition { first: even, second: even, last: even, most: even.ceil() };
    }
    let matrices = shape.dense_params / layers;
    let head = shape.vocab * shape.hidden / matrices;
    let part = (layers + head) / stages;
    // Layers up to and with the one whose sum is above the shares of `count` stages.
    let up_to = |count: f64| ((count * part).floor() + 1.0).min(layers);
    let first = up_to(1.0);
    let second = up_to(2.0) - first;
    let last = layers - up_to(stages - 1.0);
    Partition { first, second, last, most: part.floor().max(first).max(second) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;
    use crate::job::Job;
    use crate::setup::Setup;

    /// 8.9 billion parameters in 32 layers, whose head weighs as much as 2.21 of them.
    fn layers(framework: &str, pp: u64) -> (f64, f64, f64) {
        let job: Job = serde_json::from_value(json!({
            "cluster": {"gpu": "H100", "gpus_per_node": 8, "nodes": pp.div_ceil(8)},
            "model": {"arch": "llama", "layers": 32, "hidden": 4096, "ffn": 14336, "gated_mlp": true, "heads": 32,
                "kv_heads": 32, "vocab": 131_072, "seq": 4096},
            "run": {"framework": framework, "micro_batch": 1, "grad_accum": 64, "pp": pp}}))
        .unwrap();
        let partition = of(&Setup::of(&job).unwrap());
        (partition.first, partition.second, partition.last)
    }

    #[test]
    fn nanotron_goes_on_above_a_share() {
        // 34.21 in all: a stage's share of 8 is 4.28, of 32 it is 1.07.
        assert_eq!(layers("nanotron", 8), (5.0, 4.0, 2.0));
        assert_eq!(layers("nanotron", 32), (2.0, 1.0, 0.0));
    }

    #[test]
    fn others_deal_out_evenly() {
        assert_eq!(layers("megatron", 8), (4.0, 4.0, 4.0));
    }
}
