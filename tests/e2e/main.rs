//! The whole way: record a real training run, report it, look at it.

mod ceilings;
mod compare;
mod data_stall;
mod disk;
mod findings;
mod gate;
mod gpu;
mod health;
mod interrupted;
mod launchers;
mod naive;
mod node_load;
mod prometheus;
mod python;
mod slurm;
mod suite;
mod training;
mod tune;
mod window;
