//! What an export tells beside its events: the session, the machine, GPUs, streams, names.

use perfagent_recording::table::Host;
use rustc_hash::FxHashMap;

use super::database::Database;
use super::device::Devices;
use super::global_id::GlobalId;
use super::names::Names;
use super::problem::{Problem, Problems};
use super::row::row;
use super::vocabulary::Vocabulary;
use crate::decimal::is_base;

/// A stream as the export describes it: its priority and its kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) priority: Option<i64>,
    pub(crate) kind: Option<&'static str>,
}

/// A context.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub(crate) pid: i64,
    pub(crate) device: i64,
    pub(crate) number: i64,
    pub(crate) null_stream: i64,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Versions of nsys and of its schema.
    pub(crate) product: Option<String>,
    pub(crate) schema: Option<String>,
    /// When the session began, ns since the Unix epoch: what all times are relative to.
    pub(crate) start: Option<i64>,
    pub(crate) host: Option<Host>,
    /// Rank and world size in the environment that nsys was started in.
    pub(crate) environment: (Option<i64>, Option<i64>),
    /// Ranks by process, where nsys traced MPI.
    pub(crate) ranks: FxHashMap<GlobalId, i64>,
    pub(crate) devices: Devices,
    /// By process number, context and stream.
    pub(crate) streams: FxHashMap<(i64, i64, i64), Stream>,
    /// Names that the program gave, by process number, device and stream.
    pub(crate) stream_names: FxHashMap<(i64, i64, i64), String>,
    pub(crate) contexts: Vec<Context>,
    /// Paths of programs by process.
    pub(crate) programs: FxHashMap<GlobalId, String>,
    /// Names of threads.
    pub(crate) threads: FxHashMap<GlobalId, String>,
}

row! {
    /// Of `META_DATA_EXPORT`.
    Property { name: String = "name", value: String = "value", }
}

row! {
    /// Of `TARGET_INFO_SESSION_START_TIME`.
    SessionStart { utc: i64 = "utcEpochNs", }
}

row! {
    /// Of `MPI_RANKS`.
    MpiRank { thread: i64 = "globalTid", rank: i64 = "rank", }
}

row! {
    /// Of `TARGET_INFO_CUDA_STREAM`.
    StreamInfo {
        pid: i64 = "processId",
        context: i64 = "contextId",
        stream: i64 = "streamId",
        priority: i64 = "priority",
        flag: i64 = "flag",
    }
}

row! {
    /// Of `TARGET_INFO_NVTX_CUDA_STREAM`.
    StreamName {
        pid: i64 = "processId",
        device: i64 = "deviceId",
        stream: i64 = "streamId",
        name: String = "name",
    }
}

row! {
    /// Of `TARGET_INFO_CUDA_CONTEXT_INFO`.
    ContextInfo {
        pid: i64 = "processId",
        device: i64 = "deviceId",
        context: i64 = "contextId",
        null_stream: i64 = "nullStreamId",
    }
}

row! {
    /// Of `PROCESSES`.
    Program { process: i64 = "globalPid", name: String = "name", }
}

row! {
    /// Of `ThreadNames`.
    ThreadName { thread: i64 = "globalTid", name: i64 = "nameId", }
}

impl Facts {
    /// Reads them.
    pub(crate) fn read(
        database: &Database,
        vocabulary: &Vocabulary,
        names: &Names,
        problems: &mut Problems,
    ) -> Self {
        let mut facts = Self { devices: Devices::read(database, problems), ..Self::default() };
        facts.fill(database, vocabulary, names, problems);
        facts
    }

    fn fill(
        &mut self,
        database: &Database,
        vocabulary: &Vocabulary,
        names: &Names,
        problems: &mut Problems,
    ) {
        // Before schema 3.7 the table had the other name.
        for table in ["EXPORT_META_DATA", "META_DATA_EXPORT"] {
            database.look(table, problems, |problems, number, row: Property| {
                match row.name.as_deref() {
                    Some("EXPORT_PRODUCT_VERSION") => self.product = row.value,
                    Some("EXPORT_SCHEMA_VERSION") => {
                        if let Some(version) = row.value.as_deref().filter(|text| is_newer(text)) {
                            problems.add(table, Problem::Newer, number, || {
                                format!("schema {version} is newer than any that is known (3)")
                            });
                        }
                        self.schema = row.value;
                    }
                    _ => {}
                }
            });
        }
        let table = "TARGET_INFO_SESSION_START_TIME";
        database.look(table, problems, |problems, number, row: SessionStart| match row.utc {
            Some(utc) if is_base(utc) => self.start = self.start.or(Some(utc)),
            Some(utc) => problems.add(table, Problem::Fact, number, || {
                format!("{utc} is no time since the Unix epoch")
            }),
            None => {}
        });
        database.look("TARGET_INFO_SYSTEM_ENV", problems, |_, _, row: Property| {
            if let (Some(name), Some(value)) = (row.name, row.value) {
                self.property(&name, &value);
            }
        });
        database.look("MPI_RANKS", problems, |_, _, row: MpiRank| {
            if let (Some(thread), Some(rank)) = (row.thread, row.rank.filter(|&rank| rank >= 0)) {
                self.ranks.insert(GlobalId(thread).process(), rank);
            }
        });
        database.look("TARGET_INFO_CUDA_STREAM", problems, |_, _, row: StreamInfo| {
            let (Some(pid), Some(context), Some(stream)) = (row.pid, row.context, row.stream)
            else {
                return;
            };
            // Priorities are below 0, and were written as unsigned numbers of 32 bits.
            let priority = row.priority.map(|priority| i64::from(priority as i32));
            let kind = vocabulary.streams.of(row.flag);
            self.streams.insert((pid, context, stream), Stream { priority, kind });
        });
        database.look("TARGET_INFO_NVTX_CUDA_STREAM", problems, |_, _, row: StreamName| {
            let place = (row.pid, row.device, row.stream);
            if let ((Some(pid), Some(device), Some(stream)), Some(name)) = (place, row.name) {
                self.stream_names.insert((pid, device, stream), name);
            }
        });
        database.look("TARGET_INFO_CUDA_CONTEXT_INFO", problems, |_, _, row: ContextInfo| {
            if let (Some(pid), Some(device), Some(number), Some(null_stream)) =
                (row.pid, row.device, row.context, row.null_stream)
            {
                self.contexts.push(Context { pid, device, number, null_stream });
            }
        });
        database.look("PROCESSES", problems, |_, _, row: Program| {
            if let (Some(process), Some(name)) = (row.process, row.name) {
                self.programs.insert(GlobalId(process).process(), name);
            }
        });
        database.look("ThreadNames", problems, |_, _, row: ThreadName| {
            // Of several names the last one holds: a thread begins with that of the one that made it.
            if let (Some(thread), Some(name)) = (row.thread, names.text(row.name)) {
                self.threads.insert(GlobalId(thread), name.to_owned());
            }
        });
    }

    /// Takes in a fact about the machine.
    fn property(&mut self, name: &str, value: &str) {
        let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
        let host = self.host.get_or_insert_default();
        match name {
            "Hostname" => value.clone_into(&mut host.name),
            "CpuCores" => host.logical_cores = value.parse().ok().filter(|&cores: &i64| cores > 0),
            "OsName" | "KernelVersion" => {
                if let Some(value) = text() {
                    host.system = Some(match host.system.take() {
                        Some(earlier) => format!("{earlier}, {value}"),
                        None => value,
                    });
                }
            }
            "NvDriverVersion" | "GpuDriverVersion" => host.driver_version = text(),
            // The whole environment: only what tells the rank is looked at.
            "DeviceEnvironment" => self.environment = rank_in(value),
            _ => {}
        }
    }
}

/// Whether the first part of a version, which changes when columns change their meaning, is newer than 3.
fn is_newer(version: &str) -> bool {
    version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .is_some_and(|major: u32| major > 3)
}

/// The rank that an environment of `NAME=value;…` tells: by torchrun's variables, or by those of MPI launchers. Slurm's are
/// not taken: a shell in an allocation has them too.
fn rank_in(environment: &str) -> (Option<i64>, Option<i64>) {
    let of = |wanted: &str| -> Option<i64> {
        let pairs = environment.split([';', '\n']).filter_map(|pair| pair.split_once('='));
        let mut found = pairs.filter(|(name, _)| *name == wanted);
        found.next()?.1.parse().ok().filter(|&number| number >= 0)
    };
    [
        ("RANK", "WORLD_SIZE"),
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
        ("PMI_RANK", "PMI_SIZE"),
    ]
    .into_iter()
    .map(|(rank, size)| (of(rank), of(size)))
    .find(|(rank, size)| rank.zip(*size).is_some_and(|(rank, size)| rank < size))
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{is_newer, rank_in};

    #[test]
    fn versions_by_their_first_number() {
        assert!(is_newer("4.0.1") && is_newer("10"));
        assert!(!is_newer("3.28.1") && !is_newer("2.9.1") && !is_newer(""));
    }

    #[test]
    fn ranks_of_an_environment() {
        for (environment, rank, size) in [
            ("PATH=/bin;RANK=3;WORLD_SIZE=8;TOKEN=a=b", Some(3), Some(8)),
            ("OMPI_COMM_WORLD_SIZE=2;OMPI_COMM_WORLD_RANK=0", Some(0), Some(2)),
            ("RANK=8;WORLD_SIZE=8;PMI_RANK=1;PMI_SIZE=2", Some(1), Some(2)),
            ("RANK=3", None, None),
            ("SLURM_PROCID=0;SLURM_NTASKS=8", None, None),
            ("RANK=-1;WORLD_SIZE=2", None, None),
            ("", None, None),
        ] {
            assert_eq!(rank_in(environment), (rank, size), "{environment}");
        }
    }
}
