//! NCCL's names for operations and element types, and how many bytes a call moves as nccl-tests counts them.

/// The operation by the recording's name; anything unknown as NCCL calls it.
pub(super) fn op(name: &str) -> &str {
    match name {
        "AllReduce" => "all_reduce",
        "AllGather" => "all_gather",
        "ReduceScatter" => "reduce_scatter",
        "AlltoAll" => "all_to_all",
        "Broadcast" => "broadcast",
        "Reduce" => "reduce",
        "Gather" => "gather",
        "Scatter" => "scatter",
        "Send" => "send",
        "Recv" => "recv",
        other => other,
    }
}

/// The element type by its PyTorch name, and its size in bytes; `None` when it is not known.
fn element(dtype: &str) -> Option<(&'static str, u64)> {
    Some(match dtype {
        "ncclInt8" => ("int8", 1),
        "ncclUint8" => ("uint8", 1),
        "ncclInt32" => ("int32", 4),
        "ncclUint32" => ("uint32", 4),
        "ncclInt64" => ("int64", 8),
        "ncclUint64" => ("uint64", 8),
        "ncclFloat16" => ("float16", 2),
        "ncclFloat32" => ("float32", 4),
        "ncclFloat64" => ("float64", 8),
        "ncclBfloat16" => ("bfloat16", 2),
        "ncclFloat8e4m3" => ("float8_e4m3fn", 1),
        "ncclFloat8e5m2" => ("float8_e5m2", 1),
        _ => return None,
    })
}

/// The element type of a call. For all-gathers and broadcasts NCCL counts bytes whatever the program passed, so its
/// `ncclInt8` says nothing there; `user` is what the program passed, empty when it is not known.
pub(super) fn dtype<'a>(op: &str, dtype: &'a str, user: &'a str) -> &'a str {
    let known = |dtype: &'a str| element(dtype).map_or(dtype, |(name, _)| name);
    if !user.is_empty() {
        return known(user);
    }
    match (op, dtype) {
        ("all_gather" | "broadcast", "ncclInt8") => "",
        _ => known(dtype),
    }
}

/// Bytes of a call: `count` elements, for operations of which each rank holds a part times `ranks`. `None` when the
/// operation, the element type or the number of ranks that this needs is not known.
pub(super) fn bytes(op: &str, dtype: &str, count: u64, ranks: i32) -> Option<i64> {
    let part = count.checked_mul(element(dtype)?.1)?;
    let whole = match op {
        "all_reduce" | "broadcast" | "reduce" | "send" | "recv" => part,
        "all_gather" | "reduce_scatter" | "all_to_all" | "gather" | "scatter" => {
            part.checked_mul(u64::try_from(ranks).ok().filter(|ranks| *ranks > 0)?)?
        }
        _ => return None,
    };
    i64::try_from(whole).ok()
}

#[cfg(test)]
mod tests {
    use super::{bytes, dtype};

    #[test]
    fn sizes_are_those_of_nccl_tests() {
        assert_eq!(bytes("all_reduce", "ncclFloat32", 1024, 4), Some(4096));
        assert_eq!(bytes("all_gather", "ncclInt8", 4096, 4), Some(16384));
        assert_eq!(bytes("reduce_scatter", "ncclBfloat16", 100, 8), Some(1600));
        assert_eq!(bytes("send", "ncclFloat64", 3, 0), Some(24));
    }

    #[test]
    fn what_is_not_known_has_no_size() {
        assert_eq!(bytes("all_reduce", "ncclFloat4e2m1", 1024, 4), None, "element type");
        assert_eq!(bytes("all_gather", "ncclFloat32", 1024, 0), None, "number of ranks");
        assert_eq!(bytes("AllGatherV", "ncclFloat32", 1024, 4), None, "operation");
        assert_eq!(bytes("all_reduce", "ncclFloat64", u64::MAX / 2, 4), None, "too large");
    }

    #[test]
    fn a_rewritten_element_type_is_not_believed() {
        assert_eq!(dtype("all_gather", "ncclInt8", "ncclBfloat16"), "bfloat16");
        assert_eq!(dtype("all_gather", "ncclInt8", ""), "");
        assert_eq!(dtype("all_reduce", "ncclInt8", ""), "int8");
        assert_eq!(dtype("all_reduce", "ncclFloat4e2m1", ""), "ncclFloat4e2m1");
    }
}
