//! Keeps a child at work.

use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::line::Failure;
use super::lines::Lines;
use super::session::{End, attend};
use crate::state::Shared;

/// Pauses after a failure, the first and the longest; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A child that worked for so long was a good one.
const GOOD: Duration = Duration::from_mins(1);
/// Children that hang inside the driver and cannot be killed; with so many no further one is started.
const MOST_STUCK: usize = 4;

/// How to look at GPUs.
#[derive(Clone, Debug)]
pub struct Supervision {
    /// The program that answers as [`super::run`] does.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How often it looks.
    pub interval: Duration,
}

/// Starts the thread that keeps a child at work for as long as the process lives.
pub fn start(of: Supervision, shared: Arc<Shared>) -> std::io::Result<()> {
    thread::Builder::new().name("nvml".to_owned()).spawn(move || supervise(&of, &shared))?;
    Ok(())
}

fn supervise(of: &Supervision, shared: &Shared) {
    let mut pause = FIRST_PAUSE;
    let mut stuck: Vec<Child> = Vec::new();
    loop {
        stuck.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if stuck.len() < MOST_STUCK {
            let begun = Instant::now();
            let end = match Lines::of(&of.program, &of.arguments) {
                Ok(lines) => {
                    let end = attend(&lines, of, shared);
                    stuck.extend(lines.end());
                    end
                }
                Err(said) => End::Failed(Failure::NotStarted, said),
            };
            match end {
                End::Again => continue,
                End::Failed(reason, said) => shared.nvml_failed(reason, &said),
            }
            if begun.elapsed() >= GOOD {
                pause = FIRST_PAUSE;
            }
        }
        rest(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn rest(pause: Duration) {
    let end = Instant::now() + pause;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    {
        thread::park_timeout(left);
    }
}
