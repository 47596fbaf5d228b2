//! What became of a trial, from its exit code and what it has printed.

use serde::{Deserialize, Serialize};

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// It ran, and this was measured, in the unit of the objective.
    Ok {
        /// Above zero.
        value: f64,
    },
    /// The memory of a GPU or of the machine was too small.
    OutOfMemory {
        /// The line that says so.
        reason: String,
    },
    /// It was ended at its time limit.
    TimedOut {
        /// The limit.
        reason: String,
    },
    /// It failed in another way.
    Failed {
        /// What it said last.
        reason: String,
    },
}

impl Outcome {
    /// What was measured.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Ok { value } => Some(*value),
            _ => None,
        }
    }

    /// Why nothing was measured.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ok { .. } => None,
            Self::OutOfMemory { reason } | Self::TimedOut { reason } | Self::Failed { reason } => {
                Some(reason)
            }
        }
    }

    /// Its name in tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ok { .. } => "ok",
            Self::OutOfMemory { .. } => "out of memory",
            Self::TimedOut { .. } => "timed out",
            Self::Failed { .. } => "failed",
        }
    }
}

/// What there is to judge a trial by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Its exit code, 128 + signal when it was killed.
    pub code: i32,
    /// The limit in seconds at which it was ended.
    pub timed_out_s: Option<u64>,
    /// Processes of this machine that the kernel has killed for lack of memory while it ran.
    pub killed_for_memory: u64,
    /// The end of what it has printed.
    pub log: &'a str,
}

/// What programs, libraries and the kernel say when memory is out, in small letters.
const SIGNS: [&str; 12] = [
    "out of memory",
    "outofmemory",
    "out_of_memory",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to allocate memory",
    "does not fit in memory",
    "std::bad_alloc",
    "memoryerror",
    "cublas_status_alloc_failed",
    "resource_exhausted",
    "oom-kill",
];

/// Longer lines are cut.
const LONGEST: usize = 240;
const SIGKILL: i32 = 128 + 9;

/// How a trial failed; `None` when it ended well. A program that catches an out-of-memory and exits with 0 has ended well.
#[must_use]
pub fn judge(evidence: &Evidence<'_>) -> Option<Outcome> {
    if let Some(limit) = evidence.timed_out_s {
        return Some(Outcome::TimedOut { reason: format!("ended at its time limit of {limit} s") });
    }
    if evidence.code == 0 {
        return None;
    }
    let lines = || evidence.log.lines().map(str::trim).filter(|line| !line.is_empty());
    let says_memory = |line: &&str| {
        let line = line.to_lowercase();
        SIGNS.iter().any(|sign| line.contains(sign))
    };
    if let Some(line) = lines().find(says_memory) {
        return Some(Outcome::OutOfMemory { reason: cut(line) });
    }
    let killed = evidence.code == SIGKILL || lines().any(|line| line.contains("SIGKILL"));
    if killed {
        let by = if evidence.killed_for_memory > 0 {
            "the kernel killed it"
        } else {
            "killed by SIGKILL"
        };
        return Some(Outcome::OutOfMemory {
            reason: format!("{by}, as for lack of the machine's memory"),
        });
    }
    // The recorder's own last word is about the recording.
    let said =
        lines().rfind(|line| !line.starts_with("perfagent: ")).or_else(|| lines().next_back());
    let how = match evidence.code {
        code @ 129.. => format!("killed by signal {}", code - 128),
        code => format!("exit code {code}"),
    };
    Some(Outcome::Failed {
        reason: said.map_or_else(
            || format!("{how}, without a word"),
            |said| format!("{how}: {}", cut(said)),
        ),
    })
}

fn cut(line: &str) -> String {
    line.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::{Evidence, Outcome, judge};

    fn judged(code: i32, log: &str, killed_for_memory: u64) -> Outcome {
        judge(&Evidence { code, timed_out_s: None, killed_for_memory, log }).unwrap()
    }

    #[test]
    fn memory_that_is_out_is_recognised() {
        for line in [
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has",
            "RuntimeError: CUDA error: out of memory",
            "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            "RuntimeError: [enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory",
            "OSError: [Errno 12] Cannot allocate memory",
            "terminate called after throwing an instance of 'std::bad_alloc'",
            "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 8 TiB; MemoryError",
            "perfagent-bench: the batch does not fit in memory: --micro-batch 65536 needs about 212.5 GiB",
            "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate",
            "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=1.0.",
        ] {
            let log = format!("step 1\n  {line}\nperfagent: a.perfdb: 3 events\n");
            assert_eq!(judged(1, &log, 0), Outcome::OutOfMemory { reason: line.to_owned() });
        }
        assert!(matches!(judged(137, "step 1\n", 1), Outcome::OutOfMemory { .. }));
        assert!(matches!(judged(137, "", 0), Outcome::OutOfMemory { .. }));
        let rank =
            "perfagent-bench: rank 1 was killed by signal 9 (SIGKILL, perhaps by the kernel)";
        assert!(matches!(judged(1, rank, 1), Outcome::OutOfMemory { .. }));
    }

    #[test]
    fn other_ends_are_told_apart() {
        let well =
            Evidence { code: 0, timed_out_s: None, killed_for_memory: 1, log: "out of memory" };
        assert_eq!(judge(&well), None);
        let late = Evidence { timed_out_s: Some(30), ..well };
        assert!(
            matches!(judge(&late), Some(Outcome::TimedOut { reason }) if reason.contains("30 s"))
        );
        let told = |outcome: Outcome| match outcome {
            Outcome::Failed { reason } => reason,
            other => panic!("{other:?}"),
        };
        let log = "Traceback\nValueError: heads\n\nperfagent: a.perfdb: 0 events\n";
        assert_eq!(told(judged(1, log, 0)), "exit code 1: ValueError: heads");
        assert_eq!(told(judged(139, "", 0)), "killed by signal 11, without a word");
        assert_eq!(
            told(judged(2, "perfagent: no such program\n", 0)),
            "exit code 2: perfagent: no such program"
        );
    }
}
