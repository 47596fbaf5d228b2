//! The small messages of `xplane.proto`, which are decoded whole.

use prost::{Message, Oneof};

/// An event; its name and what its stats are called are in the plane.
#[derive(Clone, PartialEq, Message)]
pub(super) struct XEvent {
    #[prost(int64, tag = "1")]
    pub(super) metadata_id: i64,
    #[prost(oneof = "When", tags = "2, 5")]
    pub(super) when: Option<When>,
    #[prost(int64, tag = "3")]
    pub(super) duration_ps: i64,
    #[prost(message, repeated, tag = "4")]
    pub(super) stats: Vec<XStat>,
}

/// Where an event is on its line, or how many it stands for.
#[derive(Clone, Copy, PartialEq, Oneof)]
pub(super) enum When {
    #[prost(int64, tag = "2")]
    OffsetPs(i64),
    #[prost(int64, tag = "5")]
    Occurrences(i64),
}

/// A fact about an event or a plane.
#[derive(Clone, PartialEq, Message)]
pub(super) struct XStat {
    #[prost(int64, tag = "1")]
    pub(super) metadata_id: i64,
    #[prost(oneof = "Value", tags = "2, 3, 4, 5, 6, 7")]
    pub(super) value: Option<Value>,
}

/// The value of a fact.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Value {
    #[prost(double, tag = "2")]
    Double(f64),
    #[prost(uint64, tag = "3")]
    Unsigned(u64),
    #[prost(int64, tag = "4")]
    Signed(i64),
    #[prost(string, tag = "5")]
    Text(String),
    #[prost(bytes = "vec", tag = "6")]
    Bytes(Vec<u8>),
    /// The name of the stat with this number is the value.
    #[prost(uint64, tag = "7")]
    Reference(u64),
}

/// What an event or a stat is called. `display_name` is what XLA made of a name for people; names are kept as they are.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metadata {
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
    #[prost(string, tag = "2")]
    pub(super) name: String,
}

/// An entry of a plane's map of names.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Named {
    #[prost(int64, tag = "1")]
    pub(super) key: i64,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Metadata>,
}
