//! Prints what each part of a report costs: time, and the memory that the process has after it and has had at most.
//!
//! ```text
//! cargo run --release -p perfagent-analysis --example report_cost -- run.perfdb
//! ```

#![allow(clippy::print_stdout, reason = "it is what the example is for")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use perfagent_analysis::{Rules, Summary, analyse, merge};
use perfagent_recording::{Reader, Recording};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: report_cost RUN.perfdb")?;
    let begun = Instant::now();
    let recording = Recording::load(&Reader::open(Path::new(&path))?, &mut |_progress| {})?;
    tell("load", begun);
    let begun = Instant::now();
    drop(analyse(&recording, Rules::built_in()));
    tell("analyse", begun);
    let begun = Instant::now();
    let summary = Summary::of(&recording, &path);
    tell("summarise (analyses again)", begun);
    let begun = Instant::now();
    drop(merge(vec![summary]));
    tell("merge", begun);
    Ok(())
}

fn tell(what: &str, begun: Instant) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let megabytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number =
            line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        number.unwrap_or(0) / 1000
    };
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{what:<28} {seconds:>7.2} s  {:>6} MB now  {:>6} MB at most",
        megabytes("VmRSS:"),
        megabytes("VmHWM:")
    );
}
