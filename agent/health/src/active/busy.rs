//! Who else works on this machine: a measurement beside others measures them, and disturbs them.

use std::fs;
use std::path::Path;

use crate::root::Root;

/// A share of the processors that others may use without being in the way.
const IDLE: f64 = 0.25;

/// Something that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusyProcess {
    /// Its number; `None` where only the machine's load is known.
    pub pid: Option<u32>,
    /// What it is and does, in words.
    pub what: String,
}

/// Processes that have a GPU open, or with `gpus` false the load of the processors. `root` is `/`.
///
/// Whoever has `/dev/nvidia0` open has a context there, or is about to: NVIDIA's own daemons have only the control device.
/// Files of processes of other users are seen by root alone; the second value says how many processes could not be looked at.
#[must_use]
pub fn others(root: &Path, gpus: bool) -> (Vec<BusyProcess>, usize) {
    let root = Root::new(root);
    if gpus { with_gpus(&root) } else { (load(&root).into_iter().collect(), 0) }
}

fn with_gpus(root: &Root) -> (Vec<BusyProcess>, usize) {
    let own = std::process::id();
    let (mut busy, mut hidden) = (Vec::new(), 0);
    for name in root.names("proc") {
        let Some(pid) = name.parse::<u32>().ok().filter(|pid| *pid != own) else { continue };
        let Ok(files) = fs::read_dir(root.path(&format!("proc/{pid}/fd"))) else {
            // Threads of the kernel have no command line, and no files.
            hidden += usize::from(
                root.text(&format!("proc/{pid}/cmdline")).is_some_and(|line| !line.is_empty()),
            );
            continue;
        };
        let mut targets = files.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        if targets.any(|target| is_gpu(&target)) {
            let name = root.text(&format!("proc/{pid}/comm")).unwrap_or_default();
            busy.push(BusyProcess { pid: Some(pid), what: format!("{name} has a GPU open") });
        }
    }
    (busy, hidden)
}

fn is_gpu(path: &Path) -> bool {
    let Some(number) = path.to_str().and_then(|path| path.strip_prefix("/dev/nvidia")) else {
        return false;
    };
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The mean of the last minute, where it is more than a share of the processors.
fn load(root: &Root) -> Option<BusyProcess> {
    let text = root.text("proc/loadavg")?;
    let load: f64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    let processors = root.text("proc/stat")?.lines().filter(|line| is_processor(line)).count();
    (load > IDLE * processors.max(1) as f64).then(|| BusyProcess {
        pid: None,
        what: format!(
            "{load} processes were running on {processors} processors in the last minute"
        ),
    })
}

/// `cpu3 …`, not `cpu …`, which is their sum.
fn is_processor(line: &str) -> bool {
    line.strip_prefix("cpu")
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::others;

    #[test]
    fn whoever_has_a_gpu_open_is_named_and_the_daemons_are_not() {
        let root = tempfile::tempdir().unwrap();
        for (pid, name, file) in [
            (11, "python3", "/dev/nvidia3"),
            (12, "nvidia-persistenced", "/dev/nvidiactl"),
            (13, "bash", "/dev/null"),
        ] {
            let folder = root.path().join(format!("proc/{pid}/fd"));
            fs::create_dir_all(&folder).unwrap();
            symlink(file, folder.join("7")).unwrap();
            fs::write(root.path().join(format!("proc/{pid}/comm")), format!("{name}\n")).unwrap();
        }
        fs::create_dir_all(root.path().join("proc/14")).unwrap();
        fs::write(root.path().join("proc/14/cmdline"), "train").unwrap();
        let (busy, hidden) = others(root.path(), true);
        let [one] = &busy[..] else { panic!("{busy:?}") };
        assert_eq!((one.pid, one.what.as_str()), (Some(11), "python3 has a GPU open"));
        assert_eq!(hidden, 1, "of 14 nothing could be seen");
    }

    #[test]
    fn a_quarter_of_the_processors_is_not_busy() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc")).unwrap();
        let of = |load: &str| {
            fs::write(root.path().join("proc/loadavg"), load).unwrap();
            fs::write(root.path().join("proc/stat"), "cpu 1\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\n")
                .unwrap();
            others(root.path(), false).0.len()
        };
        assert_eq!(of("0.90 1.0 1.0 1/100 5"), 0);
        assert_eq!(of("1.50 1.0 1.0 1/100 5"), 1);
    }
}
