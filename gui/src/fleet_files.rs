//! Files with documents of nodes' health: what a path leads to, and the documents in a folder.

use std::fs;
use std::path::Path;

use crate::model::fleet::document::Fleet;
use crate::model::fleet::node::{Health, documents};

/// Folders within folders are looked into so deep, as `perfagent health gather` does.
const DEPTH: usize = 6;

/// Larger files are left to `perfagent health gather`; their values are not drawn.
const MOST_BYTES: u64 = 256 << 20;

/// What a path leads to.
pub enum Opened {
    /// The document of one node.
    Node(Box<Health>),
    /// A fleet that was judged before.
    Fleet(Box<Fleet>),
    /// Documents that are still to be judged together.
    Many,
}

/// Looks at what stands at a path.
///
/// # Errors
/// One line that names it and says what to do.
pub fn open(path: &Path) -> Result<Opened, String> {
    if path.is_dir() {
        return Ok(Opened::Many);
    }
    let shown = path.display();
    let length = fs::metadata(path)
        .map_err(|error| {
            format!("{shown}: cannot be opened: {error}; name a folder with the documents of `perfagent health --json`")
        })?
        .len();
    if length > MOST_BYTES {
        return Ok(Opened::Many);
    }
    let text = fs::read(path)
        .map_err(|error| format!("{shown}: cannot be read: {error}; check its permissions"))?;
    let text = String::from_utf8_lossy(&text);
    let mut found = documents(&text);
    if found.len() == 1
        && let Some(one) = found.pop()
    {
        return Ok(Opened::Node(Box::new(one)));
    }
    match serde_json::from_str::<Fleet>(&text) {
        Ok(fleet) if fleet.schema == "perfagent.fleet/1" => Ok(Opened::Fleet(Box::new(fleet))),
        _ => Ok(Opened::Many),
    }
}

/// The documents of nodes below a path: what the figures of single nodes are drawn from. What cannot be read is left
/// out: that is for `perfagent health gather` to say.
#[must_use]
pub fn all(path: &Path) -> Vec<Health> {
    let mut found = Vec::new();
    walk(path, DEPTH, &mut found);
    found
}

fn walk(path: &Path, depth: usize, found: &mut Vec<Health>) {
    if path.is_dir() {
        let Some(depth) = depth.checked_sub(1) else { return };
        let mut entries: Vec<_> =
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for entry in entries {
            walk(&entry, depth, found);
        }
        return;
    }
    let is_document = path.extension().is_some_and(|ending| {
        ["json", "jsonl", "ndjson"].iter().any(|known| ending.eq_ignore_ascii_case(known))
    });
    if is_document
        && fs::metadata(path).is_ok_and(|file| file.len() <= MOST_BYTES)
        && let Ok(bytes) = fs::read(path)
    {
        found.extend(documents(&String::from_utf8_lossy(&bytes)));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Opened, all, open};

    fn node(host: &str) -> String {
        format!(
            r#"{{"schema": "perfagent.health/1", "host": "{host}", "verdict": "ok", "checks": []}}"#
        )
    }

    #[test]
    fn a_path_leads_to_a_node_a_fleet_or_to_what_is_to_be_judged() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let one = write("one.json", node("n1"));
        let two = write("two.jsonl", format!("{}\n{}", node("n2"), node("n3")));
        let fleet =
            write("fleet.json", r#"{"schema": "perfagent.fleet/1", "verdict": "ok"}"#.into());
        assert!(matches!(open(&one).unwrap(), Opened::Node(node) if node.host == "n1"));
        assert!(matches!(open(&two).unwrap(), Opened::Many));
        assert!(matches!(open(&fleet).unwrap(), Opened::Fleet(_)));
        assert!(matches!(open(folder.path()).unwrap(), Opened::Many));
        assert!(open(&folder.path().join("none")).is_err());
        let hosts: Vec<_> = all(folder.path()).into_iter().map(|node| node.host).collect();
        assert_eq!(hosts, ["n1", "n2", "n3"]);
    }
}
