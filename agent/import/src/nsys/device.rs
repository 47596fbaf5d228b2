//! The GPUs of an export: which of the machine's each process sees under which number.

use perfagent_recording::table::Device;
use rustc_hash::FxHashMap;

use super::database::Database;
use super::problem::Problems;
use super::row::row;

/// What a GPU is called that the export does not describe.
const UNKNOWN: &str = "unknown GPU";

row! {
    /// Of `TARGET_INFO_GPU`.
    GpuRow {
        id: i64 = "id",
        name: String = "name",
        uuid: String = "uuid",
        memory: i64 = "totalMemory",
        sms: i64 = "smCount",
        compute_major: i64 = "computeMajor",
        compute_minor: i64 = "computeMinor",
        sm_major: i64 = "smMajor",
        sm_minor: i64 = "smMinor",
        metrics: i64 = "pwGpuId",
    }
}

row! {
    /// Of `TARGET_INFO_CUDA_DEVICE`.
    CudaDeviceRow {
        pid: i64 = "pid",
        ordinal: i64 = "cudaId",
        gpu: i64 = "gpuId",
        uuid: String = "uuid",
        sms: i64 = "numMultiprocessors",
    }
}

/// A GPU of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Gpu {
    id: i64,
    /// Its number among those whose metrics are sampled.
    metrics: Option<i64>,
    name: Option<String>,
    uuid: Option<String>,
    memory: Option<i64>,
    sms: Option<i64>,
    compute: (Option<i64>, Option<i64>),
}

/// A GPU as a process sees it.
#[derive(Debug)]
struct Seen {
    gpu: Option<i64>,
    uuid: Option<String>,
    sms: Option<i64>,
}

/// All GPUs.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    gpus: Vec<Gpu>,
    /// By process number and ordinal.
    seen: FxHashMap<(i64, i64), Seen>,
}

impl Devices {
    /// Reads them.
    pub(crate) fn read(database: &Database, problems: &mut Problems) -> Self {
        let mut devices = Self::default();
        devices.fill(database, problems);
        devices
    }

    fn fill(&mut self, database: &Database, problems: &mut Problems) {
        database.look("TARGET_INFO_GPU", problems, |_, _, row: GpuRow| {
            self.gpus.push(Gpu {
                id: row.id.unwrap_or(self.gpus.len() as i64),
                metrics: row.metrics,
                name: row.name.filter(|name| !name.is_empty()),
                uuid: row.uuid.and_then(|uuid| whole_uuid(&uuid)),
                memory: row.memory.filter(|&bytes| bytes > 0),
                sms: row.sms.filter(|&sms| sms > 0),
                compute: match (row.compute_major, row.compute_minor) {
                    (None, _) => (row.sm_major, row.sm_minor),
                    compute => compute,
                },
            });
        });
        database.look("TARGET_INFO_CUDA_DEVICE", problems, |_, _, row: CudaDeviceRow| {
            if let (Some(pid), Some(ordinal)) = (row.pid, row.ordinal) {
                let uuid = row.uuid.and_then(|uuid| whole_uuid(&uuid));
                self.seen.insert((pid, ordinal), Seen { gpu: row.gpu, uuid, sms: row.sms });
            }
        });
    }

    /// What is known of the GPU that process `pid` calls `ordinal`.
    pub(crate) fn describe(&self, pid: i64, ordinal: i64) -> Device {
        let seen = self.seen.get(&(pid, ordinal));
        let of_id = |id: i64| self.gpus.iter().find(|gpu| gpu.id == id).cloned();
        let gpu = match seen.and_then(|seen| seen.gpu) {
            Some(id) => of_id(id).unwrap_or_default(),
            None => self.whichever(),
        };
        Device {
            ordinal,
            uuid: seen.and_then(|seen| seen.uuid.clone()).or(gpu.uuid),
            name: gpu.name.unwrap_or_else(|| UNKNOWN.to_owned()),
            total_bytes: gpu.memory,
            sm_count: seen.and_then(|seen| seen.sms).or(gpu.sms),
            cc_major: gpu.compute.0,
            cc_minor: gpu.compute.1,
            ..Device::default()
        }
    }

    /// The number on the machine of the GPU whose metrics are sampled under number `metrics`.
    pub(crate) fn of_metrics(&self, metrics: i64) -> i64 {
        self.gpus.iter().find(|gpu| gpu.metrics == Some(metrics)).map_or(metrics, |gpu| gpu.id)
    }

    /// What holds for every GPU of the machine. Exports before schema 3.17 do not say which one a process sees: their order is
    /// arbitrary, and the process may see only some.
    fn whichever(&self) -> Gpu {
        let mut gpus = self.gpus.iter();
        let Some(first) = gpus.next() else { return Gpu::default() };
        gpus.fold(first.clone(), |common, gpu| Gpu {
            id: 0,
            metrics: None,
            name: common.name.filter(|name| gpu.name.as_ref() == Some(name)),
            uuid: None,
            memory: common.memory.filter(|&memory| gpu.memory == Some(memory)),
            sms: common.sms.filter(|&sms| gpu.sms == Some(sms)),
            compute: if common.compute == gpu.compute { common.compute } else { (None, None) },
        })
    }
}

/// A UUID as the driver writes it; `None` for the one of all zeros, which is none.
fn whole_uuid(uuid: &str) -> Option<String> {
    let bare = uuid.strip_prefix("GPU-").unwrap_or(uuid);
    let told = bare.bytes().any(|byte| byte != b'0' && byte != b'-');
    told.then(|| format!("GPU-{bare}"))
}

#[cfg(test)]
mod tests {
    use super::{Devices, Gpu, Seen, whole_uuid};

    fn gpu(id: i64, name: &str) -> Gpu {
        Gpu {
            id,
            name: Some(name.to_owned()),
            uuid: whole_uuid(&format!("{id}a")),
            memory: Some(80),
            ..Gpu::default()
        }
    }

    #[test]
    fn a_process_has_its_own_numbers() {
        let mut devices = Devices { gpus: vec![gpu(3, "A"), gpu(0, "B")], ..Devices::default() };
        devices.seen.insert((7, 0), Seen { gpu: Some(3), uuid: None, sms: Some(99) });
        let device = devices.describe(7, 0);
        assert_eq!((device.name.as_str(), device.sm_count), ("A", Some(99)));
        assert_eq!(device.uuid.as_deref(), Some("GPU-3a"));
    }

    #[test]
    fn without_them_only_what_all_share_is_known() {
        let devices = Devices { gpus: vec![gpu(3, "A"), gpu(0, "B")], ..Devices::default() };
        let device = devices.describe(7, 0);
        assert_eq!((device.name.as_str(), device.total_bytes), ("unknown GPU", Some(80)));
        assert_eq!(device.uuid, None);
        let device = Devices { gpus: vec![gpu(3, "A")], ..Devices::default() }.describe(7, 0);
        assert_eq!((device.name.as_str(), device.uuid.as_deref()), ("A", Some("GPU-3a")));
        assert_eq!(Devices::default().describe(7, 1).name, "unknown GPU");
    }

    #[test]
    fn uuids_as_the_driver_writes_them() {
        assert_eq!(whole_uuid("1f-0").as_deref(), Some("GPU-1f-0"));
        assert_eq!(whole_uuid("GPU-1f").as_deref(), Some("GPU-1f"));
        assert_eq!(whole_uuid("00000000-0000"), None);
        assert_eq!(whole_uuid(""), None);
    }
}
