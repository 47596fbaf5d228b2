//! Many nodes at once.

mod damaged;
mod pairs;
mod power;
mod simulated;
mod superbench;

use perfagent_health::fleet::read::{Source, read};
use perfagent_health::fleet::{Finding, Fleet, Gathered, NodeRow, Settings, judge};
use perfagent_recording::Timestamp;
use serde_json::Value;

fn take(name: &str, text: &str, gathered: &mut Gathered) {
    assert!(read(Source { name, node: None }, text.as_bytes(), gathered), "{name}");
}

fn judged(gathered: Gathered) -> Fleet {
    judge(gathered, &Settings::default(), Timestamp::from_unix_nanos(1_795_780_800_000_000_000))
}

/// A fleet of documents.
fn fleet(documents: &[Value]) -> Fleet {
    let mut gathered = Gathered::default();
    for (number, document) in documents.iter().enumerate() {
        take(&format!("{number}.json"), &document.to_string(), &mut gathered);
    }
    judged(gathered)
}

fn node<'a>(fleet: &'a Fleet, name: &str) -> &'a NodeRow {
    fleet.nodes.iter().find(|node| node.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn finding<'a>(fleet: &'a Fleet, of: &str, name: &str) -> &'a Finding {
    let node = node(fleet, of);
    node.findings
        .iter()
        .find(|finding| finding.name == name)
        .unwrap_or_else(|| panic!("no {name} in {node:#?}"))
}
