//! Names of recordings with placeholders, so that one command line serves every rank and node of a job.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

const KNOWN: &str = "write %h (host name), %p (process number of the recorder), %q{VAR} (environment variable VAR) or \
                     %% (a percent sign)";

/// The name with its placeholders filled in.
pub(crate) fn expand(name: &Path) -> anyhow::Result<PathBuf> {
    fill(name, &perfagent_collect::host_name(), std::process::id(), |name| std::env::var_os(name))
}

fn fill(
    name: &Path,
    host: &str,
    pid: u32,
    variable: impl Fn(&OsStr) -> Option<OsString>,
) -> anyhow::Result<PathBuf> {
    let shown = || format!("-o {}", name.display());
    let mut filled = Vec::new();
    let mut rest = name.as_os_str().as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        filled.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let (kind, mut after) = rest
            .split_first()
            .with_context(|| format!("{}: nothing follows the last %; {KNOWN}", shown()))?;
        match kind {
            b'h' => filled.extend_from_slice(host.as_bytes()),
            b'p' => filled.extend_from_slice(pid.to_string().as_bytes()),
            b'%' => filled.push(b'%'),
            b'q' => {
                let inside = after.strip_prefix(b"{").and_then(|after| {
                    let end = after.iter().position(|byte| *byte == b'}')?;
                    Some((OsStr::from_bytes(&after[..end]), &after[end + 1..]))
                });
                let (wanted, behind) = inside.with_context(|| {
                    format!("{}: %q has no {{VAR}} behind it; {KNOWN}", shown())
                })?;
                let value = variable(wanted).filter(|value| !value.is_empty());
                let value = value.with_context(|| {
                    format!(
                        "{}: the environment variable {} is not set; name one that this process's launcher sets",
                        shown(),
                        wanted.display()
                    )
                })?;
                filled.extend_from_slice(value.as_bytes());
                after = behind;
            }
            _ => {
                let end = (1..=rest.len()).find(|end| std::str::from_utf8(&rest[..*end]).is_ok());
                let unknown = String::from_utf8_lossy(&rest[..end.unwrap_or(1)]);
                bail!("{}: %{unknown} is no placeholder; {KNOWN}", shown())
            }
        }
        rest = after;
    }
    filled.extend_from_slice(rest);
    ensure!(!filled.contains(&0), "{}: a file name cannot hold a zero byte", shown());
    Ok(OsString::from_vec(filled).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(name: &str) -> Result<String, String> {
        let variable = |name: &OsStr| match name.to_str()? {
            "SLURM_NODEID" => Some("3".into()),
            "EMPTY" => Some("".into()),
            _ => None,
        };
        fill(Path::new(name), "node7", 42, variable)
            .map(|path| path.display().to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn placeholders_are_filled_in() {
        assert_eq!(filled("run.perfdb").unwrap(), "run.perfdb");
        assert_eq!(filled("%h/run-%p-%q{SLURM_NODEID}.perfdb").unwrap(), "node7/run-42-3.perfdb");
        assert_eq!(filled("100%%h.perfdb").unwrap(), "100%h.perfdb");
    }

    #[test]
    fn what_cannot_be_filled_in_is_named() {
        for (name, named) in [
            ("run-%q{NO_SUCH}.perfdb", "NO_SUCH is not set"),
            ("run-%q{EMPTY}.perfdb", "EMPTY is not set"),
            ("run-%q.perfdb", "%q has no {VAR}"),
            ("run-%q{HOME.perfdb", "%q has no {VAR}"),
            ("run-%t.perfdb", "%t is no placeholder"),
            ("run-%ü.perfdb", "%ü is no placeholder"),
            ("run-%", "nothing follows the last %"),
        ] {
            let refused = filled(name).unwrap_err();
            assert!(refused.contains(named) && refused.contains(name), "{refused}");
        }
    }
}
