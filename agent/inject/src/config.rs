//! What the environment of the target says.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use perfagent_spool::{DEFAULT_CAPACITY, MAX_CAPACITY, MIN_CAPACITY};

/// How CUDA graphs are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Graphs {
    /// Every kernel and copy of each launch.
    Nodes,
    /// One record a launch.
    Whole,
    /// Every kernel, until there are too many.
    Automatic,
}

/// How to record. Read once, on the thread that loads the library, where reading the environment is the target's own
/// doing; our threads never read it.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// `PERFAGENT_SPOOL_DIR`: where the ring goes. Without it nothing is recorded.
    pub(crate) spool_dir: PathBuf,
    /// `PERFAGENT_SPOOL_BYTES`: capacity of the ring.
    pub(crate) spool_bytes: u64,
    /// `PERFAGENT_FLUSH_MS`: what a program that is killed loses at most of what its GPU had done.
    pub(crate) flush_period: Duration,
    /// `PERFAGENT_CUPTI=0`: leave CUPTI to another tool.
    pub(crate) cupti: bool,
    /// `PERFAGENT_API=1`: record calls of the CUDA API too.
    pub(crate) api: bool,
    /// `PERFAGENT_CUDA_GRAPHS`: `node`, `graph` or `auto`.
    pub(crate) graphs: Graphs,
    /// `PERFAGENT_CAPTURE_RANGE`: record only while this range is open, see [`capture`](crate::capture).
    pub(crate) capture: Option<String>,
    /// `PERFAGENT_NCCL_PLUGIN`: the profiler plugin of NCCL that the user had set, which ours hands everything on to.
    pub(crate) nccl_plugin: Option<OsString>,
    /// `PERFAGENT_DEBUG=1`: say on standard error why recording failed.
    pub(crate) debug: bool,
    /// `CUDA_HOME` or `CUDA_PATH`: a place to look for CUPTI.
    pub(crate) cuda_home: Option<PathBuf>,
    /// `VIRTUAL_ENV` and `CONDA_PREFIX`: Python environments, whose packages may have CUPTI.
    pub(crate) python_homes: Vec<PathBuf>,
}

impl Config {
    /// The configuration, or `None` when this process is not to be recorded.
    pub(crate) fn from_env() -> Option<Self> {
        let spool_dir = env::var_os("PERFAGENT_SPOOL_DIR").filter(|dir| !dir.is_empty())?;
        let number = |name: &str| env::var(name).ok()?.trim().parse::<u64>().ok();
        Some(Self {
            spool_dir: spool_dir.into(),
            spool_bytes: number("PERFAGENT_SPOOL_BYTES")
                .map_or(DEFAULT_CAPACITY, |bytes| bytes.clamp(MIN_CAPACITY, MAX_CAPACITY)),
            flush_period: Duration::from_millis(
                number("PERFAGENT_FLUSH_MS").map_or(200, |period| period.clamp(10, 60_000)),
            ),
            cupti: number("PERFAGENT_CUPTI") != Some(0),
            api: number("PERFAGENT_API") == Some(1),
            graphs: match env::var("PERFAGENT_CUDA_GRAPHS").as_deref() {
                Ok("node") => Graphs::Nodes,
                Ok("graph") => Graphs::Whole,
                _ => Graphs::Automatic,
            },
            capture: env::var("PERFAGENT_CAPTURE_RANGE").ok().filter(|name| !name.is_empty()),
            nccl_plugin: env::var_os("PERFAGENT_NCCL_PLUGIN")
                .filter(|plugin| !plugin.is_empty() && plugin != "none"),
            debug: number("PERFAGENT_DEBUG") == Some(1),
            cuda_home: env::var_os("CUDA_HOME")
                .or_else(|| env::var_os("CUDA_PATH"))
                .map(Into::into),
            python_homes: ["VIRTUAL_ENV", "CONDA_PREFIX"]
                .into_iter()
                .filter_map(env::var_os)
                .map(Into::into)
                .collect(),
        })
    }
}
