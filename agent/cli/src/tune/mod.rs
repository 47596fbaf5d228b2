//! A search of configurations on its way: trials that are run under the recorder, one after the other, in a folder.
//!
//! [`plan`] makes of the command line what is searched; [`session`] proposes, runs and writes down, a line a trial in the
//! [`journal`], which an interrupted search continues from; [`expectation`] is what is known before anything has run; [`trial`] is one run and [`measure`] what it came to;
//! [`page`] shows all of it. What to try next is decided by `perfagent_advisor::tune` alone.

mod expectation;
mod journal;
mod measure;
mod page;
mod plan;
mod session;
mod trial;

pub(crate) use page::{document, page};
pub(crate) use plan::{Plan, Request, read_job};
pub(crate) use session::{Finished, Session};
