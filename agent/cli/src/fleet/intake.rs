//! Files and folders to what they say of nodes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use perfagent_health::fleet::Gathered;
use perfagent_health::fleet::read::{Source, is_json, node_of_place, read, refuse};
use perfagent_health::host_list;

use super::nccl;

/// Folders within folders are looked into so deep.
const DEPTH: usize = 6;
/// A document of a node has tens of kilobytes, and a file of a thousand of them tens of megabytes.
const MOST_BYTES: u64 = 2 << 30;

/// A file to read.
struct Found {
    path: PathBuf,
    /// Whether the user named it, or only its folder.
    is_named: bool,
    /// The folder it is in, where that may be called like a node.
    folder: Option<String>,
}

/// The hosts of `--expect-hosts`: a list, or a file with one after an `@`.
pub(crate) fn expected(list: &str) -> anyhow::Result<Vec<String>> {
    let text = match list.strip_prefix('@') {
        Some(path) => fs::read_to_string(path).with_context(|| {
            format!(
                "{path}: the list of expected hosts cannot be read; name a text file after the @"
            )
        })?,
        None => list.to_owned(),
    };
    host_list::hosts(&text).map_err(|error| anyhow::anyhow!("--expect-hosts: {error}"))
}

/// Reads everything. Only what the user named and is not there is an error; what is damaged is a problem of its node.
pub(crate) fn gather(paths: &[PathBuf], expected: Vec<String>) -> anyhow::Result<Gathered> {
    let mut files = Vec::new();
    for path in paths {
        ensure!(
            path.exists(),
            "{}: does not exist; name files of perfagent health --json, or a folder with them",
            path.display()
        );
        if path.is_dir() {
            let folder = (paths.len() > 1).then(|| name(path)).flatten();
            let before = files.len();
            walk(path, folder.as_deref(), DEPTH, &mut files)?;
            ensure!(
                files.len() > before,
                "{}: holds no file; collect the nodes' documents there with: perfagent health --json > NODE.json",
                path.display()
            );
        } else {
            files.push(Found { path: path.clone(), is_named: true, folder: None });
        }
    }
    let mut gathered = Gathered { expected, ..Gathered::default() };
    // Documents first: they tell the names that logs are put beside.
    let mut logs = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        // The same file by two names is one.
        if fs::canonicalize(&file.path).is_ok_and(|path| !seen.insert(path)) {
            continue;
        }
        let Some(bytes) = content(&file, &mut gathered) else { continue };
        if is_json(&bytes) && !nccl::may_be(&file.path, &bytes) {
            let shown = file.path.display().to_string();
            let node = stem(&file.path);
            read(Source { name: &shown, node: node.as_deref() }, &bytes, &mut gathered);
        } else {
            logs.push((file, bytes));
        }
    }
    let mut known: BTreeSet<String> =
        gathered.reports.iter().map(|report| report.node.clone()).collect();
    known.extend(gathered.expected.iter().cloned());
    known.extend(logs.iter().filter_map(|(file, _)| file.folder.clone()));
    for (file, bytes) in logs {
        log(&file, &bytes, &known, &mut gathered);
    }
    Ok(gathered)
}

/// Takes in a file that is no JSON of ours.
fn log(file: &Found, bytes: &[u8], known: &BTreeSet<String>, gathered: &mut Gathered) {
    let shown = file.path.display().to_string();
    let file_name = name(&file.path).unwrap_or_default();
    let node = node_of_place(file.folder.as_deref(), &file_name, known.iter().map(String::as_str));
    let source = Source { name: &shown, node: node.as_deref() };
    let is_taken = if nccl::may_be(&file.path, bytes) {
        nccl::take(&file.path, source, gathered);
        true
    } else {
        read(source, bytes, gathered)
    };
    if is_taken {
        return;
    }
    let is_document = file.path.extension().is_some_and(|extension| {
        ["json", "jsonl", "ndjson"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    });
    if file.is_named || is_document {
        let said = if bytes.iter().all(u8::is_ascii_whitespace) {
            "the file is empty: its writer failed or is not done"
        } else {
            "in no form that is known here"
        };
        let stem = stem(&file.path);
        refuse(
            Source { name: &shown, node: stem.as_deref().filter(|_| is_document) },
            said,
            gathered,
        );
    } else {
        gathered.notes.push(format!("{shown}: left out, in no form that is known here"));
    }
}

/// A file's bytes; what cannot be read is a problem.
fn content(file: &Found, gathered: &mut Gathered) -> Option<Vec<u8>> {
    let shown = file.path.display().to_string();
    let size = fs::metadata(&file.path).map_or(0, |metadata| metadata.len());
    let read = if size > MOST_BYTES {
        Err("larger than 2 GiB, which no document of nodes is".to_owned())
    } else {
        fs::read(&file.path).map_err(|error| format!("cannot be read: {error}"))
    };
    match read {
        Ok(bytes) => Some(bytes),
        Err(said) => {
            let node = stem(&file.path);
            refuse(Source { name: &shown, node: node.as_deref() }, &said, gathered);
            None
        }
    }
}

fn name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

/// The name without its last ending: `node1.json` is of `node1` until it says otherwise itself.
fn stem(path: &Path) -> Option<String> {
    path.file_stem().map(|name| name.to_string_lossy().into_owned())
}

/// The plain files below a folder, in the order of their names; hidden ones are on their way to another name.
fn walk(
    folder: &Path,
    called: Option<&str>,
    depth: usize,
    files: &mut Vec<Found>,
) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.with_context(|| {
        format!("{}: the folder cannot be read; see its permissions", folder.display())
    })?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                walk(&path, name(&path).as_deref(), depth - 1, files)?;
            }
        } else if path.is_file() {
            files.push(Found { path, is_named: false, folder: called.map(ToOwned::to_owned) });
        }
    }
    Ok(())
}
