//! Slurm's program for administrators, with a deadline.

use std::io::ErrorKind;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

/// Why Slurm did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// There is no such program.
    #[error(
        "scontrol: is not on PATH, so that {0} stays as it is in Slurm; add the folder of Slurm's programs to PATH"
    )]
    Missing(String),
    /// It cannot be started.
    #[error("scontrol: cannot be started: {0}")]
    NotStarted(String),
    /// It did not answer in time.
    #[error(
        "scontrol {0}: no answer in time, so that nothing is known to have changed; is slurmctld up? try `scontrol ping`"
    )]
    Late(String),
    /// It said no.
    #[error(
        "scontrol {command}: {said}; only root, SlurmUser and operators may change a node, and --node is its name where \
         that is not the host's"
    )]
    Refused {
        /// What was asked.
        command: String,
        /// Its words.
        said: String,
    },
}

/// The program, for one node.
pub(super) struct Scontrol<'a> {
    pub(super) program: &'a str,
    pub(super) deadline: Instant,
    pub(super) node: &'a str,
}

impl Scontrol<'_> {
    /// What Slurm knows of the node.
    pub(super) fn show(&self) -> Result<String, Failed> {
        self.run(&["show", "node", self.node])
    }

    /// Changes the node.
    pub(super) fn update(&self, changes: &[&str]) -> Result<(), Failed> {
        let name = format!("nodename={}", self.node);
        let words: Vec<_> = ["update", &name].into_iter().chain(changes.iter().copied()).collect();
        self.run(&words).map(|_| ())
    }

    /// What is said when the answer of [`Scontrol::show`] tells no state.
    pub(super) fn unreadable(&self) -> Failed {
        let command = format!("show node {}", self.node);
        Failed::Refused { command, said: "answered without a state".to_owned() }
    }

    fn run(&self, words: &[&str]) -> Result<String, Failed> {
        let command = words.iter().take(3).copied().collect::<Vec<_>>().join(" ");
        let child = Command::new(self.program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => Failed::Missing(self.node.to_owned()),
                _ => Failed::NotStarted(error.to_string()),
            })?;
        let pid = Pid::from_child(&child);
        let (sender, ended) = sync_channel(1);
        let waiting = move |child: Child| {
            // Nobody waits any more when the time is over.
            let _ = sender.send(child.wait_with_output());
        };
        let started =
            thread::Builder::new().name("scontrol".to_owned()).spawn(move || waiting(child));
        started.map_err(|error| Failed::NotStarted(error.to_string()))?;
        let left = self.deadline.saturating_duration_since(Instant::now());
        let Ok(output) = ended.recv_timeout(left) else {
            let _ = kill_process(pid, Signal::KILL);
            return Err(Failed::Late(command));
        };
        let output = output.map_err(|error| Failed::NotStarted(error.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        if output.status.success() {
            return Ok(out);
        }
        let said = [err, out].join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        let said = if said.is_empty() { format!("ended with {}", output.status) } else { said };
        Err(Failed::Refused { command, said })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Failed, Scontrol};

    fn run(program: &str, words: &[&str], limit: Duration) -> Result<String, Failed> {
        Scontrol { program, deadline: Instant::now() + limit, node: "n1" }.run(words)
    }

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn each_way_to_fail_is_one_line_with_a_remedy() {
        let missing = run("no-such-scontrol", &["ping"], LONG).unwrap_err();
        assert_eq!(missing, Failed::Missing("n1".to_owned()));
        let script = "echo ' Node n1\n not found'; echo slurm error >&2; exit 1";
        let refused = run("sh", &["-c", script], LONG).unwrap_err();
        assert!(
            matches!(&refused, Failed::Refused { said, .. } if said == "slurm error Node n1 not found"),
            "{refused}"
        );
        let quiet = run("false", &[], LONG).unwrap_err();
        assert!(quiet.to_string().contains("exit status: 1"), "{quiet}");
        assert_eq!(run("echo", &["a"], LONG).unwrap(), "a");
    }

    #[test]
    fn one_that_does_not_answer_is_ended() {
        let start = Instant::now();
        let late = run("sleep", &["600"], Duration::from_millis(200)).unwrap_err();
        assert_eq!(late, Failed::Late("600".to_owned()));
        assert!(start.elapsed() < LONG);
    }
}
