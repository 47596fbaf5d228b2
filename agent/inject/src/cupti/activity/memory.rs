//! Memory of the driver: what programs allocate and free through it, and its pools.

use perfagent_spool::Record;

use super::super::layout::{Memory, MemoryPool};
use super::Clock;

/// `CUPTI_ACTIVITY_MEMORY_OPERATION_TYPE_RELEASE`.
const RELEASE: u32 = 2;

pub(super) fn change(clock: Clock, memory: &Memory) -> Option<Record<'static>> {
    Some(Record::Memory {
        time: clock.at(memory.time)?,
        device: memory.device,
        context: memory.context,
        stream: memory.stream,
        correlation: memory.correlation,
        address: memory.address,
        bytes: memory.bytes,
        freed: memory.operation == RELEASE,
        kind: memory.of as u8,
        // The pool's place holds nothing where there is no pool.
        pool: if memory.pool_kind == 0 { 0 } else { memory.pool },
    })
}

pub(super) fn pool(clock: Clock, pool: &MemoryPool) -> Option<Record<'static>> {
    Some(Record::MemoryPool {
        time: clock.at(pool.time)?,
        device: pool.device,
        correlation: pool.correlation,
        address: pool.address,
        operation: pool.operation as u8,
        size: pool.size,
        used: pool.used,
    })
}
