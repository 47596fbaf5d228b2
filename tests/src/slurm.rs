//! A Slurm of two nodes on this machine, for one test: its own key, its own configuration, its own ports, and nothing
//! left behind.
//!
//! Both nodes are this machine under two names, each with a slurmd of its own (`slurmd -N`). Nothing of the system's
//! is used or changed: munged and the daemons run as the user of the test, in the foreground, from a temporary folder.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::finish;

/// The running cluster; dropping it stops it.
pub struct Slurm {
    folder: tempfile::TempDir,
    daemons: Vec<(&'static str, Child)>,
}

/// The nodes' names, which no name server knows.
pub const NODES: [&str; 2] = ["node0", "node1"];

/// munged, slurmctld, and a slurmd for each node.
const DAEMONS: usize = 2 + NODES.len();
const PATIENCE: Duration = Duration::from_mins(1);

impl Slurm {
    /// Starts it, and returns when both nodes are ready for work.
    ///
    /// # Panics
    /// When it does not come up; the logs of its daemons are in the message.
    #[must_use]
    pub fn start() -> Self {
        Self::with("")
    }

    /// The same with further lines in its `slurm.conf`.
    ///
    /// # Panics
    /// When it does not come up; the logs of its daemons are in the message.
    #[must_use]
    pub fn with(lines: &str) -> Self {
        // Not in the test's folder: the paths of sockets must be short.
        let folder = tempfile::Builder::new().prefix("slurm").tempdir().expect("a folder");
        let mut slurm = Self { folder, daemons: Vec::new() };
        // munged refuses a socket that not everybody can reach.
        slurm.make("", 0o755);
        slurm.make("run", 0o755);
        slurm.make("private", 0o700);
        slurm.make("state", 0o700);
        slurm.write_key();
        slurm.write_configuration(lines);
        slurm.start_munge();
        slurm.spawn("slurmctld", &["slurmctld", "-D"]);
        for node in NODES {
            slurm.make(&format!("spool-{node}"), 0o755);
            slurm.spawn(node, &["slurmd", "-D", "-N", node]);
        }
        slurm.until("two idle nodes", Self::is_idle);
        slurm
    }

    /// Waits until something holds, but not for a daemon that has ended.
    ///
    /// # Panics
    /// When it does not come to that.
    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.until(what, holds);
    }

    /// A program of Slurm that talks to this cluster.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.path("slurm.conf"));
        command
    }

    /// Whether both nodes are up, and nothing of a job is left on them.
    fn is_idle(&self) -> bool {
        let nodes = finish(self.command("sinfo").args(["--noheader", "--format=%T %D"]));
        nodes.stdout.trim() == "idle 2"
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make(&self, name: &str, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("a folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its permissions");
    }

    /// munged wants a secret of its own; what it protects is only this test.
    fn write_key(&self) {
        let path = self.path("private/key");
        let seed = format!("{:?} {}", Instant::now(), std::process::id());
        fs::write(&path, seed.repeat(64)).expect("the key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its permissions");
    }

    fn write_configuration(&self, lines: &str) {
        let folder = self.folder.path().display();
        let host = said("uname", "-n");
        let host = host.split('.').next().unwrap_or_default();
        let user = said("id", "-un");
        // Held together until all are known, so that they differ.
        let ports = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
        let ports = ports.map(|port| port.local_addr().expect("its address").port());
        let [controller, first, second] = ports;
        let node = |name: &str, port: u16| {
            format!(
                "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=1000\n"
            )
        };
        let text = format!(
            "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={controller}\n\
             SlurmUser={user}\nSlurmdUser={user}\n\
             AuthType=auth/munge\nAuthInfo=socket={folder}/run/munge\n\
             StateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/spool-%n\n\
             SlurmctldPidFile={folder}/run/slurmctld.pid\nSlurmdPidFile={folder}/run/%n.pid\n\
             SlurmctldLogFile={folder}/slurmctld.log\nSlurmdLogFile={folder}/%n.log\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nMpiDefault=none\n\
             SchedulerType=sched/builtin\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n\
             SlurmdParameters=config_overrides\nReturnToService=2\n\
             {lines}\n{}{}PartitionName=all Nodes={} Default=YES State=UP\n",
            node(NODES[0], first),
            node(NODES[1], second),
            NODES.join(",")
        );
        fs::write(self.path("slurm.conf"), text).expect("slurm.conf");
        // In a container there is nobody to ask for control groups. Before version 23 that had no name.
        let version = said("slurmd", "-V");
        let version = version.rsplit(' ').next().and_then(|number| number.split('.').next());
        if version.and_then(|major| major.parse().ok()).is_some_and(|major: u32| major >= 23) {
            fs::write(self.path("cgroup.conf"), "CgroupPlugin=disabled\n").expect("cgroup.conf");
        }
    }

    fn start_munge(&mut self) {
        let paths = [
            ("socket", "run/munge"),
            ("key-file", "private/key"),
            ("pid-file", "run/munge.pid"),
            ("log-file", "private/munge.log"),
            ("seed-file", "private/seed"),
        ];
        let mut words = vec!["munged".to_owned(), "--foreground".to_owned()];
        words.extend(
            paths.map(|(option, path)| format!("--{option}={}", self.path(path).display())),
        );
        self.spawn("munged", &words.iter().map(String::as_str).collect::<Vec<_>>());
        self.until("munged's socket", |slurm| slurm.path("run/munge").exists());
    }

    /// Starts a daemon that dies with the test, however that ends.
    fn spawn(&mut self, name: &'static str, words: &[&str]) {
        let said = fs::File::create(self.path(&format!("{name}.said"))).expect("a log");
        let mut command = self.command("setpriv");
        command.env("PATH", search_path());
        command.args(["--pdeathsig", "KILL"]).args(words).stdin(Stdio::null());
        command.stdout(said.try_clone().expect("a log")).stderr(said);
        let child = command.spawn().unwrap_or_else(|error| panic!("setpriv: {error}"));
        self.daemons.push((name, child));
    }

    /// Waits until something holds, but not for a daemon that has ended.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            let mut daemons = self.daemons.iter_mut();
            let ended = daemons.find_map(|(name, daemon)| {
                daemon.try_wait().ok().flatten().map(|status| format!("{name} ended ({status})"))
            });
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "no {what}: {}; `cargo xtask setup` installs Slurm and munge\n{}",
                ended.unwrap_or_else(|| format!("not within {PATIENCE:?}")),
                self.logs()
            );
            #[expect(
                clippy::disallowed_methods,
                reason = "daemons tell nobody that they are ready"
            )]
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the daemons have said.
    fn logs(&self) -> String {
        let texts = self.daemons.iter().map(|(name, _)| {
            let text = fs::read_to_string(self.path(&format!("{name}.said"))).unwrap_or_default();
            let last: Vec<_> = text.lines().rev().take(15).collect();
            format!("{name}:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"))
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Tasks of a test that failed half-way; nothing is lost if nobody answers any more.
            let user = format!("--user={}", said("id", "-un"));
            let _ = self.command("scancel").args(["--signal=KILL", "--full", &user]).status();
        }
        // What slurmd starts for a step stays for ever when it can tell nobody that the step has ended.
        let deadline = Instant::now() + PATIENCE / 4;
        while self.daemons.len() == DAEMONS && !self.is_idle() && Instant::now() < deadline {
            pause();
        }
        for (_, daemon) in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

fn pause() {
    #[expect(clippy::disallowed_methods, reason = "daemons tell nobody that they are ready")]
    std::thread::sleep(Duration::from_millis(100));
}

/// The line that a program prints.
fn said(program: &str, argument: &str) -> String {
    let mut command = Command::new(program);
    finish(command.arg(argument).env("PATH", search_path())).success().stdout.trim().to_owned()
}

/// Daemons are where only an administrator looks for programs.
fn search_path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}
