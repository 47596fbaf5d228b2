//! A gate over several cases: what alarmed is looked at a second time, with runs that had no part in the alarm.
//!
//! 1. **First look.** Every case is compared by itself ([`compare`](crate::compare)), with as many runs a side as were asked
//!    for. A metric that is called a regression there is an alarm, and fails nothing yet.
//! 2. **Second look.** Cases with an alarm are run again, both sides, [as often as needed](runs_to_confirm). Only the metrics
//!    that alarmed are tested, and only on the fresh runs; all of them, over all cases, are one family of tests each for
//!    headline metrics and for details ([`confirm`]). What is a regression again is one.
//!
//! **How often this fails when nothing has changed.** Let q be the accepted rate of false discoveries. If nothing changed, a
//! family of tests has a discovery with probability q at most (that is what controlling the rate means there), and half of
//! those are in the bad direction, so a case alarms with probability q at most, in one family or the other. The fresh runs are
//! independent of what made the alarm, so that choosing the metrics by the alarm leaves their tests as they were: one of them
//! is called a regression again with probability q at most, however many cases alarmed, since they are tested together. Both
//! must happen: **one case fails falsely with probability q² at most, and a gate of n cases with min(n q, 1) q: never more than
//! q**, and 0.25 % for one case at the default q of 5 %.
//!
//! What would break this is pooling: a test of all runs, old and fresh, holds the very outliers that made the alarm, and
//! "run more where it looks bad, then test everything" is a test that is repeated until it fails. The first runs of a metric
//! that alarmed therefore count for nothing but the alarm. The price is power: a change must be found twice. So the second look
//! has more runs where the first was close ([`runs_to_confirm`]).
//!
//! What the argument needs is that runs of a case are exchangeable between the sides when nothing changed. That is why the
//! sides take turns, run by run, and the side that begins changes from round to round: a machine that drifts or is disturbed
//! for a while then does so to both alike.

mod confirm;
mod settle;

pub use confirm::{Confirmation, Fresh, alarms, confirm, runs_to_confirm};
pub use settle::settle;
