//! From the first to the last thing in a recording.

use perfagent_recording::Recording;

/// The first and the last moment of which something is recorded, Unix ns; `None` for an empty recording.
pub(crate) fn span(recording: &Recording) -> Option<(i64, i64)> {
    let mut extent: Option<(i64, i64)> = None;
    let mut include = |start: i64, end: i64| {
        let (first, last) = extent.get_or_insert((start, end));
        *first = start.min(*first);
        *last = end.max(*last);
    };
    macro_rules! spans {
        ($($table:ident),+) => {$(
            for row in recording.$table.iter() {
                include(row.start_ns.unix_nanos(), row.end_ns.unix_nanos());
            }
        )+};
    }
    macro_rules! points {
        ($($table:ident),+) => {$(
            for row in recording.$table.iter() {
                include(row.time_ns.unix_nanos(), row.time_ns.unix_nanos());
            }
        )+};
    }
    spans!(kernels, copies, api_calls, ranges, operators, collectives);
    points!(marks, memory, counter_samples);
    for process in &recording.processes {
        // Formats that do not know when a process began leave 0, which is no time of a run.
        for time in [Some(process.start_ns), process.end_ns].into_iter().flatten() {
            if time.unix_nanos() != 0 {
                include(time.unix_nanos(), time.unix_nanos());
            }
        }
    }
    extent
}
