//! What is done with a node's document, and what is said of it.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use perfagent_health::launch::{Folder, Launcher, Report, hand_over};
use perfagent_health::slurm::{self, Outcome, Permit};
use perfagent_health::{Health, Status};

use super::node::{Gather, Node};
use crate::printer::Printer;

/// How long a folder may take for one file.
const FOLDER: Duration = Duration::from_secs(20);

/// What came of it.
pub(crate) struct Delivery {
    /// That of the node, or of all; unknown at the least when the document did not arrive.
    pub(crate) verdict: Status,
    /// The document is where others judge it, and a code other than 0 could keep theirs from arriving.
    pub(crate) handed_over: bool,
    pub(crate) answer: Answer,
}

/// What the answer is about.
pub(crate) enum Answer {
    /// The node, with all its checks.
    Node,
    /// The node in a line, as the rest is in a file.
    Headline,
    /// All nodes.
    Nodes(Vec<Report>),
    /// Nothing: another process answers.
    Elsewhere,
}

impl Node {
    /// Drains the node where that is due, then brings the document to where it belongs. What goes wrong is told, and is
    /// in the verdict.
    pub(crate) fn deliver(
        self,
        health: &Health,
        headline: &str,
        printer: &mut Printer,
    ) -> anyhow::Result<Delivery> {
        if let Some(permit) = &self.slurm {
            keep(permit, health, headline, printer);
        }
        let mut verdict = health.verdict;
        let report = Report::new(&self.place, health, headline.to_owned());
        let report = report.context("the document is no JSON")?;
        let mut written = false;
        // Rank 0 writes the documents of all nodes, when it has them.
        if let Some(folder) =
            self.folder.as_ref().filter(|_| !matches!(self.gather, Some(Gather::Here(_))))
        {
            written = write(folder, [&report], printer);
            verdict = if written { verdict } else { verdict.max(Status::Unknown) };
        }
        match self.gather {
            None => {
                let launcher = self.place.launcher.filter(|_| self.place.has_others());
                let fragile = launcher.is_some_and(Launcher::ends_all_with_one);
                let answer = if written { Answer::Headline } else { Answer::Node };
                Ok(Delivery { verdict, handed_over: written && fragile, answer })
            }
            Some(Gather::There { at, deadline }) => {
                let patience = deadline.saturating_duration_since(Instant::now());
                let taken = hand_over(&at, &report, patience);
                if let Err(error) = &taken {
                    printer.note(error);
                }
                let handed_over = taken.is_ok() && (written || self.folder.is_none());
                let verdict = if handed_over { verdict } else { verdict.max(Status::Unknown) };
                let answer = if taken.is_ok() { Answer::Elsewhere } else { Answer::Node };
                Ok(Delivery { verdict, handed_over, answer })
            }
            Some(Gather::Here(collector)) => {
                let collected = collector.collect(report);
                for remark in &collected.remarks {
                    printer.note(remark);
                }
                let reports = collected.reports;
                let worst = reports.iter().map(|report| report.verdict).max();
                verdict = worst.unwrap_or(Status::Unknown);
                if let Some(folder) = &self.folder
                    && !write(folder, &reports, printer)
                {
                    verdict = verdict.max(Status::Unknown);
                }
                Ok(Delivery { verdict, handed_over: false, answer: Answer::Nodes(reports) })
            }
        }
    }
}

/// Writes documents; after one that cannot be written, as with a full disk, no more is tried.
fn write<'a>(
    folder: &Folder,
    reports: impl IntoIterator<Item = &'a Report>,
    printer: &mut Printer,
) -> bool {
    for Report { host, document, .. } in reports {
        match folder.write(host, document, FOLDER) {
            Ok(written) => {
                if let Some(namesake) = written.namesake {
                    printer.note(format!(
                        "{}: is of another machine that calls itself {host}, too; this one's document is {}; give each \
                         its own name with --node",
                        namesake.display(),
                        written.path.display()
                    ));
                }
            }
            Err(error) => {
                printer.note(error);
                return false;
            }
        }
    }
    true
}

/// Drains the node in Slurm or gives it back; tells what was done, and what could not be.
fn keep(permit: &Permit, health: &Health, headline: &str, printer: &mut Printer) {
    let node = &permit.node;
    let said = match slurm::keep(permit, health, headline) {
        Ok(Outcome::Nothing) => return,
        Ok(Outcome::Drained { reason }) => format!("{node}: drained in Slurm: {reason}"),
        Ok(Outcome::StaysDrained { reason }) => format!("{node}: stays drained in Slurm: {reason}"),
        Ok(Outcome::LeftToOthers { reason }) => {
            format!("{node}: was drained by others in Slurm and is left so: {reason}")
        }
        Ok(Outcome::Resumed { reason }) => {
            format!("{node}: given back to Slurm; it was drained: {reason}")
        }
        Err(error) => error.to_string(),
    };
    printer.note(said);
}
