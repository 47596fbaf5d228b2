//! What one run of a benchmark measured.

/// One measurement: one half of a row of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Measurement {
    pub(super) bytes: i64,
    pub(super) elements: i64,
    pub(super) dtype: String,
    /// Empty where elements are not combined.
    pub(super) reduction: String,
    pub(super) root: Option<i64>,
    pub(super) in_place: bool,
    pub(super) time_ns: i64,
    pub(super) algbw_gbps: f64,
    pub(super) busbw_gbps: f64,
    /// `None` where results were not checked.
    pub(super) wrong: Option<i64>,
}

/// A rank with its process and its GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RankLine {
    pub(super) rank: i64,
    /// Ranks are tested in groups that know nothing of each other.
    pub(super) group: i64,
    pub(super) pid: i64,
    pub(super) host: String,
    pub(super) device: i64,
    pub(super) device_name: String,
}

/// A run of a benchmark.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Run {
    /// Where it begins in the text.
    pub(super) offset: u64,
    /// The program, `all_reduce_perf`, where that is told.
    pub(super) program: Option<String>,
    /// When it began, ns, by a clock that is read as UTC.
    pub(super) started_ns: Option<i64>,
    /// Threads of each process, and GPUs of each thread.
    pub(super) threads: i64,
    pub(super) gpus: i64,
    pub(super) ranks: Vec<RankLine>,
    /// How many ranks there are, where not all of them are listed.
    pub(super) world_size: Option<i64>,
    pub(super) measurements: Vec<Measurement>,
    /// Where the first of them stands.
    pub(super) first: u64,
    /// The times are those of the calls on the processor (`-C 1`).
    pub(super) of_cpu: bool,
    /// The mean of all bus bandwidths, as the benchmark prints it.
    pub(super) average_gbps: Option<f64>,
}

impl Run {
    /// How many ranks took part in each operation.
    ///
    /// The list of ranks may be cut short: a process has room for 2 KiB of it. So a single process has at least as many
    /// ranks as it has GPUs.
    pub(super) fn world_size(&self) -> Option<i64> {
        if self.world_size.is_some() {
            return self.world_size;
        }
        let group = self.ranks.first()?.group;
        let mut ranks: Vec<i64> =
            self.ranks.iter().filter(|line| line.group == group).map(|line| line.rank).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let known = ranks.len() as i64;
        let first = &self.ranks[0];
        let one_process =
            self.ranks.iter().all(|line| (line.pid, &line.host) == (first.pid, &first.host));
        let of_process = self.threads.saturating_mul(self.gpus);
        Some(if one_process { known.max(of_process) } else { known })
    }

    /// The mean of the bus bandwidths that were read, when it is not the one that was printed.
    pub(super) fn other_average(&self) -> Option<(f64, f64)> {
        let printed = self.average_gbps?;
        let sum: f64 = self.measurements.iter().map(|row| row.busbw_gbps).sum();
        let mean = sum / self.measurements.len().max(1) as f64;
        // Each is rounded to two decimals, large ones to fewer.
        ((mean - printed).abs() > 0.01 + printed.abs() / 1000.0).then_some((mean, printed))
    }
}
