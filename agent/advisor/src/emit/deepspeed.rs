//! The configuration file of `DeepSpeed`.

use perfagent_predictor::Job;
use serde_json::{Map, Value, json};

use super::arrangement::{Arrangement, Offload, Precision, Recompute};
use super::{Emitted, Refused, left_to_the_program, only_data_parallel};

/// Elements of a bucket of gradients or weights: beyond it the links are saturated, and buckets take memory.
const BUCKET: u64 = 200_000_000;

pub(super) fn emit(job: &Job, arrangement: &Arrangement) -> Result<Emitted, Refused> {
    only_data_parallel("a DeepSpeed configuration", arrangement)?;
    let mut notes = Vec::new();
    let mut document = Map::new();
    document.insert("train_batch_size".into(), arrangement.global_batch.into());
    document.insert("train_micro_batch_size_per_gpu".into(), arrangement.micro_batch.into());
    document.insert("gradient_accumulation_steps".into(), arrangement.accumulate.into());
    precision(arrangement.precision, &mut document, &mut notes);
    if let Some(gradients) = job.run.grad_dtype.as_deref() {
        match gradients {
            "fp32" | "bf16" | "fp16" => {
                document.insert("data_types".into(), json!({ "grad_accum_dtype": gradients }));
            }
            other => {
                return Err(Refused(format!(
                    "run.grad_dtype: DeepSpeed accumulates gradients in fp32, bf16 or fp16, not {other}; choose one of them"
                )));
            }
        }
    }
    document.insert("zero_optimization".into(), zero(job, arrangement, &mut notes)?);
    recompute(arrangement.recompute, &mut document, &mut notes)?;
    notes.extend(left_to_the_program(job));
    notes.push(
        "Gradient clipping is not part of the job: add \"gradient_clipping\" if your recipe clips."
            .to_owned(),
    );
    let text = serde_json::to_string_pretty(&Value::Object(document))
        .map_err(|error| Refused(format!("the configuration is no JSON: {error}")))?;
    Ok(Emitted { text: text + "\n", notes })
}

fn precision(precision: Precision, document: &mut Map<String, Value>, notes: &mut Vec<String>) {
    match precision {
        Precision::Fp16 => {
            // A loss scale of 0 is a dynamic one.
            document.insert(
                "fp16".into(),
                json!({
                    "enabled": true,
                    "loss_scale": 0,
                    "initial_scale_power": 16,
                    "loss_scale_window": 1000,
                    "hysteresis": 2,
                    "min_loss_scale": 1
                }),
            );
            return;
        }
        Precision::Fp32 | Precision::Tf32 => {
            document.insert("bf16".into(), json!({ "enabled": false }));
            document.insert("fp16".into(), json!({ "enabled": false }));
            if precision == Precision::Tf32 {
                notes.push(
                    "TF32 is switched on in the program: torch.set_float32_matmul_precision(\"high\").".to_owned(),
                );
            }
            return;
        }
        Precision::Bf16 => {}
        Precision::Fp8 | Precision::Mxfp8 | Precision::Nvfp4 => notes.push(
            "Products in 8 or 4 bits come from Transformer Engine's modules in the model; this file says bf16 for the rest."
                .to_owned(),
        ),
    }
    document.insert("bf16".into(), json!({ "enabled": true }));
}

fn zero(job: &Job, arrangement: &Arrangement, notes: &mut Vec<String>) -> Result<Value, Refused> {
    let stage = arrangement.zero;
    let mut zero = Map::new();
    zero.insert("stage".into(), stage.into());
    match (arrangement.offload, stage) {
        (Offload::None, _) | (Offload::Optimizer, 1..) | (Offload::OptimizerAndParams, 3) => {}
        (Offload::Optimizer, _) => {
            return Err(Refused(
                "run.offload: DeepSpeed offloads the optimizer with ZeRO 1, 2 or 3, not 0; choose zero ≥ 1".to_owned(),
            ));
        }
        (Offload::OptimizerAndParams, _) => {
            return Err(Refused(format!(
                "run.offload: DeepSpeed offloads weights with ZeRO 3 alone, not {stage}; choose zero 3 or offload optimizer"
            )));
        }
    }
    if stage == 0 {
        return Ok(Value::Object(zero));
    }
    zero.insert("overlap_comm".into(), true.into());
    zero.insert("contiguous_gradients".into(), true.into());
    if stage == 3 {
        // The sizes by width that Hugging Face's integration takes for "auto".
        let hidden = job.model.hidden.unwrap_or(4096).min(1 << 20);
        if job.model.hidden.is_none() {
            notes.push(
                "Bucket sizes are for a width of 4096, as the job does not state its own."
                    .to_owned(),
            );
        }
        zero.insert("reduce_bucket_size".into(), (hidden * hidden).into());
        zero.insert("stage3_prefetch_bucket_size".into(), (hidden * hidden * 9 / 10).into());
        zero.insert("stage3_param_persistence_threshold".into(), (10 * hidden).into());
        zero.insert("stage3_max_live_parameters".into(), 1_000_000_000_u64.into());
        zero.insert("stage3_max_reuse_distance".into(), 1_000_000_000_u64.into());
        zero.insert("stage3_gather_16bit_weights_on_model_save".into(), true.into());
    } else {
        zero.insert("reduce_scatter".into(), true.into());
        zero.insert("reduce_bucket_size".into(), BUCKET.into());
        zero.insert("allgather_partitions".into(), true.into());
        zero.insert("allgather_bucket_size".into(), BUCKET.into());
    }
    let host = || json!({ "device": "cpu", "pin_memory": true });
    if arrangement.offload != Offload::None {
        zero.insert("offload_optimizer".into(), host());
        notes.push(
            "With the optimizer on the host DeepSpeed wants its own: deepspeed.ops.adam.DeepSpeedCPUAdam.".to_owned(),
        );
    }
    if arrangement.offload == Offload::OptimizerAndParams {
        zero.insert("offload_param".into(), host());
    }
    Ok(Value::Object(zero))
}

fn recompute(
    recompute: Recompute,
    document: &mut Map<String, Value>,
    notes: &mut Vec<String>,
) -> Result<(), Refused> {
    match recompute {
        Recompute::None => {}
        Recompute::Selective => {
            return Err(Refused(
                "run.recompute: DeepSpeed's configuration cannot say what of a block is computed again; choose none or full, \
                 or use --emit megatron"
                    .to_owned(),
            ));
        }
        Recompute::Full => {
            document.insert(
                "activation_checkpointing".into(),
                json!({
                    "partition_activations": false,
                    "cpu_checkpointing": false,
                    "contiguous_memory_optimization": false,
                    "synchronize_checkpoint_boundary": false,
                    "profile": false
                }),
            );
            notes.push(
                "The file configures activation checkpointing; the model must ask for it, by deepspeed.checkpointing.checkpoint \
                 or gradient_checkpointing_enable()."
                    .to_owned(),
            );
        }
    }
    Ok(())
}
