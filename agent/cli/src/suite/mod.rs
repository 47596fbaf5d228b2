//! Suites of benchmarks: a TOML file of cases that are run one after the other, each recorded.
//!
//! [`file`] reads a suite and [`matrix`] counts its cases out; [`session`] runs them into a folder and writes a line a case
//! into the [`journal`], which an interrupted suite continues from; [`process`] is one case while it runs and [`verdict`]
//! what became of it; [`page`] shows all of them.

mod builtin;
mod case;
mod file;
mod folder;
mod journal;
mod matrix;
mod option;
mod page;
mod place;
mod process;
mod progress;
mod range;
mod result;
mod series;
mod session;
mod stop;
mod tree;
mod verdict;

pub(crate) use builtin::{BUILTIN, Builtin};
pub(crate) use case::Suite;
pub(crate) use folder::{literal, lock, remove};
pub(crate) use option::{Options, is_case_name, parse_words, words};
pub(crate) use page::page;
pub(crate) use place::Machine;
pub(crate) use process::{End, run as run_process};
pub(crate) use progress::Progress;
pub(crate) use result::{CaseResult, Counts, Status};
pub(crate) use session::{Finished, Session};
pub(crate) use stop::Stop;
pub(crate) use tree::end_with;
pub(crate) use verdict::{Memory, tail};
