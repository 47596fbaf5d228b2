//! Which configuration to try next: trials, what is expected of those to come, and when to stop.
//!
//! A [`Space`] holds every [`Candidate`]. A [`Prior`] says what to expect of each before anything has run; a surrogate
//! (a Gaussian process over the logarithm of what is measured) corrects it by what has been measured; [`Search::next`]
//! proposes the candidate with the greatest expected improvement that is not known to run out of memory. Nothing here
//! runs anything: whoever does hands [`Trial`]s back. The same trials and seed give the same proposal.

mod account;
mod candidate;
mod expression;
mod memory;
mod outcome;
mod parameter;
mod prior;
mod search;
mod space;
#[cfg(test)]
mod surfaces;
mod surrogate;
mod template;

pub use account::{Account, Errors};
pub use candidate::Candidate;
pub use expression::Expression;
pub use outcome::{Evidence, Outcome, judge};
pub use parameter::{Parameter, Surroundings};
pub use prior::{Analytic, Expectation, Flat, Modelled, Prior};
pub use search::{Next, Search, Settings, Stop, Trial};
pub use space::Space;
pub use template::Template;
