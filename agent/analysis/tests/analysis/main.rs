//! Tests of the analysis as a whole: against figures computed independently from real traces, on
//! recordings made by hand, and on random ones.

mod aligned;
mod attribution;
mod builder;
mod collectives;
mod copies;
mod counters;
mod critical;
mod difference;
mod events;
mod files;
mod gaps;
mod h200_waits;
mod invariance;
mod linked;
mod memory;
mod naive;
mod naive_path;
mod path_waiting;
mod period;
mod properties;
mod queue;
mod random;
mod reference;
mod roofline;
mod sequence;
mod traces;
mod whole;
