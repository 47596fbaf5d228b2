//! What a large recording costs in the window.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{cargo, shell};

/// What a large recording costs in the window: opening, memory, frames while zooming and moving
#[derive(clap::Args)]
pub(crate) struct Gui {
    /// Events of the recordings that are made for it
    #[arg(long, value_delimiter = ',', default_value = "1000000,10000000")]
    events: Vec<u64>,
    /// A recording to open in place of those
    #[arg(long)]
    recording: Option<String>,
    /// Ranks of the recordings that are made
    #[arg(long, default_value_t = 8)]
    ranks: u32,
    /// Memory for recordings, GiB: larger ones are opened in parts
    #[arg(long)]
    memory: Option<f64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Gui {
    pub(super) fn run(&self) -> Result<()> {
        let example = ["-p", "perfagent-gui", "--example", "session_cost"];
        shell::run(&mut cargo::plain(["build", "--release"].iter().chain(&example)))?;
        let program = cargo::programs(true)?.join("examples/session_cost");
        let inputs: Vec<String> = match &self.recording {
            Some(path) => vec![path.clone()],
            None => self.events.iter().map(u64::to_string).collect(),
        };
        let mut results = Vec::new();
        for input in &inputs {
            let mut command = std::process::Command::new(&program);
            command.args([input, "--ranks", &self.ranks.to_string()]);
            if let Some(gib) = self.memory {
                command.args(["--memory", &gib.to_string()]);
            }
            let text = shell::read(&mut command)?;
            let result: Value =
                serde_json::from_str(&text).context("the answer of session_cost")?;
            if !self.json {
                print(&result);
            }
            results.push(result);
        }
        if self.json {
            println!("{}", Value::Array(results));
        }
        Ok(())
    }
}

fn print(result: &Value) {
    let figure = |key: &str| result[key].as_f64().unwrap_or(f64::NAN);
    let of = result["all_events"].as_u64().map_or_else(String::new, |all| format!(" of {all}"));
    println!("{:.0}{of} events, a file of {:.0} MB", figure("events"), figure("file_bytes") / 1e6);
    println!("  first sign of progress   {:.2} s", figure("first_progress_s"));
    println!("  complete                 {:.2} s", figure("load_s"));
    println!(
        "  memory                   {:.1} bytes an event, {:.1} at the most while loading ({:.2} GiB)",
        figure("bytes_an_event"),
        figure("peak_bytes_an_event"),
        figure("peak_bytes") / f64::from(1 << 30)
    );
    println!("  search by name           {:.1} ms", figure("search_ms"));
    println!(
        "  a frame (CPU)            p50 {:.2} ms, p99 {:.2} ms, slowest zoom's p50 {:.2} ms, {} frames",
        figure("frame_p50_ms"),
        figure("frame_p99_ms"),
        figure("slowest_zoom_p50_ms"),
        result["frames"]
    );
}
