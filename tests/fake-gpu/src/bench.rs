//! A stand-in for `perfagent-bench` that trains and serves nothing: for tests of what runs it, which need cases that hang,
//! die and do not fit, at once.
//!
//! `--preset` says what it plays: `quick`, `slow` (until there is a file `go` in its folder), `hang` (whatever signal comes),
//! `crash`, `fail`, `refuse`, or `large`, of which a micro-batch or batch above 4 does not fit. It writes how it was called
//! as a line into `runs`, with its process number before it.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Puts it at `path`.
pub fn put(path: &Path) -> io::Result<()> {
    std::fs::write(path, include_str!("bench.sh"))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}
