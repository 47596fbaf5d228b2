//! Which format a file has, by its content: names of traces say little.

use perfagent_recording::APPLICATION_ID;
use serde::Serialize;

use crate::{
    memory_timeline, nccl_example, nccl_inspector, nccl_tests, nsys_csv, nvidia_smi, snapshot,
    xplane,
};

/// A format that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// A PyTorch Kineto Chrome trace.
    Kineto,
    /// An Nsight Systems report, exported as SQLite.
    NsysSqlite,
    /// A trace that `nsys stats` printed as CSV.
    NsysCsv,
    /// What nccl-tests or rccl-tests print.
    NcclTests,
    /// The JSON lines of NCCL Inspector.
    NcclInspector,
    /// The dump of NCCL's example profiler plugin.
    NcclExamplePlugin,
    /// What `nvidia-smi --query-gpu` logs as CSV.
    NvidiaSmi,
    /// A memory snapshot of PyTorch.
    TorchSnapshot,
    /// A memory timeline of `torch.profiler`.
    MemoryTimeline,
    /// A trace of XLA, from JAX or TensorFlow.
    Xplane,
}

/// How an SQLite file begins.
pub(crate) const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// Where an SQLite file tells whose it is.
const APPLICATION: std::ops::Range<usize> = 68..72;

impl Format {
    /// How a sentence names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kineto => "PyTorch Kineto trace",
            Self::NsysSqlite => "Nsight Systems export",
            Self::NsysCsv => "nsys stats trace",
            Self::NcclTests => "output of nccl-tests",
            Self::NcclInspector => "output of NCCL Inspector",
            Self::NcclExamplePlugin => "dump of NCCL's example profiler plugin",
            Self::NvidiaSmi => "CSV of nvidia-smi",
            Self::TorchSnapshot => "PyTorch memory snapshot",
            Self::MemoryTimeline => "PyTorch memory timeline",
            Self::Xplane => "XLA trace",
        }
    }

    /// The format of a file that begins with `head` and is no text, where it is one of those that are known.
    pub(crate) fn binary(head: &[u8]) -> Option<Self> {
        let xplane = || xplane::recognises(head).then_some(Self::Xplane);
        snapshot::is_pickle(head).then_some(Self::TorchSnapshot).or_else(xplane)
    }

    /// The format of a text that begins with `head`; `Err` with what it is instead. Whether a JSON object
    /// is a Kineto trace, and an SQLite file an export, shows only when it has been read.
    pub(crate) fn detect(head: &[u8]) -> Result<Self, String> {
        if head.starts_with(SQLITE) {
            return match head.get(APPLICATION) {
                Some(number) if number == APPLICATION_ID.to_be_bytes() => Err("is a recording of perfagent already (an SQLite file): `perfagent report` reads it as it is".to_owned()),
                _ => Ok(Self::NsysSqlite),
            };
        }
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        if nsys_csv::is_recognised(head) {
            return Ok(Self::NsysCsv);
        }
        let text = String::from_utf8_lossy(head);
        match head.first() {
            Some(b'{') if nccl_tests::recognises_json(&text) => Ok(Self::NcclTests),
            Some(b'{') if nccl_inspector::recognises(&text) => Ok(Self::NcclInspector),
            Some(b'{') => Ok(Self::Kineto),
            Some(b'[') if nccl_example::recognises(&text) => Ok(Self::NcclExamplePlugin),
            Some(b'[') if memory_timeline::recognises(head) => Ok(Self::MemoryTimeline),
            Some(b'[') => {
                Err("is a JSON list (byte 0), not an object with `traceEvents`".to_owned())
            }
            Some(_) if nvidia_smi::recognises(&text) => Ok(Self::NvidiaSmi),
            Some(_) if nccl_tests::recognises(&text) => Ok(Self::NcclTests),
            Some(_) => Err("is not JSON (byte 0 is not `{`) and no log that is known".to_owned()),
            None => Err("holds nothing but white space".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn formats_by_their_first_bytes() {
        assert_eq!(Format::detect(b"\xef\xbb\xbf \n{"), Ok(Format::Kineto));
        assert_eq!(Format::binary(b"\x80\x04}"), Some(Format::TorchSnapshot));
        assert_eq!(Format::detect(b" [[-1, 1, 8, 0]]"), Ok(Format::MemoryTimeline));
        let plane = b"\x0a\xd7\x37\x08\x02\x12\x09/host:CPU\x1a";
        assert_eq!(Format::binary(plane), Some(Format::Xplane));
        // Both could begin an XSpace, and do not.
        for text in [&b"\n{\"traceEvents\": []}"[..], b"\n[[-1, 1, 8, 0]]", b"\n\n\n"] {
            assert_eq!(Format::binary(text), None);
        }
        for (head, format) in [
            (&b"{\"header\":{\"id\":1},\"coll_perf\":{"[..], Format::NcclInspector),
            (b"{\"version\":3,\"start_time\":\"\",\"args\":[\"all_reduce_perf", Format::NcclTests),
            (b"$ mpirun all_reduce_perf\n# nThread 1 nGpus 8", Format::NcclTests),
            (
                b"[\n{\"name\": \"Send\", \"cat\": \"P2P\", \"ph\": \"b\", ",
                Format::NcclExamplePlugin,
            ),
            (b"timestamp, power.draw [W]\n", Format::NvidiaSmi),
        ] {
            assert_eq!(Format::detect(head), Ok(format));
        }
        for (head, what) in
            [(&b"[{}]"[..], "JSON list"), (b"# notes", "not JSON"), (b" \n", "white space")]
        {
            assert!(Format::detect(head).unwrap_err().contains(what));
        }
        let mut database = b"SQLite format 3\0".to_vec();
        assert_eq!(Format::detect(&database), Ok(Format::NsysSqlite));
        database.resize(68, 0);
        database.extend(b"PERF");
        assert!(Format::detect(&database).unwrap_err().contains("is a recording"));
    }
}
