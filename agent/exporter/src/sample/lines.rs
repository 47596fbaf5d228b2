//! The lines of a child, with the child.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::line::Line;

/// How long a child that was killed may take to go.
const PATIENCE: Duration = Duration::from_millis(300);

/// A child at work.
pub(super) struct Lines {
    child: Child,
    lines: Receiver<Line>,
}

impl Lines {
    /// Starts `program` with `arguments`.
    pub(super) fn of(program: &Path, arguments: &[String]) -> Result<Self, String> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let (sender, lines) = sync_channel(256);
        let out = child.stdout.take().ok_or("its output is not connected")?;
        let read = move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                // What is no line of ours was printed by a library.
                if let Ok(line) = serde_json::from_str(&line)
                    && sender.send(line).is_err()
                {
                    return;
                }
            }
        };
        match thread::Builder::new().name("nvml-lines".to_owned()).spawn(read) {
            Ok(_) => Ok(Self { child, lines }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("no thread for its lines: {error}"))
            }
        }
    }

    /// The next one.
    pub(super) fn next(&self, within: Duration) -> Result<Line, RecvTimeoutError> {
        self.lines.recv_timeout(within)
    }

    /// Kills it. A process that hangs inside the driver does not die of that; it is given back, to be looked after later.
    pub(super) fn end(mut self) -> Option<Child> {
        let _ = self.child.kill();
        let patience = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < patience => {
                    thread::park_timeout(Duration::from_millis(5));
                }
                Ok(None) => return Some(self.child),
                Ok(Some(_)) | Err(_) => return None,
            }
        }
    }
}
