//! The binary interface of NVTX 3, as far as it is used: what the program passes, and where the functions go.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// `nvtxEventAttributes_t`, version 2.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct EventAttributes {
    pub(super) version: u16,
    /// Bytes of the structure; fields beyond it do not exist.
    pub(super) size: u16,
    pub(super) category: u32,
    /// 0 none, 1 ARGB.
    pub(super) color_type: i32,
    pub(super) color: u32,
    pub(super) payload_type: i32,
    pub(super) reserved: i32,
    pub(super) payload: u64,
    pub(super) message_type: i32,
    pub(super) message: *const c_void,
}

const _: () = {
    assert!(size_of::<EventAttributes>() == 48);
    assert!(std::mem::offset_of!(EventAttributes, category) == 4);
    assert!(std::mem::offset_of!(EventAttributes, color) == 12);
    assert!(std::mem::offset_of!(EventAttributes, payload_type) == 16);
    assert!(std::mem::offset_of!(EventAttributes, payload) == 24);
    assert!(std::mem::offset_of!(EventAttributes, message_type) == 32);
    assert!(std::mem::offset_of!(EventAttributes, message) == 40);
};

pub(super) const COLOR_ARGB: i32 = 1;

pub(super) const PAYLOAD_U64: i32 = 1;
pub(super) const PAYLOAD_I64: i32 = 2;
pub(super) const PAYLOAD_F64: i32 = 3;
pub(super) const PAYLOAD_U32: i32 = 4;
pub(super) const PAYLOAD_I32: i32 = 5;
pub(super) const PAYLOAD_F32: i32 = 6;

/// `NVTX_PAYLOAD_TYPE_EXT`: the payload points to [`PayloadData`], and `reserved` says to how many.
pub(super) const PAYLOAD_EXTENDED: i32 = 0xDFBD_0009_u32.cast_signed();
/// `NVTX_PAYLOAD_ENTRY_TYPE_SCHEMA_ID_STATIC_START`: schemas that programs number themselves begin here.
pub(super) const FIRST_STATIC_SCHEMA: u64 = 1 << 24;

/// `nvtxPayloadData_t`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct PayloadData {
    pub(super) schema: u64,
    pub(super) size: usize,
    pub(super) payload: *const c_void,
}

pub(super) const MESSAGE_ASCII: i32 = 1;
pub(super) const MESSAGE_UNICODE: i32 = 2;
pub(super) const MESSAGE_REGISTERED: i32 = 3;

/// A text of `char` (UTF-8 by convention), ended by 0.
pub(super) type Ascii = *const c_char;
/// A text of `wchar_t` (UTF-32 on Linux), ended by 0.
pub(super) type Wide = *const u32;
/// Domains and registered strings are opaque pointers to the program; ours are numbers.
pub(super) type Handle = *mut c_void;

/// A function of ours without its type, as the tables hold them.
pub(super) type AnyFunction = *const c_void;
/// An array (indexed by callback id) of pointers to the places that hold a function.
pub(super) type FunctionTable = *mut *mut AnyFunction;

/// Given to an injection: the way to the tables.
pub(crate) type GetExportTable = unsafe extern "C" fn(table: u32) -> *const c_void;

/// `NVTX_ETID_CALLBACKS`.
pub(super) const TABLE_OF_CALLBACKS: u32 = 1;

/// `NvtxExportTableCallbacks`.
#[repr(C)]
pub(super) struct CallbacksTable {
    pub(super) struct_size: usize,
    pub(super) get_module_function_table:
        Option<unsafe extern "C" fn(c_int, *mut FunctionTable, *mut c_uint) -> c_int>,
}

/// `NVTX_CB_MODULE_CORE`: functions of the default domain.
pub(super) const MODULE_CORE: c_int = 1;
/// `NVTX_CB_MODULE_CORE2`: functions that take a domain.
pub(super) const MODULE_CORE2: c_int = 5;
