//! Arguments of Megatron-LM.

use perfagent_predictor::{Job, Model};

use super::arrangement::{Arrangement, Offload, Precision, Recompute};
use super::{Emitted, Refused};

/// Arguments, and what they leave to the reader.
#[derive(Default)]
struct Arguments {
    lines: Vec<String>,
    notes: Vec<String>,
}

impl Arguments {
    fn flag(&mut self, name: &str) {
        self.lines.push(format!("--{name}"));
    }

    fn value(&mut self, name: &str, value: impl std::fmt::Display) {
        self.lines.push(format!("--{name} {value}"));
    }

    fn known(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.value(name, value);
        }
    }

    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }
}

pub(super) fn emit(job: &Job, arrangement: &Arrangement) -> Result<Emitted, Refused> {
    if job.model.is_of_images() {
        return Err(Refused(
            "model.arch: Megatron-LM trains transformers, not networks for images; use --emit torchrun".to_owned(),
        ));
    }
    let mut arguments = Arguments::default();
    model(&job.model, &mut arguments);
    degrees(job, arrangement, &mut arguments)?;
    arguments.value("micro-batch-size", arrangement.micro_batch);
    arguments.value("global-batch-size", arrangement.global_batch);
    precision(job, arrangement.precision, &mut arguments)?;
    sharding(arrangement, &mut arguments)?;
    match arrangement.recompute {
        Recompute::None => {}
        Recompute::Selective => arguments.value("recompute-granularity", "selective"),
        Recompute::Full => {
            arguments.value("recompute-granularity", "full");
            arguments.value("recompute-method", "uniform");
            arguments.value("recompute-num-layers", 1);
        }
    }
    match job.run.flash_attention {
        Some(true) => arguments.value("attention-backend", "flash"),
        Some(false) => arguments.value("attention-backend", "unfused"),
        None => {}
    }
    if job.run.cuda_graphs == Some(true) {
        arguments.value("cuda-graph-impl", "local");
    }
    if job.run.fused_loss == Some(true) {
        arguments.note(
            "Megatron-LM's --cross-entropy-loss-fusion fuses the loss alone and keeps the logits: a loss without them is left out.",
        );
    }
    match job.run.optimizer.as_deref() {
        None => {}
        Some("adam" | "adamw") => arguments.value("optimizer", "adam"),
        Some("sgd") => arguments.value("optimizer", "sgd"),
        Some(other) => arguments.notes.push(format!(
            "The optimizer {other} is not named by these arguments: give Megatron-LM's own word for it."
        )),
    }
    arguments.notes.push(format!(
        "Start them with torchrun --nnodes={} --nproc-per-node={} pretrain_gpt.py, with data, tokenizer and learning rate of \
         your own.",
        arrangement.nodes, arrangement.gpus_per_node
    ));
    let text = arguments.lines.join(" \\\n") + "\n";
    Ok(Emitted { text, notes: arguments.notes })
}

fn model(model: &Model, arguments: &mut Arguments) {
    arguments.known("num-layers", model.layers);
    arguments.known("hidden-size", model.hidden);
    arguments.known("ffn-hidden-size", model.ffn);
    arguments.known("num-attention-heads", model.heads);
    if let Some(kv_heads) = model.kv_heads.filter(|kv_heads| Some(*kv_heads) != model.heads) {
        arguments.flag("group-query-attention");
        arguments.value("num-query-groups", kv_heads);
    }
    if matches!(model.arch.as_deref(), Some("llama" | "moe")) {
        arguments.value("normalization", "RMSNorm");
        arguments.value("position-embedding-type", "rope");
        arguments.flag("disable-bias-linear");
    }
    if model.gated_mlp == Some(true) {
        arguments.flag("swiglu");
    }
    if model.tied_embeddings == Some(false) {
        arguments.flag("untie-embeddings-and-output-weights");
    }
    arguments.known("seq-length", model.seq);
    arguments.known("max-position-embeddings", model.seq);
    arguments.known("vocab-size", model.vocab);
    if let Some(experts) = model.experts.filter(|experts| *experts > 1) {
        arguments.value("num-experts", experts);
        arguments.known("moe-router-topk", model.top_k);
    }
    if model.layers.is_none() || model.hidden.is_none() || model.heads.is_none() {
        arguments.note("The shape of the model is not fully known: add --num-layers, --hidden-size and --num-attention-heads.");
    }
}

fn degrees(job: &Job, arrangement: &Arrangement, arguments: &mut Arguments) -> Result<(), Refused> {
    let Arrangement { tp, pp, cp, ep, vpp, accumulate, .. } = *arrangement;
    arguments.value("tensor-model-parallel-size", tp);
    arguments.value("pipeline-model-parallel-size", pp);
    if vpp > 1 {
        let layers = job.model.layers.unwrap_or(0);
        if pp < 2 || layers == 0 || !layers.is_multiple_of(pp * vpp) {
            return Err(Refused(format!(
                "run.vpp: {layers} layers cannot be divided over {pp} stages × {vpp} virtual ones; choose vpp 1 or other stages"
            )));
        }
        if !accumulate.is_multiple_of(pp) {
            return Err(Refused(format!(
                "run.grad_accum: Megatron's interleaved schedule takes a multiple of {pp} stages, not {accumulate} \
                 micro-batches; choose such a one, or vpp 1"
            )));
        }
        arguments.value("num-layers-per-virtual-pipeline-stage", layers / (pp * vpp));
    }
    if cp > 1 {
        arguments.value("context-parallel-size", cp);
    }
    if ep > 1 {
        let experts = job.model.experts.unwrap_or(0);
        if experts == 0 || !experts.is_multiple_of(ep) {
            return Err(Refused(format!(
                "run.ep: {experts} experts cannot be divided over {ep} ranks; choose a divisor"
            )));
        }
        arguments.value("expert-model-parallel-size", ep);
    }
    if job.run.sequence_parallel == Some(true) {
        if tp > 1 {
            arguments.flag("sequence-parallel");
        } else {
            arguments.note("Sequence parallelism without tensor parallelism divides nothing: --sequence-parallel is left out.");
        }
    } else if ep > 1 && tp > 1 {
        arguments.note("Megatron-LM requires --sequence-parallel where experts and tensors are both divided: the job says no.");
    }
    Ok(())
}

fn precision(job: &Job, precision: Precision, arguments: &mut Arguments) -> Result<(), Refused> {
    match precision {
        Precision::Fp32 => {}
        Precision::Tf32 => arguments.note(
            "TF32 has no argument: set torch.set_float32_matmul_precision(\"high\") in the program.",
        ),
        Precision::Bf16 => arguments.flag("bf16"),
        Precision::Fp16 => arguments.flag("fp16"),
        Precision::Fp8 | Precision::Mxfp8 => {
            arguments.flag("bf16");
            let mx = precision == Precision::Mxfp8;
            arguments.value("fp8-format", if mx { "e4m3" } else { "hybrid" });
            if mx {
                arguments.value("fp8-recipe", "mxfp8");
            }
        }
        Precision::Nvfp4 => {
            arguments.flag("bf16");
            arguments.value("fp4-format", "e2m1");
            arguments.value("fp4-recipe", "nvfp4");
        }
    }
    let mixed = !matches!(precision, Precision::Fp32 | Precision::Tf32);
    match job.run.grad_dtype.as_deref() {
        None => Ok(()),
        Some("fp32") => {
            if mixed {
                arguments.flag("accumulate-allreduce-grads-in-fp32");
            }
            Ok(())
        }
        Some("bf16") if mixed && precision != Precision::Fp16 => {
            arguments.flag("grad-reduce-in-bf16");
            Ok(())
        }
        Some("fp16") if precision == Precision::Fp16 => Ok(()),
        Some(other) => Err(Refused(format!(
            "run.grad_dtype: Megatron-LM cannot reduce gradients in {other} with this precision; choose fp32"
        ))),
    }
}

fn sharding(arrangement: &Arrangement, arguments: &mut Arguments) -> Result<(), Refused> {
    match arrangement.zero {
        0 => {}
        1 => {
            arguments.flag("use-distributed-optimizer");
            arguments.flag("overlap-grad-reduce");
            arguments.flag("overlap-param-gather");
        }
        stage => {
            let strategy = if stage == 2 { "optim_grads" } else { "optim_grads_params" };
            arguments.flag("use-megatron-fsdp");
            arguments.value("data-parallel-sharding-strategy", strategy);
            arguments.flag("use-distributed-optimizer");
            arguments.flag("no-gradient-accumulation-fusion");
            arguments.value("ckpt-format", "fsdp_dtensor");
            arguments.note("Gradients and weights are sharded by Megatron-FSDP, which Megatron Core has since 0.14.");
            if arrangement.pp > 1 {
                return Err(Refused(format!(
                    "run.zero: stage {stage} with {} pipeline stages is not what Megatron-FSDP does; choose zero 1 or pp 1",
                    arrangement.pp
                )));
            }
        }
    }
    match arrangement.offload {
        Offload::None => Ok(()),
        Offload::Optimizer if arrangement.zero == 1 => {
            arguments.flag("optimizer-cpu-offload");
            arguments.value("optimizer-offload-fraction", "1.0");
            arguments.flag("use-precision-aware-optimizer");
            Ok(())
        }
        Offload::Optimizer => Err(Refused(
            "run.offload: Megatron-LM offloads its distributed optimizer alone; choose zero 1, or use --emit deepspeed".to_owned(),
        )),
        Offload::OptimizerAndParams => Err(Refused(
            "run.offload: Megatron-LM keeps weights on the GPU; choose offload optimizer, or use --emit deepspeed".to_owned(),
        )),
    }
}
