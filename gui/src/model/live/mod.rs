//! Recordings that are being made: what is started, and where they are found.

pub mod form;
pub mod partial;
