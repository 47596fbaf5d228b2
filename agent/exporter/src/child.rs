//! A child process that gives one answer, within a limit.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

/// No answer is longer.
const MOST_BYTES: u64 = 64 << 20;
/// How long a child that was killed may take to go.
const PATIENCE: Duration = Duration::from_millis(300);

/// Standard output of `program`, whatever code it ends with; or why there is none.
pub(crate) fn answer(
    program: &Path,
    arguments: &[String],
    limit: Duration,
) -> Result<Vec<u8>, String> {
    let deadline = Instant::now() + limit;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    // Whatever it computes, training comes first.
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::setpriority_process(Some(pid), 19);
    }
    let (sender, read) = sync_channel(1);
    let out = child.stdout.take().ok_or("its output is not connected")?;
    let reader = move || {
        let mut bytes = Vec::new();
        let result = out.take(MOST_BYTES).read_to_end(&mut bytes).map(|_| bytes);
        let _ = sender.send(result);
    };
    let started = thread::Builder::new().name("answer".to_owned()).spawn(reader);
    let answer = match started {
        Err(error) => Err(format!("no thread for its answer: {error}")),
        Ok(_) => match read.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("did not answer within {limit:?}")),
        },
    };
    end(child);
    answer
}

/// A child that has answered ends by itself; one that has not is killed, and left behind if that does not end it either.
fn end(mut child: Child) {
    let patience = Instant::now() + PATIENCE;
    let mut killed_at = None;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= patience {
            if killed_at.is_some_and(|at: Instant| at.elapsed() >= PATIENCE) {
                return;
            }
            if killed_at.is_none() {
                let _ = child.kill();
                killed_at = Some(Instant::now());
            }
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::answer;

    fn sh(script: &str, limit: Duration) -> Result<Vec<u8>, String> {
        answer(Path::new("/bin/sh"), &["-c".to_owned(), script.to_owned()], limit)
    }

    #[test]
    fn an_answer_is_taken_whatever_the_code() {
        let long = Duration::from_secs(30);
        assert_eq!(sh("echo yes; exit 3", long).unwrap(), b"yes\n");
        assert!(answer(Path::new("/no/such/program"), &[], long).unwrap_err().contains("/no/such"));
    }

    #[test]
    fn a_child_that_hangs_is_not_waited_for() {
        let start = Instant::now();
        let said = sh("exec sleep 600", Duration::from_millis(200)).unwrap_err();
        assert!(said.contains("did not answer within"), "{said}");
        assert!(start.elapsed() < Duration::from_mins(1));
    }
}
