//! Row ids as types of their own, so that a thread is never looked up among the streams.

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident)+) => {$(
        $(#[doc = $doc])+
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl From<i64> for $name {
            fn from(row: i64) -> Self {
                Self(row)
            }
        }

        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.0.into())
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                value.as_i64().map(Self)
            }
        }
    )+};
}

ids! {
    /// A row of `hosts`.
    HostId
    /// A row of `processes`; not the operating system's number, which may be used twice.
    ProcessId
    /// A row of `threads`.
    ThreadId
    /// A row of `devices`; not the CUDA ordinal, which depends on what a process may see.
    DeviceId
    /// A row of `streams`.
    StreamId
    /// A row of `strings`. 0 stands for "no text".
    StringId
    /// A row of `counters`.
    CounterId
}
