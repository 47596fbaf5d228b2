//! Takes this node out of Slurm's use when it is sick, and gives back what was taken, never more.
//!
//! A node is drained with a reason that begins with [`MARK`]; only a node whose reason still does is given back. What a
//! person, Slurm or another tool has drained stays as it is. Slurm ends a `HealthCheckProgram` after 60 s, so its own
//! program, `scontrol`, has a deadline too.

mod node;
mod scontrol;

use std::time::{Duration, Instant};

pub use scontrol::Failed;

use crate::{Health, Status};
use node::Node;
use scontrol::Scontrol;

/// How reasons begin that were given here.
pub const MARK: &str = "perfagent: ";
/// What stands between a reason and the one that was there before.
const BEFORE: &str = " (before: ";
/// The longest reason; it is one line of `sinfo -R`.
const MOST_BYTES: usize = 200;

/// What may be done with this node.
#[derive(Clone, Debug)]
pub struct Permit {
    /// Its name in Slurm.
    pub node: String,
    /// Drain it at this verdict and at what is worse.
    pub drain: Option<Status>,
    /// Give it back when it is well again and was drained here.
    pub resume: bool,
    /// How long all talk with Slurm may take.
    pub patience: Duration,
}

/// What became of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do, and nobody was asked.
    Nothing,
    /// It was drained.
    Drained {
        /// With this reason.
        reason: String,
    },
    /// It is drained already, from here.
    StaysDrained {
        /// With this reason.
        reason: String,
    },
    /// Others have drained it; it was left as it is.
    LeftToOthers {
        /// With this reason.
        reason: String,
    },
    /// It was given back.
    Resumed {
        /// It had been drained with this reason.
        reason: String,
    },
}

/// What a verdict asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Drain,
    Resume,
    Nothing,
}

/// Does what the verdict and the permit ask for.
///
/// # Errors
/// When Slurm's `scontrol` is not there, fails, or does not answer in time: the node is as it was.
pub fn keep(permit: &Permit, health: &Health, headline: &str) -> Result<Outcome, Failed> {
    let wish = wish(permit, health.verdict);
    if wish == Wish::Nothing {
        return Ok(Outcome::Nothing);
    }
    let deadline = Instant::now() + permit.patience;
    let scontrol = Scontrol { program: "scontrol", deadline, node: &permit.node };
    let node = Node::read(&scontrol.show()?).ok_or_else(|| scontrol.unreadable())?;
    let outcome = outcome(wish, &node, headline);
    match &outcome {
        Outcome::Drained { reason } => {
            scontrol.update(&["state=drain", &format!("reason={reason}")])?;
        }
        // Unlike `resume` it brings no node up that is down.
        Outcome::Resumed { .. } => scontrol.update(&["state=undrain"])?,
        _ => {}
    }
    Ok(outcome)
}

fn wish(permit: &Permit, verdict: Status) -> Wish {
    if permit.drain.is_some_and(|least| verdict >= least) {
        Wish::Drain
    } else if permit.resume && verdict <= Status::Warning {
        Wish::Resume
    } else {
        Wish::Nothing
    }
}

fn outcome(wish: Wish, node: &Node, headline: &str) -> Outcome {
    let reason = node.reason.clone();
    let ours = reason.starts_with(MARK);
    match (wish, node.drained, ours) {
        (Wish::Drain, false, _) => Outcome::Drained { reason: reason_of(headline, &reason) },
        (Wish::Drain, true, true) => Outcome::StaysDrained { reason },
        (Wish::Resume, true, true) => Outcome::Resumed { reason },
        (Wish::Drain, true, false) => Outcome::LeftToOthers { reason },
        // A healthy node that is not drained, or not from here, is nobody's business.
        (Wish::Resume | Wish::Nothing, ..) => Outcome::Nothing,
    }
}

/// The reason for Slurm, which has no use for quotes and line breaks. One that a node has without being drained, as one
/// that is down, is kept behind it.
fn reason_of(headline: &str, before: &str) -> String {
    let reason = format!("{MARK}{headline}").replace('"', "'").replace(char::is_control, " ");
    // After a first time it is behind ours already.
    let before = match before.strip_prefix(MARK) {
        Some(ours) => ours.rsplit_once(BEFORE).map_or("", |(_, first)| first.trim_end_matches(')')),
        None => before,
    };
    if before.is_empty() {
        return cut(&reason, MOST_BYTES).to_owned();
    }
    let before = format!("{BEFORE}{})", cut(before, MOST_BYTES / 3));
    format!("{}{before}", cut(&reason, MOST_BYTES - before.len()))
}

/// As much of the text as has so many bytes.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MARK, Node, Outcome, Permit, Wish, outcome, reason_of, wish};
    use crate::Status;

    fn permit(drain: Option<Status>, resume: bool) -> Permit {
        Permit { node: "n1".to_owned(), drain, resume, patience: Duration::from_secs(1) }
    }

    #[test]
    fn only_what_was_asked_for_is_wished() {
        let all = [Status::Ok, Status::Warning, Status::Unknown, Status::Critical];
        let of = |drain, resume| all.map(|verdict| wish(&permit(drain, resume), verdict));
        let (drain, resume, nothing) = (Wish::Drain, Wish::Resume, Wish::Nothing);
        assert_eq!(of(None, false), [nothing; 4]);
        assert_eq!(of(Some(Status::Critical), false), [nothing, nothing, nothing, drain]);
        assert_eq!(of(Some(Status::Unknown), false), [nothing, nothing, drain, drain]);
        // A node that could not be checked is not given back.
        assert_eq!(of(Some(Status::Critical), true), [resume, resume, nothing, drain]);
    }

    #[test]
    fn what_others_drained_stays_as_it_is() {
        let node = |drained, reason: &str| Node { drained, reason: reason.to_owned() };
        let others = node(true, "bad DIMM");
        assert_eq!(
            outcome(Wish::Drain, &others, "CRITICAL"),
            Outcome::LeftToOthers { reason: "bad DIMM".to_owned() }
        );
        assert_eq!(outcome(Wish::Resume, &others, "OK"), Outcome::Nothing);
        assert_eq!(outcome(Wish::Resume, &node(true, ""), "OK"), Outcome::Nothing);
        let ours = node(true, "perfagent: CRITICAL n1: xid");
        assert!(matches!(outcome(Wish::Drain, &ours, "CRITICAL"), Outcome::StaysDrained { .. }));
        assert!(matches!(outcome(Wish::Resume, &ours, "OK"), Outcome::Resumed { .. }));
        // Given back by a person in the meantime, with the reason left behind.
        let back = node(false, "perfagent: CRITICAL n1: xid");
        assert_eq!(outcome(Wish::Resume, &back, "OK"), Outcome::Nothing);
        assert!(matches!(outcome(Wish::Drain, &back, "CRITICAL"), Outcome::Drained { .. }));
    }

    #[test]
    fn a_reason_is_one_short_line_that_keeps_what_was_said_before() {
        let down = reason_of("CRITICAL n1: \"x\"\ny", "Not responding");
        assert_eq!(down, format!("{MARK}CRITICAL n1: 'x' y (before: Not responding)"));
        assert_eq!(reason_of("CRITICAL n1: \"x\"\ny", &down), down);
        let long = reason_of(&"ü".repeat(300), "");
        assert!(long.len() <= 200 && long.ends_with('ü'), "{long}");
        let both = reason_of(&"a".repeat(300), &"b".repeat(300));
        assert!(both.len() <= 200 && both.ends_with("bb)"), "{both}");
    }
}
