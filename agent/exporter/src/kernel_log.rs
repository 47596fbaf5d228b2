//! XIDs of the kernel log, as they come.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use perfagent_health::XidTail;

use crate::moment::Moment;
use crate::state::{KernelLogState, Shared};
use crate::xids::Witness;

/// Starts the thread that reads the log below `root` every `interval`, for as long as the process lives.
pub fn start(root: PathBuf, interval: Duration, shared: Arc<Shared>) -> std::io::Result<()> {
    let follow = move || {
        let mut follower = Follower::new(root);
        loop {
            follower.read(&shared);
            thread::park_timeout(interval);
        }
    };
    thread::Builder::new().name("kernel-log".to_owned()).spawn(follow)?;
    Ok(())
}

struct Follower {
    tail: XidTail,
    is_first: bool,
}

impl Follower {
    fn new(root: PathBuf) -> Self {
        Self { tail: XidTail::new(root), is_first: true }
    }

    fn read(&mut self, shared: &Shared) {
        let events = match self.tail.read() {
            Ok(events) => events,
            Err(error) => {
                let said = error.to_string();
                return shared.change(|state| state.kernel_log = KernelLogState::Refused(said));
            }
        };
        let now = Moment::now().unix_s;
        let uptime = self.tail.uptime_s();
        let witness = if self.is_first { Witness::EarlierLog } else { Witness::Log };
        for event in events {
            // Of an old event in a log whose time is not known no more can be said than that it was before now.
            let at = uptime.map_or(now, |uptime| now - uptime + event.at_us as f64 / 1e6);
            shared.xid(&event.pci, event.code, witness, at.min(now), &event.text);
        }
        self.is_first = false;
        shared.change(|state| state.kernel_log = KernelLogState::Read);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::Follower;
    use crate::log::{EventLog, Target};
    use crate::state::{KernelLogState, Shared};

    #[test]
    fn what_was_before_counts_and_what_comes_is_told() {
        let root = tempfile::tempdir().unwrap();
        let log = root.path().join("log");
        let shared = Shared::new(EventLog::new(Target::File(log.clone()), "node-7"));
        let mut follower = Follower::new(root.path().to_owned());
        follower.read(&shared);
        assert!(shared.change(|state| matches!(state.kernel_log, KernelLogState::Refused(_))));
        for folder in ["dev", "proc"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("proc/uptime"), "1000.00 1.00\n").unwrap();
        let kmsg = root.path().join("dev/kmsg");
        let line = "3,1,400000000,-;NVRM: Xid (PCI:0000:9b:00): 79, pid=1, GPU has fallen off\n";
        fs::write(&kmsg, line).unwrap();
        follower.read(&shared);
        assert!(!log.exists(), "what was before is no news");
        let mut file = fs::OpenOptions::new().append(true).open(&kmsg).unwrap();
        file.write_all(line.replace("400000000", "900000000").as_bytes()).unwrap();
        follower.read(&shared);
        follower.read(&shared);
        let xids = shared.change(|state| state.xids.clone());
        let (place, code, count) = xids.iter().next().unwrap();
        assert_eq!((place, code, count.total()), ("0000:9b:00", 79, 2));
        let ago = crate::moment::Moment::now().unix_s - count.last_unix_s;
        assert!((100.0..160.0).contains(&ago), "{ago}");
        let told = fs::read_to_string(log).unwrap();
        assert_eq!(told.lines().count(), 1);
        assert!(told.contains("fallen off") && told.contains("\"xid\":\"79\""), "{told}");
    }
}
