//! The words of a trace in the recording's terms.

use perfagent_recording::table::{CopyKind, Timing, WaitKind};

use crate::copy_kind;

/// What becomes of an event of a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Kernel,
    Copy,
    Memset,
    /// A call of the CUDA or HIP runtime or driver.
    Call,
    Operator,
    /// A range that the program marked.
    Annotation,
    /// A wait for the GPU, or of one stream for another.
    Wait,
    /// A kernel or a stretch of time with its hardware counters.
    Measured,
    /// A point in time that the program marked, in files of perfagent's own.
    Mark,
    /// A collective as an event of its own, in files of perfagent's own.
    Collective,
    /// A reading of a counter, in files of perfagent's own.
    Sample,
    /// Rows on the GPU's tracks that are no operations: spans over kernels, counters.
    OnGpu,
    /// What a recording has no place for.
    Other,
}

impl Class {
    /// The class of a category, whatever its case: the writers of 2021 capitalised them.
    pub(crate) fn of(category: &str) -> Self {
        match category.to_ascii_lowercase().as_str() {
            "kernel" | "concurrent_kernel" => Self::Kernel,
            "gpu_memcpy" | "memcpy" => Self::Copy,
            "gpu_memset" | "memset" => Self::Memset,
            "cuda_runtime" | "cuda_driver" | "hip_runtime" | "runtime" | "driver" => Self::Call,
            "cpu_op" | "operator" => Self::Operator,
            "user_annotation" => Self::Annotation,
            "cuda_sync" => Self::Wait,
            "cuda_profiler_range" => Self::Measured,
            "nvtx_mark" => Self::Mark,
            "perfagent_collective" => Self::Collective,
            "perfagent_counter" => Self::Sample,
            other if other.starts_with("gpu_") => Self::OnGpu,
            _ => Self::Other,
        }
    }
}

/// The kind of a copy by its name: `Memcpy HtoD (Pageable -> Device)`.
pub(crate) fn copy_kind(name: &str) -> CopyKind {
    let way = name.strip_prefix("Memcpy ").unwrap_or(name);
    // Behind the way stand the two kinds of memory.
    let first = way.get(..4).unwrap_or(way);
    copy_kind::of(way).or_else(|| copy_kind::of(first)).unwrap_or_default()
}

/// Bytes of an element of a PyTorch scalar type (`c10::ScalarType`).
pub(crate) fn size_of(dtype: &str) -> Option<i64> {
    Some(match dtype {
        "Byte" | "Char" | "Bool" | "Float8_e5m2" | "Float8_e4m3fn" | "Float8_e5m2fnuz"
        | "Float8_e4m3fnuz" | "Float8_e8m0fnu" => 1,
        "Half" | "BFloat16" | "Short" | "UInt16" => 2,
        "Float" | "Int" | "UInt32" | "ComplexHalf" => 4,
        "Double" | "Long" | "UInt64" | "ComplexFloat" => 8,
        "ComplexDouble" => 16,
        _ => return None,
    })
}

/// The recording's name of a collective by that of PyTorch's process groups.
pub(crate) fn collective(name: &str) -> &str {
    match name {
        "allreduce" | "allreduce_coalesced" | "allreduce_sparse" => "all_reduce",
        "allgather"
        | "_allgather_base"
        | "allgather_coalesced"
        | "allgather_into_tensor_coalesced" => "all_gather",
        "_reduce_scatter_base" | "reduce_scatter_tensor_coalesced" => "reduce_scatter",
        "all_to_allv" | "alltoall" | "alltoall_base" => "all_to_all",
        other => other,
    }
}

/// What was waited for, by `cuda_sync_kind`.
pub(crate) fn wait_kind(kind: &str) -> WaitKind {
    match kind {
        "Event Sync" => WaitKind::Event,
        "Stream Wait Event" => WaitKind::StreamEvent,
        "Stream Sync" => WaitKind::Stream,
        "Context Sync" => WaitKind::Context,
        _ => WaitKind::Other,
    }
}

/// What the times of a collective are, in the recording's own words.
pub(crate) fn timing(text: &str) -> Timing {
    match text {
        "kernel" => Timing::Kernel,
        "enqueue" => Timing::Enqueue,
        _ => Timing::Call,
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, copy_kind};
    use perfagent_recording::table::CopyKind;

    #[test]
    fn categories_of_every_age() {
        for (category, class) in [
            ("Kernel", Class::Kernel),
            ("gpu_memcpy", Class::Copy),
            ("Memset", Class::Memset),
            ("cuda_driver", Class::Call),
            ("Operator", Class::Operator),
            ("gpu_user_annotation", Class::OnGpu),
            ("cuda_sync", Class::Wait),
            ("cuda_profiler_range", Class::Measured),
            ("overhead", Class::Other),
            ("", Class::Other),
        ] {
            assert_eq!(Class::of(category), class, "{category}");
        }
    }

    #[test]
    fn copies_by_name() {
        assert_eq!(copy_kind("Memcpy HtoD (Pinned -> Device)"), CopyKind::HtoD);
        assert_eq!(copy_kind("DtoH"), CopyKind::DtoH);
        assert_eq!(copy_kind("Memcpy ÄÖ"), CopyKind::Other);
        assert_eq!(copy_kind("Memcpy unified-DtoH"), CopyKind::UnifiedDtoH);
        assert_eq!(copy_kind(""), CopyKind::Other);
    }
}
