//! Which operation a benchmark measured: by its program's name, the file's name, or its figures.

use super::run::Run;

/// Programs and files by their names without marks, and the operation as a recording names it. A name that contains another
/// one stands before it.
const NAMES: [(&str, &str); 13] = [
    ("allreduce", "all_reduce"),
    ("allgather", "all_gather"),
    ("reducescatter", "reduce_scatter"),
    ("alltoallv", "all_to_all_v"),
    ("alltoall", "all_to_all"),
    ("sendrecv", "send_recv"),
    ("hypercube", "hypercube"),
    ("broadcast", "broadcast"),
    ("bcast", "broadcast"),
    ("scatter", "scatter"),
    ("gather", "gather"),
    ("reduce", "reduce"),
    ("bisection", "bisection"),
];

/// What an operation is called that nothing tells.
pub(super) const UNKNOWN: &str = "unknown";

/// Bandwidths below this have too few digits for a ratio.
const LEAST_GBPS: f64 = 1.0;

/// The operation that a name tells.
pub(super) fn by_name(name: &str) -> Option<&'static str> {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.iter().find(|(part, _)| plain.contains(part)).map(|(_, op)| *op)
}

/// The program that a line names, `all_reduce_perf`.
pub(super) fn program(line: &str) -> Option<&str> {
    let is_part = |mark: char| mark.is_ascii_alphanumeric() || mark == '_';
    line.split(|mark| !is_part(mark))
        .find(|word| word.ends_with("_perf") && by_name(word).is_some())
}

/// The operations that a run's figures allow: by whether elements are combined, whether there is a root, and by how
/// nccl-tests weighs the bandwidth of a bus with `ranks`. All of them where the figures say nothing.
pub(super) fn by_figures(run: &Run, ranks: Option<i64>) -> Vec<&'static str> {
    let Some(first) = run.measurements.first() else { return Vec::new() };
    let combines = !first.reduction.is_empty();
    let has_root = first.root.is_some();
    let factor = factor(run);
    let matches = |expected: f64| factor.is_none_or(|factor| (factor - expected).abs() < 0.02);
    let share = ranks.filter(|&ranks| ranks > 1).map(|ranks| (ranks - 1) as f64 / ranks as f64);
    let candidates: &[(&str, bool, bool, Option<f64>)] = &[
        ("all_reduce", true, false, share.map(|share| 2.0 * share)),
        ("reduce_scatter", true, false, share),
        ("reduce", true, true, Some(1.0)),
        ("broadcast", false, true, Some(1.0)),
        ("gather", false, true, share),
        ("scatter", false, true, share),
        ("all_gather", false, false, share),
        ("all_to_all", false, false, share),
        ("send_recv", false, false, Some(1.0)),
    ];
    let fits = |&&(_, with_reduction, with_root, expected): &&(&str, bool, bool, Option<f64>)| {
        with_reduction == combines && with_root == has_root && expected.is_none_or(matches)
    };
    candidates.iter().filter(fits).map(|(op, ..)| *op).collect()
}

/// The bus bandwidth over that of the algorithm, of the fastest measurement.
fn factor(run: &Run) -> Option<f64> {
    let rows = run.measurements.iter().filter(|row| row.algbw_gbps >= LEAST_GBPS);
    let fastest = rows.max_by(|a, b| a.algbw_gbps.total_cmp(&b.algbw_gbps))?;
    Some(fastest.busbw_gbps / fastest.algbw_gbps)
}

#[cfg(test)]
mod tests {
    use super::{by_name, program};

    #[test]
    fn names_tell_operations() {
        for (name, op) in [
            ("all_reduce_perf", Some("all_reduce")),
            ("nccl_allgather.log", Some("all_gather")),
            ("reduce_scatter_perf", Some("reduce_scatter")),
            ("alltoallv_perf_mpi", Some("all_to_all_v")),
            ("reduce_perf", Some("reduce")),
            ("Scatter-8.txt", Some("scatter")),
            ("slurm-123.out", None),
        ] {
            assert_eq!(by_name(name), op, "{name}");
        }
        assert_eq!(program("$ mpirun -np 8 ./build/all_reduce_perf -b 8"), Some("all_reduce_perf"));
        assert_eq!(program("my_perf numbers"), None);
    }
}
