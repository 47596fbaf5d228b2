//! NCCL's names of operations and element types.

/// The recording's name of an operation by NCCL's: `AllReduce`. Further ones are kept as they are.
pub(crate) fn operation(name: &str) -> &str {
    match name.strip_prefix("nccl").unwrap_or(name) {
        "AllReduce" => "all_reduce",
        "AllGather" => "all_gather",
        "ReduceScatter" => "reduce_scatter",
        "AlltoAll" | "AllToAll" => "all_to_all",
        "Broadcast" | "Bcast" => "broadcast",
        "Reduce" => "reduce",
        "Gather" => "gather",
        "Scatter" => "scatter",
        "Send" => "send",
        "Recv" => "recv",
        "SendRecv" => "send_recv",
        other => other,
    }
}

/// PyTorch's name of an element type, and its bytes, by NCCL's: `ncclFloat32`.
pub(crate) fn element(name: &str) -> Option<(&'static str, i64)> {
    Some(match name.strip_prefix("nccl")? {
        "Int8" | "Char" => ("int8", 1),
        "Uint8" => ("uint8", 1),
        "Int32" | "Int" => ("int32", 4),
        "Uint32" => ("uint32", 4),
        "Int64" => ("int64", 8),
        "Uint64" => ("uint64", 8),
        "Float16" | "Half" => ("float16", 2),
        "Float32" | "Float" => ("float32", 4),
        "Float64" | "Double" => ("float64", 8),
        "Bfloat16" => ("bfloat16", 2),
        "Float8e4m3" => ("float8_e4m3fn", 1),
        "Float8e5m2" => ("float8_e5m2", 1),
        _ => return None,
    })
}
