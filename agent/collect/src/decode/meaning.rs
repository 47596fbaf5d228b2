//! What a range stands for: a range of the program, an operator of a framework, or a collective.

use perfagent_recording::table::Timing;
use perfagent_recording::{WriteError, Writer};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::collective_text::CollectiveText;
use super::names::Names;
use super::nccl;
use super::operator_text::OperatorText;

/// The kind of row that a range becomes, with its texts already in the recording (string ids).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Meaning {
    /// A row of `ranges`.
    Range { name: i64 },
    /// A row of `operators`.
    Operator {
        name: i64,
        shapes: i64,
        #[serde(default)]
        types: Option<i64>,
        sequence: Option<i64>,
    },
    /// A row of `collectives`.
    Collective {
        op: i64,
        dtype: i64,
        bytes: Option<i64>,
        group: i64,
        size: Option<i64>,
        #[serde(with = "timing")]
        timing: Timing,
        /// Whether each rank has the whole message: then its size is what one rank passes.
        whole: bool,
    },
}

impl Meaning {
    /// Whether it nests among operators instead of among ranges.
    pub(crate) fn is_operator(self) -> bool {
        matches!(self, Self::Operator { .. })
    }
}

/// Which texts a domain may hold besides names of ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Dialect {
    Any,
    /// Every range is an operator.
    Torch,
    /// Ranges may be collectives.
    Collective,
    /// NCCL's own: a range is a call of its interface.
    Nccl,
}

/// The meanings found so far: each text is understood once.
#[derive(Debug, Default)]
pub(crate) struct Meanings {
    /// By domain: its dialect and its string id in the recording.
    domains: FxHashMap<u32, (Dialect, i64)>,
    known: FxHashMap<(Dialect, u32), Meaning>,
}

impl Meanings {
    /// What the text `name` means in NVTX domain `domain`, and that domain's string id.
    pub(crate) fn of(
        &mut self,
        names: &Names,
        writer: &mut Writer,
        domain: u32,
        name: u32,
    ) -> Result<(Meaning, i64), WriteError> {
        let (dialect, domain) = self.domain(names, writer, domain)?;
        if let Some(known) = self.known.get(&(dialect, name)) {
            return Ok((*known, domain));
        }
        let text = names.text(name);
        let mut id = |text: &str| writer.string(text).map(|id| id.0);
        let meaning = if dialect == Dialect::Collective
            && let Some(found) = CollectiveText::parse(text)
        {
            Meaning::Collective {
                op: id(found.op)?,
                dtype: id(found.dtype)?,
                bytes: found.bytes,
                group: id(found.group)?,
                size: found.size,
                timing: Timing::Call,
                whole: true,
            }
        } else if dialect == Dialect::Nccl
            && let Some(op) = nccl::op_of_function(text)
        {
            // The call returns when the work is enqueued. What one rank passes stands in the payload; where it is a part
            // of the message, the number of ranks would be needed, which is not told.
            Meaning::Collective {
                op: id(op)?,
                dtype: 0,
                bytes: None,
                group: 0,
                size: None,
                timing: Timing::Enqueue,
                whole: matches!(op, "all_reduce" | "broadcast" | "reduce" | "send" | "recv"),
            }
        } else if let Some(found) = OperatorText::parse(text) {
            Meaning::Operator {
                name: id(found.name)?,
                shapes: id(found.shapes)?,
                types: found.types.map(&mut id).transpose()?,
                sequence: found.sequence,
            }
        } else if dialect == Dialect::Torch {
            Meaning::Operator { name: id(text)?, shapes: 0, types: None, sequence: None }
        } else {
            Meaning::Range { name: id(text)? }
        };
        self.known.insert((dialect, name), meaning);
        Ok((meaning, domain))
    }

    /// The string id of a domain's name.
    pub(crate) fn domain_id(
        &mut self,
        names: &Names,
        writer: &mut Writer,
        domain: u32,
    ) -> Result<i64, WriteError> {
        self.domain(names, writer, domain).map(|(_, id)| id)
    }

    /// A text or a domain was defined anew.
    pub(crate) fn forget(&mut self, text: Option<u32>, domain: Option<u32>) {
        if let Some(text) = text {
            for dialect in [Dialect::Any, Dialect::Torch, Dialect::Collective, Dialect::Nccl] {
                self.known.remove(&(dialect, text));
            }
        }
        if let Some(domain) = domain {
            self.domains.remove(&domain);
        }
    }

    fn domain(
        &mut self,
        names: &Names,
        writer: &mut Writer,
        domain: u32,
    ) -> Result<(Dialect, i64), WriteError> {
        if let Some(known) = self.domains.get(&domain) {
            return Ok(*known);
        }
        let name = names.domain(domain);
        let dialect = match name {
            "torch" => Dialect::Torch,
            "perfagent.collective" => Dialect::Collective,
            "NCCL" => Dialect::Nccl,
            _ => Dialect::Any,
        };
        let found = (dialect, writer.string(name)?.0);
        self.domains.insert(domain, found);
        Ok(found)
    }
}

/// [`Timing`] in a checkpoint.
mod timing {
    use perfagent_recording::table::Timing;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's interface")]
    pub(super) fn serialize<S: Serializer>(
        value: &Timing,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        (*value == Timing::Enqueue).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timing, D::Error> {
        let is_enqueue = bool::deserialize(deserializer)?;
        Ok(if is_enqueue { Timing::Enqueue } else { Timing::Call })
    }
}
