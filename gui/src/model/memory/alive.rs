//! What was alive when most was allocated.

use std::collections::BTreeMap;

use perfagent_analysis::report::{AtPeak, Memory, PeakGroup};

/// What the recording says of that moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alive {
    /// The moment, ns.
    pub time_ns: i64,
    /// Bytes that were allocated.
    pub allocated_bytes: i64,
    /// By what they were for, greatest first, with their share of all, 0 to 1.
    pub categories: Vec<Category>,
    /// By what they were for and where they were asked for, greatest first.
    pub groups: Vec<PeakGroup>,
}

/// Allocations with one purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    /// Its name.
    pub label: String,
    /// Its bytes.
    pub bytes: i64,
    /// Its share of all, 0 to 1.
    pub share: f64,
}

/// What memory without a recorded allocation is called.
pub const OLDER: &str = "older than the recording";

/// What memory of which nothing tells the purpose is called.
pub const UNTOLD: &str = "purpose not recorded";

/// What is known of the peak; `None` where allocations are not recorded.
#[must_use]
pub fn alive(memory: &Memory) -> Option<Alive> {
    let peak = memory.at_peak.as_ref()?;
    Some(Alive {
        time_ns: peak.time_ns,
        allocated_bytes: peak.allocated_bytes,
        categories: categories(peak),
        groups: peak.groups.clone(),
    })
}

fn categories(peak: &AtPeak) -> Vec<Category> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let mut add = |label: &str, bytes: i64| {
        let sum = sums.entry(label.to_owned()).or_default();
        *sum = sum.saturating_add(bytes);
    };
    for group in &peak.groups {
        add(&purpose(group), group.bytes);
    }
    if peak.unseen_bytes > 0 {
        add(OLDER, peak.unseen_bytes);
    }
    let all = peak.allocated_bytes.max(1) as f64;
    let mut found: Vec<Category> = sums
        .into_iter()
        .map(|(label, bytes)| Category { label, bytes, share: bytes as f64 / all })
        .collect();
    found.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.label.cmp(&b.label)));
    found
}

/// What a group was for.
#[must_use]
pub fn purpose(group: &PeakGroup) -> String {
    group.kind.as_ref().map_or_else(|| UNTOLD.to_owned(), |kind| kind.replace('_', " "))
}

/// Where a group was asked for: the program's line, else the operator.
#[must_use]
pub fn origin(group: &PeakGroup) -> &str {
    group.site.as_deref().or(group.operator.as_deref()).unwrap_or("not recorded")
}

/// Memory that the allocator held at its peak beyond the most that it had handed out, bytes, and its
/// share of what it held, 0 to 1.
#[must_use]
pub fn fragmentation(memory: &Memory) -> Option<(i64, f64)> {
    let reserved = memory.peak_reserved_bytes.filter(|&bytes| bytes > 0)?;
    let unused = reserved.saturating_sub(memory.peak_allocated_bytes?).max(0);
    Some((unused, unused as f64 / reserved as f64))
}

#[cfg(test)]
mod tests {
    use perfagent_analysis::report::{AtPeak, Memory, PeakGroup};

    use super::{OLDER, UNTOLD, alive, fragmentation};

    #[test]
    fn groups_are_put_together_by_purpose() {
        let group = |kind: Option<&str>, bytes| PeakGroup {
            kind: kind.map(str::to_owned),
            bytes,
            count: 1,
            ..PeakGroup::default()
        };
        let peak = AtPeak {
            allocated_bytes: 100,
            groups: vec![
                group(Some("activation"), 40),
                group(Some("activation"), 20),
                group(None, 10),
            ],
            unseen_bytes: 30,
            ..AtPeak::default()
        };
        let found = alive(&Memory { at_peak: Some(peak), ..Memory::default() }).unwrap();
        let parts: Vec<_> =
            found.categories.iter().map(|part| (part.label.as_str(), part.bytes)).collect();
        assert_eq!(parts, [("activation", 60), (OLDER, 30), (UNTOLD, 10)]);
        assert!((found.categories[0].share - 0.6).abs() < 1e-9);
    }

    #[test]
    fn fragmentation_needs_both_peaks() {
        let memory = Memory {
            peak_allocated_bytes: Some(60),
            peak_reserved_bytes: Some(80),
            ..Memory::default()
        };
        assert_eq!(fragmentation(&memory), Some((20, 0.25)));
        assert_eq!(fragmentation(&Memory::default()), None);
    }
}
