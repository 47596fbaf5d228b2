//! From the launching call on the host to the start on the GPU.

use crate::operation::Operations;
use crate::report::Launch;
use crate::statistic::{mean, percentile, sum};

/// Delays of all operations whose launching call is known. Negative ones, which clocks that disagree
/// produce, are kept: clipping them would hide the disagreement.
pub(crate) fn launch(operations: &Operations) -> Launch {
    let mut delays: Vec<i64> = operations
        .iter()
        .filter_map(|operation| Some(operation.start.saturating_sub(operation.launched()?)))
        .collect();
    Launch {
        count: delays.len() as i64,
        mean_delay_ns: mean(sum(&delays), delays.len()),
        p50_delay_ns: percentile(&mut delays, 50),
        p99_delay_ns: percentile(&mut delays, 99),
        unlinked: (operations.len() - delays.len()) as i64,
    }
}
