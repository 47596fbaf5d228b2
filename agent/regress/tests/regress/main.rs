//! The statistics against what they promise: on simulated data, whose truth is known, and on real series
//! that people have annotated.

mod annotated;
mod checked;
mod comparison;
mod discoveries;
mod gate;
mod latest;
mod null;
mod outlier;
mod people;
mod power;
mod simulate;
