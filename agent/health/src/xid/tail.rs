//! XIDs as they come, for a program that keeps running.

use std::fs::File;
use std::path::PathBuf;

use super::event::Event;
use crate::host::kernel_log::KernelLog;
use crate::root::Root;

/// One XID in the kernel log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XidEvent {
    /// Domain, bus and device of the GPU: `0000:9b:00`.
    pub pci: String,
    /// The number.
    pub code: u32,
    /// What the driver says besides.
    pub text: String,
    /// Microseconds from the kernel's start.
    pub at_us: u64,
}

/// The kernel log, read on from where it was left.
#[derive(Debug)]
pub struct XidTail {
    root: Root,
    file: Option<File>,
}

impl XidTail {
    /// Of the machine whose `/dev` and `/proc` are below `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: Root::new(root), file: None }
    }

    /// The XIDs that were told since the last call; at the first call, all that the kernel still remembers. Never waits.
    pub fn read(&mut self) -> std::io::Result<Vec<XidEvent>> {
        let file = match &mut self.file {
            Some(file) => file,
            closed => closed.insert(KernelLog::open(&self.root)?),
        };
        let log = KernelLog::read_on(file)?;
        let events = log.messages.iter().filter_map(Event::of).map(|event| XidEvent {
            pci: event.pci,
            code: event.code,
            text: event.text,
            at_us: event.at_us,
        });
        Ok(events.collect())
    }

    /// Seconds since the kernel's start, in which [`XidEvent::at_us`] counts.
    #[must_use]
    pub fn uptime_s(&self) -> Option<f64> {
        self.root.uptime_s()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::XidTail;

    #[test]
    fn each_xid_is_told_once() {
        let root = tempfile::tempdir().unwrap();
        let mut tail = XidTail::new(root.path());
        assert!(tail.read().is_err(), "there is no log yet");
        fs::create_dir(root.path().join("dev")).unwrap();
        let log = root.path().join("dev/kmsg");
        let line = |sequence, code| {
            format!("3,{sequence},5000000,-;NVRM: Xid (PCI:0000:9b:00): {code}, pid=1\n")
        };
        fs::write(&log, format!("6,0,0,-;Linux version 6\n{}", line(1, 48))).unwrap();
        let codes = |tail: &mut XidTail| -> Vec<u32> {
            tail.read().unwrap().iter().map(|event| event.code).collect()
        };
        assert_eq!(codes(&mut tail), [48]);
        assert_eq!(codes(&mut tail), [0; 0]);
        let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
        file.write_all(line(2, 79).as_bytes()).unwrap();
        file.write_all(line(3, 79).as_bytes()).unwrap();
        assert_eq!(codes(&mut tail), [79, 79]);
        assert_eq!(tail.uptime_s(), None);
    }
}
