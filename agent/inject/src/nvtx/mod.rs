//! NVTX: marks, ranges, names and numbers that the program (or its libraries) gives.

mod attributes;
mod callbacks;
mod extended;
#[cfg(test)]
mod fuzz;
mod sys;
