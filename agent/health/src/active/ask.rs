//! Asks a child to work on a device, and waits no longer than it may take.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use perfagent_kernels::MemoryTest;
use serde_json::Value;

use super::{Line, Part};

/// What came of it; of parts that nobody asked for, that they were left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The test of its memory.
    pub memory: Part<MemoryTest>,
    /// Its ceilings.
    pub ceilings: Part<Value>,
}

/// Starts `command`, which is to write what [`answer`](super::answer) writes, and reads it until `deadline`. The child is
/// gone then, unless it hangs inside the driver: such a process does not die, and is left behind.
#[must_use]
pub fn ask(command: &mut Command, deadline: Instant) -> Answered {
    let begun = Instant::now();
    let mut answered = Answered {
        memory: Part::Skipped("it was not asked for".to_owned()),
        ceilings: Part::Skipped("it was not asked for".to_owned()),
    };
    let mut calling = String::new();
    let (mut child, lines) = match start(command) {
        Ok(started) => started,
        Err(said) => {
            answered.memory = Part::Failed(said.clone());
            answered.ceilings = Part::Failed(said);
            return answered;
        }
    };
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Line::Calling(part)) => calling = part,
            Ok(Line::Memory(test)) => answered.memory = Part::Done(test),
            Ok(Line::Ceilings(document)) => answered.ceilings = Part::Done(document),
            Ok(Line::Failed(said)) => answered.end(&calling, &Part::Failed(said)),
            Ok(Line::Wrong(said)) => answered.end(&calling, &Part::Wrong(said)),
            Ok(Line::End) => break,
            Err(RecvTimeoutError::Timeout) => {
                answered.end(&calling, &Part::Hung(begun.elapsed().as_secs_f64()));
                answered.skip_after(&calling, "the one before it did not end");
                break;
            }
            Err(RecvTimeoutError::Disconnected) => {
                let said = "the process that measures it died; see the kernel log".to_owned();
                answered.end(&calling, &Part::Failed(said));
                answered.skip_after(&calling, "the one before it did not end");
                break;
            }
        }
    }
    end(&mut child);
    answered
}

impl Answered {
    /// The part of this name ended so, of which nothing else is known.
    fn end(&mut self, name: &str, how: &Part<()>) {
        fn of<T>(how: &Part<()>) -> Part<T> {
            match how {
                Part::Failed(said) => Part::Failed(said.clone()),
                Part::Wrong(said) => Part::Wrong(said.clone()),
                Part::Skipped(why) => Part::Skipped(why.clone()),
                Part::Hung(seconds) => Part::Hung(*seconds),
                Part::Done(()) => Part::Skipped(String::new()),
            }
        }
        if name == "ceilings" {
            self.ceilings = of(how);
        } else {
            self.memory = of(how);
        }
    }

    /// What would have come after it.
    fn skip_after(&mut self, name: &str, why: &str) {
        if name != "ceilings" {
            self.ceilings = Part::Skipped(why.to_owned());
        }
    }
}

fn start(command: &mut Command) -> Result<(Child, Receiver<Line>), String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let out = child.stdout.take().ok_or("its output is not connected")?;
    let (sender, lines) = sync_channel(16);
    thread::Builder::new()
        .name("active-lines".to_owned())
        .spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                // What is no line of ours was printed by a library.
                if let Ok(line) = serde_json::from_str(&line)
                    && sender.send(line).is_err()
                {
                    return;
                }
            }
        })
        .map_err(|error| error.to_string())?;
    Ok((child, lines))
}

/// Kills what has not ended; one that the driver holds is not waited for.
fn end(child: &mut Child) {
    // It may be gone already.
    let _ = child.kill();
    let patience = Instant::now() + Duration::from_secs(2);
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < patience {
        thread::park_timeout(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{Answered, Part, ask};

    fn asked(script: &str, wait: Duration) -> Answered {
        ask(Command::new("sh").args(["-c", script]), Instant::now() + wait)
    }

    const LONG: Duration = Duration::from_mins(1);
    const MEMORY: &str = r#"{"memory":{"device":"cpu","bytes":8,"patterns":1,"seconds":0.1,"wrong_words":0,"wrong":null}}"#;

    #[test]
    fn what_was_done_before_a_hang_is_kept() {
        let script = format!(
            "echo '{{\"calling\":\"memory\"}}'; echo '{MEMORY}'; echo '{{\"calling\":\"ceilings\"}}'; exec sleep 100"
        );
        let answered = asked(&script, Duration::from_secs(3));
        assert!(matches!(answered.memory, Part::Done(_)), "{answered:?}");
        assert!(matches!(answered.ceilings, Part::Hung(_)), "{answered:?}");
    }

    #[test]
    fn a_child_that_dies_takes_its_part_with_it() {
        let answered = asked("echo noise; echo '{\"calling\":\"memory\"}'; kill -9 $$", LONG);
        assert!(matches!(answered.memory, Part::Failed(_)), "{answered:?}");
        assert!(matches!(answered.ceilings, Part::Skipped(_)), "{answered:?}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let answered = ask(&mut Command::new("/no/such/program"), Instant::now() + LONG);
        let Part::Failed(said) = answered.memory else { panic!("{answered:?}") };
        assert!(said.starts_with("/no/such/program: "), "{said}");
    }
}
