//! Events with hardware counters (`cuda_profiler_range`), as `torch.profiler` writes them with `profiler_metrics`.
//!
//! One event is a kernel (`profiler_measure_per_kernel`) or the whole stretch that was profiled, on the track of its GPU. Its arguments
//! are the metrics, whose names nobody lists, with their values; `nan` and `inf` stand there as C++ writes them. Its times are
//! made up: the stretch is divided evenly among its kernels.

use std::fmt;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::collect::Collector;
use super::event::Event;
use crate::trace::Measured;
use crate::value::Json;
use crate::warning::Problem;

/// The number of a range, in files that `perfagent export` has written.
const RANGE_INDEX: &str = "range index";

/// What stands among the arguments and is no metric.
const NO_METRICS: [&str; 9] = [
    "External id",
    "external id",
    "Ev Idx",
    "Trace name",
    "Trace iteration",
    "device",
    "correlation",
    RANGE_INDEX,
    "host thread",
];

/// GPUs are tracks with small numbers, beside those of processes.
const MOST_GPUS: i64 = 256;

impl Collector {
    /// An event with hardware counters, which is `written` so. True when it was kept, or counted among the problems.
    pub(super) fn measured(&mut self, event: &Event<'_>, written: &[u8], offset: u64) -> bool {
        let Some(times) = self.times(event, offset) else { return true };
        let arguments: Arguments<'_> = serde_json::from_slice(written).unwrap_or_default();
        let index = arguments.args.0.get(RANGE_INDEX).and_then(|Json(text)| text.parse().ok());
        let track = || event.pid.0.parse().ok().filter(|_: &i64| index.is_none());
        let device = event.args.device.0.or_else(track);
        let device = device.filter(|number| (0..MOST_GPUS).contains(number));
        let before = self.trace.metrics.len();
        for (key, value) in &arguments.args.0 {
            if NO_METRICS.contains(&key.as_str()) {
                continue;
            }
            let Some(number) = finite(value) else {
                self.problems.add(Problem::NoNumber, offset, || shown(key, value));
                continue;
            };
            let metric = self.text(key);
            self.trace.metrics.push((metric, number));
        }
        let measured = Measured {
            times,
            pid: self.pid(event.pid.0),
            device: device.and_then(|device| i32::try_from(device).ok()),
            name: self.text(&event.name.0),
            index,
            correlation: event.args.correlation.0,
            metrics: (self.trace.metrics.len() - before) as u32,
        };
        self.trace.measured.push(measured);
        true
    }
}

/// A number that is one, also as a text.
fn finite(Json(written): &Json<'_>) -> Option<f64> {
    let number: f64 = written.trim_matches('"').trim().parse().ok()?;
    number.is_finite().then_some(number)
}

fn shown(key: &str, Json(value): &Json<'_>) -> String {
    let short = |text: &str| text.chars().take(60).collect::<String>();
    format!("`{}` is `{}`", short(key), short(value))
}

/// An event, as far as it matters here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Arguments<'a> {
    #[serde(borrow)]
    args: Pairs<'a>,
}

/// Every argument in its order. Of a key that is there twice the last value counts.
#[derive(Default)]
struct Pairs<'a>(IndexMap<String, Json<'a>, FxBuildHasher>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfPairs;
        impl<'de> Visitor<'de> for OfPairs {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("arguments")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Pairs::default();
                while let Some((key, value)) = map.next_entry()? {
                    pairs.0.insert(key, value);
                }
                Ok(pairs)
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Pairs::default())
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Pairs::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Pairs::default())
            }
        }
        deserializer.deserialize_any(OfPairs)
    }
}
