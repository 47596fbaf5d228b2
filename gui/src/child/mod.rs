//! The `perfagent` program, run beside the window: its answer, its messages, and how it is stopped.
//!
//! A call goes on on threads of its own; the window only ever takes what has come. One thread waits for the
//! program and makes its value of the answer, two read its pipes, so that it never stands still because the
//! window is hidden.

mod call;
mod ended;
mod run;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, TryRecvError, bounded};
use rustix::process::{Pid, Signal, kill_process};

pub use call::{Call, perfagent};
pub use ended::Ended;

/// How long a program has to end by itself after it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// What a call has come to.
#[derive(Debug)]
pub enum Outcome<T> {
    /// The program still runs.
    Running,
    /// It has ended, and this is what was made of its answer.
    Done(T),
    /// The one line that says why there is no answer.
    Failed(String),
}

/// A call that is under way. Dropping it ends the program, unless [`Child::leave`] was called.
pub struct Child<T> {
    shared: Arc<Shared>,
    result: Receiver<Result<T, String>>,
    leave: bool,
}

/// What the threads and the window have in common. Locks are held for the length of a copy only.
struct Shared {
    /// The process, as long as its number is its own: it is reaped under this lock.
    process: Mutex<Option<Pid>>,
    messages: Mutex<Messages>,
    cancelled: AtomicBool,
    /// Closed when the program has ended.
    over: Receiver<()>,
    grace: Duration,
}

#[derive(Default)]
struct Messages {
    lines: VecDeque<String>,
    /// Lines that there were, also those that are gone.
    count: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Send + 'static> Child<T> {
    /// Starts the program. `make` turns its answer into what the window wants, on the thread that waited for it.
    /// `ctx` is asked to repaint when there is something new.
    #[must_use]
    pub fn start(
        call: Call,
        ctx: &egui::Context,
        make: impl FnOnce(Ended) -> Result<T, String> + Send + 'static,
    ) -> Self {
        let (over_sender, over) = bounded(0);
        let shared = Arc::new(Shared {
            process: Mutex::default(),
            messages: Mutex::default(),
            cancelled: AtomicBool::new(false),
            over,
            grace: call.grace.unwrap_or(GRACE),
        });
        let (sender, result) = bounded(1);
        let worker = {
            let (shared, ctx) = (Arc::clone(&shared), ctx.clone());
            move || {
                let value = run::run(&call, &shared, &ctx, over_sender).and_then(make);
                // The receiver is gone when nobody wants the answer any more.
                let _ = sender.send(value);
                drop(sender);
                ctx.request_repaint();
            }
        };
        // Without a thread the channel closes at once, which is reported like a worker that died.
        let _ = thread::Builder::new().name("perfagent".into()).spawn(worker);
        Self { shared, result, leave: false }
    }

    /// What has become of it. A value is handed over once.
    #[must_use]
    pub fn poll(&self) -> Outcome<T> {
        match self.result.try_recv() {
            Ok(Ok(value)) => Outcome::Done(value),
            Ok(Err(message)) => Outcome::Failed(message),
            Err(TryRecvError::Empty) => Outcome::Running,
            Err(TryRecvError::Disconnected) => Outcome::Failed(
                "the answer of perfagent could not be taken in; run the command in a shell to see it"
                    .to_owned(),
            ),
        }
    }
}

impl<T> Child<T> {
    /// Calls `each` with the last lines that the program wrote to standard error, at most so many, the oldest first.
    pub fn messages(&self, most: usize, mut each: impl FnMut(&str)) {
        let messages = lock(&self.shared.messages);
        let skipped = messages.lines.len().saturating_sub(most);
        messages.lines.iter().skip(skipped).for_each(|line| each(line));
    }

    /// The last line of standard error: how far it is.
    #[must_use]
    pub fn last_message(&self) -> Option<String> {
        lock(&self.shared.messages).lines.back().cloned()
    }

    /// How many lines of messages there were: changes when there is a new one.
    #[must_use]
    pub fn message_count(&self) -> u64 {
        lock(&self.shared.messages).count
    }

    /// Asks the program to end (SIGINT), and ends it (SIGKILL) when it does not.
    pub fn cancel(&self) {
        cancel(&self.shared);
    }

    /// True once it was asked to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Acquire)
    }

    /// Lets the program go on when this value is dropped, also beyond the window's own end.
    pub const fn leave(&mut self, leave: bool) {
        self.leave = leave;
    }
}

impl<T> Drop for Child<T> {
    fn drop(&mut self) {
        if !self.leave {
            cancel(&self.shared);
        }
    }
}

fn cancel(shared: &Arc<Shared>) {
    if !shared.cancelled.swap(true, Ordering::AcqRel) {
        interrupt(shared);
    }
}

/// Asks the program to end, and ends it after a while; without effect where none runs.
fn interrupt(shared: &Arc<Shared>) {
    if !signal(shared, Signal::INT) {
        return;
    }
    let shared = Arc::clone(shared);
    let kill = move || {
        if shared.over.recv_timeout(shared.grace) == Err(RecvTimeoutError::Timeout) {
            signal(&shared, Signal::KILL);
        }
    };
    let _ = thread::Builder::new().name("cancel".into()).spawn(kill);
}

/// Sends a signal to the program, if there is one.
fn signal(shared: &Shared, signal: Signal) -> bool {
    lock(&shared.process).is_some_and(|process| kill_process(process, signal).is_ok())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::thread;
    use std::time::Duration;

    use super::{Call, Child, Ended, Outcome};

    /// A shell in place of the program.
    fn shell(script: &str) -> Call {
        Call::new(["-c", script]).by(Some(PathBuf::from("/bin/sh")))
    }

    fn start(call: Call) -> Child<Ended> {
        Child::start(call, &egui::Context::default(), Ok)
    }

    fn end(child: &Child<Ended>) -> Result<Ended, String> {
        loop {
            match child.poll() {
                Outcome::Running => thread::yield_now(),
                Outcome::Done(ended) => return Ok(ended),
                Outcome::Failed(message) => return Err(message),
            }
        }
    }

    fn wait_for(child: &Child<Ended>, message: &str) {
        while child.last_message().as_deref() != Some(message) {
            thread::yield_now();
        }
    }

    fn lives(process: &str) -> bool {
        Path::new("/proc").join(process).exists()
    }

    #[test]
    fn answer_messages_and_code_come_back() {
        let child = start(shell(
            "echo '{\"a\": 1}'; echo 'perfagent: one' >&2; printf '1 %%\\r2 %%\\n' >&2; exit 1",
        ));
        let ended = end(&child).unwrap();
        assert_eq!((ended.code, ended.cancelled), (1, false));
        assert_eq!(ended.messages, ["one", "2 %"]);
        assert_eq!(child.message_count(), 2);
        let value: serde_json::Value = ended.document(&[1]).unwrap();
        assert_eq!(value["a"], 1);
        assert_eq!(ended.document::<serde_json::Value>(&[]).unwrap_err(), "2 %");
    }

    #[test]
    fn an_answer_that_is_no_document_is_told() {
        let ended = end(&start(shell("echo '{'"))).unwrap();
        let told = ended.document::<serde_json::Value>(&[]).unwrap_err();
        assert!(told.contains("--version"), "{told}");
        let silent = end(&start(shell("exit 2"))).unwrap();
        assert!(silent.document::<serde_json::Value>(&[]).unwrap_err().contains("code 2"));
    }

    #[test]
    fn a_long_answer_and_many_messages_do_not_stop_each_other() {
        let script = "i=0; while [ $i -lt 3000 ]; do echo $i 0123456789012345678901234567890123456789; echo $i >&2; \
                      i=$((i+1)); done";
        let child = start(shell(script));
        let ended = end(&child).unwrap();
        assert_eq!(ended.answer.lines().count(), 3000);
        assert_eq!(child.message_count(), 3000);
        assert_eq!(ended.messages.len(), 2000);
        let mut last = Vec::new();
        child.messages(2, |line| last.push(line.to_owned()));
        assert_eq!(last, ["2998", "2999"]);
    }

    #[test]
    fn cancelling_interrupts() {
        let child = start(shell(
            "trap 'echo bye >&2; exit 7' INT; echo ready >&2; while :; do sleep 0.01; done",
        ));
        wait_for(&child, "ready");
        child.cancel();
        let ended = end(&child).unwrap();
        assert_eq!((ended.code, ended.cancelled), (7, true));
        assert_eq!(ended.explanation(), "cancelled");
        assert_eq!(ended.messages, ["ready", "bye"]);
    }

    #[test]
    fn what_does_not_end_when_asked_is_ended() {
        let call = Call {
            grace: Some(Duration::from_millis(20)),
            ..shell("trap '' INT; echo ready >&2; while :; do sleep 0.01; done")
        };
        let child = start(call);
        wait_for(&child, "ready");
        child.cancel();
        assert_eq!(end(&child).unwrap().code, 128 + 9);
    }

    #[test]
    fn dropping_ends_the_program_and_leaves_no_zombie() {
        let child = start(shell("echo $$ >&2; exec sleep 1000"));
        while child.message_count() == 0 {
            thread::yield_now();
        }
        let process = child.last_message().unwrap();
        assert!(lives(&process));
        drop(child);
        while lives(&process) {
            thread::yield_now();
        }
    }

    #[test]
    fn a_program_that_is_left_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("done");
        let script = format!("echo ready >&2; sleep 0.05; echo x > {}", file.display());
        let mut child = start(shell(&script));
        wait_for(&child, "ready");
        child.leave(true);
        drop(child);
        while !file.exists() {
            thread::yield_now();
        }
    }

    #[test]
    fn an_answer_is_not_waited_for_when_something_else_holds_the_pipe() {
        let child = start(shell("sleep 1000 & echo $! >&2; exit 0"));
        let ended = end(&child).unwrap();
        assert_eq!(ended.code, 0);
        let left = ended.messages[0].parse().ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
    }

    #[test]
    fn what_cannot_be_started_is_told_in_one_line() {
        let missing = end(&start(Call::default().by(Some(PathBuf::from("/nowhere/perfagent")))));
        assert!(missing.unwrap_err().contains("/nowhere/perfagent"));
        let folder = Call { folder: Some(PathBuf::from("/nowhere")), ..shell("true") };
        assert!(end(&start(folder)).unwrap_err().contains("not a folder"));
    }
}
