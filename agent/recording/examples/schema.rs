//! Prints `SCHEMA.md`, the description of the recording file.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(perfagent_recording::markdown().as_bytes())
}
