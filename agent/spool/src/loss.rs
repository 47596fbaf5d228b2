//! Why an event could not be kept.

/// The cause of a loss. The codes are part of the file layout: never renumber, only append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
#[non_exhaustive]
pub enum LossCause {
    /// A cause that a newer writer knows and this reader does not.
    Unknown = 0,
    /// The recorder did not drain the ring in time.
    RingFull = 1,
    /// A thread produced events faster than the writer thread took them.
    ThreadBufferFull = 2,
    /// The process used more distinct texts than the writer keeps; the event was kept under a common name.
    StringTableFull = 3,
    /// CUPTI itself ran out of buffers.
    CuptiDropped = 4,
    /// A full buffer of CUPTI was discarded because the queue to the writer thread was full.
    Declined = 5,
    /// A GPU operation came back without times; it is not in the recording.
    ZeroTimestamp = 6,
    /// A text was longer than the limit; the event was kept with its beginning.
    TruncatedText = 7,
    /// CUPTI was refused (another tool holds it): GPU operations are not recorded.
    BlockedCupti = 8,
    /// A record of a kind or shape that the writer does not understand.
    UnknownRecord = 9,
    /// Memory for a thread's buffer could not be had; that thread is not recorded.
    NoThreadBuffer = 10,
    /// The time allowed at the end of the process ran out before everything was written.
    ExitDeadline = 11,
    /// More NVTX domains or registered strings than the writer keeps; the event was kept without that name.
    RegistryFull = 12,
    /// NCCL named an event that had ended already, or never began; the call was ignored.
    StaleNcclHandle = 13,
    /// More events of NCCL were open at a time than there is room for; the event was kept without its end.
    NcclTableFull = 14,
    /// Another tool of the process took CUPTI's buffers: GPU operations are missing for a time.
    BuffersTaken = 15,
}

impl LossCause {
    /// All causes that have a counter, in the order of their codes.
    pub const ALL: [Self; 15] = [
        Self::RingFull,
        Self::ThreadBufferFull,
        Self::StringTableFull,
        Self::CuptiDropped,
        Self::Declined,
        Self::ZeroTimestamp,
        Self::TruncatedText,
        Self::BlockedCupti,
        Self::UnknownRecord,
        Self::NoThreadBuffer,
        Self::ExitDeadline,
        Self::RegistryFull,
        Self::StaleNcclHandle,
        Self::NcclTableFull,
        Self::BuffersTaken,
    ];

    /// The stable number of this cause in the file.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The cause with this number; [`LossCause::Unknown`] for one this version does not know.
    #[must_use]
    pub fn from_code(code: u16) -> Self {
        Self::ALL.into_iter().find(|cause| cause.code() == code).unwrap_or(Self::Unknown)
    }

    /// The stable name of this cause, for databases and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::RingFull => "ring_full",
            Self::ThreadBufferFull => "thread_buffer_full",
            Self::StringTableFull => "string_table_full",
            Self::CuptiDropped => "cupti_dropped",
            Self::Declined => "declined",
            Self::ZeroTimestamp => "zero_timestamp",
            Self::TruncatedText => "truncated_text",
            Self::BlockedCupti => "blocked_cupti",
            Self::UnknownRecord => "unknown_record",
            Self::NoThreadBuffer => "no_thread_buffer",
            Self::ExitDeadline => "exit_deadline",
            Self::RegistryFull => "registry_full",
            Self::StaleNcclHandle => "stale_nccl_handle",
            Self::NcclTableFull => "nccl_table_full",
            Self::BuffersTaken => "buffers_taken",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_consecutive_and_names_unique() {
        for (index, cause) in LossCause::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(cause.code()), index + 1);
            assert_eq!(LossCause::from_code(cause.code()), cause);
            assert_eq!(
                LossCause::ALL.iter().filter(|other| other.name() == cause.name()).count(),
                1
            );
        }
        assert_eq!(LossCause::from_code(999), LossCause::Unknown);
    }
}
