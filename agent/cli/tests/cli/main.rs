//! The commands as a user meets them: arguments in; output, messages and exit codes out.

mod advise;
mod bad_input;
mod ceilings;
mod changepoints;
mod command;
mod compare;
mod compare_inputs;
mod compare_outputs;
mod counters;
mod cuda;
mod export;
mod fixture;
mod health;
mod help;
mod html;
mod import;
mod nccl;
mod node_files;
mod nvml;
mod pipe;
mod predict;
mod program;
mod report;
mod sql;
mod suite;
mod suite_interrupted;
