//! Sequences of GPU operations that operators launch again and again.

use perfagent_analysis::report;
use perfagent_recording::Recording;
use perfagent_recording::table::CopyKind;

use crate::builder::Builder;
use crate::traces;

/// (operator, operations, count, time of the GPU, time of the host)
fn rows(recording: &Recording) -> Vec<(String, String, i64, i64, i64)> {
    let report = report(recording, "sequence.perfdb");
    let rows = report.ranks[0].kernel_sequences.iter();
    rows.map(|row| {
        (row.operator.clone(), row.kernels.join(" "), row.count, row.gpu_ns, row.host_ns)
    })
    .collect()
}

/// `linear` launches a gemm and a bias through `addmm`, three times; once a copy as well. `linear` stands for both. `relu`
/// launches one kernel, which is no sequence.
#[test]
fn the_outermost_operator_of_a_sequence_that_repeats() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    for number in 0..4 {
        let start = 100 * number;
        run.operator(rank, "main", "linear", (start, start + 40));
        run.operator(rank, "main", "addmm", (start + 5, start + 35));
        run.operator(rank, "main", "relu", (start + 50, start + 60));
        for (place, name) in [(10, "gemm"), (20, "bias"), (55, "relu")] {
            let time = start + place;
            run.call(rank, "main", "cudaLaunchKernel", (time, time + 1), time);
            run.kernel(rank, (0, 7), name, (1000 + time, 1000 + time + 5), Some(time));
        }
    }
    run.call(rank, "main", "cudaMemcpyAsync", (330, 331), 330);
    run.copy(rank, (0, 7), (CopyKind::DtoH, 8), (2000, 2001), Some(330));
    assert_eq!(
        rows(&run.recording),
        [("linear".to_owned(), "gemm bias".to_owned(), 3, 30, 120)],
        "what happened once is no repetition"
    );
}

/// Whatever order a stream runs them in, a sequence is that of the launches; a thread's launches are its own.
#[test]
fn the_order_is_that_of_the_launches_of_the_thread() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    for number in 0..2 {
        let start = 100 * number;
        run.operator(rank, "main", "op", (start, start + 40));
        run.operator(rank, "other", "else", (start, start + 40));
        for (thread, name, stream, place, begin) in
            [("main", "a", 7, 10, 50), ("main", "b", 20, 20, 30), ("other", "c", 30, 15, 40)]
        {
            let id = start + place;
            run.call(rank, thread, "cudaLaunchKernel", (id, id + 1), id);
            run.kernel(rank, (0, stream), name, (start + begin, start + begin + 1), Some(id));
        }
    }
    assert_eq!(rows(&run.recording), [("op".to_owned(), "a b".to_owned(), 2, 4, 80)]);
}

/// No time is counted that the operator does not have, and most real traces repeat something.
#[test]
fn of_real_traces() {
    for name in traces::WITH_OPERATORS {
        let Some(recording) = traces::load(name) else {
            println!("skipped: no folder shared/traces beside the repository");
            return;
        };
        let report = report(&recording, name);
        let rank = &report.ranks[0];
        for row in &rank.kernel_sequences {
            let whole = rank.operator_gpu.iter().find(|of| of.name == row.operator).unwrap();
            assert!(row.count > 1 && row.count <= whole.count, "{name}: {row:?}");
            assert!(row.gpu_ns <= whole.gpu_ns, "{name}: {row:?}");
            assert!(row.count * row.kernels.len() as i64 <= whole.operations, "{name}: {row:?}");
        }
        for row in rank.kernel_sequences.iter().take(3) {
            println!("{name}: {} × {} of {}", row.count, row.operator, row.kernels.len());
        }
    }
}
