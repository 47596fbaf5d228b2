//! A plane: a GPU, the host, or what a recording has no place for.

use std::collections::HashMap;

use prost::Message as _;

use super::document::Collector;
use super::line;
use super::proto::{Named, Value, XStat};
use super::wire::{Field, each};
use crate::decimal::is_base;
use crate::texts::Text;
use crate::trace::DeviceProperties;
use crate::warning::Problem;

/// What a plane is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Gpu(i64),
    Host,
    Other,
}

/// What the events and stats of a plane are called.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) plane: String,
    pub(super) of: Of,
    pub(super) events: HashMap<i64, Text>,
    pub(super) stats: HashMap<i64, String>,
}

impl Names {
    /// The name of a stat.
    pub(super) fn stat(&self, stat: &XStat) -> &str {
        self.stats.get(&stat.metadata_id).map_or("", String::as_str)
    }

    /// The value of a stat that is a text.
    pub(super) fn text<'a>(&'a self, stat: &'a XStat) -> Option<&'a str> {
        match stat.value.as_ref()? {
            Value::Text(text) => Some(text),
            Value::Reference(id) => self.stats.get(&i64::try_from(*id).ok()?).map(String::as_str),
            _ => None,
        }
    }
}

/// The value of a stat that is an integer.
pub(super) fn integer(stat: &XStat) -> Option<i64> {
    match stat.value.as_ref()? {
        Value::Signed(value) => Some(*value),
        Value::Unsigned(value) => i64::try_from(*value).ok(),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// Reads the plane in `bytes`, which stands at `offset`.
pub(super) fn read(bytes: &[u8], offset: u64, collector: &mut Collector) {
    let mut names = Names {
        plane: String::new(),
        of: Of::Other,
        events: HashMap::new(),
        stats: HashMap::new(),
    };
    let (mut lines, mut stats) = (Vec::new(), Vec::new());
    let Collector { trace, problems, .. } = collector;
    let damage = each(bytes, offset, |number, field, at| {
        let Field::Bytes(held) = field else { return };
        let read = match number {
            2 => {
                names.plane = String::from_utf8_lossy(held).into_owned();
                Ok(())
            }
            3 => {
                lines.push((held, at));
                Ok(())
            }
            4 => Named::decode(held).map(|named| {
                let name = named.value.unwrap_or_default().name;
                names.events.insert(named.key, trace.texts.number(&name));
            }),
            5 => Named::decode(held).map(|named| {
                names.stats.insert(named.key, named.value.unwrap_or_default().name);
            }),
            6 => XStat::decode(held).map(|stat| stats.push(stat)),
            _ => Ok(()),
        };
        if let Err(error) = read {
            problems.add(Problem::Stray, at, || format!("part of a plane: {error}"));
        }
    });
    if let Err((at, what)) = damage {
        problems.add(Problem::Stray, at, || format!("the rest of a plane: {what}"));
    }
    names.of = of(&names.plane);
    facts(&names, &stats, collector);
    for (line, offset) in lines {
        line::read(line, offset, &names, collector);
    }
}

fn of(name: &str) -> Of {
    if let Some(number) = name.strip_prefix("/device:GPU:") {
        return number.parse().map_or(Of::Other, Of::Gpu);
    }
    match name {
        "/host:metadata" | "/host:tfstreamz" => Of::Other,
        name if name.starts_with("/host:") => Of::Host,
        _ => Of::Other,
    }
}

/// What a plane tells of the whole: the process, the start of the profile, the GPU.
fn facts(names: &Names, stats: &[XStat], collector: &mut Collector) {
    let mut device = DeviceProperties::default();
    for stat in stats {
        match names.stat(stat) {
            "process_id" if names.of == Of::Host => {
                collector.trace.pid = collector.trace.pid.or(integer(stat));
            }
            "profile_start_time" => {
                collector.profile_start = integer(stat).filter(|start| is_base(*start));
            }
            "device_type_string" => {
                names.text(stat).unwrap_or_default().clone_into(&mut device.name);
            }
            "memory_size" => device.total_global_mem = integer(stat),
            "core_count" => device.num_sms = integer(stat),
            "compute_cap_major" => device.compute_major = integer(stat),
            "compute_cap_minor" => device.compute_minor = integer(stat),
            _ => {}
        }
    }
    if let Of::Gpu(number) = names.of {
        device.id = number;
        collector.trace.devices.push(device);
    }
}
