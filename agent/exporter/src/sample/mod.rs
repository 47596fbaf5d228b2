//! GPUs through NVML, asked by a child process, so that a call that hangs or crashes takes nobody with it.
//!
//! `child` is what the child does, one module a source of its lines; `supervise` is the parent's side: it starts the child,
//! believes no silence for longer than a call may take, and starts another one after a while.

mod child;
mod events;
mod gpm;
mod gpu;
mod line;
mod lines;
mod question;
mod session;
mod supervise;
mod tell;

pub use child::run;
pub use gpu::{GpuSample, GpuState};
pub use line::{Failure, Line};
pub use supervise::{Supervision, start};
