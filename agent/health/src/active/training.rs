//! A short training: the same bits from the same input, on every device; how long a step takes, and what held clocks down.

use std::collections::BTreeMap;

use super::{Measured, Part};
use crate::{Check, Severity, Status};

const CHECKSUM: &str = "training_checksum";
const STEP: &str = "training_step";
const CLOCKS: &str = "sustained_clocks";
/// Reasons for low clocks that a sound node has none of, with the share of the time from which they count.
const FOREIGN: [(&str, &str); 4] = [
    ("hw_slowdown", "hardware slowed the clocks"),
    ("hw_thermal", "heat slowed the clocks"),
    ("power_brake", "a power brake slowed the clocks"),
    ("sw_thermal", "the driver slowed the clocks for heat"),
];
const LEAST_SHARE: f64 = 0.01;

/// What a training came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// A digest of the first loss, to the bit: of a forward pass from equal weights, which no order of additions in a
    /// backward pass has touched yet.
    pub first: String,
    /// A digest of all losses.
    pub digest: String,
    /// What a digest depends on beside the device: libraries, number of threads. Only equal ones are compared.
    pub with: String,
    /// The median step, ns.
    pub step_ns: f64,
    /// Mean clock of the multiprocessors meanwhile, MHz.
    pub clock_mhz: Option<f64>,
    /// Reasons that held clocks down, with the share of the time; `None` where clocks were not sampled.
    pub throttling: Option<BTreeMap<String, f64>>,
}

pub(super) fn checks(measured: &[Measured]) -> Vec<Check> {
    let mut checks = Vec::new();
    let bits: Vec<_> = measured.iter().map(Bits::of).collect();
    for (device, own) in measured.iter().zip(&bits) {
        checks.push(match own {
            Ok(own) => own.among(&device.target, bits.iter().flatten()),
            Err(check) => Check::clone(check),
        });
        if let Some(Part::Done(training)) = device.training.first() {
            checks.push(step(&device.target, training));
            checks.extend(clocks(&device.target, training));
        }
    }
    checks
}

/// What equal trainings on one device agree in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bits {
    with: String,
    first: String,
    /// Of all losses; `None` where equal trainings differ after the first: some operators add in no fixed order.
    all: Option<String>,
}

impl Bits {
    fn of(device: &Measured) -> Result<Self, Box<Check>> {
        let mut found: Option<Self> = None;
        for part in &device.training {
            let training = part.done(CHECKSUM, &device.target)?;
            let own = Self {
                with: training.with.clone(),
                first: training.first.clone(),
                all: Some(training.digest.clone()),
            };
            let Some(known) = &mut found else {
                found = Some(own);
                continue;
            };
            if (&known.with, &known.first) != (&own.with, &own.first) {
                let detail = format!(
                    "two equal trainings began with other bits: {} and {}",
                    known.first, own.first
                );
                return Err(Box::new(Check::ok(CHECKSUM, &device.target, detail).but(
                    Status::Critical,
                    Severity::Isolate,
                    "take it out of use: the same input must give the same bits; test its memory, and look at its temperature and clocks",
                )));
            }
            if known.all != own.all {
                known.all = None;
            }
        }
        found.ok_or_else(|| {
            let action = "repeat with --only training";
            Box::new(Check::unknown(CHECKSUM, &device.target, "no training was run", action))
        })
    }

    /// A device among all: all losses are compared where every device repeats them, else the first alone.
    fn among<'a>(&self, target: &str, all: impl Iterator<Item = &'a Self>) -> Check {
        let alike: Vec<&Self> = all.filter(|other| other.with == self.with).collect();
        let (of, what): (fn(&Self) -> &str, _) = if alike.iter().all(|bits| bits.all.is_some()) {
            (|bits| bits.all.as_deref().unwrap_or_default(), "all losses")
        } else {
            (|bits| &bits.first, "the first loss, as later ones are not repeated to the bit")
        };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for bits in &alike {
            *counts.entry(of(bits)).or_default() += 1;
        }
        let (own, devices) = (of(self), alike.len());
        let same = counts.get(own).copied().unwrap_or(0);
        let most = counts.iter().filter(|(bits, _)| **bits != own).max_by_key(|(_, count)| **count);
        let check = |detail: String| {
            Check::ok(CHECKSUM, target, format!("{detail} ({what})")).found(own.to_owned(), None)
        };
        match most {
            None if devices < 2 => check("the same bits each time".to_owned()),
            None => check(format!("the same bits each time, and on all {devices} devices")),
            Some((bits, &count)) if count > same => {
                check(format!("other bits than on {count} of {devices} devices"))
                    .expected(*bits)
                    .but(
                        Status::Critical,
                        Severity::Isolate,
                        "take it out of use: it computes other results than its neighbours (silent data corruption)",
                    )
            }
            Some((_, &count)) if count == same => {
                check(format!("other bits than on {count} of {devices} devices; no majority")).but(
                    Status::Critical,
                    Severity::Triage,
                    "one of them computes wrong results: compare with another node by `perfagent health gather`",
                )
            }
            Some(_) => check(format!("the same bits as on {same} of {devices} devices")),
        }
    }
}

fn step(target: &str, training: &Training) -> Check {
    let detail = format!(
        "{:.3} ms a step; nothing states what to expect here, other nodes do",
        training.step_ns / 1e6
    );
    Check::not_applicable(STEP, target, detail).found(training.step_ns, "ns")
}

fn clocks(target: &str, training: &Training) -> Option<Check> {
    let shares = training.throttling.as_ref()?;
    let clock =
        training.clock_mhz.map_or_else(String::new, |clock| format!("{clock:.0} MHz on average, "));
    let mut reasons = FOREIGN.iter().filter_map(|(reason, words)| {
        let share = shares.get(*reason).copied().filter(|share| *share >= LEAST_SHARE)?;
        Some((*reason, format!("{words} {:.0} % of the time", 100.0 * share)))
    });
    let first = reasons.next();
    let check = |detail: String| {
        let check = Check::ok(CLOCKS, target, detail);
        match training.clock_mhz {
            Some(clock) => check.found(clock, "MHz"),
            None => check,
        }
    };
    Some(match first {
        None => check(format!("{clock}held down by nothing but power and settings")),
        Some((reason, words)) => {
            let status = if reason == "sw_thermal" { Status::Warning } else { Status::Critical };
            check(format!("{clock}{words}")).but(
                status,
                Severity::Triage,
                "look at cooling, power supply and cables of this node",
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Measured, Part, Training, checks};
    use crate::{Check, Status};

    fn training(digest: &str) -> Training {
        // `ab`: the first loss is `a`, all together are `ab`.
        Training {
            first: digest[..1].to_owned(),
            digest: digest.to_owned(),
            with: "torch 2.11".to_owned(),
            step_ns: 2e6,
            clock_mhz: Some(1900.0),
            throttling: Some(BTreeMap::new()),
        }
    }

    fn device(number: usize, digests: &[&str]) -> Measured {
        Measured {
            target: format!("GPU {number}"),
            memory: Part::Skipped(String::new()),
            ceilings: Part::Skipped(String::new()),
            link: None,
            training: digests.iter().map(|digest| Part::Done(training(digest))).collect(),
        }
    }

    fn checksums(devices: &[Measured]) -> Vec<Status> {
        let found = checks(devices).into_iter();
        found.filter(|check| check.name == "training_checksum").map(|check| check.status).collect()
    }

    #[test]
    fn other_bits_than_the_neighbours_are_critical_for_the_minority() {
        let same = ["a", "a"];
        let devices = [device(0, &same), device(1, &["b", "b"]), device(2, &same)];
        assert_eq!(checksums(&devices), [Status::Ok, Status::Critical, Status::Ok]);
        // Of two nobody knows which is right.
        assert_eq!(checksums(&devices[..2]), [Status::Critical, Status::Critical]);
        assert_eq!(checksums(&devices[..1]), [Status::Ok]);
        let restless = [device(0, &same), device(1, &["a", "c"]), device(2, &same)];
        assert_eq!(checksums(&restless), [Status::Ok, Status::Critical, Status::Ok]);
    }

    #[test]
    fn where_later_losses_are_not_repeated_the_first_one_is_compared() {
        let loose = [device(0, &["ab", "ac"]), device(1, &["ad", "ad"]), device(2, &["bb", "bb"])];
        assert_eq!(checksums(&loose), [Status::Ok, Status::Ok, Status::Critical]);
    }

    #[test]
    fn other_libraries_may_give_other_bits() {
        let mut other = device(1, &[]);
        let with = "torch 2.12".to_owned();
        other.training = vec![Part::Done(Training { with, ..training("b") })];
        assert_eq!(checksums(&[device(0, &["a"]), other]), [Status::Ok, Status::Ok]);
    }

    #[test]
    fn heat_and_brakes_count_and_the_power_cap_does_not() {
        let of = |reason: &str, share: f64| {
            let mut hot = device(0, &[]);
            let throttling = Some(BTreeMap::from([(reason.to_owned(), share)]));
            hot.training = vec![Part::Done(Training { throttling, ..training("a") })];
            let found: Vec<Check> = checks(&[hot]);
            found.iter().find(|check| check.name == "sustained_clocks").unwrap().status
        };
        assert_eq!(of("power_cap", 1.0), Status::Ok);
        assert_eq!(of("hw_thermal", 0.5), Status::Critical);
        assert_eq!(of("hw_thermal", 0.001), Status::Ok);
        assert_eq!(of("sw_thermal", 0.5), Status::Warning);
    }

    #[test]
    fn a_training_that_did_not_run_is_unknown() {
        let mut failed = device(0, &[]);
        assert_eq!(checksums(&[failed.clone()]), [Status::Unknown]);
        failed.training = vec![Part::Failed("no perfagent-bench".to_owned())];
        assert_eq!(checksums(&[failed]), [Status::Unknown]);
    }
}
