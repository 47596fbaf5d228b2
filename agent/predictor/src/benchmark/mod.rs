//! perfagent-bench, the project's own benchmark: what a step takes and keeps is known from its source, not fitted.

mod layout;
pub(crate) mod memory;
