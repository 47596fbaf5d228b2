//! Why streams waited: the gaps between operations, by cause.

use std::collections::BTreeMap;

use perfagent_recording::{DeviceId, Recording, StreamId};

use crate::operation::Operation;
use crate::report::IdleRow;

/// Gaps shorter than this between operations launched in time are the GPU's own, ns.
const KERNEL_WAIT_BELOW_NS: i64 = 30_000;

/// One row for each (device, stream) that ran something, in that order.
///
/// The gap before an operation reaches back to the greatest end so far on its stream. It is the
/// host's when the launching call is known and started after that end.
pub(crate) fn idle_causes(recording: &Recording, operations: &[Operation]) -> Vec<IdleRow> {
    let mut rows: BTreeMap<(DeviceId, StreamId), Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        rows.entry((operation.device, operation.stream)).or_default().push(operation);
    }
    // A row of `streams` also tells contexts apart; the report knows device and stream only.
    let mut streams: BTreeMap<(i64, i64), Vec<&Operation>> = BTreeMap::new();
    for ((device_id, stream_id), operations) in rows {
        let device = recording.device(device_id).map_or(0, |device| device.ordinal);
        let stream = recording.stream(stream_id).map_or(stream_id.0, |stream| stream.stream);
        streams.entry((device, stream)).or_default().extend(operations);
    }
    streams
        .into_iter()
        .map(|((device, stream), mut operations)| {
            operations.sort_unstable_by_key(|operation| (operation.start, operation.end));
            let mut row = IdleRow { device, stream, ..IdleRow::default() };
            let mut end = operations.first().map_or(0, |first| first.start);
            for operation in operations {
                let gap = operation.start.saturating_sub(end);
                if gap > 0 {
                    let cause = if operation.launched.is_some_and(|launched| launched > end) {
                        &mut row.host_wait_ns
                    } else if gap < KERNEL_WAIT_BELOW_NS {
                        &mut row.kernel_wait_ns
                    } else {
                        &mut row.other_ns
                    };
                    *cause = cause.saturating_add(gap);
                }
                end = end.max(operation.end);
            }
            row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use perfagent_recording::{DeviceId, Recording, StreamId};

    use super::idle_causes;
    use crate::operation::Operation;

    fn at(start: i64, end: i64, launched: Option<i64>) -> Operation {
        Operation { start, end, device: DeviceId(1), stream: StreamId(7), launched }
    }

    #[test]
    fn a_gap_is_the_hosts_only_when_the_call_came_after_the_previous_end() {
        let operations = [
            at(0, 100, None),
            at(150, 200, Some(101)),
            at(260, 300, Some(200)),
            at(400_000, 400_100, None),
        ];
        let rows = idle_causes(&Recording::default(), &operations);
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].host_wait_ns, rows[0].kernel_wait_ns, rows[0].other_ns),
            (50, 60, 399_700)
        );
    }

    #[test]
    fn a_gap_reaches_back_to_the_greatest_end() {
        let operations = [at(0, 1000, None), at(10, 20, None), at(1005, 1010, None)];
        assert_eq!(idle_causes(&Recording::default(), &operations)[0].kernel_wait_ns, 5);
    }
}
