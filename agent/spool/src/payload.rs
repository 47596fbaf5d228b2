//! What an NVTX event carries besides its message.

/// The number that an NVTX event carries.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Payload {
    /// No number.
    #[default]
    None,
    /// An unsigned integer (32-bit ones are widened).
    U64(u64),
    /// A signed integer (32-bit ones are widened).
    I64(i64),
    /// A floating-point number (32-bit ones are widened).
    F64(f64),
}
