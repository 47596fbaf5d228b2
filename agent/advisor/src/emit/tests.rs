//! Whole outputs of all formats, refusals, and the arithmetic of batches.

use perfagent_predictor::{Cluster, Job, Model, Run};
use proptest::prelude::*;
use serde_json::Value;

use super::{EmitFormat, Emitted, emit};

type Change<T> = fn(&mut T);
type Case<T> = (EmitFormat, &'static str, Change<T>);

fn llama_8b() -> Job {
    Job {
        id: None,
        cluster: Cluster {
            gpu: Some("H100-80GB".to_owned()),
            gpus_per_node: Some(8),
            nodes: Some(2),
            interconnect: None,
        },
        model: Model {
            arch: Some("llama".to_owned()),
            layers: Some(32),
            hidden: Some(4096),
            ffn: Some(14_336),
            gated_mlp: Some(true),
            heads: Some(32),
            kv_heads: Some(8),
            vocab: Some(128_256),
            tied_embeddings: Some(false),
            seq: Some(8192),
            ..Model::default()
        },
        run: Run {
            global_batch: Some(128),
            micro_batch: Some(2),
            zero: Some(3),
            precision: Some("bf16".to_owned()),
            grad_dtype: Some("fp32".to_owned()),
            optimizer: Some("adamw".to_owned()),
            recompute: Some("full".to_owned()),
            flash_attention: Some(true),
            ..Run::default()
        },
    }
}

fn with(change: impl FnOnce(&mut Job)) -> Job {
    let mut job = llama_8b();
    change(&mut job);
    job
}

fn shown(Emitted { text, notes }: &Emitted) -> String {
    format!("{text}\n{}\n", notes.join("\n"))
}

fn refusal(format: EmitFormat, job: &Job) -> String {
    let refused = emit(format, job).unwrap_err().to_string();
    assert!(!refused.contains('\n') && refused.contains("; "), "one line with a remedy: {refused}");
    refused
}

#[test]
fn a_llama_on_two_machines_in_every_format() {
    for format in EmitFormat::ALL {
        let emitted = emit(format, &llama_8b()).unwrap();
        insta::assert_snapshot!(format.name(), shown(&emitted));
    }
}

#[test]
fn megatron_is_told_every_degree() {
    let job = with(|job| {
        let run = &mut job.run;
        (run.tp, run.pp, run.vpp, run.sequence_parallel) = (Some(2), Some(4), Some(2), Some(true));
        (run.zero, run.offload) = (Some(1), Some("optimizer".to_owned()));
        (run.recompute, run.precision) = (Some("selective".to_owned()), Some("fp8".to_owned()));
    });
    insta::assert_snapshot!("megatron_degrees", shown(&emit(EmitFormat::Megatron, &job).unwrap()));
    let experts = with(|job| {
        job.model.arch = Some("moe".to_owned());
        (job.model.experts, job.model.top_k) = (Some(8), Some(2));
        (job.run.ep, job.run.cp, job.run.precision) = (Some(4), Some(2), Some("mxfp8".to_owned()));
    });
    insta::assert_snapshot!(
        "megatron_experts",
        shown(&emit(EmitFormat::Megatron, &experts).unwrap())
    );
}

#[test]
fn graphs_are_megatrons_argument_and_a_fused_loss_is_the_programs() {
    let job = with(|job| {
        (job.run.zero, job.run.recompute) = (Some(1), None);
        (job.run.fused_loss, job.run.cuda_graphs) = (Some(true), Some(true));
    });
    let plain = with(|job| (job.run.zero, job.run.recompute) = (Some(1), None));
    let [with, without] = [&job, &plain].map(|job| emit(EmitFormat::Megatron, job).unwrap());
    assert_eq!(
        with.text.lines().filter(|line| !without.text.contains(*line)).collect::<Vec<_>>(),
        ["--cuda-graph-impl local \\"]
    );
    assert!(with.notes.iter().any(|note| note.contains("keeps the logits")), "{:?}", with.notes);
    for format in [EmitFormat::DeepSpeed, EmitFormat::Torchrun] {
        let [with, without] = [&job, &plain].map(|job| emit(format, job).unwrap());
        assert_eq!(with.text, without.text);
        assert_eq!(with.notes.len(), without.notes.len() + 2);
    }
}

#[test]
fn deepspeed_offloads_in_fp16() {
    let job = with(|job| {
        (job.run.zero, job.run.precision) = (Some(2), Some("fp16".to_owned()));
        (job.run.grad_dtype, job.run.recompute) = (None, None);
        job.run.offload = Some("optimizer".to_owned());
    });
    insta::assert_snapshot!(
        "deepspeed_offload",
        shown(&emit(EmitFormat::DeepSpeed, &job).unwrap())
    );
    insta::assert_snapshot!("torchrun_offload", shown(&emit(EmitFormat::Torchrun, &job).unwrap()));
}

#[test]
fn what_a_tool_cannot_be_told_is_said() {
    let tensor = with(|job| job.run.tp = Some(2));
    for format in [EmitFormat::DeepSpeed, EmitFormat::Fsdp, EmitFormat::Torchrun] {
        assert!(refusal(format, &tensor).contains("tensor parallel 2"));
    }
    let cases: [Case<Run>; 9] = [
        (EmitFormat::Fsdp, "run.zero: FSDP", |run| run.zero = Some(1)),
        (EmitFormat::Fsdp, "run.offload: FSDP", |run| run.offload = Some("optimizer".into())),
        (EmitFormat::DeepSpeed, "run.offload: DeepSpeed", |run| {
            (run.zero, run.offload) = (Some(0), Some("optimizer".into()));
        }),
        (EmitFormat::DeepSpeed, "run.recompute", |run| run.recompute = Some("selective".into())),
        (EmitFormat::Megatron, "run.offload: Megatron-LM", |run| {
            run.offload = Some("optimizer+params".into());
        }),
        (EmitFormat::Megatron, "run.vpp", |run| (run.pp, run.vpp) = (Some(4), Some(3))),
        (EmitFormat::Megatron, "run.ep", |run| run.ep = Some(2)),
        (EmitFormat::Torchrun, "run.precision", |run| run.precision = Some("nvfp4".into())),
        (EmitFormat::DeepSpeed, "run.precision: int8", |run| run.precision = Some("int8".into())),
    ];
    for (format, begin, change) in cases {
        let refused = refusal(format, &with(|job| change(&mut job.run)));
        assert!(refused.starts_with(begin), "{refused}");
    }
}

#[test]
fn numbers_that_do_not_go_together_are_refused() {
    let cases: [(&str, Change<Job>); 7] = [
        ("run: micro_batch 2 × grad_accum 3", |job| job.run.grad_accum = Some(3)),
        ("run.global_batch: 127", |job| job.run.global_batch = Some(127)),
        ("dp 4 × tp 1", |job| job.run.dp = Some(4)),
        ("tp 3 × pp 1", |job| job.run.tp = Some(3)),
        ("run.micro_batch: is not stated", |job| job.run.micro_batch = None),
        ("the job names neither", |job| job.cluster.gpus_per_node = None),
        ("run.tp: is 0", |job| job.run.tp = Some(0)),
    ];
    for (begin, change) in cases {
        let refused = refusal(EmitFormat::Megatron, &with(change));
        assert!(refused.starts_with(begin), "{refused}");
    }
    let huge = with(|job| job.run.micro_batch = Some(u64::MAX));
    assert!(refusal(EmitFormat::DeepSpeed, &huge).contains("too large"));
}

proptest! {
    /// Whatever is stated, the JSON multiplies out, or the job is refused.
    #[test]
    fn deepspeed_multiplies_out(
        nodes in 1_u64..9, gpus in 1_u64..9, micro in proptest::option::of(1_u64..17),
        accumulate in proptest::option::of(1_u64..9), global in proptest::option::of(1_u64..2049), zero in 0_u64..4,
    ) {
        let job = with(|job| {
            (job.cluster.nodes, job.cluster.gpus_per_node) = (Some(nodes), Some(gpus));
            (job.run.micro_batch, job.run.grad_accum) = (micro, accumulate);
            (job.run.global_batch, job.run.zero) = (global, Some(zero));
        });
        let Ok(Emitted { text, .. }) = emit(EmitFormat::DeepSpeed, &job) else {
            // Only where a number is missing or does not divide.
            let known = micro.is_some() || (accumulate.is_some() && global.is_some());
            let divisor = micro.unwrap_or(1) * accumulate.unwrap_or(1) * nodes * gpus;
            let product = micro.zip(accumulate).is_some() && global != Some(divisor);
            prop_assert!(!known || global.is_some_and(|global| product || global % divisor != 0));
            return Ok(());
        };
        let document: Value = serde_json::from_str(&text).unwrap();
        let number = |name: &str| document[name].as_u64().unwrap();
        prop_assert_eq!(
            number("train_batch_size"),
            number("train_micro_batch_size_per_gpu") * number("gradient_accumulation_steps") * nodes * gpus
        );
        prop_assert_eq!(global.unwrap_or(number("train_batch_size")), number("train_batch_size"));
        prop_assert_eq!(document["zero_optimization"]["stage"].as_u64(), Some(zero));
        let on = |name: &str| document[name]["enabled"] == true;
        prop_assert!(!(on("bf16") && on("fp16")));
    }
}
