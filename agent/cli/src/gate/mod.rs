//! Two builds of a program on one machine, run in turns: whether the new one may be merged.
//!
//! [`plan`] makes of the command line which cases there are and how each side runs them; [`schedule`] puts the runs in order;
//! [`session`] does them, each by an [`attempt`] under the recorder and a line in the [`journal`], which an interrupted gate
//! goes on from. [`judge`] compares, has what alarmed run again, and says what each case came to; the statistics of that are
//! in `perfagent_regress::gate`. [`document`], [`page`], [`junit`] and [`openmetrics`] are the answer in its forms.

mod attempt;
mod document;
mod journal;
mod judge;
mod junit;
mod openmetrics;
mod page;
mod place;
mod plan;
mod schedule;
mod session;

pub(crate) use document::Document;
pub(crate) use junit::junit;
pub(crate) use openmetrics::openmetrics;
pub(crate) use page::page;
pub(crate) use plan::{Plan, Request};
pub(crate) use session::{Finished, Session};
