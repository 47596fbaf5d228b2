//! Collectives of Gloo over sizes: ranks that are started for it, and what each of them does.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use perfagent_kernels::{
    Collective, Collectives as Measured, Effort, Latency, OfRanks, Stop, sample,
};
use tch::{Device, Kind, Tensor};

use crate::engine::{Collectives, Group};
use crate::failure::{Failure, Result};
use crate::launch;
use crate::mesh::Position;
use crate::place::Place;
use crate::shim::Operation;
use crate::world::World;

/// Where rank 0 puts its figures.
const ANSWER: &str = "PERFAGENT_BENCH_CEILINGS";
/// How long a rank waits for another.
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts so many ranks and takes their figures.
pub(super) fn of_ranks(ranks: usize) -> Result<Vec<OfRanks>> {
    let unreadable = |error| Failure::run(format!("the ranks' figures cannot be read: {error}"));
    let answer = tempfile::NamedTempFile::new()
        .map_err(|error| Failure::run(format!("no temporary file can be made: {error}")))?;
    match launch::run(ranks, false, &[(ANSWER, answer.path().as_os_str())])? {
        0 => {}
        code => {
            return Err(Failure::run(format!(
                "collectives of {ranks} ranks were not measured: a rank ended with code {code}"
            )));
        }
    }
    let text = fs::read_to_string(answer.path()).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
}

/// Takes part as one rank.
pub(super) fn as_rank(place: Place, effort: Effort) -> Result<()> {
    launch::end_with_launcher();
    tch::set_num_threads(1);
    let (rank, ranks) = (place.rank, place.size);
    let mut world = World::join(place, PATIENCE)?;
    world.agree("ceilings", Position::new(rank, ranks, 1, 1)?, Device::Cpu)?;
    let Some(engine) = world.mesh().world.as_deref() else {
        return Err(Failure::run("one rank has nobody to talk to"));
    };
    let curves = Collective::ALL
        .iter()
        .map(|collective| curve(engine, *collective, effort))
        .collect::<Result<Vec<_>>>()?;
    if rank == 0 {
        let path = std::env::var_os(ANSWER)
            .ok_or_else(|| Failure::run(format!("{ANSWER} does not say where figures go")))?;
        save(&path, &curves)?;
    }
    world.barrier()
}

fn save(path: &OsStr, curves: &[OfRanks]) -> Result<()> {
    let path = Path::new(path);
    let text = serde_json::to_string(curves)
        .map_err(|error| Failure::run(format!("figures cannot be written as JSON: {error}")))?;
    fs::write(path, text)
        .map_err(|error| Failure::run(format!("{} cannot be written: {error}", path.display())))
}

/// One collective over all sizes; its times are known to rank 0.
fn curve(engine: &dyn Collectives, collective: Collective, effort: Effort) -> Result<OfRanks> {
    let ranks = engine.size();
    let sizes = Measured::sizes(10..=effort.choose(26, 24), effort.choose(1, 2), ranks);
    let mut times = Vec::new();
    for bytes in sizes {
        if let Some(time) = Vectors::new(collective, engine, bytes)?.measure(effort)? {
            times.push((bytes, time));
        }
    }
    Ok(OfRanks::new(collective, ranks, times))
}

/// One rank's vectors for one collective of one size.
struct Vectors<'a> {
    collective: Collective,
    engine: &'a dyn Collectives,
    bytes: u64,
    /// What is sent; of an all-reduce and a broadcast, what is received too.
    send: Tensor,
    receive: Option<Tensor>,
}

impl<'a> Vectors<'a> {
    fn new(collective: Collective, engine: &'a dyn Collectives, bytes: u64) -> Result<Self> {
        let numbers = (bytes / 4) as i64;
        let part = numbers / engine.size() as i64;
        let ones = |numbers| Tensor::f_ones([numbers], (Kind::Float, Device::Cpu));
        let (send, receive) = match collective {
            Collective::AllReduce | Collective::Broadcast => (ones(numbers)?, None),
            Collective::AllGather => (ones(part)?, Some(ones(numbers)?)),
            Collective::ReduceScatter => (ones(numbers)?, Some(ones(part)?)),
        };
        Ok(Self { collective, engine, bytes, send, receive })
    }

    fn run(&self) -> Result<()> {
        let (send, receive) = (&self.send, self.receive.as_ref().unwrap_or(&self.send));
        let operation = match self.collective {
            Collective::AllReduce => Operation::AllReduceSum(send),
            Collective::Broadcast => Operation::Broadcast { tensor: send, root: 0 },
            Collective::AllGather => Operation::AllGather { out: receive, input: send },
            Collective::ReduceScatter => Operation::ReduceScatterSum { out: receive, input: send },
        };
        self.engine.run(Group::Init, &operation)
    }

    /// Times it, on rank 0. The first run, which finds the vectors as they were made, is checked.
    fn measure(&self, effort: Effort) -> Result<Option<Latency>> {
        self.run()?;
        self.check()?;
        // Of ones a hundred all-reduces make infinity; of zeros they stay what they are.
        let _ = self.send.shallow_clone().f_zero_()?;
        let in_a_row = if self.bytes <= 1 << 16 { 10 } else { 1 };
        let once = || {
            self.engine.run(Group::Init, &Operation::Barrier)?;
            let start = Instant::now();
            (0..in_a_row).try_for_each(|_| self.run())?;
            Ok::<_, Failure>(start.elapsed())
        };
        let stop = Stop { seconds: effort.choose(0.5, 0.15), ..Stop::point(effort) };
        if self.engine.rank() != 0 {
            while self.goes_on(true)? {
                once()?;
            }
            return Ok(None);
        }
        let samples = sample(&stop, || {
            self.goes_on(true)?;
            once()
        })?;
        self.goes_on(false)?;
        Ok(Some(Latency::new(self.collective.name(), &samples, in_a_row)))
    }

    /// Rank 0 tells the others whether there is one more repetition; what they pass does not matter.
    fn goes_on(&self, yes: bool) -> Result<bool> {
        let flag = Tensor::f_from_slice(&[f32::from(u8::from(yes))])?;
        self.engine.run(Group::Init, &Operation::Broadcast { tensor: &flag, root: 0 })?;
        Ok(flag.f_double_value(&[0])? > 0.5)
    }

    fn check(&self) -> Result<()> {
        let received = self.receive.as_ref().unwrap_or(&self.send);
        let expected = self.collective.result(self.engine.size());
        for place in [0, received.size1()? - 1] {
            let found = received.f_double_value(&[place])?;
            if (found - f64::from(expected)).abs() > f64::EPSILON {
                return Err(Failure::run(format!(
                    "{} left {found} where {expected} was due, so its time means nothing",
                    self.collective.name()
                )));
            }
        }
        Ok(())
    }
}
