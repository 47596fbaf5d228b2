//! Networks for images: what can be worked out by hand, what must hold of all, and what is refused.

use perfagent_predictor::Job;
use perfagent_predictor::plan::{Observed, Wishes, plan};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::jobs::{answer, check, formulas, job, part, predictor, states};

/// ResNet-50 on eight A100 of one machine, every field stated.
fn line() -> Value {
    json!({
        "cluster": {"gpu": "A100-80GB", "gpus_per_node": 8, "nodes": 1},
        "model": {"arch": "resnet50", "hidden": 64, "vocab": 1000, "image_size": 224},
        "run": {"framework": "pytorch", "global_batch": 2048, "micro_batch": 256, "grad_accum": 1, "dp": 8, "zero": 0,
            "precision": "fp16", "optimizer": "sgd", "recompute": "none", "channels_last": true}
    })
}

fn resnet(changes: &[(&str, Value)]) -> Job {
    let mut line = line();
    for (path, value) in changes {
        let (room, field) = path.split_once('.').unwrap();
        line[room][field] = value.clone();
    }
    job(line)
}

fn near(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() < 1e-9, "{value} is not {expected}");
}

/// Numbers that one image of ResNet-50 keeps when backward enters the last block, the fullest moment: two of each convolution's
/// output but one of a shortcut's, 2 · 11,113,984 - 1,505,280, and what pooling leaves, 200,704.
const KEPT: f64 = 2.0 * 11_113_984.0 - 1_505_280.0 + 200_704.0;

#[test]
fn activations_are_those_that_autograd_keeps() {
    let parts = answer(&resnet(&[])).memory_breakdown.unwrap();
    near(part(&parts, "activations_bytes"), 256.0 * (2.0 * KEPT + 8.0 * 200_704.0));
    near(part(&parts, "input_bytes"), 256.0 * 6.0 * 150_528.0);
    let single = resnet(&[("run.precision", json!("fp32"))]);
    let parts = answer(&single).memory_breakdown.unwrap();
    near(part(&parts, "activations_bytes"), 256.0 * (4.0 * KEPT + 8.0 * 200_704.0));
}

#[test]
fn bytes_a_parameter_are_those_of_fp32_states_and_a_cast() {
    let bytes = |changes: &[(&str, Value)]| states(&resnet(changes)) / 25_557_032.0;
    let single = ("run.precision", json!("fp32"));
    near(bytes(std::slice::from_ref(&single)), 12.0);
    near(bytes(&[single.clone(), ("run.optimizer", json!("adamw"))]), 16.0);
    near(bytes(&[]), 14.0);
    near(bytes(&[single.clone(), ("run.zero", json!(1))]), 8.0 + 4.0 / 8.0);
    near(bytes(&[single.clone(), ("run.zero", json!(2))]), 4.0 + 8.0 / 8.0);
    near(bytes(&[single.clone(), ("run.zero", json!(3))]), 12.0 / 8.0);
    near(bytes(&[single, ("run.offload", json!("optimizer"))]), 8.0);
}

#[test]
fn products_take_no_less_than_their_multiply_adds_and_norms_than_their_bytes() {
    let parts = answer(&resnet(&[])).time_breakdown.unwrap();
    // Six operations a multiply-add and image, but for the gradient of the image.
    let operations = 256.0 * (6.0 * 4_089_184_256.0 - 2.0 * 118_013_952.0);
    let least = operations / 312e12;
    let taken = part(&parts, "convolutions_s");
    assert!(taken > least / 0.8 && taken < 3.0 * least, "{taken} and {least}");
    // Norms: eight times all outputs. Activations: five times all but the shortcuts', sums six times the blocks' outputs,
    // pooling twice what it reads and writes.
    let numbers = 8.0 * 11_113_984.0
        + 5.0 * (11_113_984.0 - 1_505_280.0)
        + 6.0 * 5_519_360.0
        + 2.0 * (802_816.0 + 200_704.0);
    near(part(&parts, "norms_and_activations_s"), 256.0 * 2.0 * numbers / (2.039e12 * 0.79));
    assert!(part(&parts, "layout_s") <= 0.0);
}

#[test]
fn channels_apart_cost_tensor_cores_their_transposes_and_ordinary_cores_nothing() {
    let step = |precision: &str, channels_last: bool| {
        let changes =
            [("run.precision", json!(precision)), ("run.channels_last", json!(channels_last))];
        answer(&resnet(&changes)).step_s.unwrap().p50
    };
    assert!(step("fp16", false) > 1.2 * step("fp16", true));
    assert!(step("tf32", false) > 1.2 * step("tf32", true));
    near(step("fp32", false), step("fp32", true));
}

#[test]
fn images_a_second_are_those_of_the_step() {
    let prediction = answer(&resnet(&[("model.seq", json!(4096))]));
    near(prediction.tokens_per_s.unwrap().p50, 2048.0 / prediction.step_s.unwrap().p50);
}

#[test]
fn a_small_batch_waits_for_the_host() {
    let job = resnet(&[("run.micro_batch", json!(1)), ("run.global_batch", json!(8))]);
    let prediction = answer(&job);
    assert!(
        part(&prediction.time_breakdown.unwrap(), "host_bound_s")
            > 0.3 * prediction.step_s.unwrap().p50
    );
    assert!(prediction.assumed.iter().any(|what| what.contains("waits for the host")));
    let captured = resnet(&[
        ("run.micro_batch", json!(1)),
        ("run.global_batch", json!(8)),
        ("run.cuda_graphs", json!(true)),
    ]);
    assert!(answer(&captured).step_s.unwrap().p50 < 0.5 * prediction.step_s.unwrap().p50);
}

#[test]
fn what_is_not_stated_of_images_is_told() {
    let job = job(json!({"cluster": {"gpu": "A100-80GB"}, "model": {"arch": "resnet50"},
        "run": {"micro_batch": 256}}));
    insta::assert_snapshot!(answer(&job).assumed.join("\n"));
}

#[test]
fn what_makes_no_sense_with_images_is_refused_by_the_field_that_is_to_blame() {
    let cases = [
        ("model.arch", json!("resnet51")),
        ("model.arch", json!("resnext50_32x4d")),
        ("model.image_size", json!(16)),
        ("model.image_size", json!(0)),
        ("model.image_size", json!(8192)),
        ("model.hidden", json!(1_000_000)),
        ("run.recompute", json!("selective")),
        ("run.precision", json!("fp8")),
        ("run.ep", json!(2)),
        ("run.vpp", json!(2)),
    ];
    let refusal = |changes: &[(&str, Value)]| {
        let mut changes = changes.to_vec();
        changes.push(("cluster.gpu", json!("H100-80GB")));
        let prediction = predictor().predict(&resnet(&changes));
        prediction.refused.unwrap_or_else(|| format!("not refused: {changes:?}"))
    };
    let mut text: Vec<String> = cases
        .into_iter()
        .map(|(path, value)| format!("{path}={value}: {}", refusal(&[(path, value.clone())])))
        .collect();
    for degree in ["run.tp", "run.pp", "run.cp"] {
        let changes = [(degree, json!(2)), ("run.dp", json!(4)), ("run.global_batch", json!(1024))];
        text.push(format!("{degree}=2: {}", refusal(&changes)));
    }
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn a_plan_of_images_changes_what_means_something_to_them() {
    let job = resnet(&[
        ("run.micro_batch", json!(32)),
        ("run.grad_accum", json!(8)),
        ("run.precision", json!("tf32")),
        ("run.channels_last", json!(false)),
    ]);
    let wishes = Wishes { gpus: None, nodes: None, memory_limit: None, most_oom: 0.05 };
    let plan = plan(predictor(), &job, Observed::default(), &wishes).unwrap();
    let changes: Vec<String> = plan
        .suggestions
        .iter()
        .map(|suggestion| {
            let changes = suggestion.changes.iter();
            let changes: Vec<String> = changes
                .map(|change| format!("{} {} → {}", change.field, change.from, change.to))
                .collect();
            format!("{:+.0} %: {}", suggestion.tokens_per_s_change_pct.p50, changes.join(", "))
        })
        .collect();
    let runs = plan.suggestions.iter().map(|suggestion| &suggestion.job.run);
    for run in runs.chain(plan.front.iter().map(|point| &point.run)) {
        assert_eq!((run.tp, run.pp, run.cp), (Some(1), Some(1), Some(1)));
        assert_eq!(run.micro_batch.unwrap() * run.grad_accum.unwrap() * 8, 2048);
        assert_ne!(run.recompute.as_deref(), Some("selective"));
        assert_ne!(run.precision.as_deref(), Some("fp8"));
    }
    insta::assert_snapshot!(changes.join("\n"));
}

fn jobs() -> impl Strategy<Value = Job> {
    (
        prop::sample::select(vec!["V100-32GB", "T4", "A100-80GB", "H100-80GB", "B200"]),
        prop::sample::select(vec!["resnet14", "resnet18", "resnet34", "resnet50", "resnet152"]),
        prop::sample::select(vec![32_u64, 64, 176, 224, 299, 448]),
        prop::sample::select(vec![16_u64, 64, 128]),
        prop::sample::select(vec!["fp32", "fp16", "bf16"]),
        (0_u64..4, 1_u64..4, 1_u64..33, prop::sample::select(vec![1_u64, 2, 8])),
        (any::<bool>(), any::<bool>(), any::<bool>()),
    )
        .prop_map(|(gpu, arch, side, width, precision, (zero, passes, micro, dp), switches)| {
            let (channels_last, full, adam) = switches;
            job(json!({
                "cluster": {"gpu": gpu, "gpus_per_node": dp, "nodes": 1},
                "model": {"arch": arch, "hidden": width, "vocab": 1000, "image_size": side},
                "run": {"framework": "pytorch", "global_batch": dp * passes * micro, "micro_batch": micro, "grad_accum": passes,
                    "dp": dp, "zero": zero, "precision": precision, "optimizer": if adam { "adamw" } else { "sgd" },
                    "recompute": if full { "full" } else { "none" }, "channels_last": channels_last}
            }))
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_possible_network_is_answered_with_finite_figures_that_add_up(job in jobs()) {
        check(&job, &answer(&job));
    }

    #[test]
    fn memory_and_time_grow_with_the_images_of_a_pass(job in jobs()) {
        let (mut memory, mut time) = (0.0, 0.0);
        for micro in [1, 2, 8, 64] {
            let mut job = job.clone();
            job.run.micro_batch = Some(micro);
            job.run.global_batch = Some(micro * job.run.grad_accum.unwrap() * job.run.dp.unwrap());
            let prediction = answer(&job);
            let peak = formulas(&prediction.memory_breakdown.unwrap());
            let step = prediction.step_s.unwrap().p50;
            prop_assert!(peak >= memory && step >= time * (1.0 - 1e-12), "{micro}: {peak} after {memory}, {step} after {time}");
            (memory, time) = (peak, step);
        }
    }

    #[test]
    fn recomputation_takes_time_and_no_memory(job in jobs()) {
        let of = |recompute: &str| {
            let mut job = job.clone();
            job.run.recompute = Some(recompute.to_owned());
            let prediction = answer(&job);
            (prediction.peak_mem_bytes.unwrap().p50, prediction.step_s.unwrap().p50)
        };
        let (none, full) = (of("none"), of("full"));
        prop_assert!(full.0 <= none.0 && full.1 > none.1, "{none:?} and {full:?}");
    }

    #[test]
    fn no_zero_stage_needs_more_memory_than_the_one_before(job in jobs()) {
        let mut last = f64::INFINITY;
        for zero in 0..4 {
            let mut job = job.clone();
            job.run.zero = Some(zero);
            let peak = answer(&job).peak_mem_bytes.unwrap().p50;
            prop_assert!(peak <= last, "ZeRO {zero}: {peak} after {last}");
            last = peak;
        }
    }
}
