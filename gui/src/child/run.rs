//! The threads of a call: one waits for the program, two read its pipes.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crossbeam::channel::{Sender, bounded};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::call::{Call, perfagent};
use super::{Ended, Shared, interrupt, lock};

/// Lines of messages that are kept; of more the last ones are.
const MOST_MESSAGES: usize = 2000;

/// Bytes of one line; what is longer is cut.
const LONGEST_LINE: u64 = 1 << 16;

/// Bytes of an answer; no document of the program comes near.
const LONGEST_ANSWER: u64 = 1 << 30;

/// How long pipes are read after the end of the program: something that it started may hold them open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The shortest time between two repaints for news.
const BETWEEN_REPAINTS: Duration = Duration::from_millis(50);

/// Runs the program to its end.
pub(super) fn run(
    call: &Call,
    shared: &Arc<Shared>,
    ctx: &egui::Context,
    over: Sender<()>,
) -> Result<Ended, String> {
    let program = call.program.clone().map_or_else(perfagent, Ok)?;
    let mut command = Command::new(&program);
    command
        .args(&call.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(folder) = &call.folder {
        command.current_dir(folder);
    }
    let mut child = command.spawn().map_err(|error| match (&call.folder, error.kind()) {
        (Some(folder), io::ErrorKind::NotFound) if !folder.is_dir() => {
            format!("{}: is not a folder; choose one that exists", folder.display())
        }
        _ => format!("{}: cannot be started: {error}; check its permissions", program.display()),
    })?;
    *lock(&shared.process) = Pid::from_raw(child.id().cast_signed());
    if shared.cancelled.load(Ordering::Acquire) {
        interrupt(shared);
    }
    let answer = Arc::new(Mutex::new(Vec::new()));
    let (out, answered) = bounded::<()>(1);
    if let Some(stdout) = child.stdout.take() {
        let answer = Arc::clone(&answer);
        reader("answer", move || {
            collect(stdout, &answer);
            drop(out);
        });
    }
    let (err, told) = bounded::<()>(1);
    if let Some(stderr) = child.stderr.take() {
        let (shared, ctx) = (Arc::clone(shared), ctx.clone());
        reader("messages", move || {
            lines(stderr, &shared, &ctx);
            drop(err);
        });
    }
    // Its number stays its own until it is reaped, below, under the lock: nobody else gets the signal.
    let waited =
        waitid(WaitId::Pid(Pid::from_child(&child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    let status = {
        let mut process = lock(&shared.process);
        *process = None;
        child.wait()
    };
    // Tells the thread that would kill it.
    drop(over);
    waited.map_err(|error| format!("perfagent cannot be waited for: {error}; start it again"))?;
    let code = status.map_or(-1, code);
    let _ = answered.recv_timeout(LAST_WORDS);
    let _ = told.recv_timeout(LAST_WORDS);
    let cancelled = shared.cancelled.load(Ordering::Acquire);
    let messages = lock(&shared.messages).lines.iter().cloned().collect();
    let answer = text(std::mem::take(&mut lock(&answer)));
    Ok(Ended { code, cancelled, answer, messages })
}

fn reader(name: &str, work: impl FnOnce() + Send + 'static) {
    let _ = thread::Builder::new().name(name.to_owned()).spawn(work);
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(-1)
}

/// Appends everything that comes.
fn collect(from: impl Read, answer: &Mutex<Vec<u8>>) {
    let mut from = from.take(LONGEST_ANSWER);
    let mut piece = vec![0; 1 << 16];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return,
            Ok(count) => lock(answer).extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Keeps the last lines of what comes.
fn lines(from: impl Read, shared: &Shared, ctx: &egui::Context) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        match from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        }
        let text = String::from_utf8_lossy(&line);
        // A bar that is drawn over and over counts as its last state.
        let text = text.trim_end().rsplit('\r').next().unwrap_or_default();
        let text = text.strip_prefix("perfagent: ").unwrap_or(text);
        let mut messages = lock(&shared.messages);
        if messages.lines.len() == MOST_MESSAGES {
            messages.lines.pop_front();
        }
        messages.lines.push_back(text.replace(char::is_control, " "));
        messages.count += 1;
        drop(messages);
        ctx.request_repaint_after(BETWEEN_REPAINTS);
    }
}
