//! Compiled kernels in the user's cache folder, each in a file of its own that says what it was made of.
//!
//! A file holds a line that names the format, the length of the key, the key (compiler's version, architecture, file and
//! text of the source), the CRC-32C of the code, and the code. Its name is only where it is looked for: the key inside
//! decides, and a file that is damaged or of something else is made anew.

use std::io::Write as _;
use std::path::{Path, PathBuf};

const FORMAT: &[u8] = b"perfagent-cubin/1\n";

/// `$XDG_CACHE_HOME/perfagent/cubin` or `~/.cache/perfagent/cubin`.
pub(super) fn folder() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?;
    Some(base.join("perfagent/cubin"))
}

/// What was made of this key before, or what `make` makes of it now. A folder that cannot be written to keeps nothing.
pub(super) fn get_or<E>(
    folder: Option<&Path>,
    key: &[&str],
    make: impl FnOnce() -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    // Lengths first, so that no two keys are spelled alike.
    let key: Vec<u8> = key
        .iter()
        .flat_map(|part| [&(part.len() as u64).to_le_bytes()[..], part.as_bytes()].concat())
        .collect();
    let path = folder.map(|folder| folder.join(format!("{:08x}.cubin", crc32c::crc32c(&key))));
    let kept = path.as_ref().and_then(|path| std::fs::read(path).ok());
    if let Some(code) = kept.as_deref().and_then(|file| code_of(file, &key)) {
        return Ok(code.to_vec());
    }
    let code = make()?;
    if let Some(path) = path {
        // A cache that cannot be kept costs time, nothing else.
        let _ = keep(&path, &key, &code);
    }
    Ok(code)
}

fn code_of<'a>(file: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let rest = file.strip_prefix(FORMAT)?;
    let rest = rest.strip_prefix(&(key.len() as u64).to_le_bytes())?.strip_prefix(key)?;
    let (sum, code) = rest.split_first_chunk()?;
    (crc32c::crc32c(code) == u32::from_le_bytes(*sum)).then_some(code)
}

fn keep(path: &Path, key: &[u8], code: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // Renamed when it is whole, as another perfagent may read it meanwhile.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(FORMAT)?;
    file.write_all(&(key.len() as u64).to_le_bytes())?;
    file.write_all(key)?;
    file.write_all(&crc32c::crc32c(code).to_le_bytes())?;
    file.write_all(code)?;
    file.persist(path).map_err(|error| error.error).map(drop)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::path::Path;

    use super::get_or;

    fn made(folder: Option<&Path>, key: &[&str], makes: &Cell<u32>) -> Vec<u8> {
        let code = get_or(folder, key, || {
            makes.set(makes.get() + 1);
            Ok::<_, Infallible>(format!("\x7fELF {}", key.join("|")).into_bytes())
        });
        code.unwrap()
    }

    #[test]
    fn code_is_made_once_for_each_key() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("not/there/yet");
        let makes = Cell::new(0);
        for _ in 0..2 {
            assert_eq!(
                made(Some(&inside), &["13.0", "sm_90", "a"], &makes),
                b"\x7fELF 13.0|sm_90|a"
            );
            assert_eq!(
                made(Some(&inside), &["13.0", "sm_80", "a"], &makes),
                b"\x7fELF 13.0|sm_80|a"
            );
            assert_eq!(
                made(Some(&inside), &["13.0", "sm_80a", ""], &makes),
                b"\x7fELF 13.0|sm_80a|"
            );
        }
        assert_eq!(makes.get(), 3);
    }

    #[test]
    fn a_damaged_file_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let makes = Cell::new(0);
        let key = ["13.0", "sm_90", "source"];
        let whole = made(Some(folder.path()), &key, &makes);
        let path = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let file = std::fs::read(&path).unwrap();
        for place in 0..file.len() {
            let mut damaged = file.clone();
            damaged[place] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(made(Some(folder.path()), &key, &makes), whole, "byte {place}");
            std::fs::write(&path, &file[..place]).unwrap();
            assert_eq!(made(Some(folder.path()), &key, &makes), whole, "cut at {place}");
        }
        assert_eq!(makes.get() as usize, 1 + 2 * file.len());
    }

    #[test]
    fn without_a_folder_it_is_made_each_time() {
        let makes = Cell::new(0);
        made(None, &["a"], &makes);
        made(Some(Path::new("/proc/no/such")), &["a"], &makes);
        assert_eq!(makes.get(), 2);
    }
}
