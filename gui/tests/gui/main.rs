//! The window without a screen: every panel by its accessible nodes, the keys, the counts that keep a
//! frame cheap, and a few pictures.

mod advisor;
mod communication;
mod compare;
mod counts;
mod dock;
mod errors;
mod export;
mod fixture;
mod fleet;
mod flows;
mod keyboard;
mod live;
mod memory;
mod monkey;
mod operations;
mod overview;
mod panels;
mod pictures;
mod pointer;
mod portions;
mod real;
mod roofline;
mod three_clicks;
