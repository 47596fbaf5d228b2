//! The kernel log since the boot, from `/dev/kmsg`, which every reader sees whole; without that, through syslog(2).
//!
//! A record reads `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT`; lines that begin with a blank belong to the record before.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;

use super::kernel_ring;
use crate::root::Root;

/// The largest record that the kernel hands out, several times over: with less it refuses.
const RECORD: usize = 1 << 16;
/// No kernel keeps a larger log.
const MOST_BYTES: usize = 64 << 20;
/// With less of the log left, nothing in it says too little.
const LEAST_MEMORY_S: f64 = 3600.0;
/// What to do then.
pub(crate) const KEEP_MORE: &str =
    "boot with a larger log (log_buf_len=16M), or find what floods it with `dmesg`";

/// What the kernel still remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KernelLog {
    /// The messages in order.
    pub(crate) messages: Vec<Message>,
    /// Earlier messages have been overwritten.
    pub(crate) truncated: bool,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Microseconds from the kernel's start.
    pub(crate) at_us: u64,
    pub(crate) text: String,
}

impl KernelLog {
    /// Reads what is there now; never waits for more. Fails with what is said of `/dev/kmsg`.
    pub(crate) fn read(root: &Root) -> std::io::Result<Self> {
        Self::read_device(root).or_else(|error| {
            if root.is_system() { kernel_ring::read().map_err(|_| error) } else { Err(error) }
        })
    }

    fn read_device(root: &Root) -> std::io::Result<Self> {
        Self::read_on(&mut Self::open(root)?)
    }

    /// The device, before its first message.
    pub(crate) fn open(root: &Root) -> std::io::Result<File> {
        OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
            .open(root.path("dev/kmsg"))
    }

    /// Reads what has been written since the last reading of this file; never waits for more.
    pub(crate) fn read_on(file: &mut File) -> std::io::Result<Self> {
        let mut buffer = vec![0; RECORD];
        let mut bytes = Vec::new();
        while bytes.len() < MOST_BYTES {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => bytes.extend_from_slice(&buffer[..length]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => break,
                    // A broken pipe says that a record was overwritten before it was read; the next one follows.
                    ErrorKind::Interrupted | ErrorKind::BrokenPipe => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(Self::parse(&String::from_utf8_lossy(&bytes)))
    }

    /// Whether so much has been overwritten that silence says too little. `now_s` is the time since the kernel's start.
    pub(crate) fn forgets(&self, now_s: Option<f64>) -> bool {
        let first_s = self.messages.first().map(|first| first.at_us as f64 / 1e6);
        let kept_s = now_s.zip(first_s).map(|(now_s, first_s)| now_s - first_s);
        self.truncated && kept_s.is_none_or(|kept_s| kept_s < LEAST_MEMORY_S)
    }

    /// Reads records; what is none is left out.
    pub(crate) fn parse(text: &str) -> Self {
        let mut log = Self::default();
        let mut first = None;
        for line in text.lines() {
            let Some((head, text)) = line.split_once(';') else { continue };
            let mut fields = head.split(',').skip(1);
            let numbers = (|| {
                let sequence: u64 = fields.next()?.parse().ok()?;
                let at_us: u64 = fields.next()?.parse().ok()?;
                Some((sequence, at_us))
            })();
            let Some((sequence, at_us)) = numbers else { continue };
            first.get_or_insert(sequence);
            log.messages.push(Message { at_us, text: text.to_owned() });
        }
        log.truncated = first.is_some_and(|first| first > 0);
        log
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::KernelLog;

    #[test]
    fn records_are_told_from_their_continuation() {
        let log = KernelLog::parse(
            "6,12,1500,-;NVRM: a; b\n SUBSYSTEM=pci\n DEVICE=+pci:0000:01:00.0\n4,13,1600,-,caller=T1;c\nrubbish\n",
        );
        let seen: Vec<_> =
            log.messages.iter().map(|message| (message.at_us, message.text.as_str())).collect();
        assert_eq!(seen, [(1500, "NVRM: a; b"), (1600, "c")]);
        assert!(log.truncated);
        assert!(!KernelLog::parse("5,0,0,-;Linux version 6").truncated);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[0-9,;\\n a-zA-Z\u{7f}-\u{ff}]{0,200}") {
            let log = KernelLog::parse(&text);
            prop_assert!(log.messages.len() <= text.lines().count());
        }
    }
}
