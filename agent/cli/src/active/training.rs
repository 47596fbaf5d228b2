//! The short training: `perfagent-bench` under the recorder, as a user's training would be.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use perfagent_analysis::report;
use perfagent_health::active::{Part, Training};
use perfagent_recording::{Reader, Recording};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Target, corpus, own_program, show};
use crate::command::bench::PERFAGENT_BENCH;

/// Small enough for two cores.
const ON_CPU: &str = "--device cpu --preset nano --micro-batch 2 --steps 6 --precision fp32";
/// Enough to heat a GPU for some seconds.
const ON_GPU: &str = "--device cuda --preset gpt2-124m --micro-batch 8 --steps 60 --precision bf16";
const PATIENCE: Duration = Duration::from_millis(20);

/// Two equal trainings, of which the second is left out where the time is over.
pub(super) fn twice(target: &Target, deadline: Instant) -> anyhow::Result<Vec<Part<Training>>> {
    let program = match PERFAGENT_BENCH.find() {
        Ok(program) => program,
        Err(error) => return Ok(vec![Part::Failed(error.to_string())]),
    };
    let folder = tempfile::tempdir()
        .context("the temporary folder: no folder can be made in it; set TMPDIR to another one")?;
    let texts = folder.path().join("text");
    fs::create_dir(&texts)
        .and_then(|()| fs::write(texts.join("corpus.txt"), corpus::text()))
        .with_context(|| format!("{}: cannot be written; set TMPDIR", texts.display()))?;
    let mut parts = Vec::new();
    for _ in 0..2 {
        if Instant::now() >= deadline {
            parts.push(Part::Skipped("the time was over".to_owned()));
            break;
        }
        let part = once(target, &program, folder.path(), deadline)?;
        let goes_on = matches!(part, Part::Done(_));
        parts.push(part);
        if !goes_on {
            break;
        }
    }
    Ok(parts)
}

fn once(
    target: &Target,
    program: &Path,
    folder: &Path,
    deadline: Instant,
) -> anyhow::Result<Part<Training>> {
    let mut command = own_program()?;
    command.args(["record", "-f", "-o", "run.perfdb", "--"]).arg(program);
    command.args(["gpt", "--quiet", "--seed", "1", "--data", "text", "--vocab", "512"]);
    command.args(["--loss-out", "losses", "--json", "result.json"]);
    command.args(if target.device == "cpu" { ON_CPU } else { ON_GPU }.split_ascii_whitespace());
    show(&mut command, target.alone.as_deref());
    let log = folder.join("log");
    let file = fs::File::create(&log)
        .with_context(|| format!("{}: cannot be written; set TMPDIR", log.display()))?;
    let begun = Instant::now();
    let child =
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Ok(Part::Failed(format!("perfagent record: {error}"))),
    };
    loop {
        match child.try_wait().context("perfagent record: was lost; repeat")? {
            Some(status) if status.success() => break,
            Some(status) => {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Ok(Part::Failed(why(&said).unwrap_or_else(|| status.to_string())));
            }
            None if Instant::now() >= deadline => {
                end(&mut child);
                return Ok(Part::Hung(begun.elapsed().as_secs_f64()));
            }
            None => thread::park_timeout(PATIENCE),
        }
    }
    Ok(match read(folder) {
        Ok(training) => Part::Done(training),
        Err(error) => Part::Failed(format!("the training's result: {error:#}")),
    })
}

/// Why a training ended, from what it and its recorder have printed: the last line that is not the recorder's account.
fn why(said: &str) -> Option<String> {
    let lines = || said.lines().filter(|line| !line.trim().is_empty());
    let own = lines().rfind(|line| !line.starts_with("perfagent: "));
    let line = own.or_else(|| lines().next_back())?;
    let is_told = line.starts_with("perfagent");
    Some(if is_told { line.to_owned() } else { format!("perfagent-bench: {line}") })
}

/// Ends the recorder, which passes the signal on; what the driver holds does not end, and is left behind.
fn end(child: &mut Child) {
    if let Ok(pid) = i32::try_from(child.id())
        && let Some(pid) = rustix::process::Pid::from_raw(pid)
    {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let patience = Instant::now() + Duration::from_secs(5);
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < patience {
        thread::park_timeout(PATIENCE);
    }
    // It may be gone by now.
    let _ = child.kill();
}

fn read(folder: &Path) -> anyhow::Result<Training> {
    let losses = fs::read_to_string(folder.join("losses")).context("losses")?;
    let first = losses.lines().next().context("no loss was written")?;
    let result: Value =
        serde_json::from_slice(&fs::read(folder.join("result.json")).context("result.json")?)?;
    let steps = result["ranks"][0]["step_ns"].as_array().map_or(&[][..], Vec::as_slice);
    // The first step makes what the others use.
    let mut steps: Vec<f64> = steps.iter().skip(1).filter_map(Value::as_f64).collect();
    steps.sort_by(f64::total_cmp);
    let step_ns = *steps.get(steps.len() / 2).context("no step was timed")?;
    let recording = Recording::load(&Reader::open(&folder.join("run.perfdb"))?, &mut |_| {})?;
    let report = report(&recording, "run.perfdb");
    let clock = report.ranks.iter().flat_map(|rank| &rank.clocks).next();
    let window =
        report.ranks.first().and_then(|rank| rank.gaps.as_ref()).map(|gaps| gaps.window_ns);
    let throttling = clock.zip(window).map(|(clock, window)| {
        let shares = clock
            .throttling
            .iter()
            .map(|row| (row.reason.clone(), row.total_ns as f64 / (window.max(1) as f64)));
        shares.collect::<BTreeMap<_, _>>()
    });
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    Ok(Training {
        first: digest(first),
        digest: digest(&losses),
        with: format!(
            "libtorch {}, {} threads",
            text(&result["torch_version"]),
            result["config"]["threads"]
        ),
        step_ns,
        clock_mhz: clock.and_then(|clock| clock.mean_mhz),
        throttling,
    })
}

/// The first half of the SHA-256 of a text, as hexadecimal digits.
fn digest(text: &str) -> String {
    let mut digits = format!("{:x}", Sha256::digest(text.as_bytes()));
    digits.truncate(32);
    digits
}

#[cfg(test)]
mod tests {
    use super::why;

    #[test]
    fn the_recorders_account_is_not_why_a_training_ended() {
        let account = "perfagent: run.perfdb: 0 events of 1 process, nothing lost in 6.968 ms\n";
        let loader = "perfagent-bench: error while loading shared libraries: libtorch_cpu.so\n";
        assert_eq!(why(&format!("{loader}{account}")).unwrap(), loader.trim_end());
        assert_eq!(why("killed\n").unwrap(), "perfagent-bench: killed");
        assert_eq!(why(account).unwrap(), account.trim_end());
        assert_eq!(why("\n"), None);
    }
}
