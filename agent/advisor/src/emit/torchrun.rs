//! A command line of torchrun for a program that takes Lightning's Trainer arguments (`LightningCLI`).

use perfagent_predictor::Job;

use super::arrangement::{Arrangement, Offload, Precision, Recompute};
use super::{Emitted, Refused, left_to_the_program, only_data_parallel};

pub(super) fn emit(job: &Job, arrangement: &Arrangement) -> Result<Emitted, Refused> {
    only_data_parallel("Lightning's Trainer", arrangement)?;
    let Arrangement { nodes, gpus_per_node, .. } = *arrangement;
    let mut notes = Vec::new();
    let strategy = strategy(job, arrangement)?;
    let precision = match arrangement.precision {
        Precision::Fp32 => "32-true",
        Precision::Tf32 => {
            notes.push(
                "TF32 is switched on in the program: torch.set_float32_matmul_precision(\"high\")."
                    .to_owned(),
            );
            "32-true"
        }
        Precision::Bf16 => "bf16-mixed",
        Precision::Fp16 => "16-mixed",
        Precision::Fp8 => "transformer-engine",
        Precision::Mxfp8 | Precision::Nvfp4 => {
            return Err(Refused(
                "run.precision: Lightning's Trainer has no words for mxfp8 and nvfp4; choose fp8 or bf16, or use --emit megatron"
                    .to_owned(),
            ));
        }
    };
    let mut lines = vec![format!("torchrun --nnodes={nodes} --nproc-per-node={gpus_per_node}")];
    lines.push(if nodes > 1 {
        "--rdzv-backend=c10d --rdzv-endpoint=\"$HEAD_NODE:29500\"".to_owned()
    } else {
        "--standalone".to_owned()
    });
    lines.push("train.py fit".to_owned());
    lines.push("--trainer.accelerator=gpu".to_owned());
    lines.push(format!("--trainer.devices={gpus_per_node}"));
    lines.push(format!("--trainer.num_nodes={nodes}"));
    lines.push(format!("--trainer.strategy={strategy}"));
    lines.push(format!("--trainer.precision={precision}"));
    lines.push(format!("--trainer.accumulate_grad_batches={}", arrangement.accumulate));
    lines.push(format!("--data.batch_size={}", arrangement.micro_batch));
    notes.push(format!(
        "data.batch_size is what your LightningDataModule calls the sequences of a GPU and pass; a step has {}.",
        arrangement.global_batch
    ));
    if nodes > 1 {
        notes.push(
            "HEAD_NODE is the address of one machine; start the line on each of them.".to_owned(),
        );
    }
    match arrangement.recompute {
        Recompute::None => {}
        Recompute::Selective | Recompute::Full => notes.push(format!(
            "Recomputation ({}) has no Trainer argument: torch.utils.checkpoint in the model, or activation_checkpointing_policy \
             of FSDPStrategy.",
            if arrangement.recompute == Recompute::Full { "full" } else { "selective" }
        )),
    }
    if let Some(gradients) = job.run.grad_dtype.as_deref() {
        notes.push(format!(
            "What gradients are reduced in ({gradients}) is the strategy's, not the Trainer's."
        ));
    }
    notes.extend(left_to_the_program(job));
    Ok(Emitted { text: lines.join(" \\\n  ") + "\n", notes })
}

/// The name under which Lightning has registered the strategy.
fn strategy(job: &Job, arrangement: &Arrangement) -> Result<&'static str, Refused> {
    let is_fsdp = job.run.framework.as_deref() == Some("fsdp");
    match (arrangement.zero, arrangement.offload) {
        (0, Offload::None) => Ok("ddp"),
        (1, Offload::None) => Ok("deepspeed_stage_1"),
        (2, Offload::None) => Ok("deepspeed_stage_2"),
        (2, Offload::Optimizer) => Ok("deepspeed_stage_2_offload"),
        (3, Offload::None) => Ok(if is_fsdp { "fsdp" } else { "deepspeed_stage_3" }),
        (3, Offload::OptimizerAndParams) => {
            Ok(if is_fsdp { "fsdp_cpu_offload" } else { "deepspeed_stage_3_offload" })
        }
        (stage, _) => Err(Refused(format!(
            "run.offload: Lightning has no strategy for ZeRO {stage} with this offload; use --emit deepspeed and \
             DeepSpeedStrategy(config=…)"
        ))),
    }
}
