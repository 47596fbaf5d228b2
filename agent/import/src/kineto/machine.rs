//! On which of a job's machines a trace was made, as far as its numbers tell: its name stands in no trace.

use crate::trace::Trace;

/// A number that traces of one machine have in common, and those of different ones not.
///
/// Launchers number ranks machine by machine, and a rank runs on the GPU of its number within the machine. So the rank less the
/// number of the GPU is the same for all of a machine, whatever GPUs are counted from. A process that sees but one GPU calls it
/// by the same number wherever it is, and tells nothing.
pub(super) fn machine(trace: &Trace) -> Option<i64> {
    // What perfagent has written lists the machines.
    let is_told = trace.own.is_some();
    let rank = trace.rank.filter(|_| trace.devices.len() > 1 && !is_told)?;
    let measured = trace.measured.iter().filter_map(|row| row.device.map(i64::from));
    let mut gpus = trace.streams.iter().map(|stream| stream.device).chain(measured);
    let gpu = gpus.next()?;
    gpus.all(|other| other == gpu).then(|| rank.checked_sub(gpu)).flatten()
}

#[cfg(test)]
mod tests {
    use super::machine;
    use crate::trace::{DeviceProperties, Stream, Trace};

    fn of(rank: Option<i64>, sees: usize, gpus: &[i64]) -> Option<i64> {
        let stream = |&device| Stream { pid: 0, device, number: 7, context: None };
        machine(&Trace {
            rank,
            devices: vec![DeviceProperties::default(); sees],
            streams: gpus.iter().map(stream).collect(),
            ..Trace::default()
        })
    }

    #[test]
    fn ranks_of_one_machine_have_a_number_in_common() {
        assert_eq!(of(Some(3), 8, &[3, 3]), of(Some(0), 8, &[0]));
        assert_eq!(of(Some(9), 8, &[1]), of(Some(8), 8, &[0]));
        assert_ne!(of(Some(8), 8, &[0]), of(Some(0), 8, &[0]));
        // AMD's GPUs are numbered behind the processors.
        assert_eq!(of(Some(5), 8, &[7]), of(Some(0), 8, &[2]));
    }

    #[test]
    fn what_does_not_tell_is_not_guessed() {
        for (rank, sees, gpus) in [
            (None, 8, &[3][..]),
            (Some(3), 1, &[0]),
            (Some(3), 0, &[3]),
            (Some(3), 8, &[]),
            (Some(3), 8, &[3, 4]),
            (Some(i64::MIN), 8, &[1]),
        ] {
            assert_eq!(of(rank, sees, gpus), None, "{rank:?} {sees} {gpus:?}");
        }
    }
}
