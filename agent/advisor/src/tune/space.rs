//! Every configuration that can be tried.

use super::{Candidate, Parameter};

/// More candidates than this take longer to compare than to choose from by hand.
const MOST: usize = 20_000;

/// Parameters counted out, without what cannot go together.
#[derive(Clone, Debug)]
pub struct Space {
    parameters: Vec<Parameter>,
    candidates: Vec<Candidate>,
    left_out: usize,
    derives_accumulate: bool,
}

impl Space {
    /// Counts `parameters` out. With a `global_batch`, in sequences a step, `accumulate` follows from it, and candidates
    /// that do not divide it are left out; so are those whose ranks cannot be divided by tensor and pipeline degree.
    /// Fails in one line when nothing is left, or too much.
    pub fn new(parameters: Vec<Parameter>, global_batch: Option<u64>) -> Result<Self, String> {
        let derives_accumulate = global_batch.is_some();
        if derives_accumulate && parameters.iter().any(|parameter| parameter.name == "accumulate") {
            return Err(
                "accumulate: follows from --global-batch; vary it, or keep the global batch, not both".to_owned(),
            );
        }
        let all = parameters.iter().try_fold(1_usize, |all, one| all.checked_mul(one.values.len()));
        let Some(all) = all.filter(|all| *all <= MOST) else {
            return Err(format!(
                "more than {MOST} configurations; name fewer values with --vary NAME=V1,V2"
            ));
        };
        let mut candidates = Vec::with_capacity(all);
        for number in 0..all {
            let candidate = nth(&parameters, number);
            if let Some(candidate) = completed(candidate, global_batch) {
                candidates.push(candidate);
            }
        }
        if candidates.is_empty() {
            return Err(match global_batch {
                Some(batch) => format!(
                    "--global-batch {batch}: no micro-batch and number of ranks divides it; name others with --vary"
                ),
                None => "nproc, tp and pp: no number of ranks is divisible by the degrees; name others with --vary"
                    .to_owned(),
            });
        }
        let left_out = all - candidates.len();
        Ok(Self { parameters, candidates, left_out, derives_accumulate })
    }

    /// What varies, in the user's order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The names of a candidate's values, in the user's order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.parameters.iter().map(|one| one.name.as_str()).collect();
        if self.derives_accumulate {
            names.push("accumulate");
        }
        names
    }

    /// All that can be tried; the first has the first value of each parameter, where these go together.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// How many were left out as they cannot go together.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }
}

/// The `number`th of the product; the last parameter varies fastest.
fn nth(parameters: &[Parameter], mut number: usize) -> Candidate {
    let mut candidate = Candidate::default();
    for parameter in parameters.iter().rev() {
        candidate.set(&parameter.name, &parameter.values[number % parameter.values.len()]);
        number /= parameter.values.len();
    }
    candidate
}

/// The candidate with what follows from the global batch; nothing where it cannot be.
fn completed(mut candidate: Candidate, global_batch: Option<u64>) -> Option<Candidate> {
    if let Some(ranks) = candidate.number("nproc") {
        let of = |name| candidate.number(name).unwrap_or(1);
        let together = of("tp").checked_mul(of("pp")).filter(|degree| *degree > 0)?;
        if !ranks.is_multiple_of(together) {
            return None;
        }
    }
    if let Some(global) = global_batch {
        let pass =
            candidate.number("micro_batch").unwrap_or(1).checked_mul(candidate.replicas())?;
        if pass == 0 || !global.is_multiple_of(pass) {
            return None;
        }
        candidate.set("accumulate", &(global / pass).to_string());
    }
    Some(candidate)
}

#[cfg(test)]
mod tests {
    use super::{Parameter, Space};

    fn space(lists: &[&str], global_batch: Option<u64>) -> Result<Space, String> {
        Space::new(lists.iter().map(|list| Parameter::parse(list).unwrap()).collect(), global_batch)
    }

    #[test]
    fn a_space_is_counted_out_from_the_users_first_values() {
        let space = space(&["b=4,1", "p=x,y,z"], None).unwrap();
        let all: Vec<_> = space.candidates().iter().map(super::Candidate::sentence).collect();
        assert_eq!(all, ["b 4, p x", "b 4, p y", "b 4, p z", "b 1, p x", "b 1, p y", "b 1, p z"]);
    }

    #[test]
    fn the_global_batch_is_kept() {
        let space = space(&["micro_batch=1,2,3,4", "nproc=1,2", "tp=1,2"], Some(8)).unwrap();
        assert_eq!(space.names(), ["micro_batch", "nproc", "tp", "accumulate"]);
        for candidate in space.candidates() {
            let of = |name| candidate.number(name).unwrap();
            assert_eq!(of("micro_batch") * of("accumulate") * of("nproc") / of("tp"), 8);
        }
        // Three sequences do not divide eight, and one rank is no tensor group of two.
        assert_eq!((space.candidates().len(), space.left_out()), (9, 7));
    }

    #[test]
    fn an_impossible_space_is_told() {
        for (lists, batch, says) in [
            (vec!["micro_batch=3"], Some(8), "--global-batch 8: no micro-batch"),
            (vec!["nproc=1", "tp=2"], None, "no number of ranks is divisible"),
            (vec!["accumulate=1,2"], Some(8), "follows from --global-batch"),
        ] {
            let told = space(&lists, batch).unwrap_err();
            assert!(told.contains(says) && told.contains("; "), "{told}");
        }
        let many = format!("x={}", (0..201).map(|x| x.to_string()).collect::<Vec<_>>().join(","));
        let told = space(&[&many, &many.replace('x', "y")], None).unwrap_err();
        assert!(told.starts_with("more than 20000"), "{told}");
    }
}
