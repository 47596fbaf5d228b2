//! Processes that hold a GPU's memory: those that are dead or stuck keep it from everybody.

use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reading::GpuReadings;
use crate::root::Root;
use crate::{Check, Severity, Status};

const NAME: &str = "gpu_processes";
/// Own threshold: more than the driver itself leaves in use without any process.
const ORPHANED_BYTES: u64 = 1 << 30;
/// How long a process may wait for the kernel before it counts as stuck: reading a disk is over by then.
const PATIENCE: Duration = Duration::from_millis(250);

/// One process with a CUDA context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuProcess {
    /// Its number.
    pub pid: u32,
    /// What it holds; `None` where the driver does not tell.
    pub bytes: Option<u64>,
}

/// How a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Alive,
    Zombie,
    Stuck,
    Gone,
}

/// Looks each process up below `/proc`. `sees_all` says whether all processes of the machine can be seen from here.
pub(super) fn check(root: &Root, gpu: &GpuReadings, sees_all: bool) -> Check {
    let Some(processes) = gpu.processes.value() else {
        let target = gpu.target();
        let missing = gpu.processes.missing(NAME, &target, "which processes use it");
        return missing.unwrap_or_else(|| Check::not_applicable(NAME, target, "not told"));
    };
    let states: Vec<_> =
        processes.iter().map(|process| (process, state(root, process.pid))).collect();
    judge(gpu, &states, sees_all)
}

fn state(root: &Root, pid: u32) -> State {
    let letter = || root.text(&format!("proc/{pid}/stat")).map(|stat| letter(&stat));
    match letter() {
        None => State::Gone,
        Some('Z' | 'X') => State::Zombie,
        Some('D') => {
            // A moment in this state is normal, a stay is not.
            give_time();
            match letter() {
                Some('D') => State::Stuck,
                Some('Z' | 'X') => State::Zombie,
                _ => State::Alive,
            }
        }
        Some(_) => State::Alive,
    }
}

#[expect(clippy::disallowed_methods, reason = "a process is given time to come back")]
fn give_time() {
    thread::sleep(PATIENCE);
}

/// The state in `4711 (some (odd) name) S 1 …`.
fn letter(stat: &str) -> char {
    let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
    after.chars().next().unwrap_or('?')
}

fn judge(gpu: &GpuReadings, states: &[(&GpuProcess, State)], sees_all: bool) -> Check {
    let target = gpu.target();
    let of = |wanted: State| {
        let pids: Vec<String> = states
            .iter()
            .filter(|(_, state)| *state == wanted)
            .map(|(process, _)| process.pid.to_string())
            .collect();
        pids
    };
    let used = gpu.memory_used_bytes.value().copied();
    let held =
        used.map_or_else(String::new, |bytes| format!(", {:.1} GB in use", bytes as f64 / 1e9));
    let check =
        |detail: String| Check::ok(NAME, &*target, detail).found(states.len() as u64, "processes");
    let zombies = of(State::Zombie);
    if !zombies.is_empty() {
        let detail = format!("dead but not gone: process {}{held}", zombies.join(", "));
        return check(detail).but(
            Status::Critical,
            Severity::Reset,
            "drain the node; end the parent of the process (ps -o ppid= -p PID); if that does not free the memory, reboot",
        );
    }
    let stuck = of(State::Stuck);
    if !stuck.is_empty() {
        let detail = format!("stuck in the kernel (state D): process {}{held}", stuck.join(", "));
        return check(detail).but(
            Status::Warning,
            Severity::Triage,
            "see where it hangs: cat /proc/PID/stack as root; the driver or a file system does not answer; reboot if it stays",
        );
    }
    if !sees_all {
        // From inside a container NVML hides what /proc hides.
        return Check::unknown(
            NAME,
            target,
            format!("only the processes of this container can be seen{held}"),
            "run on the host, or with the host's processes: docker run --pid=host, hostPID: true",
        );
    }
    let gone = of(State::Gone);
    if !gone.is_empty() {
        let detail = format!("NVML names processes that are not there: {}{held}", gone.join(", "));
        return check(detail).but(
            Status::Warning,
            Severity::Triage,
            "look again: it may just have ended; if it stays, drain the node and reset the GPU: nvidia-smi --gpu-reset -i INDEX",
        );
    }
    let idle = states.is_empty() && !gpu.is_mig();
    if let Some(used) = used.filter(|used| idle && *used > ORPHANED_BYTES) {
        return check(format!("no process{held}"))
            .found(used, "bytes")
            .expected(ORPHANED_BYTES)
            .but(
                Status::Warning,
                Severity::Triage,
                "memory that nobody holds: look for other users with `fuser -v /dev/nvidia*`; drain the node and reset the GPU: nvidia-smi --gpu-reset -i INDEX",
            );
    }
    check(format!("{} processes{held}", states.len()))
}

#[cfg(test)]
mod tests {
    use super::{GpuProcess, State, judge, letter};
    use crate::gpu::{GpuReadings, Mode, Reading};
    use crate::{Severity, Status};

    fn of(states: &[State], used: u64, sees_all: bool) -> (Status, Severity) {
        let process = GpuProcess { pid: 7, bytes: Some(1) };
        let gpu = GpuReadings { memory_used_bytes: Reading::Value(used), ..GpuReadings::default() };
        let states: Vec<_> = states.iter().map(|state| (&process, *state)).collect();
        let check = judge(&gpu, &states, sees_all);
        (check.status, check.severity)
    }

    #[test]
    fn dead_and_stuck_processes_are_told_from_those_at_work() {
        assert_eq!(of(&[], 100 << 20, true), (Status::Ok, Severity::None));
        assert_eq!(of(&[State::Alive], 60 << 30, true), (Status::Ok, Severity::None));
        assert_eq!(
            of(&[State::Alive, State::Zombie], 0, true),
            (Status::Critical, Severity::Reset)
        );
        assert_eq!(of(&[State::Stuck], 0, true), (Status::Warning, Severity::Triage));
        assert_eq!(of(&[State::Gone], 0, true), (Status::Warning, Severity::Triage));
    }

    #[test]
    fn memory_without_a_process_is_told_unless_instances_hide_it() {
        assert_eq!(of(&[], 2 << 30, true), (Status::Warning, Severity::Triage));
        let mig = GpuReadings {
            memory_used_bytes: Reading::Value(2 << 30),
            mig: Reading::Value(Mode { current: true, pending: true }),
            ..GpuReadings::default()
        };
        assert_eq!(judge(&mig, &[], true).status, Status::Ok);
    }

    #[test]
    fn a_container_does_not_see_enough() {
        assert_eq!(of(&[], 2 << 30, false), (Status::Unknown, Severity::Config));
        assert_eq!(of(&[State::Zombie], 0, false), (Status::Critical, Severity::Reset));
    }

    #[test]
    fn the_state_is_found_behind_any_name() {
        assert_eq!(letter("4711 (python) S 1 2 3"), 'S');
        assert_eq!(letter("4711 (a) D (b) Z 1 2"), 'Z');
        assert_eq!(letter(""), '?');
    }
}
