//! What the command line of a training program says of its job: Megatron-LM's, Hugging Face's Trainer's, perfagent-bench's.

use perfagent_predictor::Job;

use super::images;
use super::preset::Preset;

/// The language models of perfagent-bench.
const ARCHITECTURES: [&str; 3] = ["gpt", "llama", "moe"];

/// A field of a job.
type Field<T> = fn(&mut Job) -> &mut Option<T>;

/// The options that are known, with the field that they set.
const NUMBERS: [(&str, Field<u64>); 37] = [
    ("micro-batch", |job| &mut job.run.micro_batch),
    ("micro-batch-size", |job| &mut job.run.micro_batch),
    ("per-device-train-batch-size", |job| &mut job.run.micro_batch),
    ("accumulate", |job| &mut job.run.grad_accum),
    ("gradient-accumulation-steps", |job| &mut job.run.grad_accum),
    ("global-batch-size", |job| &mut job.run.global_batch),
    ("tp", |job| &mut job.run.tp),
    ("tensor-model-parallel-size", |job| &mut job.run.tp),
    ("pp", |job| &mut job.run.pp),
    ("pipeline-model-parallel-size", |job| &mut job.run.pp),
    ("context-parallel-size", |job| &mut job.run.cp),
    ("expert-model-parallel-size", |job| &mut job.run.ep),
    ("zero", |job| &mut job.run.zero),
    ("seq", |job| &mut job.model.seq),
    ("seq-length", |job| &mut job.model.seq),
    ("max-seq-length", |job| &mut job.model.seq),
    ("block-size", |job| &mut job.model.seq),
    ("layers", |job| &mut job.model.layers),
    ("num-layers", |job| &mut job.model.layers),
    ("hidden", |job| &mut job.model.hidden),
    ("hidden-size", |job| &mut job.model.hidden),
    ("ffn", |job| &mut job.model.ffn),
    ("ffn-hidden-size", |job| &mut job.model.ffn),
    ("heads", |job| &mut job.model.heads),
    ("num-attention-heads", |job| &mut job.model.heads),
    ("kv-heads", |job| &mut job.model.kv_heads),
    ("num-query-groups", |job| &mut job.model.kv_heads),
    ("vocab", |job| &mut job.model.vocab),
    ("vocab-size", |job| &mut job.model.vocab),
    ("experts", |job| &mut job.model.experts),
    ("num-experts", |job| &mut job.model.experts),
    ("top-k", |job| &mut job.model.top_k),
    ("moe-router-topk", |job| &mut job.model.top_k),
    ("threads", |job| &mut job.run.threads),
    ("nproc", |job| &mut job.cluster.gpus_per_node),
    ("nproc-per-node", |job| &mut job.cluster.gpus_per_node),
    ("nnodes", |job| &mut job.cluster.nodes),
];

const WORDS: [(&str, Field<String>); 5] = [
    ("precision", |job| &mut job.run.precision),
    ("recompute", |job| &mut job.run.recompute),
    ("recompute-granularity", |job| &mut job.run.recompute),
    ("offload", |job| &mut job.run.offload),
    ("optimizer", |job| &mut job.run.optimizer),
];

/// The fields that a command line sets; none if nothing of it is known.
#[must_use]
pub fn read(command: &str) -> Job {
    let mut job = Job::default();
    let words: Vec<&str> = command.split_whitespace().collect();
    for (place, word) in words.iter().enumerate() {
        let Some(option) = word.strip_prefix("--") else { continue };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, words.get(place + 1).copied().filter(|next| !next.starts_with("--"))),
        };
        let name = name.replace('_', "-");
        if let (Some((_, field)), Some(value)) =
            (NUMBERS.iter().find(|(known, _)| *known == name), value)
        {
            *field(&mut job) = value.parse().ok();
        } else if let (Some((_, field)), Some(value)) =
            (WORDS.iter().find(|(known, _)| *known == name), value)
        {
            *field(&mut job) =
                Some(value.to_owned()).filter(|value| value != "none" || name == "recompute");
        } else {
            flag(&mut job, &name, value);
        }
    }
    images::read(&words, &mut job);
    if job == Job::default() {
        return job;
    }
    let names = |part: &str| words.iter().any(|word| word.contains(part));
    if names("perfagent-bench") {
        benchmark(&mut job, &words);
    } else if names("pretrain_gpt") || names("megatron") {
        job.run.framework = Some("megatron-lm".to_owned());
    } else if names("deepspeed") {
        job.run.framework = Some("deepspeed".to_owned());
    } else if names("fsdp") {
        job.run.framework = Some("fsdp".to_owned());
    }
    job
}

/// perfagent-bench: its preset, and what it takes where nothing is said.
fn benchmark(job: &mut Job, words: &[&str]) {
    let run = &mut job.run;
    let Some(arch) = ARCHITECTURES.into_iter().find(|arch| words.contains(arch)) else {
        // Networks for images are trained as in plain PyTorch.
        run.framework = Some("pytorch".to_owned());
        return;
    };
    run.framework = Some("perfagent-bench".to_owned());
    job.model.arch = Some(arch.to_owned());
    // The shape of a model's file is not known here.
    if words.iter().any(|word| *word == "--model" || word.starts_with("--model=")) {
        return;
    }
    let named = words.iter().enumerate().find_map(|(place, word)| match word.split_once('=') {
        Some(("--preset", name)) => Some(name),
        None if *word == "--preset" => words.get(place + 1).copied(),
        _ => None,
    });
    let Some(preset) = Preset::find(arch, named.unwrap_or("nano")) else { return };
    preset.fill(&mut job.model);
    for (field, otherwise) in [
        (&mut run.micro_batch, preset.micro_batch),
        (&mut run.grad_accum, 1),
        (&mut run.tp, 1),
        (&mut run.pp, 1),
        (&mut run.zero, 0),
    ] {
        field.get_or_insert(otherwise);
    }
    run.recompute.get_or_insert_with(|| "none".to_owned());
    run.precision.get_or_insert_with(|| "fp32".to_owned());
    run.sequence_parallel.get_or_insert(false);
    run.flash_attention.get_or_insert(true);
}

fn flag(job: &mut Job, name: &str, value: Option<&str>) {
    let run = &mut job.run;
    let is_on = !matches!(
        value.map(str::to_lowercase).as_deref(),
        Some("false" | "0" | "no" | "off" | "none")
    );
    match name {
        "bf16" | "fp16" => run.precision = Some(name.to_owned()),
        "fp8-format" | "fp8" => run.precision = Some("fp8".to_owned()),
        "sequence-parallel" => run.sequence_parallel = Some(true),
        "use-distributed-optimizer" => run.zero = Some(1),
        "recompute-activations" => run.recompute = Some("selective".to_owned()),
        "gradient-checkpointing" => run.recompute = Some("full".to_owned()),
        "use-liger-kernel" => run.fused_loss = Some(is_on),
        "enable-cuda-graph" | "external-cuda-graph" | "cuda-graph-impl" => {
            run.cuda_graphs = Some(is_on);
        }
        // Of torch.compile's modes these capture graphs.
        "torch-compile-mode" => {
            run.cuda_graphs = Some(matches!(value, Some("reduce-overhead" | "max-autotune")));
        }
        "use-flash-attn" => run.flash_attention = Some(true),
        "swiglu" => job.model.gated_mlp = Some(true),
        "untie-embeddings-and-output-weights" => job.model.tied_embeddings = Some(false),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn of_megatron() {
        let job = read(
            "torchrun --nproc-per-node 8 --nnodes=2 pretrain_gpt.py --tensor-model-parallel-size 4 --num-layers 32 \
             --hidden-size 4096 --micro-batch-size 2 --global_batch_size 256 --use-distributed-optimizer --bf16 --swiglu",
        );
        assert_eq!(job.run.framework.as_deref(), Some("megatron-lm"));
        assert_eq!((job.run.tp, job.run.zero, job.run.micro_batch), (Some(4), Some(1), Some(2)));
        assert_eq!(job.run.global_batch, Some(256));
        assert_eq!((job.cluster.gpus_per_node, job.cluster.nodes), (Some(8), Some(2)));
        assert_eq!((job.model.layers, job.model.gated_mlp), (Some(32), Some(true)));
        assert_eq!(job.run.precision.as_deref(), Some("bf16"));
    }

    #[test]
    fn of_a_preset_with_what_follows_from_a_changed_width() {
        let job = read(
            "perfagent-bench llama --preset micro --hidden 512 --heads 16 --zero 1 --nproc 2 --steps 9 --threads 3",
        );
        let model = &job.model;
        assert_eq!((model.layers, model.hidden, model.ffn), (Some(6), Some(512), Some(1408)));
        assert_eq!((model.heads, model.kv_heads, model.vocab), (Some(16), Some(8), Some(2048)));
        assert_eq!((model.gated_mlp, model.tied_embeddings), (Some(true), Some(true)));
        assert_eq!(
            (job.run.micro_batch, job.run.grad_accum, job.run.zero),
            (Some(8), Some(1), Some(1))
        );
        assert_eq!((job.run.precision.as_deref(), job.run.threads), (Some("fp32"), Some(3)));
        assert_eq!(job.run.framework.as_deref(), Some("perfagent-bench"));
        let plain = read("target/debug/perfagent-bench gpt --steps 3 --nproc=2").model;
        assert_eq!((plain.layers, plain.seq, plain.experts), (Some(4), Some(128), None));
        let moe = read("perfagent-bench moe --preset=mini --experts 4 --micro-batch 2");
        assert_eq!(
            (moe.model.experts, moe.model.top_k, moe.run.micro_batch),
            (Some(4), Some(2), Some(2))
        );
    }

    #[test]
    fn of_no_preset_that_is_known() {
        let job = read("perfagent-bench gpt --preset huge --micro-batch 3");
        assert_eq!((job.model.layers, job.run.micro_batch), (None, Some(3)));
        let job = read("perfagent-bench llama --model config.json --micro-batch 3");
        assert_eq!((job.model.layers, job.model.hidden), (None, None));
    }

    #[test]
    fn of_what_is_switched_on_already() {
        let of = |words: &str| {
            let run = read(&format!("python train.py {words}")).run;
            (run.fused_loss, run.cuda_graphs)
        };
        assert_eq!(
            of("--use_liger_kernel True --torch_compile_mode max-autotune"),
            (Some(true), Some(true))
        );
        assert_eq!(
            of("--use_liger_kernel False --torch_compile_mode default"),
            (Some(false), Some(false))
        );
        assert_eq!(of("--use_liger_kernel --enable-cuda-graph"), (Some(true), Some(true)));
        assert_eq!(of("--cuda-graph-impl transformer_engine"), (None, Some(true)));
        assert_eq!(of("--cuda-graph-impl none --tp 2"), (None, Some(false)));
        assert_eq!(of("--tp 2"), (None, None));
    }

    #[test]
    fn of_something_else_is_nothing() {
        assert_eq!(
            read("python train.py --lr 3e-4 --name run7"),
            perfagent_predictor::Job::default()
        );
    }

    #[test]
    fn a_flag_takes_no_other_option_for_its_value() {
        let job = read("perfagent-bench llama --micro-batch --steps 3 --zero 2");
        // Eight is the preset's.
        assert_eq!((job.run.micro_batch, job.run.zero), (Some(8), Some(2)));
        assert_eq!(job.model.arch.as_deref(), Some("llama"));
    }
}
