//! What a recording says of itself before its events are read: something to look at while they are.

use std::collections::BTreeMap;

use perfagent_recording::table::{Device, Host, Meta, Process};
use perfagent_recording::{OpenError, Reader};

use crate::units;

/// A few lines on a recording, from its small tables alone.
///
/// # Errors
/// When one of them cannot be read.
pub fn facts(reader: &Reader) -> Result<Vec<String>, OpenError> {
    let meta: Vec<Meta> = reader.rows()?;
    let hosts: Vec<Host> = reader.rows()?;
    let processes: Vec<Process> = reader.rows()?;
    let devices: Vec<Device> = reader.rows()?;
    let value = |key: &str| meta.iter().find(|row| row.key == key).map(|row| row.value.clone());
    let mut lines = Vec::new();
    lines.extend(value("command").or_else(|| value("source")));
    let ranks = processes.iter().filter(|process| process.rank.is_some()).count();
    let on = match &hosts[..] {
        [] => String::new(),
        [host] => format!(" on {}", host.name),
        many => format!(" on {}", units::counted(many.len() as u64, "host")),
    };
    lines.push(match (ranks, processes.len()) {
        (0, 1) => format!("1 process{on}"),
        (0, many) => format!("{many} processes{on}"),
        (ranks, _) => format!("{}{on}", units::counted(ranks as u64, "rank")),
    });
    let mut products: BTreeMap<&str, usize> = BTreeMap::new();
    for device in &devices {
        *products.entry(&device.name).or_default() += 1;
    }
    lines.extend(products.into_iter().map(|(name, count)| format!("{count} × {name}")));
    Ok(lines)
}
