//! JSON: one document or many, one after the other or as a list.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{AGAIN, Source, benchmark, ceilings, health, is_host, superbench, training};
use crate::fleet::Gathered;
use crate::fleet::metric::Better;
use crate::fleet::node::PairMeasurement;

/// What tells the form of a document.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    schema: Option<std::borrow::Cow<'a, str>>,
    #[serde(default)]
    host: Option<serde_json::Value>,
    #[serde(default)]
    node: Option<serde_json::Value>,
    #[serde(borrow, default)]
    nvbandwidth: Option<&'a RawValue>,
}

/// Reads documents until the end; behind a damaged one it goes on where a line begins with a brace.
pub(super) fn read(source: Source<'_>, text: &str, gathered: &mut Gathered) {
    let mut at = 0;
    let mut lines = Lines { text, at: 0, line: 1 };
    while at < text.len() {
        let mut documents =
            serde_json::Deserializer::from_str(&text[at..]).into_iter::<&RawValue>();
        let mut end = 0;
        let mut error = None;
        while let Some(document) = documents.next() {
            match document {
                Ok(document) => {
                    // It ends where the stream stands, and its text says how long it is.
                    let begin = at + documents.byte_offset() - document.get().len();
                    one(source, document.get(), lines.of(begin), gathered);
                    end = documents.byte_offset();
                }
                Err(found) => {
                    error = Some(found);
                    break;
                }
            }
        }
        let Some(error) = error else { return };
        let begin = at + end + text[at + end..].len() - text[at + end..].trim_start().len();
        let next = text[begin..].find("\n{").map(|next| begin + next + 1);
        let piece = &text[begin..next.unwrap_or(text.len())];
        let place = format!("line {}", lines.of(begin));
        let node = host_in(piece).or_else(|| source.node.map(ToOwned::to_owned));
        let said = if error.is_eof() || next.is_some() {
            "half-written JSON: the document ends before it is complete".to_owned()
        } else {
            format!("no JSON: {}", plain(&error))
        };
        gathered.problems.push(source.problem(node, &place, said, AGAIN));
        let Some(next) = next else { return };
        at = next;
    }
}

/// What `serde_json` says, without the place that it counts from the beginning of a piece.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(said, _)| said.to_owned())
}

/// The line of a place, counted on from the last that was asked for: a file may hold thousands of documents.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of a place that is not before the last one.
    fn of(&mut self, at: usize) -> usize {
        self.line += self.text[self.at..at].matches('\n').count();
        self.at = at;
        self.line
    }
}

/// The name of the host in a damaged document, which tells it in its first lines.
fn host_in(piece: &str) -> Option<String> {
    ["\"host\"", "\"node\""].iter().find_map(|key| {
        let after = &piece[piece.find(key)? + key.len()..];
        let value = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        let name = &value[..value.find('"')?];
        is_host(name).then(|| name.to_owned())
    })
}

/// Reads one value.
fn one(source: Source<'_>, text: &str, line: usize, gathered: &mut Gathered) {
    let place = format!("line {line}");
    if text.starts_with('[') {
        return match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(items) => items.iter().for_each(|item| one(source, item.get(), line, gathered)),
            Err(error) => gathered.problems.push(source.problem(
                None,
                &place,
                format!("no list of documents: {error}"),
                AGAIN,
            )),
        };
    }
    let by_place = || source.node.map(ToOwned::to_owned);
    let head: Head<'_> = match serde_json::from_str(text) {
        Ok(head) => head,
        Err(error) => {
            let said = format!("no document of a node: {}", plain(&error));
            gathered.problems.push(source.problem(
                host_in(text).or_else(by_place),
                &place,
                said,
                AGAIN,
            ));
            return;
        }
    };
    let named = |value: &Option<serde_json::Value>| {
        value
            .as_ref()
            .and_then(|value| value.as_str())
            .filter(|name| is_host(name))
            .map(ToOwned::to_owned)
    };
    match (head.schema.as_deref(), named(&head.node)) {
        (Some("perfagent.health/1"), _) => {
            let told = named(&head.host);
            match health::read(source, &place, text) {
                Ok(report) => gathered.reports.push(report),
                Err(said) => {
                    gathered.problems.push(source.problem(
                        told.or_else(by_place),
                        &place,
                        said,
                        AGAIN,
                    ));
                }
            }
        }
        (Some("perfagent.ceilings/1"), _) => match ceilings::read(source, &place, text) {
            Ok(report) => gathered.reports.push(report),
            Err(said) => {
                let action = "run perfagent ceilings --json on the node again";
                let node = named(&head.host).or_else(by_place);
                gathered.problems.push(source.problem(node, &place, said, action));
            }
        },
        (
            Some(
                form @ ("perfagent.bench/1"
                | "perfagent.bench-suite/1"
                | "perfagent.bench-suite-results/1"),
            ),
            _,
        ) => {
            let read = match form {
                "perfagent.bench/1" => training::read,
                "perfagent.bench-suite/1" => training::read_case,
                _ => training::read_suite,
            };
            match read(source, &place, text) {
                Ok(report) => gathered.reports.push(report),
                Err(said) => {
                    let action = "name the file after its node or put it into a folder of that name, and give results of trainings that ended";
                    gathered.problems.push(source.problem(by_place(), &place, said, action));
                }
            }
        }
        (Some("perfagent.pairs/1"), _) => pairs(source, &place, text, gathered),
        (Some(schema), _) => {
            let action = if schema.starts_with("perfagent.health/") {
                "gather with the perfagent that wrote it, or run the check again with this version"
            } else {
                "leave it out, or give a document of perfagent health --json"
            };
            let said = format!("a document of form {schema:?}, which is not known here");
            let node = named(&head.host).or_else(by_place);
            gathered.problems.push(source.problem(node, &place, said, action));
        }
        (None, _) if head.nvbandwidth.is_some() => {
            benchmark::read_nvbandwidth(source, &place, text, gathered);
        }
        (None, Some(node)) => superbench::read(source, &place, &node, text, gathered),
        (None, None) => {
            let said = "neither a document of perfagent (no \"schema\") nor a row of superbench (no \"node\") nor what nvbandwidth -j writes";
            gathered.problems.push(source.problem(by_place(), &place, said.to_owned(), AGAIN));
        }
    }
}

#[derive(Deserialize)]
struct PairDocument {
    metric: String,
    unit: Option<String>,
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    nodes: [String; 2],
    value: f64,
}

fn pairs(source: Source<'_>, place: &str, text: &str, gathered: &mut Gathered) {
    let form = r#"write {"schema":"perfagent.pairs/1","metric":"…","unit":"GB/s","pairs":[{"nodes":["a","b"],"value":1.0}]}"#;
    match serde_json::from_str::<PairDocument>(text) {
        Ok(document)
            if document.pairs.iter().flat_map(|pair| &pair.nodes).all(|name| is_host(name)) =>
        {
            let better =
                document.unit.as_deref().and_then(Better::of_unit).unwrap_or(Better::Higher);
            gathered.pairs.extend(document.pairs.into_iter().map(|pair| PairMeasurement {
                nodes: pair.nodes,
                metric: document.metric.clone(),
                value: pair.value,
                unit: document.unit.clone(),
                better,
                source: source.name.to_owned(),
            }));
        }
        Ok(_) => {
            let said = "one of its nodes is no name of a host".to_owned();
            gathered.problems.push(source.problem(None, place, said, form));
        }
        Err(error) => {
            let said = format!("not in the form of its schema: {}", plain(&error));
            gathered.problems.push(source.problem(None, place, said, form));
        }
    }
}
