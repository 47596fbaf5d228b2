//! The commands as a user meets them: arguments in; output, messages and exit codes out.

mod advise;
mod bad_input;
mod ceilings;
mod command;
mod fixture;
mod health;
mod help;
mod nccl;
mod pipe;
mod program;
mod report;
mod sql;
