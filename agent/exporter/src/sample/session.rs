//! One child from its start to its end.

use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::line::{Failure, Line};
use super::supervise::Supervision;
use super::{GpuSample, lines::Lines};
use crate::state::Shared;

/// How long most calls may take before they count as hanging. Healthy ones take micro- to milliseconds.
const PROMPT: Duration = Duration::from_secs(5);
/// How long starting the library and first touching a GPU may take: without persistence mode the driver initialises each GPU
/// then, which takes seconds.
const STARTING: Duration = Duration::from_secs(25);

/// Why a child is no more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It wants to be followed by another one.
    Again,
    /// NVML cannot be used: why, and in which words.
    Failed(Failure, String),
}

/// Takes what the child says into the shared state, until it ends.
pub(super) fn attend(lines: &Lines, of: &Supervision, shared: &Shared) -> End {
    let mut gpus: Vec<GpuSample> = Vec::new();
    let mut calling = "its start".to_owned();
    let mut deadline = Instant::now() + STARTING;
    loop {
        let line = match lines.next(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                return End::Failed(Failure::Hung, format!("{calling} does not return"));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return End::Failed(Failure::Crashed, format!("died in {calling}"));
            }
        };
        match line {
            Line::Calling { name, gpu, starting } => {
                deadline = Instant::now() + if starting { STARTING } else { PROMPT };
                calling = match gpu {
                    Some(gpu) => format!("{name} of GPU {gpu}"),
                    None => name,
                };
            }
            Line::Failed { reason, said } => return End::Failed(reason, said),
            Line::Started { driver, count } => {
                shared.change(|state| state.nvml.started(driver, count));
            }
            Line::Gpu(gpu) => gpus.push(*gpu),
            Line::Sampled { took_s } => {
                deadline = Instant::now() + of.interval + PROMPT;
                "its pause".clone_into(&mut calling);
                shared.sampled(std::mem::take(&mut gpus), took_s);
            }
            // It may come from another thread while a call hangs: no sign that this one has returned.
            Line::Xid { gpu, code } => shared.xid_of_nvml(gpu, code),
            Line::Again => return End::Again,
        }
    }
}
