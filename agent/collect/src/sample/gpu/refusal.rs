//! What it means when NVML refuses an answer.

use std::collections::BTreeSet;

use nvml_wrapper::error::NvmlError;
use perfagent_recording::table::Severity;

use crate::sample::{Context, Reading};

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// This GPU or driver will never have one, or not for this user.
    NotOffered,
    /// The GPU does not answer any more.
    Lost,
    /// Perhaps next time.
    Passing,
}

impl Refusal {
    pub(super) fn of(error: &NvmlError) -> Self {
        match error {
            NvmlError::NotSupported
            | NvmlError::InvalidArg
            | NvmlError::NoPermission
            | NvmlError::FunctionNotFound
            | NvmlError::FailedToLoadSymbol(_) => Self::NotOffered,
            NvmlError::GpuLost | NvmlError::ResetRequired => Self::Lost,
            _ => Self::Passing,
        }
    }
}

/// What one GPU has refused so far, so that each thing is said once and not asked again in vain.
#[derive(Debug)]
pub(super) struct Refusals {
    gpu: u32,
    lost: bool,
    left_out: BTreeSet<&'static str>,
    /// Left out, but not said yet.
    unsaid: Vec<&'static str>,
    complained: BTreeSet<&'static str>,
}

impl Refusals {
    pub(super) fn new(gpu: u32) -> Self {
        Self {
            gpu,
            lost: false,
            left_out: BTreeSet::new(),
            unsaid: Vec::new(),
            complained: BTreeSet::new(),
        }
    }

    /// Whether there is any use in asking for this.
    pub(super) fn allows(&self, name: &str) -> bool {
        !self.lost && !self.left_out.contains(name)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The GPU does not have this.
    pub(super) fn leave_out(&mut self, name: &'static str) {
        if self.left_out.insert(name) {
            self.unsaid.push(name);
        }
    }

    /// The answer, or `None` after taking note of why there is none for `names`.
    pub(super) fn note<T>(
        &mut self,
        context: &Context,
        names: &[&'static str],
        answer: Result<T, NvmlError>,
    ) -> Option<T> {
        let error = match answer {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let gpu = self.gpu;
        match Refusal::of(&error) {
            Refusal::NotOffered => names.iter().for_each(|name| self.leave_out(name)),
            Refusal::Lost if self.lost => {}
            Refusal::Lost => {
                self.lost = true;
                let time = context.clock.now();
                context.send(Reading::Lost { gpu, time });
                let text = format!(
                    "GPU {gpu} is lost and no longer sampled: NVML: {error}; see `dmesg` for its XIDs, then reset it or \
                     power-cycle the node"
                );
                context.send(Reading::Note { time, severity: Severity::Warning, text });
            }
            Refusal::Passing => {
                for name in names.iter().filter(|name| self.complained.insert(name)) {
                    let text =
                        format!("{name} of GPU {gpu} is not sampled at times: NVML: {error}");
                    context.note(Severity::Warning, text);
                }
            }
        }
        None
    }

    /// As [`note`](Self::note), but leaves it to another thread to say that the GPU is lost.
    pub(super) fn note_quietly<T>(
        &mut self,
        context: &Context,
        name: &'static str,
        answer: Result<T, NvmlError>,
    ) -> Option<T> {
        if answer.as_ref().is_err_and(|error| Refusal::of(error) == Refusal::Lost) {
            self.lost = true;
        }
        self.note(context, &[name], answer)
    }

    /// Says in one note what has been left out since the last time.
    pub(super) fn say(&mut self, context: &Context) {
        if !self.unsaid.is_empty() {
            let names = std::mem::take(&mut self.unsaid).join(", ");
            let text =
                format!("GPU {} or its driver does not offer, so not sampled: {names}", self.gpu);
            context.note(Severity::Info, text);
        }
    }
}
