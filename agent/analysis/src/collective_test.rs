//! What benchmarks of collectives measured: measurements as they were printed, not events of the run.

use perfagent_recording::{ProcessId, Recording};

use crate::report::CollectiveTestRow;

/// The measurements of a recording. Its benchmarks are numbered from 1 on.
pub(crate) fn collective_tests(recording: &Recording) -> Vec<CollectiveTestRow> {
    let (mut run, mut last) = (0, None::<ProcessId>);
    let text = |id| Some(recording.strings.get(id).to_owned()).filter(|text| !text.is_empty());
    recording
        .collective_tests
        .iter()
        .map(|test| {
            // Each benchmark has processes of its own.
            if last.replace(test.process_id) != Some(test.process_id) {
                run += 1;
            }
            CollectiveTestRow {
                op: text(test.op_id).unwrap_or_default(),
                dtype: text(test.dtype_id),
                reduction: text(test.reduction_id),
                bytes: test.bytes,
                elements: test.elements,
                root: test.root,
                ranks: test.ranks,
                in_place: test.in_place,
                time_ns: test.time_ns,
                algbw_gbps: test.algbw_gbps,
                busbw_gbps: test.busbw_gbps,
                wrong: test.wrong,
                run,
            }
        })
        .collect()
}
