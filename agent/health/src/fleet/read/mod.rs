//! The contents of files to what they say of nodes.
//!
//! Nothing here opens a file. A form is told by its content; what cannot be read is a [`Problem`] with its place and the remedy,
//! about the node where that can still be told, and everything behind it is read on.

mod benchmark;
mod ceilings;
mod health;
mod json;
mod moment;
mod superbench;
mod training;

use super::Gathered;
use super::merge::short;
use super::node::Problem;

/// A file, or what takes its place.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// How messages name it.
    pub name: &'a str,
    /// The node that its place tells: the folder it is in, or the beginning of its name.
    pub node: Option<&'a str>,
}

impl Source<'_> {
    fn problem(&self, node: Option<String>, place: &str, said: String, action: &str) -> Problem {
        let source =
            if place.is_empty() { self.name.to_owned() } else { format!("{}: {place}", self.name) };
        Problem { node, source, said, action: action.to_owned() }
    }
}

/// Whether a text can be the name of a host: what goes into a command line as it is must be one.
fn is_host(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    !name.is_empty() && name.len() <= 255 && name.bytes().all(fits)
}

/// What to do about a document that cannot be read.
const AGAIN: &str = "run perfagent health --json on the node again; write it under another name and rename it, so that no half is ever gathered";

/// Takes in what a file holds; `false` when it is in no form that is known here, and nothing was taken.
pub fn read(source: Source<'_>, bytes: &[u8], gathered: &mut Gathered) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    if is_json(text.as_bytes()) {
        json::read(source, text, gathered);
        return true;
    }
    benchmark::read(source, text, gathered)
}

/// Whether a text begins like documents in JSON; some logs begin with a bracket too.
#[must_use]
pub fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut marks = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    match marks.next() {
        Some(b'{') => true,
        Some(b'[') => matches!(marks.next(), None | Some(b'{' | b'[' | b']')),
        _ => false,
    }
}

/// A file that tells nothing: empty, or in no known form.
pub fn refuse(source: Source<'_>, said: &str, gathered: &mut Gathered) {
    let node = source.node.map(ToOwned::to_owned);
    gathered.problems.push(source.problem(node, "", said.to_owned(), AGAIN));
}

/// Which of some names a file belongs to: its folder, or its name up to a dot or as a whole, with a domain or without.
#[must_use]
pub fn node_of_place<'a>(
    folder: Option<&str>,
    file: &str,
    known: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let stem = |dots: usize| {
        let parts: Vec<&str> = file.split('.').collect();
        (dots < parts.len()).then(|| parts[..parts.len() - dots].join("."))
    };
    let mut candidates: Vec<String> = folder.map(ToOwned::to_owned).into_iter().collect();
    candidates.extend((0..4).filter_map(stem));
    candidates.extend(file.split('.').next().map(ToOwned::to_owned));
    let known: Vec<&str> = known.collect();
    let exact = candidates.iter().find(|name| known.contains(&name.as_str()));
    if let Some(exact) = exact {
        return Some(exact.clone());
    }
    let same = |candidate: &String| known.iter().find(|name| short(name) == short(candidate));
    candidates.iter().find_map(same).map(|name| (*name).to_owned())
}

#[cfg(test)]
mod tests;
