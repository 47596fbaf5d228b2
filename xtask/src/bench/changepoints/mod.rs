//! How well change points agree with people's annotations, beside the detectors of asv and otava.

#[path = "../../../../agent/regress/tests/regress/annotated.rs"]
mod annotated;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use annotated::Agreement;
use anyhow::{Context as _, Result, ensure};
use perfagent_regress::series::{Settings, changepoints};

use super::environment;
use crate::shell;

/// The detectors that are compared with, at their defaults.
const PACKAGES: [&str; 2] = ["asv==0.6.6", "apache-otava==0.8.0"];
const SCRIPT: &str = include_str!("others.py");

/// How well change points agree with people's annotations of real series, beside the detectors of asv and otava
///
/// F1 with a margin of five values, and covering, as van den Burg and Williams have them (arXiv:2003.06222), in the mean over
/// the series of a folder: `annotations.json` ({series: {annotator: [first value of each new level]}}) and `tcpd/SERIES.json`
/// ({"values": [...]}). Every detector runs with its defaults.
#[derive(clap::Args)]
pub(crate) struct Changepoints {
    /// The folder [default: shared/data/changepoints beside the repository]
    #[arg(long, value_name = "DIR")]
    series: Option<PathBuf>,
}

/// Change points by detector, then by series.
type Found = BTreeMap<String, BTreeMap<String, Vec<usize>>>;

impl Changepoints {
    /// Compares and prints.
    pub(super) fn run(&self) -> Result<()> {
        let folder = self.series.clone().or_else(annotated::folder).context(
            "there are no annotated series beside the repository; name a folder of them with --series",
        )?;
        ensure!(
            folder.join("annotations.json").is_file(),
            "{}: has no annotations.json; name the folder of annotated series with --series",
            folder.display()
        );
        let python = environment::require("changepoints-asv-otava", &PACKAGES, "200 MB")?;
        let others = shell::read(Command::new(&python).args(["-c", SCRIPT]).arg(&folder))?;
        let others: Found = serde_json::from_str(&others).context("the other detectors' answer")?;
        let own = scores(&folder, |_, values| {
            let found = changepoints(values, &Settings::default());
            found.map_or_else(
                |_| Vec::new(),
                |found| found.changepoints.iter().map(|change| change.index).collect(),
            )
        });
        let mut rows = vec![("perfagent".to_owned(), own)];
        for (detector, found) in &others {
            let of = |name: &str, _: &[f64]| found.get(name).cloned().unwrap_or_default();
            rows.push((detector.clone(), scores(&folder, of)));
        }
        rows.push(("no changes at all".to_owned(), scores(&folder, |_, _| Vec::new())));
        println!(
            "{:<20} {:>9} {:>9} {:>9} {:>9}",
            "detector", "precision", "recall", "F1", "covering"
        );
        for (detector, a) in &rows {
            println!(
                "{detector:<20} {:>9.3} {:>9.3} {:>9.3} {:>9.3}",
                a.precision, a.recall, a.f1, a.cover
            );
        }
        let (own, rest) = (rows[0].1, &rows[1..]);
        let above = rest.iter().all(|(_, other)| own.f1 > other.f1 && own.cover > other.cover);
        println!("above all others in F1 and covering: {}", if above { "yes" } else { "no" });
        Ok(())
    }
}

fn scores(folder: &Path, find: impl Fn(&str, &[f64]) -> Vec<usize>) -> Agreement {
    annotated::mean(&annotated::agreements(folder, find))
}
