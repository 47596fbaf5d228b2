//! PCI Express traffic of GPUs whose driver measures it only while it is asked: each call blocks for 20 ms.

use std::sync::Mutex;
use std::time::Duration;

use nvml_wrapper::enum_wrappers::device::PcieUtilCounter;
use nvml_wrapper::{Device, Nvml};

use super::refusal::Refusals;
use super::{Turn, send};
use crate::sample::watch::Caller;
use crate::sample::{Context, Keep, pace};

/// More often would keep the driver busy with nothing else.
const SHORTEST: Duration = Duration::from_millis(200);

/// Samples the GPUs with these indices until told to stop.
pub(super) fn run(context: &Context, caller: &Caller, nvml: &Nvml, indices: &[u32]) {
    let open = |index: &u32| {
        let name = "nvmlDeviceGetHandleByIndex_v2";
        let device = caller.call(name, Some(*index), || nvml.device_by_index(*index)).ok()?;
        Some((*index, device, Refusals::new(*index)))
    };
    let mut gpus: Vec<(u32, Device<'_>, Refusals)> = indices.iter().filter_map(open).collect();
    let pace = Mutex::default();
    pace::run(context.period.max(SHORTEST), &context.stop, &pace, || {
        let mut turn = Turn { context, caller, samples: Vec::new(), memory: Vec::new() };
        for (index, device, refusals) in &mut gpus {
            for (name, counter) in
                [("pcie_rx", PcieUtilCounter::Receive), ("pcie_tx", PcieUtilCounter::Send)]
            {
                // That it is lost is said by the thread that reads everything else.
                if !refusals.allows(name) || context.stop.is_set() {
                    continue;
                }
                let answer = caller.call("nvmlDeviceGetPcieThroughput", Some(*index), || {
                    device.pcie_throughput(counter)
                });
                if let Some(kib) = refusals.note_quietly(context, name, answer) {
                    turn.add(*index, name, "bytes/s", f64::from(kib) * 1024.0, Keep::Changes);
                }
            }
            refusals.say(context);
        }
        let Turn { samples, memory, .. } = turn;
        send(context, samples, memory);
    });
}
