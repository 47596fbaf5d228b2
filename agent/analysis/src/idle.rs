//! Why streams waited: the gaps between operations, by cause.

use crate::operation::Operations;
use crate::report::IdleRow;

/// Gaps shorter than this between operations launched in time are the GPU's own, ns.
const KERNEL_WAIT_BELOW_NS: i64 = 30_000;

/// One row for each (device, stream) that ran something, in that order.
///
/// The gap before an operation reaches back to the greatest end so far on its stream. It is the
/// host's when the launching call is known and started after that end.
pub(crate) fn idle_causes(operations: &Operations) -> Vec<IdleRow> {
    operations
        .by_stream()
        .map(|((device, stream), operations)| {
            let mut row = IdleRow { device, stream, ..IdleRow::default() };
            let mut end = operations.first().map_or(0, |first| first.start);
            for operation in operations {
                let gap = operation.start.saturating_sub(end);
                if gap > 0 {
                    let cause = if operation.launched().is_some_and(|launched| launched > end) {
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
    use super::idle_causes;
    use perfagent_recording::StringId;

    use crate::operation::{Operation, Operations, Work};

    fn at(start: i64, end: i64, launched: Option<i64>) -> Operation {
        let work = Work::Kernel(StringId(1));
        Operation::new((start, end), 0, launched.map(|start| (0, start)), work)
    }

    fn on_one_stream<const N: usize>(operations: [Operation; N]) -> Operations {
        Operations::new(vec![(1, 7)], operations.into())
    }

    #[test]
    fn a_gap_is_the_hosts_only_when_the_call_came_after_the_previous_end() {
        let operations = [
            at(0, 100, None),
            at(150, 200, Some(101)),
            at(260, 300, Some(200)),
            at(400_000, 400_100, None),
        ];
        let rows = idle_causes(&on_one_stream(operations));
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].host_wait_ns, rows[0].kernel_wait_ns, rows[0].other_ns),
            (50, 60, 399_700)
        );
    }

    #[test]
    fn a_gap_reaches_back_to_the_greatest_end() {
        let operations = [at(0, 1000, None), at(10, 20, None), at(1005, 1010, None)];
        assert_eq!(idle_causes(&on_one_stream(operations))[0].kernel_wait_ns, 5);
    }
}
