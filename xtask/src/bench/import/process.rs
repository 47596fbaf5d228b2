//! Wall-clock time and memory of a process.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// What a process took.
pub(super) struct Measured {
    pub(super) seconds: f64,
    /// The most memory that it had at once.
    pub(super) peak_bytes: f64,
    /// What it printed.
    pub(super) output: String,
}

/// How often the kernel's high-water mark is read. What comes after the last reading is missed.
const INTERVAL: Duration = Duration::from_millis(2);

/// Runs a command to its end; its errors go to the terminal only when it fails.
pub(super) fn measure(command: &mut Command) -> Result<Measured> {
    let text = shell::spelled(command);
    let begun = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{text}` could not be started"))?;
    let status = format!("/proc/{}/status", child.id());
    // The pipes are emptied by the one thread, the memory is watched by the other.
    let (output, peak) = thread::scope(|scope| {
        let waiting =
            scope.spawn(|| child.wait_with_output().map(|output| (output, begun.elapsed())));
        let mut peak = 0.0_f64;
        while !waiting.is_finished() {
            peak = peak.max(high_water_mark(&status).unwrap_or(0.0));
            pause();
        }
        (waiting.join(), peak)
    });
    let (output, elapsed) = match output {
        Ok(output) => output.with_context(|| format!("`{text}` was lost"))?,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    if !output.status.success() {
        bail!("`{text}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(Measured {
        seconds: elapsed.as_secs_f64(),
        peak_bytes: peak,
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
    })
}

#[expect(clippy::disallowed_methods, reason = "the kernel does not tell when the mark rises")]
fn pause() {
    thread::sleep(INTERVAL);
}

/// `VmHWM` in bytes.
fn high_water_mark(status: &str) -> Option<f64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}
