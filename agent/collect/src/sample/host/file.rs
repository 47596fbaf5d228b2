//! A file of `/proc` that is read again and again: opened once, its text made anew by the kernel at each reading.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// An open file of `/proc`.
#[derive(Debug)]
pub(super) struct ProcFile {
    file: File,
}

impl ProcFile {
    pub(super) fn open(path: &str) -> io::Result<Self> {
        Ok(Self { file: File::open(path)? })
    }

    /// Its text now, in `buffer`. Of a process that has ended there is none, even if its number has been given away.
    pub(super) fn read<'buffer>(&self, buffer: &'buffer mut Vec<u8>) -> Option<&'buffer str> {
        const ROOM: usize = 4096;
        if buffer.len() < ROOM {
            buffer.resize(ROOM, 0);
        }
        let mut length = 0;
        loop {
            let read = self.file.read_at(&mut buffer[length..], length as u64).ok()?;
            length += read;
            if read == 0 {
                break;
            }
            if length == buffer.len() {
                buffer.resize(2 * length, 0);
            }
        }
        // Names of processes and interfaces may be anything; lines with odd ones are not what is looked for.
        match std::str::from_utf8(buffer.get(..length)?) {
            Ok(text) => Some(text),
            Err(error) => std::str::from_utf8(buffer.get(..error.valid_up_to())?).ok(),
        }
    }
}

/// The number behind `key` in lines of the form `key number` or `key: number`.
pub(super) fn number(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| {
        line.strip_prefix(key).filter(|rest| rest.starts_with([' ', ':', '\t']))
    })?;
    value.trim_start_matches(':').split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_anew_and_whole() {
        let mut buffer = Vec::new();
        let stat = ProcFile::open("/proc/stat").unwrap();
        let before = number(stat.read(&mut buffer).unwrap(), "ctxt").unwrap();
        std::thread::park_timeout(std::time::Duration::from_millis(2));
        let after = number(stat.read(&mut buffer).unwrap(), "ctxt").unwrap();
        assert!(after > before, "this thread slept in between: {before} {after}");
    }

    #[test]
    fn a_process_that_has_ended_has_no_text() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let stat = ProcFile::open(&format!("/proc/{}/stat", child.id())).unwrap();
        let mut buffer = Vec::new();
        assert!(stat.read(&mut buffer).is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(stat.read(&mut buffer), None);
    }

    #[test]
    fn numbers_are_found_by_their_whole_key() {
        let text = "read_bytes_total 9\nread_bytes: 4096\nwrite_bytes: 1\n";
        assert_eq!(number(text, "read_bytes"), Some(4096));
        assert_eq!(number(text, "cancelled"), None);
    }
}
