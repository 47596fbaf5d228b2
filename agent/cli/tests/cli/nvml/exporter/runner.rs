//! An exporter at work.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::{folder, libraries};

/// How long a loaded machine may take for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

pub(super) struct Exporter {
    folder: tempfile::TempDir,
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

/// What a request was answered with.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Exporter {
    /// On a machine on which `script` happens; returns when it listens.
    pub(super) fn start(script: &str, arguments: &[&str]) -> Self {
        Self::start_in(folder(), script, arguments)
    }

    /// Where no driver is installed.
    pub(super) fn start_without_driver(script: &str, arguments: &[&str]) -> Self {
        let folder = folder();
        std::fs::remove_file(libraries(folder.path()).join("libnvidia-ml.so.1")).unwrap();
        Self::start_in(folder, script, arguments)
    }

    fn start_in(folder: tempfile::TempDir, script: &str, arguments: &[&str]) -> Self {
        let mut command = command(folder.path(), script);
        command.args(["exporter", "--listen", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("perfagent: metrics at http://");
        let address = address.and_then(|rest| rest.strip_suffix("/metrics"));
        let address = address.unwrap_or_else(|| panic!("no address in: {line}")).to_owned();
        Self { folder, child, stderr, address }
    }

    /// Installs the driver's library.
    pub(super) fn install_driver(&self) {
        let test = std::env::current_exe().unwrap();
        let library = test.parent().unwrap().join("libperfagent_fake_gpu.so");
        symlink(library, libraries(self.folder.path()).join("libnvidia-ml.so.1")).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The answer to these bytes.
    pub(super) fn say(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // One that was cut off early by the server is answered, too.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A request with one more header line, or none.
    pub(super) fn ask(&self, method: &str, path: &str, header: &str) -> Answer {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{header}\r\n");
        let answer = self.say(request.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// The metrics as soon as they are as wished.
    pub(super) fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask("GET", "/metrics", "");
            assert_eq!(answer.status, 200);
            if holds(&answer.body) {
                return answer.body;
            }
            assert!(Instant::now() < deadline, "no {what} in {}", answer.body);
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }

    /// Ends it as a service manager does, and returns its code.
    pub(super) fn end(&mut self) -> Option<i32> {
        terminate(&mut self.child)
    }

    /// Everything that it has said on standard error, after its end.
    pub(super) fn said(mut self) -> String {
        self.end();
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, in a folder on a machine on which something happens.
pub(super) fn command(folder: &Path, script: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("perfagent"));
    command.current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::null());
    command.env("LD_LIBRARY_PATH", libraries(folder)).env("FAKE_NVML", script);
    command
}

pub(super) fn terminate(child: &mut Child) -> Option<i32> {
    let pid = i32::try_from(child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    None
}

/// The value of a series, by its whole name with labels.
pub(super) fn value(page: &str, series: &str) -> Option<f64> {
    let rest = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    rest.parse().ok()
}
