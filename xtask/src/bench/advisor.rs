//! How good predictions are, on jobs whose source and model the fit has not seen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use perfagent_predictor::fit::{Held, Score, cells, cross_validate, noise_floor, score};
use perfagent_predictor::{Figure, Predictor};

use super::images;
use super::own::Own;
use super::own_gpu;
use crate::jobs::Jobs;
use crate::{shell, statistics};

/// How good predictions of jobs are that the fit has not seen, and how many a second are made
#[derive(clap::Args)]
pub(crate) struct Advisor {
    /// Jobs with what was measured, else the published ones beside the repository
    #[arg(long, value_name = "JOBS.jsonl")]
    jobs: Option<PathBuf>,
    /// Predict the project's own training runs instead: measure this processor, run perfagent-bench, compare
    #[arg(long, conflicts_with = "jobs")]
    own: bool,
    /// With --own: runs of each configuration
    #[arg(long, value_name = "N", default_value_t = 3, requires = "own")]
    rounds: usize,
    /// With --own: ceilings of this machine that perfagent has measured before
    #[arg(long, value_name = "ceilings.json", requires = "own")]
    ceilings: Option<PathBuf>,
    /// With --own: only models whose name and options have these words
    #[arg(long, value_name = "WORDS", requires = "own")]
    only: Option<String>,
    /// With --own: keep the runs in this file, or take them from it if it is there
    #[arg(long, value_name = "runs.json", requires = "own")]
    runs: Option<PathBuf>,
    /// With --own: the folder of perfagent and perfagent-bench, instead of building them
    #[arg(long, value_name = "target/debug", requires = "own")]
    programs: Option<PathBuf>,
    /// Predict the runs on a GPU that the repository has in data/h200 instead
    #[arg(long, conflicts_with_all = ["jobs", "own"])]
    own_gpu: bool,
    /// Store the page as agent/predictor/ACCURACY.md, with --own as OWN.md beside it, with --own-gpu as `OWN_GPU.md`
    #[arg(long)]
    write: bool,
}

impl Advisor {
    pub(crate) fn run(&self) -> Result<()> {
        if self.own {
            let own = Own {
                rounds: self.rounds,
                ceilings: self.ceilings.clone(),
                only: self.only.clone(),
                runs: self.runs.clone(),
                programs: self.programs.clone(),
                write: self.write,
            };
            return own.run();
        }
        if self.own_gpu {
            return own_gpu::run(self.write);
        }
        let jobs = Jobs::read(self.jobs.as_deref())?;
        let held = cross_validate(&jobs.samples);
        let page = page(&jobs, &held)?;
        print!("{page}");
        println!("{}", rate(&jobs)?);
        if self.write {
            let path = shell::workspace().join("agent/predictor/ACCURACY.md");
            fs::write(&path, page)
                .with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        Ok(())
    }
}

/// Jobs a second on one core: median of seven passes over all.
fn rate(jobs: &Jobs) -> Result<String> {
    let predictor = Predictor::built_in().map_err(|why| anyhow!(why))?;
    let mut rates = Vec::new();
    for _ in 0..7 {
        let start = Instant::now();
        let answered =
            jobs.all.iter().filter(|job| predictor.predict(job).refused.is_none()).count();
        rates.push(jobs.all.len() as f64 / start.elapsed().as_secs_f64());
        std::hint::black_box(answered);
    }
    Ok(format!(
        "{:.0} predictions a second on one core (median of 7)",
        statistics::median(&rates).unwrap_or(0.0)
    ))
}

fn page(jobs: &Jobs, held: &[Held]) -> Result<String> {
    let mut page = String::new();
    writeln!(page, "# How good the predictions are\n")?;
    writeln!(
        page,
        "Printed by `cargo xtask bench advisor`. {} published jobs; each was predicted by a fit that saw no job of the same source\n\
         and width of model (ten parts). Error is predicted by measured minus one; *covered* is the share of measured values inside\n\
         of the 90 % interval, which was made from the other parts. {} jobs were refused.\n",
        jobs.samples.len(),
        jobs.refused.values().sum::<usize>(),
    )?;
    for (figure, name) in [(Figure::Time, "Step time"), (Figure::Memory, "Peak memory")] {
        writeln!(page, "## {name}\n")?;
        let scores = score(held, figure, |job| job.source.clone());
        table(&mut page, "source", &scores)?;
        let mut medians: Vec<f64> = scores
            .iter()
            .filter(|(source, _)| *source != "all")
            .map(|(_, score)| score.median)
            .collect();
        medians.sort_by(f64::total_cmp);
        writeln!(
            page,
            "\nMedian over sources of the median error: {:.1} %; worst source {:.1} %.",
            100.0 * statistics::median(&medians).unwrap_or(0.0),
            100.0 * medians.last().copied().unwrap_or(0.0),
        )?;
        if let Some((repeats, off)) = noise_floor(held, figure, &jobs.configurations) {
            writeln!(
                page,
                "Noise floor: {repeats} repeats of one configuration lie {:.1} % from their mean in the median.",
                100.0 * off
            )?;
        }
        writeln!(
            page,
            "\nThe same with the whole framework held out, as for one that nobody measured:\n"
        )?;
        let unseen: Vec<Held> =
            held.iter().map(|job| Held { predicted: job.unseen, ..job.clone() }).collect();
        table(&mut page, "source", &score(&unseen, figure, |job| job.source.clone()))?;
        writeln!(page)?;
        let regimes = score(held, figure, |job| job.classes.first().cloned().unwrap_or_default());
        table(&mut page, "class", &regimes)?;
        writeln!(page)?;
    }
    writeln!(page, "## Which arrangement is best\n")?;
    writeln!(
        page,
        "Cells of five jobs and more with the same model, machines, length, precision and global batch: rank correlation of\n\
         predicted and measured steps, and how much slower than the best measured arrangement the one is that would be picked.\n"
    )?;
    writeln!(
        page,
        "| source | cells | rank correlation, median | slower than the best, median | 90th percentile |"
    )?;
    writeln!(page, "|---|---:|---:|---:|---:|")?;
    for (source, cells) in cells(held) {
        writeln!(
            page,
            "| {source} | {} | {:.3} | {:.1} % | {:.1} % |",
            cells.cells,
            cells.rank_correlation,
            100.0 * cells.regret,
            100.0 * cells.regret_p90
        )?;
    }
    writeln!(page)?;
    page.push_str(&images::page()?);
    Ok(page)
}

fn table(page: &mut String, what: &str, scores: &BTreeMap<String, Score>) -> Result<()> {
    writeln!(page, "| {what} | jobs | median error | 90th percentile | bias | covered |")?;
    writeln!(page, "|---|---:|---:|---:|---:|---:|")?;
    for (name, score) in scores {
        writeln!(
            page,
            "| {name} | {} | {:.1} % | {:.1} % | {:+.1} % | {:.0} % |",
            score.jobs,
            100.0 * score.median,
            100.0 * score.p90,
            100.0 * score.bias,
            100.0 * score.covered
        )?;
    }
    Ok(())
}
