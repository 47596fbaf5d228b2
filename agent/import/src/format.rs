//! Which format a file has, by its content: names of traces say little.

use serde::Serialize;

use crate::{memory_timeline, snapshot, xplane};

/// A format that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// A PyTorch Kineto Chrome trace.
    Kineto,
    /// A memory snapshot of PyTorch.
    TorchSnapshot,
    /// A memory timeline of `torch.profiler`.
    MemoryTimeline,
    /// A trace of XLA, from JAX or TensorFlow.
    Xplane,
}

impl Format {
    /// How a sentence names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kineto => "PyTorch Kineto trace",
            Self::TorchSnapshot => "PyTorch memory snapshot",
            Self::MemoryTimeline => "PyTorch memory timeline",
            Self::Xplane => "XLA trace",
        }
    }

    /// How much of a file [`Format::binary`] has to see.
    pub(crate) const HEAD: usize = 512;

    /// The format of a file that begins with `head` and is no text, where it is one of those that are known.
    pub(crate) fn binary(head: &[u8]) -> Option<Self> {
        let xplane = || xplane::recognises(head).then_some(Self::Xplane);
        snapshot::is_pickle(head).then_some(Self::TorchSnapshot).or_else(xplane)
    }

    /// The format of a text that begins with `head`; `Err` with what it is instead. Whether a JSON object
    /// is a trace shows only when it has been read.
    pub(crate) fn detect(head: &[u8]) -> Result<Self, String> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        if head.starts_with(b"SQLite format 3\0") {
            return Err("is an SQLite file: `perfagent report` reads recordings, nsys exports cannot be imported yet".to_owned());
        }
        match head.first() {
            Some(b'{') => Ok(Self::Kineto),
            Some(b'[') if memory_timeline::recognises(head) => Ok(Self::MemoryTimeline),
            Some(b'[') => {
                Err("is a JSON list (byte 0), not an object with `traceEvents`".to_owned())
            }
            Some(_) => Err("is not JSON (byte 0 is not `{`)".to_owned()),
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
        for (head, what) in [
            (&b"SQLite format 3\0..."[..], "SQLite"),
            (b"[{}]", "JSON list"),
            (b"# nccl-tests", "not JSON"),
            (b" \n", "white space"),
        ] {
            assert!(Format::detect(head).unwrap_err().contains(what));
        }
    }
}
