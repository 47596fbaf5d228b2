//! What a trace tells beside its events: rank, base of its times, GPUs.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::collect::Collector;
use crate::decimal::is_base;
use crate::trace::DeviceProperties;
use crate::value::Int;
use crate::warning::Problem;

/// The part of `distributedInfo` that a recording has a place for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct DistributedInfo {
    rank: Int,
    world_size: Int,
}

/// Whether a key of the document is understood by [`take`].
pub(crate) fn is_wanted(key: &str) -> bool {
    matches!(key, "baseTimeNanoseconds" | "distributedInfo" | "deviceProperties" | "perfagent")
}

/// Takes in the value of a key, which stands at `offset`.
pub(crate) fn take(collector: &mut Collector, key: &str, value: &RawValue, offset: u64) {
    let trace = &mut collector.trace;
    let understood = match key {
        "baseTimeNanoseconds" => serde_json::from_str(value.get())
            .map_err(|error| error.to_string())
            .and_then(|Int(base)| match base {
                Some(base) if is_base(base) => {
                    trace.base = base;
                    Ok(())
                }
                _ => Err("it is no time; the times of the recording lack it".to_owned()),
            }),
        "distributedInfo" => serde_json::from_str(value.get())
            .map(|DistributedInfo { rank, world_size }| {
                (trace.rank, trace.world_size) = (rank.0, world_size.0);
            })
            .map_err(|error| error.to_string()),
        "perfagent" => serde_json::from_str(value.get())
            .map(|own| trace.own = Some(own))
            .map_err(|error| error.to_string()),
        _ => serde_json::from_str::<Vec<DeviceProperties>>(value.get())
            .map(|devices| trace.devices = devices)
            .map_err(|error| error.to_string()),
    };
    if let Err(why) = understood {
        collector.problems.add(Problem::Fact, offset, || format!("`{key}`: {why}"));
    }
}
