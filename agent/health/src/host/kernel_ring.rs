//! The kernel log through syslog(2), for where there is no `/dev/kmsg`: a container may have the capability (`CAP_SYSLOG`)
//! and not the device, which only a privileged one can open.
//!
//! A line reads `<PRIORITY>[SECONDS.MICROSECONDS] TEXT`.
#![expect(unsafe_code, reason = "syslog(2) has no safe wrapper in the libraries used here")]

use std::io;

use super::kernel_log::{KernelLog, Message};

/// syslog(2)'s numbers for what is asked.
const READ_ALL: libc::c_int = 3;
const SIZE_BUFFER: libc::c_int = 10;

/// Reads what the kernel still has; consumes nothing.
pub(super) fn read() -> io::Result<KernelLog> {
    // SAFETY: it asks for a size, and uses no buffer.
    let size = unsafe { libc::klogctl(SIZE_BUFFER, std::ptr::null_mut(), 0) };
    let size = usize::try_from(size).map_err(|_| io::Error::last_os_error())?;
    let mut buffer = vec![0_u8; size];
    let room = libc::c_int::try_from(size).unwrap_or(libc::c_int::MAX);
    // SAFETY: the buffer has at least `room` bytes.
    let length = unsafe { libc::klogctl(READ_ALL, buffer.as_mut_ptr().cast(), room) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    buffer.truncate(length);
    parse(&String::from_utf8_lossy(&buffer))
        .ok_or_else(|| io::Error::other("the kernel log tells no times (printk.time)"))
}

/// `None` where there are lines and none of them has a time: nothing could be said of their order and age.
fn parse(text: &str) -> Option<KernelLog> {
    let messages: Vec<_> = text.lines().filter_map(message).collect();
    if messages.is_empty() && !text.trim().is_empty() {
        return None;
    }
    // The kernel's first words come at 0.
    let truncated = messages.first().is_some_and(|first| first.at_us > 0);
    Some(KernelLog { messages, truncated })
}

fn message(line: &str) -> Option<Message> {
    let (_, line) = line.strip_prefix('<')?.split_once('>')?;
    let (time, text) = line.strip_prefix('[')?.split_once("] ")?;
    // The kernel may add who wrote it: `[   12.345678][T123] `.
    let time = time.split(']').next()?;
    let (seconds, micros) = time.trim().split_once('.')?;
    let at_us = seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    let at_us = at_us.checked_add(micros.parse::<u32>().ok()?.into())?;
    Some(Message { at_us, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::{Message, parse};

    #[test]
    fn lines_become_messages() {
        let text = "<5>[    0.000000] Linux version 6.1\n<4>[   12.345678][  T99] NVRM: Xid (PCI:0000:01:00): 79, pid=1\nrubbish\n";
        let log = parse(text).unwrap();
        let message = |at_us, text: &str| Message { at_us, text: text.to_owned() };
        assert_eq!(
            log.messages,
            [
                message(0, "Linux version 6.1"),
                message(12_345_678, "NVRM: Xid (PCI:0000:01:00): 79, pid=1")
            ]
        );
        assert!(!log.truncated);
        assert!(parse("<4>[   12.000001] a\n").unwrap().truncated);
        assert_eq!(parse("<4>no times\n"), None);
        assert_eq!(parse("").unwrap().messages, []);
    }
}
