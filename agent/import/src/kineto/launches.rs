//! Which call launched the kernel of each range whose counters were measured. Traces do not say: they have the ranges in the order of
//! the launches and the calls with their times, so that where there are as many of one as of the other, they belong together in
//! this order.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::texts::Text;
use crate::trace::{Times, Trace};
use crate::warning::Problems;

/// What PyTorch calls a whole stretch that was measured.
const WHOLE: &str = "__profile__";

/// Numbers the ranges, and finds the correlation ids of their launches. Files of our own have both already.
pub(super) fn link(trace: &mut Trace, problems: &mut Problems, first_offset: u64) {
    let is_told = trace.own.as_ref().is_some_and(|own| !own.processes.is_empty());
    if is_told || trace.measured.is_empty() {
        return;
    }
    let mut order: Vec<usize> = (0..trace.measured.len()).collect();
    order.sort_by_key(|&row| (trace.measured[row].device, trace.measured[row].times.start));
    for (index, &row) in order.iter().enumerate() {
        trace.measured[row].index = Some(index as i64);
        trace.measured[row].correlation = None;
    }
    let mut doubt = |sentence: String| problems.doubt(first_offset, sentence);
    let kernels: Vec<usize> = (order.into_iter())
        .filter(|&row| trace.texts.get(trace.measured[row].name) != WHOLE)
        .collect();
    let Some(&first) = kernels.first() else { return };
    if kernels.iter().any(|&row| trace.measured[row].device != trace.measured[first].device) {
        return doubt(
            "kernels were measured on several GPUs, and no launch says on which one: of their counters the operators are not known"
                .to_owned(),
        );
    }
    let launches = launches(trace);
    let of_runtime: Vec<usize> = (launches.iter().copied())
        .filter(|&call| name(trace, call).starts_with("cudaLaunchKernel"))
        .collect();
    let chosen = match (launches.len() == kernels.len(), of_runtime.len() == kernels.len()) {
        (true, _) => launches,
        (false, true) => {
            doubt(format!(
                "counters were measured of {}, taken for those that cudaLaunchKernel launched: of {} in all that launch kernels, as many \
                 are of it",
                counted(kernels.len(), "kernel"),
                counted(launches.len(), "call")
            ));
            of_runtime
        }
        (false, false) => {
            return doubt(format!(
                "counters were measured of {}, and the trace has {} that would launch them: which counters are of which launch, and so \
                 of which operator, is not known",
                counted(kernels.len(), "kernel"),
                counted(launches.len(), "call")
            ));
        }
    };
    let named = chosen.iter().filter(|&&call| name(trace, call) == "cudaLaunchKernel").count();
    if named < kernels.len() {
        doubt(format!(
            "of {} whose counters were measured, cudaLaunchKernel launched {named}: PyTorch does not see the names of others, and from \
             the first of these on the names of kernels may be wrong",
            counted(kernels.len(), "kernel")
        ));
    }
    let first_with = first_with(trace);
    let mut unknown = 0;
    for (&row, &call) in kernels.iter().zip(&chosen) {
        let correlation = trace.calls[call].correlation;
        // A number that stands for several calls names none of them.
        let correlation = correlation.filter(|id| first_with.get(id) == Some(&call));
        unknown += usize::from(correlation.is_none());
        trace.measured[row].correlation = correlation;
    }
    if unknown > 0 {
        doubt(format!(
            "no number of its own (`correlation`) has the launch of {} whose counters were measured: of which operator these are is not \
             known",
            counted(unknown, "kernel")
        ));
    }
}

/// `1 kernel`, `2 kernels`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn name(trace: &Trace, call: usize) -> &str {
    trace.texts.get(trace.calls[call].name)
}

/// The calls that launch one kernel each, in order of time, by their rows. One within another is part of it.
fn launches(trace: &Trace) -> Vec<usize> {
    let mut known: FxHashMap<Text, bool> = FxHashMap::default();
    let mut launches: Vec<usize> = (0..trace.calls.len())
        .filter(|&call| {
            let name = trace.calls[call].name;
            *known.entry(name).or_insert_with(|| is_launch(trace.texts.get(name)))
        })
        .collect();
    launches.sort_by_key(|&call| {
        let call = &trace.calls[call];
        (call.thread, call.times.start, Reverse(call.times.end))
    });
    let mut outer = None;
    launches.retain(|&call| {
        let call = &trace.calls[call];
        let Times { start, end } = call.times;
        let is_within = outer.is_some_and(|(thread, until)| {
            // One that begins where another ends follows it.
            thread == call.thread && start < until && end <= until
        });
        if !is_within {
            outer = Some((call.thread, end));
        }
        !is_within
    });
    launches.sort_by_key(|&call| (trace.calls[call].times.start, call));
    launches
}

/// `cudaLaunchKernel`, `cudaLaunchKernelExC_v11060`, `cudaLaunchCooperativeKernel`, `cuLaunchKernelEx`, `hipExtModuleLaunchKernel`, ….
fn is_launch(name: &str) -> bool {
    let is_of_gpu = name.starts_with("cu") || name.starts_with("hip");
    is_of_gpu && name.contains("Launch") && name.contains("Kernel")
}

/// The call with each correlation id; of several the one that starts first.
fn first_with(trace: &Trace) -> FxHashMap<i64, usize> {
    let mut first: FxHashMap<i64, usize> = FxHashMap::default();
    for (row, call) in trace.calls.iter().enumerate() {
        let Some(id) = call.correlation else { continue };
        let known = first.entry(id).or_insert(row);
        if call.times.start < trace.calls[*known].times.start {
            *known = row;
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::is_launch;

    #[test]
    fn calls_that_launch_a_kernel() {
        for (name, launches) in [
            ("cudaLaunchKernel", true),
            ("cudaLaunchKernelExC_v11060", true),
            ("cudaLaunchCooperativeKernel", true),
            ("cuLaunchKernel", true),
            ("cuLaunchKernelEx", true),
            ("hipLaunchKernel", true),
            ("hipExtModuleLaunchKernel", true),
            ("cudaGraphLaunch", false),
            ("cudaLaunchHostFunc", false),
            ("cudaMemcpyAsync", false),
            ("cudaGraphAddKernelNode", false),
            ("zeCommandListAppendLaunchKernel", false),
        ] {
            assert_eq!(is_launch(name), launches, "{name}");
        }
    }
}
