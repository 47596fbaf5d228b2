//! A configuration file of Hugging Face Accelerate for PyTorch's fully sharded data parallel (FSDP2).

use std::fmt::Write as _;

use perfagent_predictor::Job;

use super::arrangement::{Arrangement, Offload, Precision, Recompute};
use super::{Emitted, Refused, left_to_the_program, only_data_parallel};

pub(super) fn emit(job: &Job, arrangement: &Arrangement) -> Result<Emitted, Refused> {
    only_data_parallel("FSDP", arrangement)?;
    let reshard = match arrangement.zero {
        3 => true,
        2 => false,
        stage => {
            return Err(Refused(format!(
                "run.zero: FSDP shards weights, gradients and optimizer (3) or the last two (2), not stage {stage}; choose one \
                 of these, or use --emit deepspeed or torchrun"
            )));
        }
    };
    let offload = match arrangement.offload {
        Offload::None => false,
        Offload::OptimizerAndParams => true,
        Offload::Optimizer => {
            return Err(Refused(
                "run.offload: FSDP moves weights, gradients and optimizer to the host together; choose optimizer+params or \
                 none, or use --emit deepspeed"
                    .to_owned(),
            ));
        }
    };
    let mut notes = Vec::new();
    let mut text = String::new();
    let Arrangement { micro_batch, accumulate, global_batch, dp, .. } = *arrangement;
    let mut line = |line: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line(format!(
        "# {micro_batch} sequences a GPU × {accumulate} passes × {dp} GPUs = {global_batch} a step"
    ));
    line("compute_environment: LOCAL_MACHINE".to_owned());
    line("distributed_type: FSDP".to_owned());
    line("fsdp_config:".to_owned());
    line("  fsdp_version: 2".to_owned());
    line(format!("  fsdp_reshard_after_forward: {reshard}"));
    line("  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP".to_owned());
    match block(job.model.arch.as_deref()) {
        Some(class) => line(format!("  fsdp_transformer_layer_cls_to_wrap: {class}")),
        None => notes.push(
            "The class of a block is not known: name it as fsdp_transformer_layer_cls_to_wrap unless the model does."
                .to_owned(),
        ),
    }
    let full = arrangement.recompute == Recompute::Full;
    line(format!("  fsdp_activation_checkpointing: {full}"));
    line(format!("  fsdp_offload_params: {offload}"));
    line("  fsdp_cpu_ram_efficient_loading: true".to_owned());
    line("  fsdp_state_dict_type: SHARDED_STATE_DICT".to_owned());
    let precision = match arrangement.precision {
        Precision::Fp32 | Precision::Tf32 => "'no'",
        Precision::Bf16 => "bf16",
        Precision::Fp16 => "fp16",
        Precision::Fp8 => "fp8",
        Precision::Mxfp8 | Precision::Nvfp4 => {
            return Err(Refused(
                "run.precision: Accelerate's file has no words for mxfp8 and nvfp4; choose fp8 or bf16, or use --emit megatron"
                    .to_owned(),
            ));
        }
    };
    line(format!("mixed_precision: {precision}"));
    if arrangement.precision == Precision::Fp8 {
        line("fp8_config:".to_owned());
        line("  backend: TE".to_owned());
        line("  fp8_format: HYBRID".to_owned());
    }
    line("machine_rank: 0".to_owned());
    line(format!("num_machines: {}", arrangement.nodes));
    line(format!("num_processes: {}", arrangement.gpus()));
    line("use_cpu: false".to_owned());
    notes.push(format!(
        "The batch is the program's: a loader of {micro_batch} sequences a GPU and \
         Accelerator(gradient_accumulation_steps={accumulate})."
    ));
    if arrangement.nodes > 1 {
        notes.push(
            "On every machine machine_rank must be its own number; give main_process_ip and main_process_port too.".to_owned(),
        );
    }
    if arrangement.precision == Precision::Tf32 {
        notes.push(
            "TF32 is switched on in the program: torch.set_float32_matmul_precision(\"high\")."
                .to_owned(),
        );
    }
    if arrangement.recompute == Recompute::Selective {
        notes.push(
            "FSDP recomputes whole blocks or nothing: selective recomputation is left to attention that keeps no scores."
                .to_owned(),
        );
    }
    if let Some(gradients) = job.run.grad_dtype.as_deref() {
        notes.push(format!(
            "What gradients are reduced in ({gradients}) is MixedPrecisionPolicy(reduce_dtype=…) of the program."
        ));
    }
    notes.extend(left_to_the_program(job));
    Ok(Emitted { text, notes })
}

/// What a block of a model is called in Hugging Face's Transformers.
fn block(arch: Option<&str>) -> Option<&'static str> {
    match arch? {
        "llama" => Some("LlamaDecoderLayer"),
        "gpt" => Some("GPT2Block"),
        "mpt" => Some("MptBlock"),
        _ => None,
    }
}
