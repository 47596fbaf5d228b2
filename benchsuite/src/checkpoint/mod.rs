//! Checkpoints: a folder for each, in it a safetensors file of every rank and a description, which is written last.
//!
//! A rank's file has what it updates: under ZeRO its shard of each unit, else each tensor by its name; with what the
//! optimizer remembers of gradients, and the running statistics of its batch norms. Training goes on from it bit by bit in
//! fp32, with as many ranks arranged alike.

mod description;
mod file;

pub(crate) use description::Description;

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::options::Job;
use crate::trainer::Trainer;
use crate::world::World;

/// Checkpoints that are kept: one more than needed, for the case that the latest is damaged.
const KEPT: usize = 2;

/// The folder of a run's checkpoints.
pub(crate) struct Checkpoints<'a> {
    folder: &'a Path,
    job: &'a Job,
    /// What the run trains on: a checksum of its text.
    text: u64,
}

impl<'a> Checkpoints<'a> {
    /// None unless the job asks for them.
    pub(crate) fn new(job: &'a Job, text: u64) -> Option<Self> {
        job.checkpoint.as_deref().map(|folder| Self { folder, job, text })
    }

    /// Writes the state after `done` steps. All ranks call this at the same time.
    pub(crate) fn save(&self, done: u64, trainer: &Trainer<'_>, world: &World) -> Result<PathBuf> {
        let path = self.folder.join(name(done));
        let part = self.folder.join(format!(".{}.partial", name(done)));
        let lead = world.place.rank == 0;
        if lead {
            self.remove_partial();
            fs::create_dir_all(&part).map_err(|e| failed(&part, &e))?;
        }
        world.barrier()?;
        file::write(&part.join(file_name(world.place.rank)), trainer)?;
        world.barrier()?;
        if lead {
            let description =
                Description::new(self.job, world.place.size, self.text, done, trainer);
            description.write(&part)?;
            let _ = fs::remove_dir_all(&path);
            fs::rename(&part, &path).map_err(|e| failed(&path, &e))?;
            self.remove_old();
        }
        // Nobody ends before it is there, whatever then becomes of this rank.
        world.barrier()?;
        Ok(path)
    }

    /// Refuses a folder that cannot be written to, or that another run has filled: its checkpoints would be taken for this
    /// run's.
    pub(crate) fn check(&self) -> Result<()> {
        let refused =
            |text: &str| Failure::input(format!("--checkpoint {}: {text}", self.folder.display()));
        fs::create_dir_all(self.folder).map_err(|e| refused(&e.to_string()))?;
        let probe = self.folder.join(format!(".probe-{}", std::process::id()));
        fs::write(&probe, b"").map_err(|e| refused(&e.to_string()))?;
        let _ = fs::remove_file(&probe);
        if !self.job.resume && !self.all().is_empty() {
            return Err(refused(
                "another run's checkpoints are there: go on with --resume, or name another folder",
            ));
        }
        Ok(())
    }

    /// Removes what an interrupted run has left.
    fn remove_partial(&self) {
        for entry in fs::read_dir(self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(".step-") && name.ends_with(".partial") {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn remove_old(&self) {
        for step in self.all().into_iter().rev().skip(KEPT) {
            // An old checkpoint more is no harm.
            let _ = fs::remove_dir_all(self.folder.join(name(step)));
        }
    }

    /// Steps after which there is a complete checkpoint, ascending.
    fn all(&self) -> Vec<u64> {
        let entries = fs::read_dir(self.folder).into_iter().flatten().flatten();
        let mut steps: Vec<u64> = entries
            .filter(|entry| entry.path().join(description::FILE).is_file())
            .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("step-")?.parse().ok())
            .collect();
        steps.sort_unstable();
        steps
    }

    /// Takes the latest checkpoint up; the steps that it has behind it.
    pub(crate) fn resume(&self, trainer: &mut Trainer<'_>, world: &World) -> Result<u64> {
        let Some(step) = self.all().pop() else {
            return Err(Failure::input(format!(
                "--resume: {} holds no complete checkpoint; leave --resume out to begin",
                self.folder.display()
            )));
        };
        let path = self.folder.join(name(step));
        let description = Description::read(&path)?;
        description.check(&path, self.job, world.place.size, self.text)?;
        if description.step >= self.job.steps {
            return Err(Failure::input(format!(
                "--resume: {} has all {} steps behind it: ask for more --steps",
                path.display(),
                description.step
            )));
        }
        file::read(&path.join(file_name(world.place.rank)), trainer)?;
        trainer.go_on(&description)?;
        Ok(step)
    }
}

fn name(step: u64) -> String {
    format!("step-{step:08}")
}

fn file_name(rank: usize) -> String {
    format!("rank-{rank:05}.safetensors")
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::run(format!("the checkpoint {} cannot be written: {error}", path.display()))
}
