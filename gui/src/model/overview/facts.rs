//! What the run was: machine, program, versions, as far as the recordings tell.

use std::collections::{BTreeMap, BTreeSet};

use perfagent_advisor::start::read_command_line;
use perfagent_recording::Timestamp;

use crate::model::details::Fact;
use crate::model::document::Document;
use crate::model::whose::members;
use crate::units;

/// Before this (the year 2000) a time counts from the start of the machine, and is no date.
const FIRST_DATE: i64 = 946_684_800_000_000_000;

/// Lines of a label and a text; what the recordings do not tell is left out.
#[must_use]
pub fn facts(document: &Document) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |label: &'static str, text: String| {
        if !text.is_empty() {
            facts.push(Fact { label, text });
        }
    };
    let commands = commands(document);
    add("Command", commands.join("\n"));
    add(
        "Job",
        commands.iter().map(|command| job(command)).find(|job| !job.is_empty()).unwrap_or_default(),
    );
    add("GPUs", gpus(document));
    add("Machines", machines(document));
    add("Ranks", ranks(document));
    add("Duration", units::duration(document.summary.duration_ns));
    let start = document.whole().start();
    if start > FIRST_DATE {
        add(
            "Began",
            Timestamp::from_unix_nanos(start).rfc3339().replace('T', " ").replace('Z', " UTC"),
        );
    }
    add("Ended", endings(document));
    add("Recorded by", writers(document));
    add("Libraries", libraries(document));
    add("Events", units::count(document.summary.events));
    facts
}

/// The command lines of the ranks, each once.
#[must_use]
pub fn commands(document: &Document) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for source in &document.sources {
        let of_rank = |id: i64| source.report.ranks.iter().any(|rank| rank.process_id == id);
        let processes = source.recording.processes.iter().zip(1..);
        let mut of_ranks: Vec<&str> = processes
            .filter(|(process, id)| of_rank(*id) && !process.command.is_empty())
            .map(|(process, _)| process.command.as_str())
            .collect();
        if of_ranks.is_empty() {
            of_ranks.extend(source.recording.meta_value("command"));
        }
        for command in of_ranks {
            if !found.iter().any(|known| known == command) {
                found.push(command.to_owned());
            }
        }
    }
    found
}

/// The model and the arrangement that a command line tells of, in words.
fn job(command: &str) -> String {
    let job = read_command_line(command);
    let (model, run) = (&job.model, &job.run);
    let mut parts = Vec::new();
    parts.extend(model.arch.clone());
    let numbers = [
        (model.layers, "layers"),
        (model.hidden, "wide"),
        (model.heads, "heads"),
        (model.seq, "tokens a sequence"),
        (model.image_size, "pixels a side"),
    ];
    let named = |(value, what): (Option<u64>, &str)| value.map(|value| format!("{value} {what}"));
    parts.extend(numbers.into_iter().filter_map(named));
    // What is not shared among ranks goes without saying.
    let more_than = |least: u64, value: Option<u64>| value.filter(|&value| value > least);
    let arrangement = [
        ("micro-batch", run.micro_batch),
        ("accumulation", more_than(1, run.grad_accum)),
        ("global batch", run.global_batch),
        ("TP", more_than(1, run.tp)),
        ("PP", more_than(1, run.pp)),
        ("ZeRO", more_than(0, run.zero)),
    ];
    parts.extend(
        arrangement.into_iter().filter_map(|(what, value)| Some(format!("{what} {}", value?))),
    );
    parts.extend(run.precision.clone());
    parts.join(", ")
}

/// `8 × NVIDIA H200 (140 GiB)`, by product; a GPU that ranks share counts once.
fn gpus(document: &Document) -> String {
    let mut seen = BTreeSet::new();
    let mut products: BTreeMap<(String, Option<i64>), usize> = BTreeMap::new();
    for member in members(document, None) {
        for device in &member.rank.devices {
            let fallback = || format!("{} {} {}", member.rank.host, member.rank.pid, device.id);
            if seen.insert(device.uuid.clone().unwrap_or_else(fallback)) {
                *products.entry((device.name.clone(), device.total_bytes)).or_default() += 1;
            }
        }
    }
    let named = |((name, memory), count): ((String, Option<i64>), usize)| {
        let size =
            memory.map_or_else(String::new, |bytes| format!(" ({})", units::bytes(bytes as f64)));
        if count == 1 { format!("{name}{size}") } else { format!("{count} × {name}{size}") }
    };
    let found: Vec<String> = products.into_iter().map(named).collect();
    if found.is_empty() { "none took part".to_owned() } else { found.join(", ") }
}

/// Each machine with what is known of it; many alike are counted.
fn machines(document: &Document) -> String {
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for host in document.sources.iter().flat_map(|source| &source.report.recording.hosts) {
        let parts = [
            host.cpu_model.clone(),
            host.logical_cores.map(|cores| units::counted(cores.unsigned_abs(), "logical core")),
            host.memory_bytes.map(|bytes| format!("{} memory", units::bytes(bytes as f64))),
            host.driver_version.as_ref().map(|version| format!("driver {version}")),
        ];
        let kind = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let names = kinds.entry(kind).or_default();
        if !names.contains(&host.name) {
            names.push(host.name.clone());
        }
    }
    let named = |(kind, names): (String, Vec<String>)| {
        let who = match names.as_slice() {
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
            [] => String::new(),
        };
        if kind.is_empty() { who } else { format!("{who}: {kind}") }
    };
    kinds.into_iter().map(named).collect::<Vec<_>>().join("\n")
}

fn ranks(document: &Document) -> String {
    let found = members(document, None);
    let world = found.iter().filter_map(|member| member.rank.world_size).max();
    let count = found.len();
    match world {
        Some(world) if usize::try_from(world).is_ok_and(|world| world > count) => {
            format!("{count} of {world}")
        }
        _ => count.to_string(),
    }
}

fn endings(document: &Document) -> String {
    let codes: BTreeSet<i64> = document
        .sources
        .iter()
        .flat_map(|source| &source.report.recording.files)
        .filter_map(|file| file.exit_code)
        .collect();
    let worded =
        |code: i64| if code == 0 { "well".to_owned() } else { format!("with code {code}") };
    codes.into_iter().map(worded).collect::<Vec<_>>().join(", ")
}

fn writers(document: &Document) -> String {
    let named = |source: &crate::model::document::Source| {
        let version = source.recording.meta_value("perfagent_version");
        let writer = &source.report.recording.source;
        version.map_or_else(|| writer.clone(), |version| format!("{writer}, version {version}"))
    };
    let found: BTreeSet<String> = document.sources.iter().map(named).collect();
    found.into_iter().collect::<Vec<_>>().join("; ")
}

fn libraries(document: &Document) -> String {
    let found: BTreeSet<String> = members(document, None)
        .iter()
        .flat_map(|member| &member.rank.libraries)
        .filter_map(|library| Some(format!("{} {}", library.name, library.version.as_ref()?)))
        .collect();
    found.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::job;

    #[test]
    fn a_command_line_tells_the_job() {
        let command = "perfagent-bench gpt --layers 6 --hidden 256 --seq 128 --micro-batch 4 --precision bf16";
        assert_eq!(
            job(command),
            "gpt, 6 layers, 256 wide, 4 heads, 128 tokens a sequence, micro-batch 4, bf16"
        );
        assert_eq!(job("python train.py"), "");
    }
}
