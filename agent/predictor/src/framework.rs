//! The training framework of a job, as far as it changes time and memory.

/// Families of frameworks with habits of their own: bucket sizes, launches a layer, what overlaps, what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Framework {
    /// Hugging Face's nanotron.
    Nanotron,
    /// NVIDIA's Megatron-LM.
    Megatron,
    /// NeMo and Megatron Bridge: Megatron-Core with Transformer Engine and graphs.
    Nemo,
    /// Megatron-DeepSpeed.
    MegatronDeepSpeed,
    /// DeepSpeed alone.
    DeepSpeed,
    /// PyTorch's FSDP, as in LLM Foundry, torchtitan or accelerate.
    Fsdp,
    /// Plain CUDA, as llm.c.
    Cuda,
    /// perfagent-bench, the project's own benchmark.
    Benchmark,
    /// Anything else, plain PyTorch among it.
    Other,
}

impl Framework {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Nanotron,
        Self::Megatron,
        Self::Nemo,
        Self::MegatronDeepSpeed,
        Self::DeepSpeed,
        Self::Fsdp,
        Self::Cuda,
        Self::Benchmark,
        Self::Other,
    ];

    /// The family of a framework's name.
    #[must_use]
    pub fn find(name: &str) -> Self {
        match name.to_lowercase().as_str() {
            "nanotron" => Self::Nanotron,
            "megatron" | "megatron-lm" | "megatron-core" => Self::Megatron,
            "nemo" | "megatron-bridge" => Self::Nemo,
            "megatron-deepspeed" => Self::MegatronDeepSpeed,
            "deepspeed" | "hf-deepspeed" => Self::DeepSpeed,
            "fsdp" | "llm-foundry" | "torchtitan" | "accelerate" | "composer" | "pytorch-fsdp" => {
                Self::Fsdp
            }
            "llm.c" => Self::Cuda,
            "perfagent-bench" => Self::Benchmark,
            _ => Self::Other,
        }
    }

    /// Its name in the calibration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nanotron => "nanotron",
            Self::Megatron => "megatron",
            Self::Nemo => "nemo",
            Self::MegatronDeepSpeed => "megatron_deepspeed",
            Self::DeepSpeed => "deepspeed",
            Self::Fsdp => "fsdp",
            Self::Cuda => "cuda",
            Self::Benchmark => "perfagent_bench",
            Self::Other => "other",
        }
    }
}
