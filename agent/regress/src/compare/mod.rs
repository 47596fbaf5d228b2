//! Comparison of two sets of runs.
