//! The text files of a folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Larger files are data, not prose or code; they would also drown the rest.
const LARGEST_FILE: u64 = 4 << 20;

/// The source tree around the current directory: the nearest folder upwards that holds both
/// `ARCHITECTURE.md` and `Cargo.toml`.
pub(crate) fn source_tree() -> Result<PathBuf> {
    let here = std::env::current_dir()
        .map_err(|e| Failure::input(format!("the current directory cannot be read: {e}")))?;
    here.ancestors()
        .find(|folder| {
            folder.join("ARCHITECTURE.md").is_file() && folder.join("Cargo.toml").is_file()
        })
        .map(Path::to_owned)
        .ok_or_else(|| {
            Failure::input(format!(
                "{} is not inside perfagent's source tree, which is the default text: give a folder of text files with --data DIR",
                here.display()
            ))
        })
}

/// All UTF-8 text files below the folder, in the order of their paths. Left out: hidden files and
/// folders, `target`, recordings (finished or growing), links, binary files and files over 4 MiB.
pub(crate) fn read(folder: &Path) -> Result<Vec<String>> {
    let entry = fs::metadata(folder).map_err(|e| {
        Failure::input(format!(
            "--data {}: {e}; name the folder that holds the text files",
            folder.display()
        ))
    })?;
    if !entry.is_dir() {
        return Err(Failure::input(format!(
            "--data {} is not a folder: name the folder that holds the text files",
            folder.display()
        )));
    }
    let mut texts = Vec::new();
    collect(folder, &mut texts)
        .map_err(|e| Failure::input(format!("--data {}: {e}", folder.display())))?;
    if texts.is_empty() {
        return Err(Failure::input(format!(
            "--data {} holds no UTF-8 text file of at most 4 MiB",
            folder.display()
        )));
    }
    Ok(texts)
}

fn collect(folder: &Path, texts: &mut Vec<String>) -> std::io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        if is_left_out(&name.to_string_lossy()) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), texts)?;
        } else if kind.is_file() && entry.metadata()?.len() <= LARGEST_FILE {
            match fs::read_to_string(entry.path()) {
                Ok(text) if !text.is_empty() && !text.contains('\0') => texts.push(text),
                // Not UTF-8: not text.
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(())
}

/// What a recorder writes while we read would give each rank another text.
fn is_left_out(name: &str) -> bool {
    name.starts_with('.') || name == "target" || name.contains(".perfdb")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The demo records beside the text that it trains on; its ranks read the recorder's notes, each at another moment,
    /// and refused to train together.
    #[test]
    fn a_growing_recording_is_no_text() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("demo.perfdb.partial/state");
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("1-2-0.ring.0"), "{}").unwrap();
        fs::write(folder.path().join("a.txt"), "text").unwrap();
        assert_eq!(read(folder.path()).unwrap(), ["text"]);
    }

    #[test]
    fn only_text_is_read_and_in_a_fixed_order() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        write("b.txt", b"second");
        write("a/x.md", b"first");
        write("target/out.txt", b"built");
        write(".git/config", b"hidden");
        write("picture.bin", &[0xff, 0xd8, 0, 1]);
        write("empty.txt", b"");
        assert_eq!(read(folder.path()).unwrap(), ["first", "second"]);
    }

    #[test]
    fn a_missing_or_empty_folder_is_an_input_error() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("missing")] {
            assert!(matches!(read(&path), Err(Failure::Input(_))), "{}", path.display());
        }
    }
}
