//! What operations achieved: floating-point operations and bytes a second, where the report knows the work.

use std::collections::HashMap;

use perfagent_analysis::report::Rank;

use crate::model::track::TrackKind;

/// Work with the time that it took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Floating-point operations.
    pub flops: f64,
    /// The time of those whose operations are known, ns.
    pub flops_ns: f64,
    /// Bytes moved.
    pub bytes: f64,
    /// The time of those whose bytes are known, ns.
    pub bytes_ns: f64,
}

impl Work {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.flops += other.flops;
        self.flops_ns += other.flops_ns;
        self.bytes += other.bytes;
        self.bytes_ns += other.bytes_ns;
    }

    /// Floating-point operations a second; `None` where they are not known.
    #[must_use]
    pub fn flops_per_s(&self) -> Option<f64> {
        (self.flops > 0.0 && self.flops_ns > 0.0).then(|| self.flops / self.flops_ns * 1e9)
    }

    /// Bytes a second; `None` where they are not known.
    #[must_use]
    pub fn bytes_per_s(&self) -> Option<f64> {
        (self.bytes > 0.0 && self.bytes_ns > 0.0).then(|| self.bytes / self.bytes_ns * 1e9)
    }
}

/// The work of each operation of a rank whose work is known: of operators by their shapes (see
/// `perfagent_analysis`'s roofline), of kernels by hardware counters, of copies and collectives by their
/// sizes.
#[must_use]
pub fn of_rank(rank: &Rank) -> HashMap<(TrackKind, &str), Work> {
    let mut found: HashMap<(TrackKind, &str), Work> = HashMap::new();
    let mut add = |kind, name, work| found.entry((kind, name)).or_default().add(work);
    for row in &rank.roofline {
        let time = row.time_ns as f64;
        let bytes = row.bytes.map(|bytes| bytes as f64);
        let work = Work {
            flops: row.flops as f64,
            flops_ns: time,
            bytes: bytes.unwrap_or(0.0),
            bytes_ns: bytes.map_or(0.0, |_| time),
        };
        add(TrackKind::Operators, row.name.as_str(), work);
    }
    let means: HashMap<&str, f64> =
        rank.kernels.iter().map(|row| (row.name.as_str(), row.mean_ns)).collect();
    for row in rank.kernel_counters.iter().flat_map(|counters| &counters.rows) {
        let Some(mean) = means.get(row.name.as_str()) else { continue };
        let time = mean * row.ranges as f64;
        let flops = row.flops.filter(|&flops| flops > 0).map(|flops| flops as f64);
        let bytes = row.dram_bytes.map(|bytes| bytes as f64);
        let work = Work {
            flops: flops.unwrap_or(0.0),
            flops_ns: flops.map_or(0.0, |_| time),
            bytes: bytes.unwrap_or(0.0),
            bytes_ns: bytes.map_or(0.0, |_| time),
        };
        add(TrackKind::Kernels, row.name.as_str(), work);
    }
    let moved = |bytes: i64, time: i64| Work {
        bytes: bytes as f64,
        bytes_ns: time as f64,
        ..Work::default()
    };
    for row in &rank.copies {
        add(TrackKind::Copies, row.kind.as_str(), moved(row.bytes, row.total_ns));
    }
    for row in &rank.collectives {
        // Sizes of calls whose time is not known are no part of what moved in the time.
        let timed = row.bytes.map(|bytes| bytes - row.untimed_bytes).filter(|&bytes| bytes > 0);
        if let Some(bytes) = timed {
            add(TrackKind::Collectives, row.op.as_str(), moved(bytes, row.total_ns));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use perfagent_analysis::report::{Rank, RooflineRow};

    use super::{Work, of_rank};
    use crate::model::track::TrackKind;

    #[test]
    fn shapes_of_one_operator_are_put_together() {
        let row = |flops, bytes, time_ns| RooflineRow {
            name: "aten::mm".into(),
            flops,
            bytes,
            time_ns,
            ..RooflineRow::default()
        };
        let rank =
            Rank { roofline: vec![row(100, Some(10), 5), row(300, None, 5)], ..Rank::default() };
        let work = of_rank(&rank)[&(TrackKind::Operators, "aten::mm")];
        assert_eq!(work.flops_per_s(), Some(40e9));
        assert_eq!(work.bytes_per_s(), Some(2e9));
        assert_eq!(Work::default().flops_per_s(), None);
    }
}
