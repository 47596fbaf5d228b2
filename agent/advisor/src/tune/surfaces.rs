//! Searches over surfaces that are functions: how many trials the best takes.

use perfagent_predictor::{Interval, Job};

use super::{
    Account, Analytic, Candidate, Flat, Modelled, Next, Outcome, Parameter, Prior, Search,
    Settings, Space, Stop, Trial,
};

/// Numbers between 0 and 1, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        ((mixed ^ (mixed >> 33)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.roll()
    }
}

/// A machine and a model by numbers: what a step costs, and how much memory there is.
struct Surface {
    update: f64,
    launches: f64,
    cache: f64,
    bf16: f64,
    threads: f64,
    again: f64,
    memory: f64,
    crooked: f64,
    noise: f64,
}

impl Surface {
    fn of(seed: u64) -> Self {
        let mut dice = Dice(seed);
        Self {
            update: dice.between(0.1, 4.0),
            launches: dice.between(0.1, 6.0),
            // From this batch on a sequence costs more.
            cache: dice.between(4.0, 64.0),
            bf16: dice.between(0.4, 2.5),
            threads: dice.between(0.3, 1.0),
            again: dice.between(1.15, 1.5),
            memory: dice.between(6.0, 60.0),
            crooked: dice.between(0.0, 0.06),
            noise: dice.between(0.0, 0.02),
        }
    }

    /// Sequences a unit of time; nothing where the memory does not suffice.
    fn speed(&self, candidate: &Candidate) -> Option<f64> {
        let of = |name| candidate.number(name).unwrap() as f64;
        let (batch, passes, threads) = (of("micro_batch"), of("accumulate"), of("threads"));
        let full = candidate.get("recompute") == Some("full");
        if batch * if full { 0.4 } else { 1.0 } > self.memory {
            return None;
        }
        let mut one =
            1.0 + 0.5 * (batch / self.cache).powi(2) / (1.0 + (batch / self.cache).powi(2));
        if full {
            one *= self.again;
        }
        if candidate.get("precision") == Some("bf16") {
            one *= self.bf16;
        }
        let step =
            self.update + passes * (self.launches + batch * one / threads.powf(self.threads));
        // What no model knows of: the same for the same candidate.
        let hash = candidate
            .sentence()
            .bytes()
            .fold(7_u64, |hash, byte| hash.wrapping_mul(31) + u64::from(byte));
        let crooked = (Dice(hash).between(-1.0, 1.0) * self.crooked).exp();
        Some(crooked * batch * passes / step)
    }
}

fn space() -> Space {
    // From a bad start: small, with everything computed again, on one thread.
    let lists = [
        "micro_batch=1,2,4,8,16,32",
        "accumulate=1,4",
        "threads=1,2",
        "precision=bf16,fp32",
        "recompute=full,none",
    ];
    Space::new(lists.map(|list| Parameter::parse(list).unwrap()).to_vec(), None).unwrap()
}

/// Runs a search to its end.
fn run(search: &Search<'_>, surface: &Surface, seed: u64) -> (Vec<Trial>, Stop) {
    let mut dice = Dice(seed ^ 0x5eed);
    let mut trials = Vec::new();
    loop {
        match search.next(&trials) {
            Next::Stop(stop) => return (trials, stop),
            Next::Try { candidate, predicted } => {
                let outcome = match surface.speed(&candidate) {
                    Some(value) => {
                        let noise = dice.between(-1.7, 1.7) * surface.noise;
                        Outcome::Ok { value: value * noise.exp() }
                    }
                    None => Outcome::OutOfMemory { reason: "CUDA out of memory".to_owned() },
                };
                let number = trials.len() as u32 + 1;
                trials.push(Trial { number, candidate, predicted, outcome });
            }
        }
    }
}

/// The share of the best that the search finds, on each surface.
fn shares(prior: &dyn Prior, budget: usize, seeds: std::ops::Range<u64>) -> Vec<f64> {
    let space = space();
    let mut shares: Vec<f64> = seeds
        .map(|seed| {
            let surface = Surface::of(seed);
            let settings = Settings { budget, tolerance: 0.02, seed, minimise: false };
            let search = Search::new(&space, prior, settings);
            let (trials, _) = run(&search, &surface, seed);
            let best =
                space.candidates().iter().filter_map(|one| surface.speed(one)).fold(0.0, f64::max);
            let found = Account::of(&search, &trials).best.unwrap();
            surface.speed(&found.candidate).unwrap() / best
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    shares
}

/// What is claimed of `perfagent tune`, over machines and models by numbers: a quarter of the runs of an exhaustive search
/// come within 5 % of the best that it would find. Over 200 surfaces 200 and 194 did when this was written.
#[test]
fn a_quarter_of_the_runs_finds_nearly_the_best() {
    let quarter = space().candidates().len() / 4;
    let priors: [(&dyn Prior, usize); 2] = [(&Analytic { cores: 2 }, 98), (&Flat, 94)];
    for (prior, least) in priors {
        let shares = shares(prior, quarter, 0..100);
        let within = shares.iter().filter(|share| **share >= 0.95).count();
        let [worst, middle] = [shares[0], shares[50]];
        assert!(within >= least, "{}: {within} of 100, worst {worst}", prior.name());
        assert!(middle >= 0.985, "{}: {middle}", prior.name());
    }
}

/// Two candidates that differ by 4 %, measured with a noise of 5 %: what is named in the end rests on several
/// measurements of both, and is the better one more often than after a single look.
#[test]
fn near_ties_are_measured_again() {
    let lists = ["b=1,2,4,8,16,32,64,128", "t=1,2", "recompute=full,none"];
    let space =
        Space::new(lists.map(|list| Parameter::parse(list).unwrap()).to_vec(), None).unwrap();
    let truth = |candidate: &Candidate| {
        let (b, t) = (candidate.number("b").unwrap(), candidate.number("t").unwrap());
        let again = if candidate.get("recompute") == Some("full") { 0.75 } else { 1.0 };
        let size = match b {
            128 => 2.0,
            64 => 1.92,
            _ => 1.0 + 0.1 * (b as f64).log2(),
        };
        100.0 * t as f64 * again * size
    };
    let (mut right, mut again) = (0, 0);
    for seed in 0..400 {
        let settings = Settings { budget: 20, tolerance: 0.02, seed, minimise: false };
        let search = Search::new(&space, &Analytic { cores: 2 }, settings);
        let (mut dice, mut trials) = (Dice(seed ^ 0xd1ce), Vec::new());
        while let Next::Try { candidate, predicted } = search.next(&trials) {
            let noise = dice.between(-1.0, 1.0) + dice.between(-1.0, 1.0) + dice.between(-1.0, 1.0);
            let outcome = Outcome::Ok { value: truth(&candidate) * (0.05 * noise).exp() };
            let number = trials.len() as u32 + 1;
            trials.push(Trial { number, candidate, predicted, outcome });
        }
        let best = Account::of(&search, &trials).best.unwrap();
        right += u32::from(best.candidate.number("b") == Some(128));
        again += u32::from(trials.iter().filter(|one| one.candidate == best.candidate).count() > 1);
    }
    // 344 when each was measured once.
    assert!(right >= 355, "{right} of 400");
    assert!(again >= 80, "{again} of 400 were measured again");
}

#[test]
fn it_stops_when_it_is_settled_and_finds_all_when_it_may() {
    let space = space();
    let mut early = 0;
    for seed in 0..20 {
        let surface = Surface { memory: 1e9, ..Surface::of(seed) };
        let settings = Settings { budget: 1000, tolerance: 0.02, seed, minimise: false };
        let search = Search::new(&space, &Analytic { cores: 2 }, settings);
        let (trials, stop) = run(&search, &surface, seed);
        early += u32::from(stop == Stop::Settled && trials.len() <= 48);
        let settings = Settings { tolerance: 0.0, budget: 7, ..settings };
        let (trials, stop) = run(&Search::new(&space, &Flat, settings), &surface, seed);
        assert_eq!((trials.len(), stop), (7, Stop::Budget));
    }
    assert!(early >= 18, "{early} of 20 searches ended after half of the runs");
}

#[test]
fn the_same_trials_lead_to_the_same_proposal() {
    let space = space();
    for seed in 0..10 {
        let surface = Surface::of(seed);
        let settings = Settings { budget: 15, tolerance: 0.02, seed, minimise: false };
        let search = Search::new(&space, &Flat, settings);
        let (trials, _) = run(&search, &surface, seed);
        assert_eq!(run(&search, &surface, seed).0, trials);
        // As a search that was interrupted does.
        let again = Search::new(&space, &Flat, settings);
        for count in 0..trials.len() {
            let Next::Try { candidate, predicted } = again.next(&trials[..count]) else {
                panic!("stopped after {count}");
            };
            assert_eq!(
                (&candidate, predicted),
                (&trials[count].candidate, trials[count].predicted)
            );
        }
        // Each that failed once, the best of the others three times at most, and none that is known to be too large.
        for (at, trial) in trials.iter().enumerate() {
            let same = trials[..at].iter().filter(|before| before.candidate == trial.candidate);
            assert!(
                same.clone().count() < 3 && same.clone().all(|one| one.outcome.value().is_some())
            );
            for before in &trials[..at] {
                if matches!(before.outcome, Outcome::OutOfMemory { .. }) {
                    assert!(!super::memory::is_at_least_as_heavy(
                        &trial.candidate,
                        &before.candidate
                    ));
                }
            }
        }
    }
}

#[test]
fn least_time_is_found_as_most_speed_is() {
    let space = space();
    let surface = Surface { memory: 1e9, noise: 0.0, ..Surface::of(3) };
    let settings = Settings { budget: 24, tolerance: 0.02, seed: 1, minimise: true };
    let search = Search::new(&space, &Flat, settings);
    let mut trials: Vec<Trial> = Vec::new();
    while let Next::Try { candidate, predicted } = search.next(&trials) {
        if let Some(predicted) = predicted {
            assert!(predicted.p05 <= predicted.p50 && predicted.p50 <= predicted.p95);
        }
        let value = 1.0 / surface.speed(&candidate).unwrap();
        let number = trials.len() as u32 + 1;
        trials.push(Trial { number, candidate, predicted, outcome: Outcome::Ok { value } });
    }
    let best = Account::of(&search, &trials).best.unwrap();
    let least = space.candidates().iter().filter_map(|one| surface.speed(one)).fold(0.0, f64::max);
    assert!(surface.speed(&best.candidate).unwrap() / least > 0.95);
}

/// A start that does not run is left, and a command that never runs is given up.
#[test]
fn failures_are_left_behind() {
    let space = space();
    let settings = Settings { budget: 10, tolerance: 0.02, seed: 1, minimise: false };
    let search = Search::new(&space, &Flat, settings);
    let failed = |number, candidate, reason: &str| Trial {
        number,
        candidate,
        predicted: None,
        outcome: Outcome::Failed { reason: reason.to_owned() },
    };
    let mut trials = vec![failed(1, space.candidates()[0].clone(), "a")];
    let Next::Try { candidate, predicted: None } = search.next(&trials) else { panic!("no trial") };
    let differs =
        candidate.iter().filter(|(name, value)| space.candidates()[0].get(name) != Some(value));
    assert_eq!(differs.count(), 5, "what is most unlike the failure");
    trials.push(failed(2, candidate, "b"));
    let Next::Try { candidate, .. } = search.next(&trials) else { panic!("no trial") };
    trials.push(failed(3, candidate, "a"));
    assert!(matches!(search.next(&trials), Next::Try { .. }), "for different reasons");
    let alike: Vec<Trial> =
        trials.into_iter().map(|trial| failed(trial.number, trial.candidate, "a")).collect();
    assert_eq!(search.next(&alike), Next::Stop(Stop::Alike { reason: "a".to_owned() }));
}

/// A predictor is asked for the job of each candidate; what it holds for too large is not tried first.
#[test]
fn a_predictor_decides_where_to_look_first() {
    let lists = ["micro_batch=1,2,4,8,16", "zero=0,3", "offload=none,optimizer"];
    let space =
        Space::new(lists.map(|list| Parameter::parse(list).unwrap()).to_vec(), None).unwrap();
    let job = Job {
        run: perfagent_predictor::Run {
            dp: Some(4),
            global_batch: Some(99),
            offload: Some("optimizer".to_owned()),
            ..Default::default()
        },
        ..Job::default()
    };
    let predict = |job: &Job| {
        assert_eq!((job.run.dp, job.run.global_batch), (None, None));
        let batch = job.run.micro_batch? as f64;
        let slower = if job.run.offload.is_some() { 0.5 } else { 1.0 };
        let value = slower * 1000.0 * batch / (batch + 1.0);
        let oom = if job.run.zero == Some(0) && batch > 2.0 { 0.99 } else { 0.0 };
        Some((Interval { p05: 0.9 * value, p50: value, p95: 1.1 * value }, oom))
    };
    let job = |_: &Candidate| job.clone();
    let prior = Modelled { name: "a rule".to_owned(), job, predict };
    let settings = Settings { budget: 10, tolerance: 0.02, seed: 1, minimise: false };
    let search = Search::new(&space, &prior, settings);
    let Next::Try { candidate, predicted } = search.next(&[]) else { panic!("no trial") };
    assert_eq!(candidate.sentence(), "micro_batch 1, offload none, zero 0");
    let expected = predicted.unwrap();
    assert!((expected.p50 - 500.0).abs() < 1e-6 && expected.p05 < 460.0, "{expected:?}");
    let first = Trial { number: 1, candidate, predicted, outcome: Outcome::Ok { value: 520.0 } };
    let Next::Try { candidate, .. } = search.next(&[first]) else { panic!("no trial") };
    assert_eq!(candidate.sentence(), "micro_batch 16, offload none, zero 3");
}
