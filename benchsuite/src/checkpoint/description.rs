//! What a checkpoint is of.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failed;
use crate::failure::{Failure, Result};
use crate::options::Job;
use crate::trainer::Trainer;

/// The name of the file, which makes a checkpoint complete.
pub(super) const FILE: &str = "checkpoint.json";
const SCHEMA: &str = "perfagent.bench-checkpoint/1";

/// The description of a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Description {
    schema: String,
    /// Steps done.
    pub step: u64,
    world_size: usize,
    /// A checksum of the text.
    text: String,
    /// What the loss is multiplied by before backward, and for how many steps it has been.
    pub loss_scale: f64,
    pub good_steps: u32,
    pub skipped_steps: u64,
    /// The run's options.
    config: Value,
}

impl Description {
    pub(super) fn new(
        job: &Job,
        ranks: usize,
        text: u64,
        step: u64,
        trainer: &Trainer<'_>,
    ) -> Self {
        let scaler = trainer.scaler();
        Self {
            schema: SCHEMA.to_owned(),
            step,
            world_size: ranks,
            text: format!("{text:016x}"),
            loss_scale: scaler.scale(),
            good_steps: scaler.good(),
            skipped_steps: scaler.skipped,
            config: serde_json::to_value(job).unwrap_or_default(),
        }
    }

    /// Writes it into the folder, and makes sure that it is on the disk.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(|e| failed(&path, &e))?;
        let write = || -> std::io::Result<()> {
            let mut file = fs::File::create(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|e| failed(&path, &e))
    }

    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let damaged = |error: &dyn std::fmt::Display| {
            Failure::input(format!(
                "--resume: {} cannot be read: {error}; remove {} to take the checkpoint before it",
                path.display(),
                folder.display()
            ))
        };
        let text = fs::read_to_string(&path).map_err(|e| damaged(&e))?;
        let read: Self = serde_json::from_str(&text).map_err(|e| damaged(&e))?;
        if read.schema != SCHEMA {
            return Err(damaged(&format!("it is of {}, not of {SCHEMA}", read.schema)));
        }
        if !(read.loss_scale.is_finite() && read.loss_scale > 0.0) {
            return Err(damaged(&format!("\"loss_scale\": {} is no scale", read.loss_scale)));
        }
        Ok(read)
    }

    /// Refuses a checkpoint of another model, or one whose state lies otherwise on the ranks.
    pub(super) fn check(&self, folder: &Path, job: &Job, ranks: usize, text: u64) -> Result<()> {
        let now = serde_json::to_value(job).unwrap_or_default();
        let differs = |what: &str, was: &Value, is: &Value| {
            Failure::input(format!(
                "--resume: {} was written with {what} {was}, and this run has {is}: give the same options, or begin anew without --resume",
                folder.display()
            ))
        };
        if self.world_size != ranks {
            return Err(differs("ranks", &self.world_size.into(), &ranks.into()));
        }
        for name in ["model", "zero", "tp", "pp", "optimizer"] {
            if self.config[name] != now[name] {
                return Err(differs(name, &self.config[name], &now[name]));
            }
        }
        let shapes = (&self.config["shape"], &now["shape"]);
        if let (Value::Object(was), Value::Object(is)) = shapes
            && let Some((name, value)) =
                was.iter().find(|(name, value)| is.get(*name) != Some(*value))
        {
            return Err(differs(name, value, is.get(name).unwrap_or(&Value::Null)));
        }
        if self.text != format!("{text:016x}") {
            return Err(Failure::input(format!(
                "--resume: {} was trained on another text: give the same --data, or begin anew without --resume",
                folder.display()
            )));
        }
        Ok(())
    }
}
