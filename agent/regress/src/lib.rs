//! Statistics of regressions: where a series changed its level, and whether one set of runs is slower
//! than another.
//!
//! Pure functions over numbers; nothing here reads a file or knows where a figure came from. Whoever
//! has recordings turns them into [`compare::Metric`]s and a [`compare::Environment`], or into one
//! value a run for [`series::changepoints`], or the runs of a commit and those before them for
//! [`history::check`].
//!
//! What the verdicts promise:
//!
//! * A false alarm has a bounded rate, checked on simulated runs in which nothing changed.
//! * Samples within a run never stand in for runs: the variance that counts is the one between runs.
//! * "Not significant" is never read as "the same": sameness has a test of its own, against a threshold.
//! * The same input gives the same answer: whatever is drawn at random is drawn from a fixed seed.

pub mod compare;
pub mod gate;
pub mod history;
pub mod series;
pub mod statistic;
