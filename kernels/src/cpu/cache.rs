//! The caches, from `/sys/devices/system/cpu/cpu*/cache`.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// One cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cache {
    /// 1 is closest to the core.
    pub level: u32,
    /// `Data`, `Instruction` or `Unified`.
    pub kind: String,
    /// Its size.
    pub size_bytes: u64,
    /// The CPUs that share it, in the kernel's notation: `0-3,8`.
    pub shared_by: String,
}

/// The caches of `cpus`, each once, by level and first CPU.
pub(super) fn read(root: &Path, cpus: &[usize]) -> Vec<Cache> {
    let mut caches: Vec<Cache> = Vec::new();
    for cpu in cpus {
        let folder = root.join(format!("sys/devices/system/cpu/cpu{cpu}/cache"));
        for index in 0.. {
            let Some(cache) = read_one(&folder.join(format!("index{index}"))) else { break };
            if !caches.contains(&cache) {
                caches.push(cache);
            }
        }
    }
    caches.sort_by_key(|cache| cache.level);
    caches
}

/// Bytes of the data caches of the highest level, together.
pub(super) fn last_level_bytes(caches: &[Cache]) -> Option<u64> {
    let data = || caches.iter().filter(|cache| cache.kind != "Instruction");
    let last = data().map(|cache| cache.level).max()?;
    Some(data().filter(|cache| cache.level == last).map(|cache| cache.size_bytes).sum())
}

fn read_one(folder: &Path) -> Option<Cache> {
    let text =
        |name: &str| fs::read_to_string(folder.join(name)).ok().map(|text| text.trim().to_owned());
    Some(Cache {
        level: text("level")?.parse().ok()?,
        kind: text("type")?,
        size_bytes: bytes(&text("size")?)?,
        shared_by: text("shared_cpu_list")?,
    })
}

/// `48K`, `2M`.
fn bytes(size: &str) -> Option<u64> {
    let (digits, unit) = match size.strip_suffix(['K', 'M', 'G']) {
        Some(digits) => (digits, &size[digits.len()..]),
        None => (size, ""),
    };
    let factor = match unit {
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => 1,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{bytes, last_level_bytes, read};

    fn put(root: &Path, cpu: usize, index: usize, [level, kind, size, shared]: [&str; 4]) {
        let folder = root.join(format!("sys/devices/system/cpu/cpu{cpu}/cache/index{index}"));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in
            [("level", level), ("type", kind), ("size", size), ("shared_cpu_list", shared)]
        {
            fs::write(folder.join(name), format!("{text}\n")).unwrap();
        }
    }

    #[test]
    fn shared_caches_count_once_and_only_those_of_the_mask() {
        let root = tempfile::tempdir().unwrap();
        for (cpu, own, pair) in [(0, "0", "0-1"), (1, "1", "0-1"), (2, "2", "2-3"), (3, "3", "2-3")]
        {
            put(root.path(), cpu, 0, ["1", "Data", "48K", own]);
            put(root.path(), cpu, 1, ["1", "Instruction", "32K", own]);
            put(root.path(), cpu, 2, ["3", "Unified", "16M", pair]);
        }
        let all = read(root.path(), &[0, 1, 2, 3]);
        assert_eq!((all.len(), last_level_bytes(&all)), (10, Some(32 << 20)));
        let half = read(root.path(), &[2, 3]);
        assert_eq!((half.len(), last_level_bytes(&half)), (5, Some(16 << 20)));
    }

    #[test]
    fn a_kernel_that_tells_nothing_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let none = read(root.path(), &[0]);
        assert_eq!((none.len(), last_level_bytes(&none)), (0, None));
    }

    #[test]
    fn sizes_carry_their_unit() {
        assert_eq!(
            ["48K", "2M", "512", "x", ""].map(bytes),
            [Some(48 << 10), Some(2 << 20), Some(512), None, None]
        );
    }
}
