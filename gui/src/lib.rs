//! The perfagent desktop app: a recording as a timeline, curves and a table.
//!
//! Constraints that shaped this crate:
//!
//! * The window never waits: files are read and figures computed on a thread of their own ([`job`]),
//!   which hands over one immutable [`model::document::Document`].
//! * A frame costs pixels, not events: lanes are drawn from summaries by zoom level ([`model::mip`],
//!   [`model::lod`]), as one mesh ([`view::paint`]).
//! * What is shown is computed outside of the window code: [`model`] does not know egui and is tested
//!   as plain functions; the figures of the table are those of the report.
//! * No SQL and no file format: recordings come through `perfagent_recording::Reader`.
//! * No work while nothing changes: there is no timer; workers ask for a repaint when they have news.

pub mod app;
pub mod budget;
pub mod child;
pub mod command;
pub mod computed;
pub mod dock;
pub mod facts;
pub mod fleet_files;
pub mod heap;
pub mod job;
pub mod model;
mod open_file;
pub mod palette;
pub mod pane;
pub mod recent;
pub mod session;
pub mod units;
pub mod view;
pub mod watch;
pub mod window;
