//! Files of the kernel below a root path, `/` outside of tests.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use perfagent_recording::Timestamp;

/// Where `/proc`, `/sys` and `/dev` are looked for.
#[derive(Clone, Debug)]
pub(crate) struct Root(PathBuf);

impl Root {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Whether this is the running system, and no copy of its files.
    pub(crate) fn is_system(&self) -> bool {
        self.0 == std::path::Path::new("/")
    }

    /// The path of `name`, which is written without a leading slash.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The text of a file without surrounding white space; `None` when it cannot be read.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.path(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// The last `most` bytes of a file from the beginning of a line on; `None` when it cannot be read.
    pub(crate) fn tail(&self, name: &str, most: u64) -> Option<String> {
        let mut file = fs::File::open(self.path(name)).ok()?;
        let length = file.metadata().ok()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(most))).ok()?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let whole = if length > most { text.split_once('\n').map(|(_, rest)| rest) } else { None };
        Some(whole.unwrap_or(&text).to_owned())
    }

    /// Whether this process shares the processes of the whole machine, as it does not in most containers: the kernel
    /// gives the first such space this number.
    pub(crate) fn sees_all_processes(&self) -> bool {
        let space = fs::read_link(self.path("proc/self/ns/pid"));
        space.is_ok_and(|space| space.as_os_str() == "pid:[4026531836]")
    }

    /// The numbers of the processes that can be seen.
    pub(crate) fn processes(&self) -> Vec<String> {
        let mut names = self.names("proc");
        names.retain(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        names
    }

    /// The PCI devices of a vendor whose class begins so: `0x10de`, `0x030`.
    pub(crate) fn pci_devices(&self, vendor: &str, class: &str) -> Vec<String> {
        const BUS: &str = "sys/bus/pci/devices";
        let mut devices = self.names(BUS);
        devices.retain(|device| {
            let text = |file: &str| self.text(&format!("{BUS}/{device}/{file}"));
            text("vendor").as_deref() == Some(vendor)
                && text("class").is_some_and(|found| found.starts_with(class))
        });
        devices
    }

    /// The number that a file holds.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// The names in a directory in order; empty when it cannot be read.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(folder))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// When the kernel started, by the wall clock as it is now.
    pub(crate) fn booted_at(&self) -> Option<Timestamp> {
        let text = self.text("proc/stat")?;
        let seconds = text.lines().find_map(|line| line.strip_prefix("btime "))?;
        Some(Timestamp::from_unix_parts(seconds.trim().parse().ok()?, 0))
    }

    /// Seconds since the kernel started.
    pub(crate) fn uptime_s(&self) -> Option<f64> {
        self.text("proc/uptime")?.split_ascii_whitespace().next()?.parse().ok()
    }
}
