//! A job in the words of the tools that run it: `DeepSpeed`, FSDP through Accelerate, Megatron-LM, torchrun with Lightning.
//!
//! What a tool cannot be told is an error or a note, never left out in silence. Names are those of the tools' own
//! documentation: the configuration JSON of `DeepSpeed`, Accelerate's configuration file, Megatron-LM's
//! `arguments.py`, torchrun's and Lightning's options.

mod arrangement;
mod deepspeed;
mod fsdp;
mod megatron;
#[cfg(test)]
mod tests;
mod torchrun;

use std::fmt;
use std::str::FromStr;

use perfagent_predictor::Job;

use arrangement::Arrangement;

/// A tool whose configuration can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmitFormat {
    /// The JSON file of `DeepSpeed`.
    DeepSpeed,
    /// A configuration file of Hugging Face Accelerate for PyTorch's fully sharded data parallel.
    Fsdp,
    /// Arguments of Megatron-LM's `pretrain_gpt.py`.
    Megatron,
    /// A command line of torchrun for a program that takes Lightning's Trainer arguments.
    Torchrun,
}

impl EmitFormat {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 4] = [Self::DeepSpeed, Self::Fsdp, Self::Megatron, Self::Torchrun];

    /// What it is called on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeepSpeed => "deepspeed",
            Self::Fsdp => "fsdp",
            Self::Megatron => "megatron",
            Self::Torchrun => "torchrun",
        }
    }
}

impl FromStr for EmitFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            format!(
                "{text}: is no format to emit; known are deepspeed, fsdp, megatron and torchrun"
            )
        })
    }
}

/// A job as a tool takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The file, or the arguments; ends with a line break.
    pub text: String,
    /// What the text leaves to the reader, a sentence each.
    pub notes: Vec<String>,
}

/// Why a job cannot be told to a tool: one line with the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// The configuration of `job` for a tool. Fails with one line when its numbers do not go together, or when the tool has no
/// words for a part of it.
pub fn emit(format: EmitFormat, job: &Job) -> Result<Emitted, Refused> {
    let arrangement = Arrangement::of(job)?;
    match format {
        EmitFormat::DeepSpeed => deepspeed::emit(job, &arrangement),
        EmitFormat::Fsdp => fsdp::emit(job, &arrangement),
        EmitFormat::Megatron => megatron::emit(job, &arrangement),
        EmitFormat::Torchrun => torchrun::emit(job, &arrangement),
    }
}

/// The configuration of the first of `jobs` that the tool has words for; else why it has none for the very first.
pub fn emit_first(
    format: EmitFormat,
    jobs: impl IntoIterator<Item = Job>,
) -> Result<Emitted, Refused> {
    let mut refused = None;
    for job in jobs {
        match emit(format, &job) {
            Ok(emitted) => return Ok(emitted),
            Err(why) => {
                refused.get_or_insert(why);
            }
        }
    }
    Err(refused.unwrap_or_else(|| Refused("there is no configuration to emit".to_owned())))
}

/// What is chosen in the program and in no configuration.
fn left_to_the_program(job: &Job) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(optimizer) = job.run.optimizer.as_deref() {
        notes.push(format!(
            "The optimizer ({optimizer}) and its learning rate are the program's: they are not named here."
        ));
    }
    if job.run.flash_attention == Some(true) {
        notes.push("Attention that keeps no scores is chosen in the model's code.".to_owned());
    }
    if job.run.fused_loss == Some(true) {
        notes.push(
            "A loss that keeps no logits is chosen in the program: use_liger_kernel of Hugging Face's Trainer, or Liger's \
             fused linear cross-entropy in the model's code."
                .to_owned(),
        );
    }
    if job.run.cuda_graphs == Some(true) {
        notes.push(
            "CUDA graphs are captured by the program: torch.compile with mode=\"reduce-overhead\"."
                .to_owned(),
        );
    }
    notes
}

/// Refuses what only Megatron's arguments can say.
fn only_data_parallel(tool: &str, arrangement: &Arrangement) -> Result<(), Refused> {
    let degrees = [
        ("tensor", arrangement.tp),
        ("pipeline", arrangement.pp),
        ("context", arrangement.cp),
        ("expert", arrangement.ep),
    ];
    match degrees.into_iter().find(|(_, degree)| *degree > 1) {
        Some((kind, degree)) => Err(Refused(format!(
            "{tool}: cannot be told {kind} parallel {degree}; use --emit megatron, or choose a configuration that is data \
             parallel alone"
        ))),
        None => Ok(()),
    }
}
