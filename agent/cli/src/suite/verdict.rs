//! What became of a case, from its exit code and what its programs have said.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::process::{End, Ran};
use super::result::Status;

/// So much of the end of a log is looked at.
const TAIL: u64 = 1 << 16;

/// What there is to judge by.
pub(super) struct Evidence<'a> {
    pub(super) ran: Ran,
    pub(super) limit: Duration,
    /// The end of what the programs have printed.
    pub(super) log: &'a str,
    /// Whether there is a recording: else the recorder failed, not the benchmark.
    pub(super) recorded: bool,
    /// What the benchmark has written, where it can be read.
    pub(super) result: Option<&'a Value>,
    /// What the kernel did while it ran.
    pub(super) memory: Memory,
}

/// How a case came out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) status: Status,
    pub(super) reason: Option<String>,
    pub(super) needed_bytes: Option<u64>,
    pub(super) available_bytes: Option<u64>,
}

/// Memory of this machine around a case.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Could be had before it.
    pub(crate) available: Option<u64>,
    /// Processes that the kernel has killed for lack of it: counted up since boot, then over the case.
    pub(crate) killed: u64,
}

impl Memory {
    /// Now.
    pub(crate) fn now() -> Self {
        let field = |path: &str, key: &str| {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_ascii_whitespace().next()?.parse::<u64>().ok()
        };
        Self {
            available: field("/proc/meminfo", "MemAvailable:").map(|kib| kib * 1024),
            killed: field("/proc/vmstat", "oom_kill ").unwrap_or(0),
        }
    }

    /// What has happened since `self` was now.
    pub(crate) fn until_now(self) -> Self {
        Self { killed: Self::now().killed.saturating_sub(self.killed), ..self }
    }
}

/// Decides.
pub(super) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Evidence { ran, log, .. } = evidence;
    let verdict = |status, reason: String| Verdict {
        status,
        reason: Some(reason),
        needed_bytes: None,
        available_bytes: None,
    };
    if ran.end == End::TimeLimit {
        let reached = last_step(log).and_then(|step| step.split("  ").next());
        let reached = reached.map_or_else(String::new, |step| format!(", at {step}"));
        let limit = evidence.limit.as_secs();
        return verdict(Status::Failed, format!("ended at its time limit of {limit} s{reached}"));
    }
    if ran.code == 0 {
        return match evidence.result {
            Some(_) => Verdict {
                status: Status::Ok,
                reason: None,
                needed_bytes: None,
                available_bytes: None,
            },
            None => verdict(Status::Failed, "ended well, but wrote no result".to_owned()),
        };
    }
    if !evidence.recorded {
        let said =
            said_by("perfagent", log).unwrap_or("the recorder left no recording and no message");
        return verdict(Status::Failed, said.to_owned());
    }
    let said = said_by("perfagent-bench", log);
    if let Some(said) = said.filter(|said| is_about_memory(said)) {
        return Verdict {
            needed_bytes: gib_after(said, "needs about "),
            available_bytes: gib_before(said, " GiB are free"),
            ..verdict(Status::DoesNotFit, said.to_owned())
        };
    }
    if evidence.memory.killed > 0 && (ran.code == 128 + 9 || log.contains("SIGKILL")) {
        return Verdict {
            available_bytes: evidence.memory.available,
            ..verdict(Status::DoesNotFit, "the kernel killed it for lack of memory".to_owned())
        };
    }
    match (ran.code, said) {
        (2, Some(said)) => verdict(Status::Refused, said.to_owned()),
        (_, Some(said)) => verdict(Status::Failed, said.to_owned()),
        (code @ 129.., None) => verdict(Status::Failed, format!("killed by signal {}", code - 128)),
        (code, None) => {
            verdict(Status::Failed, format!("ended with code {code} and without a word"))
        }
    }
}

/// Whether a message is that the memory is too small, of the host or of a GPU.
fn is_about_memory(said: &str) -> bool {
    ["does not fit in memory", "out of memory", "can't allocate memory"]
        .iter()
        .any(|sign| said.contains(sign))
}

/// The last line that a program has said under its own name.
pub(super) fn said_by<'a>(program: &str, log: &'a str) -> Option<&'a str> {
    log.lines().rev().find_map(|line| line.strip_prefix(program)?.strip_prefix(": "))
}

/// The last line of progress: of training `step 3/10  …`, of inference `request 3/10`.
pub(super) fn last_step(log: &str) -> Option<&str> {
    let is_progress = |line: &&str| {
        ["step ", "request "].iter().any(|word| line.starts_with(word)) && line.contains('/')
    };
    log.lines().rev().find(is_progress)
}

/// The number of GiB behind `marker`, in bytes.
fn gib_after(text: &str, marker: &str) -> Option<u64> {
    let (number, _) = text.split_once(marker)?.1.split_once(" GiB")?;
    bytes(number)
}

/// The number of GiB before `marker`, in bytes.
fn gib_before(text: &str, marker: &str) -> Option<u64> {
    let (_, number) = text.split_once(marker)?.0.rsplit_once(' ')?;
    bytes(number)
}

fn bytes(gib: &str) -> Option<u64> {
    let gib: f64 = gib.parse().ok()?;
    Some((gib * f64::from(1 << 30)) as u64)
}

/// The end of the file at `path`; nothing where it cannot be read.
pub(crate) fn tail(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        std::io::Result::Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: i32, log: &str, recorded: bool, killed: u64) -> Verdict {
        judge(&Evidence {
            ran: Ran { code, end: End::Own, duration: Duration::ZERO },
            limit: Duration::from_mins(1),
            log,
            recorded,
            result: None,
            memory: Memory { available: Some(7), killed },
        })
    }

    #[test]
    fn a_batch_that_does_not_fit_says_what_it_needed_and_what_there_was() {
        let log = "gpt nano: 940800 parameters\nperfagent-bench: the batch does not fit in memory: --micro-batch 65536 needs \
                   about 212.5 GiB a rank and 20.0 GiB are free for each of 2; --micro-batch 4096 would fit\n\
                   perfagent: a.perfdb: 0 events of 1 process, nothing lost in 1 s\n";
        let verdict = judged(2, log, true, 0);
        assert_eq!(verdict.status, Status::DoesNotFit);
        let gib = f64::from(1 << 30);
        assert_eq!(verdict.needed_bytes, Some((212.5 * gib) as u64));
        assert_eq!(verdict.available_bytes, Some((20.0 * gib) as u64));
        assert!(verdict.reason.unwrap().starts_with("the batch does not fit in memory: --micro"));
        let cache = "perfagent-bench: the KV cache does not fit in memory: --batch 64 of 2048 tokens needs about 6.5 GiB (2.3 \
                     GiB of weights, 4.0 GiB of KV cache, 0.2 GiB for a pass) and 4.0 GiB are free; --batch 12 would fit\n";
        let verdict = judged(2, cache, true, 0);
        assert_eq!(verdict.status, Status::DoesNotFit);
        let bytes = (verdict.needed_bytes, verdict.available_bytes);
        assert_eq!(bytes, (Some((6.5 * gib) as u64), Some((4.0 * gib) as u64)));
        let on_gpu = "perfagent-bench: CUDA out of memory. Tried to allocate 2.00 GiB.\n";
        let verdict = judged(1, on_gpu, true, 0);
        assert_eq!((verdict.status, verdict.needed_bytes), (Status::DoesNotFit, None));
    }

    #[test]
    fn the_kernel_and_a_bug_are_told_apart() {
        let verdict = judged(137, "step 1/8  loss 2\n", true, 1);
        assert_eq!((verdict.status, verdict.available_bytes), (Status::DoesNotFit, Some(7)));
        let ranks = "perfagent-bench: rank 1 was killed by signal 9 (SIGKILL, perhaps by the kernel for lack of memory)\n";
        assert_eq!(judged(1, ranks, true, 1).status, Status::DoesNotFit);
        assert_eq!(judged(1, ranks, true, 0).status, Status::Failed);
        // Something else was killed meanwhile.
        assert_eq!(judged(139, "", true, 1).reason.unwrap(), "killed by signal 11");
    }

    #[test]
    fn refusals_are_the_benchmarks_and_no_others() {
        let log = "perfagent-bench: --zero 3 is not known\n";
        assert_eq!(judged(2, log, true, 0).status, Status::Refused);
        let verdict = judged(137, "", false, 0);
        assert_eq!(verdict.status, Status::Failed, "the recorder was killed");
        assert_eq!(judged(0, "", true, 0).status, Status::Failed, "without a result");
    }
}
