//! What ran, when, where.

use std::collections::BTreeSet;

use perfagent_analysis::report::{DeviceFacts, HostFacts, Rank};
use perfagent_analysis::{Report, Summary};
use perfagent_recording::Timestamp;

use crate::page::Page;
use crate::unit;

/// What a recording says about its making, beyond its figures.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    command: Option<String>,
    started: Option<Timestamp>,
    exit_code: Option<i64>,
}

impl Origin {
    /// Reads it from the summary of the recording.
    pub(crate) fn of(summary: &Summary) -> Self {
        Self {
            command: summary.command.clone(),
            started: summary.started_ns.map(Timestamp::from_unix_nanos),
            exit_code: summary.exit_code(),
        }
    }
}

/// Writes the head of the page.
pub(super) fn write(page: &mut Page, report: &Report, origins: &[Origin]) {
    let facts = &report.recording;
    page.title(format!("perfagent report of {}", facts.path));
    let mut lines = Vec::new();
    let mut fact = |name: &str, value: String| lines.push((name.to_owned(), value));
    let mut commands: Vec<_> =
        origins.iter().filter_map(|origin| origin.command.as_deref()).collect();
    commands.dedup();
    for command in commands {
        fact("command", command.to_owned());
    }
    let length = unit::duration(facts.duration_ns);
    match origins.iter().filter_map(|origin| origin.started).min() {
        Some(started) => fact("recorded", format!("{}, {length} long", unit::moment(started))),
        // Measurements of a benchmark have no place in time.
        None if !report.collective_tests.is_empty() && facts.duration_ns == 0 => {}
        None => fact("length", length),
    }
    // Several recordings have a table that says which ended how.
    if let [origin] = origins
        && let Some(code) = origin.exit_code.filter(|&code| code != 0)
    {
        fact("exit code", code.to_string());
    }
    for host in &facts.hosts {
        fact("host", describe_host(host));
    }
    if !report.ranks.is_empty() || report.collective_tests.is_empty() {
        fact("ranks", describe_ranks(&report.ranks));
    }
    for devices in describe_devices(&report.ranks) {
        fact("GPU", devices);
    }
    for libraries in describe_libraries(&report.ranks) {
        fact("libraries", libraries);
    }
    fact("source", facts.source.clone());
    page.facts(lines);
}

fn describe_host(host: &HostFacts) -> String {
    let known = [
        host.cpu_model.clone(),
        host.logical_cores.map(|cores| format!("{cores} logical cores")),
        host.memory_bytes.map(|bytes| format!("{} memory", unit::bytes(bytes))),
        host.system.clone(),
        host.driver_version.as_ref().map(|version| format!("NVIDIA driver {version}")),
    ];
    let known: Vec<_> = known.into_iter().flatten().collect();
    if known.is_empty() {
        host.name.clone()
    } else {
        format!("{} ({})", host.name, known.join(", "))
    }
}

fn describe_ranks(ranks: &[Rank]) -> String {
    let world = ranks.iter().filter_map(|rank| rank.world_size).max();
    match (ranks.len() as i64, world) {
        (0, _) => "none".to_owned(),
        (seen, Some(world)) if world > seen => format!("{seen} of {world}"),
        (seen, _) => seen.to_string(),
    }
}

/// Each product once, with how many of it there are and how many ranks share them.
fn describe_devices(ranks: &[Rank]) -> Vec<String> {
    let mut products: Vec<Vec<&DeviceFacts>> = Vec::new();
    for device in ranks.iter().flat_map(|rank| &rank.devices) {
        let same = products
            .iter_mut()
            .find(|seen| seen[0].name == device.name && seen[0].total_bytes == device.total_bytes);
        match same {
            Some(seen) => seen.push(device),
            None => products.push(vec![device]),
        }
    }
    products.iter().map(|seen| describe_product(seen)).collect()
}

/// A product as the ranks see it; a GPU without a UUID is taken for one of its own.
fn describe_product(seen: &[&DeviceFacts]) -> String {
    let named: BTreeSet<_> = seen.iter().filter_map(|device| device.uuid.as_ref()).collect();
    let count = named.len() + seen.iter().filter(|device| device.uuid.is_none()).count();
    let times = if count > 1 { format!("{count} × ") } else { String::new() };
    let memory = seen[0].total_bytes.map(|total| format!(" ({})", unit::bytes(total)));
    let shared =
        if seen.len() > count { format!(", seen by {} ranks", seen.len()) } else { String::new() };
    format!("{times}{}{}{shared}", seen[0].name, memory.unwrap_or_default())
}

/// The versions that ranks had loaded; a line for each set of them, as ranks that differ are worth a look.
fn describe_libraries(ranks: &[Rank]) -> BTreeSet<String> {
    let of_rank = |rank: &Rank| {
        let versions: BTreeSet<_> = rank
            .libraries
            .iter()
            .filter_map(|library| Some((library.name.as_str(), library.version.as_deref()?)))
            .collect();
        let shown: Vec<_> =
            versions.into_iter().map(|(name, version)| format!("{name} {version}")).collect();
        shown.join(", ")
    };
    ranks.iter().map(of_rank).filter(|shown| !shown.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use perfagent_analysis::report::LibraryFacts;

    use super::{DeviceFacts, Rank, describe_libraries, describe_product};

    #[test]
    fn ranks_with_other_libraries_have_a_line_of_their_own() {
        let library = |name: &str, version: Option<&str>| LibraryFacts {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            path: String::new(),
        };
        let rank = |nccl: &str| Rank {
            libraries: vec![
                library("cudnn", None),
                library("nccl", Some(nccl)),
                library("torch", Some("2.11.0+cu130")),
            ],
            ..Rank::default()
        };
        let ranks = [rank("2.30.7"), rank("2.30.7"), rank("2.28.9"), Rank::default()];
        assert_eq!(
            describe_libraries(&ranks).into_iter().collect::<Vec<_>>(),
            ["nccl 2.28.9, torch 2.11.0+cu130", "nccl 2.30.7, torch 2.11.0+cu130",]
        );
    }

    fn device(uuid: Option<&str>) -> DeviceFacts {
        let uuid = uuid.map(str::to_owned);
        DeviceFacts {
            id: 0,
            uuid,
            name: "NVIDIA H200".to_owned(),
            total_bytes: Some(140 << 30),
            compute_capability: Some((9, 0)),
            ..DeviceFacts::default()
        }
    }

    #[test]
    fn a_gpu_that_ranks_share_is_counted_once() {
        let (one, other, unknown) = (device(Some("a")), device(Some("b")), device(None));
        assert_eq!(describe_product(&[&one]), "NVIDIA H200 (140 GiB)");
        assert_eq!(describe_product(&[&one, &other]), "2 × NVIDIA H200 (140 GiB)");
        assert_eq!(describe_product(&[&one, &one]), "NVIDIA H200 (140 GiB), seen by 2 ranks");
        assert_eq!(describe_product(&[&unknown, &unknown]), "2 × NVIDIA H200 (140 GiB)");
    }
}
