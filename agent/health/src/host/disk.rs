//! Free space on local file systems.

use std::collections::BTreeMap;

use rustix::fs::statvfs;

use crate::root::Root;
use crate::{Check, Severity, Status};

const NAME: &str = "disk_space";
/// Own thresholds, after common monitoring practice.
const LOW_PCT: f64 = 10.0;
const VERY_LOW_PCT: f64 = 2.0;
/// File systems on this machine's own disks and in its memory. Network file systems are left out: asking one whose
/// server is gone never returns.
const LOCAL: [&str; 10] =
    ["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "bcachefs", "tmpfs"];

/// One check a file system, at the shortest of its mount points.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    let Some(mounts) = root.text("proc/mounts") else {
        return vec![Check::unknown(NAME, "host", "/proc/mounts cannot be read", "mount /proc")];
    };
    let mounts = local_mounts(&mounts);
    if mounts.is_empty() {
        let detail = "no local file system is mounted";
        return vec![Check::not_applicable(NAME, "host", detail)];
    }
    mounts
        .into_iter()
        .map(|mount| match statvfs(root.path(mount.trim_start_matches('/'))) {
            Ok(space) => {
                let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
                judge(&mount, bytes(space.f_blocks), bytes(space.f_bavail))
            }
            Err(error) => Check::unknown(
                NAME,
                mount,
                format!("cannot be asked for its space: {error}"),
                "check the mount with `df`",
            ),
        })
        .collect()
}

fn judge(mount: &str, total: u64, free: u64) -> Check {
    if total == 0 {
        return Check::not_applicable(NAME, mount, "has no size");
    }
    let free_pct = 100.0 * free as f64 / total as f64;
    let detail =
        format!("{:.1} of {:.1} GB free ({free_pct:.0} %)", free as f64 / 1e9, total as f64 / 1e9);
    let floor = (total as f64 * LOW_PCT / 100.0) as u64;
    let check = Check::ok(NAME, mount, detail).found(free, "bytes").expected(floor);
    let action = format!("find what fills it: du -xh {mount} | sort -h | tail");
    if free_pct < VERY_LOW_PCT {
        check.but(Status::Critical, Severity::Triage, action)
    } else if free_pct < LOW_PCT {
        check.but(Status::Warning, Severity::Monitor, action)
    } else {
        check
    }
}

/// Mount points that can be written to, one a device.
fn local_mounts(mounts: &str) -> Vec<String> {
    let mut of_device: BTreeMap<String, String> = BTreeMap::new();
    for line in mounts.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(device), Some(mount), Some(kind), Some(options)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let mount = unescaped(mount);
        let read_only = options.split(',').any(|option| option == "ro");
        // Of the file systems in memory only those that jobs fill.
        let in_memory = kind == "tmpfs" && !["/dev/shm", "/tmp"].contains(&mount.as_str());
        if read_only || in_memory || !LOCAL.contains(&kind) {
            continue;
        }
        let device = if kind == "tmpfs" { mount.clone() } else { device.to_owned() };
        let shortest = of_device.entry(device).or_insert_with(|| mount.clone());
        if mount.len() < shortest.len() {
            *shortest = mount;
        }
    }
    let mut found: Vec<String> = of_device.into_values().collect();
    found.sort();
    found
}

/// `\040` and its like, as the kernel writes blanks in paths.
fn unescaped(path: &str) -> String {
    let mut parts = path.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(code) = code {
            text.push(char::from(code));
            text.push_str(&part[3..]);
        } else {
            text.push('\\');
            text.push_str(part);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{judge, local_mounts};
    use crate::Status;

    #[test]
    fn each_local_file_system_is_asked_once() {
        let mounts = "/dev/sda1 /var/lib ext4 rw 0 0\n/dev/sda1 / ext4 rw,relatime 0 0\nnas:/x /home nfs4 rw 0 0\n/dev/sdb1 /mnt/my\\040data xfs rw 0 0\n/dev/loop0 /snap/a ext4 ro 0 0\ntmpfs /run tmpfs rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\nshort line\n";
        assert_eq!(local_mounts(mounts), ["/", "/dev/shm", "/mnt/my data"]);
    }

    #[test]
    fn the_share_decides() {
        let of = |free| judge("/", 1000, free).status;
        assert_eq!(
            [19, 20, 99, 100].map(of),
            [Status::Critical, Status::Warning, Status::Warning, Status::Ok]
        );
        assert_eq!(judge("/", 0, 0).status, Status::Unknown);
    }
}
