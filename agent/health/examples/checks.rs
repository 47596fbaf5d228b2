//! Prints `HEALTH.md`, the table of all checks.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(perfagent_health::markdown().as_bytes())
}
