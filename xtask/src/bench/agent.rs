//! What a record costs on its way from CUPTI's buffer through the ring into the recording.

use anyhow::Result;

use super::figure::{Goal, print};
use crate::stage::{self, Load, Recorded, Stage};

/// What a record costs on its way from CUPTI to the recording, on a stand-in for a GPU
///
/// Processor time of the threads that do the work, by the kernel's own count, so that what else the machine does matters
/// little. The stand-in hands over records in CUPTI's layout; what CUPTI itself costs is not in the figures.
#[derive(clap::Args)]
pub(crate) struct Agent {
    /// Times that each figure is measured
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// Seconds that a round lasts
    #[arg(long, default_value_t = 6.0)]
    seconds: f64,
    /// Seconds that the sustained load lasts; 0 leaves it out
    #[arg(long, default_value_t = 60.0)]
    sustained: f64,
    /// Records a second
    #[arg(long, default_value_t = 200_000)]
    rate: u64,
}

impl Agent {
    /// Runs the measurement and prints it.
    pub(super) fn run(&self) -> Result<()> {
        let stage = Stage::new("bench-agent", None)?;
        println!("{}", stage::machine());
        self.costs(&stage)?;
        self.start(&stage)?;
        if self.sustained > 0.0 {
            self.sustain(&stage)?;
        }
        Ok(())
    }

    /// Rounds of every kind, one after the other, so that a slow minute slows all.
    fn costs(&self, stage: &Stage) -> Result<()> {
        let load = |rate, mix| Load { rate, seconds: self.seconds, mix };
        let [mut kernels, mut mixed, mut slow, mut share, mut recorder, mut recorder_mixed] =
            [const { Vec::new() }; 6];
        for _ in 0..self.rounds {
            let run = stage.record(load(self.rate, "kernels"))?;
            kernels.push(run.library_ns()?);
            let few = stage.record(load(self.rate / 10, "kernels"))?;
            slow.push(few.library_ns()?);
            // One record a burst: what is left is what the recorder costs without records.
            let idle = stage.record(load(500, "kernels"))?;
            let spent = idle.target.number("writer_ns")? + idle.target.number("flush_ns")?;
            share.push(spent / 1e7 / self.seconds);
            recorder.push(a_second(&run, &idle)? / 1e6);
            let run = stage.record(load(self.rate, "mixed"))?;
            mixed.push(run.library_ns()?);
            recorder_mixed.push(a_second(&run, &idle)? / 1e6);
        }
        let rate = self.rate / 1000;
        let goal = Goal::AtMost(150.0);
        let name = |mix: &str, rate| format!("CUPTI buffer to ring, {mix}, {rate} k/s");
        print(&name("kernels", rate), &kernels, "ns a record", 0, &goal)?;
        print(&name("mixed", rate), &mixed, "ns a record", 0, &goal)?;
        print(&name("kernels", rate / 10), &slow, "ns a record", 0, &Goal::None)?;
        let name = "the library's threads with hardly a record";
        print(name, &share, "% of a core", 2, &Goal::None)?;
        let goal = Goal::AtLeast(1.5);
        print("ring to SQLite on one core, kernels", &recorder, "M records/s", 2, &goal)?;
        print("ring to SQLite on one core, mixed", &recorder_mixed, "M records/s", 2, &goal)
    }

    /// With and without the library, by turns.
    fn start(&self, stage: &Stage) -> Result<()> {
        let load = Load { rate: 500, seconds: 0.1, mix: "kernels" };
        let mut added = Vec::new();
        for _ in 0..3 * self.rounds {
            let plain = stage.plain(load)?.number("start_ns")?;
            let recorded = stage.record(load)?.target.number("start_ns")?;
            added.push((recorded - plain) / 1e6);
        }
        print("added to the program's start", &added, "ms", 2, &Goal::AtMost(100.0))
    }

    fn sustain(&self, stage: &Stage) -> Result<()> {
        let load = Load { rate: self.rate, seconds: self.sustained, mix: "exact" };
        let plain = stage.plain(Load { seconds: self.seconds, ..load })?;
        let run = stage.record(load)?;
        let memory = |name| Ok::<_, anyhow::Error>(run.target.number(name)? - plain.number(name)?);
        let peak = memory("peak_resident_bytes")? / 1e6;
        print("resident in the target, at most", &[peak], "MB", 1, &Goal::AtMost(64.0))?;
        println!(
            "  of it at the end: {:.1} MB of the ring, {:.1} MB anonymous",
            memory("ring_resident_bytes")? / 1e6,
            memory("anonymous_bytes")? / 1e6
        );
        let made = run.target.number("gpu_records")? + run.target.number("nvtx_records")?;
        let (lost, text) = stage.losses(&run.file)?;
        println!(
            "sustained: {made} records in {:.1} s, {:.0} a second; lost: {text}  goal 0: {}",
            run.target.number("took_ns")? / 1e9,
            made / (run.target.number("took_ns")? / 1e9),
            if lost == 0 { "reached" } else { "missed" }
        );
        Ok(())
    }
}

/// Records that the recorder could write in a second of its processor time, what it does besides taken out.
fn a_second(run: &Recorded, idle: &Recorded) -> Result<f64> {
    let made = run.target.number("gpu_records")? + run.target.number("nvtx_records")?;
    Ok(made * 1e9 / (run.recorder_ns - idle.recorder_ns))
}
