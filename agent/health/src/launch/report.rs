//! What a node hands to the node of rank 0: one line of JSON.

use serde::{Deserialize, Serialize};

use super::Place;
use crate::{Check, Health, Severity, Status};

/// The schema that every line names.
const SCHEMA: &str = "perfagent.health-report/1";
/// The longest line that is read; a node's document has tens of kilobytes.
pub(super) const MOST_BYTES: u64 = 4 << 20;

/// One node's document on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    schema: String,
    /// What tells the run from others, where the launcher tells it.
    run: Option<String>,
    /// The rank that examined the node.
    pub rank: usize,
    /// Ranks of the run.
    pub(super) size: usize,
    /// Ranks on the node.
    pub(super) local_size: usize,
    /// The node's name.
    pub host: String,
    /// Its verdict.
    pub verdict: Status,
    /// Its verdict and what made it, in words.
    pub headline: String,
    /// Its `perfagent.health/1` document.
    pub document: serde_json::Value,
}

impl Report {
    /// That of this node.
    ///
    /// # Errors
    /// When the document is no JSON, which does not happen.
    pub fn new(place: &Place, health: &Health, headline: String) -> serde_json::Result<Self> {
        Ok(Self {
            schema: SCHEMA.to_owned(),
            run: place.run.clone(),
            rank: place.rank,
            size: place.size,
            local_size: place.local_size.unwrap_or(1),
            host: health.host.clone(),
            verdict: health.verdict,
            headline,
            document: serde_json::to_value(health)?,
        })
    }

    /// That of a node from which nothing came.
    pub(super) fn missing(host: String, rank: usize, said: &str, action: &str) -> Self {
        let time = crate::now().rfc3339();
        let check = Check {
            severity: Severity::Triage,
            ..Check::unknown("node_report", "host", said, action)
        };
        let headline = format!("UNKNOWN {host}: node_report host: {said}");
        let health = Health::new(host, time, Vec::new(), vec![check]);
        Self {
            schema: SCHEMA.to_owned(),
            run: None,
            rank,
            size: 0,
            local_size: 1,
            verdict: health.verdict,
            headline,
            document: serde_json::to_value(&health).unwrap_or_default(),
            host: health.host,
        }
    }

    /// Reads a line; fails with what is wrong with it, for whoever sent it.
    pub(super) fn read(line: &[u8], run: Option<&str>, size: usize) -> Result<Self, String> {
        let report: Self = serde_json::from_slice(line)
            .map_err(|_| format!("this is no {SCHEMA}; is that another version of perfagent?"))?;
        if report.schema != SCHEMA {
            return Err(format!("only {SCHEMA} is understood here; use one version of perfagent"));
        }
        if let (Some(here), Some(there)) = (run, report.run.as_deref())
            && here != there
        {
            return Err(format!("run {here} gathers here, not run {there}; use another port"));
        }
        if report.size != size || report.rank >= size {
            let (rank, there) = (report.rank, report.size);
            return Err(format!(
                "rank {rank} of {there} does not belong to the {size} that gather here; use another port"
            ));
        }
        Ok(report)
    }
}

/// The answer to a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It was taken.
    Taken,
    /// It was not, and will not be.
    Refused(String),
}

impl Answer {
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}
