//! The parts of the window. Each shows itself into a `Ui` and changes the [`crate::session::Session`];
//! none of them computes a figure.

pub(crate) mod canvas;
pub(crate) mod curves;
pub(crate) mod details;
pub(crate) mod help;
pub mod layout;
pub(crate) mod pages;
pub mod paint;
pub(crate) mod pointer;
pub(crate) mod table;
pub(crate) mod timeline;
pub(crate) mod top_bar;
pub(crate) mod truncate;
