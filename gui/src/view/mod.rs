//! The parts of the window. Each shows itself into a `Ui` and changes the [`crate::session::Session`];
//! none of them computes a figure.

pub mod advisor;
pub(crate) mod canvas;
pub mod chart;
pub mod communication;
pub mod compare;
pub(crate) mod curves;
pub(crate) mod details;
pub(crate) mod export;
pub mod finder;
pub mod fleet;
pub mod grid;
pub(crate) mod help;
pub mod layout;
pub mod live;
pub mod memory;
pub mod notice;
pub mod overview;
pub(crate) mod pages;
pub mod paint;
pub(crate) mod panes;
pub(crate) mod pointer;
pub mod roofline;
pub(crate) mod table;
pub(crate) mod timeline;
pub(crate) mod top_bar;
pub(crate) mod truncate;
