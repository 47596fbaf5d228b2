//! What the window shows, without the window: lanes of events, their summaries by zoom level,
//! hit tests, searches and selections. Nothing in here knows egui, so all of it is tested as plain
//! functions.

pub mod advisor;
pub mod aggregate;
pub mod alignment;
pub mod build;
pub mod ceilings;
pub mod communication;
pub mod compare;
pub mod details;
pub mod document;
pub mod fleet;
pub mod flow;
pub mod histogram;
pub mod hit;
pub mod joined;
pub mod lane;
pub mod live;
pub mod lod;
pub mod memory;
pub mod mip;
pub mod names;
pub mod operations;
pub mod overview;
pub mod portion;
pub mod roofline;
pub mod ruler;
pub mod search;
pub mod series;
pub mod tint;
pub mod track;
pub mod viewport;
pub mod whose;
