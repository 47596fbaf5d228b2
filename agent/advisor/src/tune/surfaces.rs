//! Searches over surfaces that are functions: how many trials the best takes.

use super::{Account, Analytic, Candidate, Flat, Next, Outcome, Parameter, Prior, Search, Settings, Space, Stop, Trial};

/// Numbers between 0 and 1, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
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
        let mut one = 1.0 + 0.5 * (batch / self.cache).powi(2) / (1.0 + (batch / self.cache).powi(2));
        if full {
            one *= self.again;
        }
        if candidate.get("precision") == Some("bf16") {
            one *= self.bf16;
        }
        let step = self.update + passes * (self.launches + batch * one / threads.powf(self.threads));
        // What no model knows of: the same for the same candidate.
        let hash = candidate.sentence().bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31) + u64::from(byte));
        let crooked = (Dice(hash).between(-1.0, 1.0) * self.crooked).exp();
        Some(crooked * batch * passes / step)
    }
}

fn space() -> Space {
    // From a bad start: small, with everything computed again, on one thread.
    let lists = ["micro_batch=1,2,4,8,16,32", "accumulate=1,4", "threads=1,2", "precision=bf16,fp32", "recompute=full,none"];
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
                    Some(speed) => {
                        let noise = dice.between(-1.7, 1.7) * surface.noise;
                        Outcome::Ok { value: speed * noise.exp() }
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
            let (trials, stop) = run(&search, &surface, seed);
            let best = space.candidates().iter().filter_map(|one| surface.speed(one)).fold(0.0, f64::max);
            let found = Account::of(&search, &trials, false).best.unwrap();
            let share = surface.speed(&found.candidate).unwrap() / best;
            if share < 0.95 { eprintln!("{seed}: {share:.3} {} trials {stop:?} {} ooms; {}; err {:?}", trials.len(), trials.iter().filter(|t| t.outcome.value().is_none()).count(), found.candidate.sentence(), Account::of(&search,&trials,false).errors); }
            share
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    shares
}

#[test]
fn a_quarter_of_the_runs_finds_nearly_the_best() {
    let quarter = space().candidates().len() / 4;
    for (prior, name) in [(&Analytic { cores: 2 } as &dyn Prior, "analytic"), (&Flat, "flat")] {
        let shares = shares(prior, quarter, 0..200);
        let within = shares.iter().filter(|share| **share >= 0.95).count();
        eprintln!("{name}: {within} of 200 within 5 %; least {:.3}, a tenth {:.3}, middle {:.3}", shares[0], shares[20], shares[100]);
        assert!(within >= 190, "{name}: {within}");
        assert!(shares[100] >= 0.985, "{name}: {}", shares[100]);
    }
}
