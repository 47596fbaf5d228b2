//! What NVTX's headers compile into a program: tables of functions that an injection may fill, and the code that loads
//! the injection.
#![expect(unsafe_code, reason = "it stands in for C headers")]

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

type Slot = AtomicPtr<c_void>;

static CORE: [Slot; 16] = [const { Slot::new(ptr::null_mut()) }; 16];
static CORE2: [Slot; 16] = [const { Slot::new(ptr::null_mut()) }; 16];

/// `nvtxEventAttributes_t`, version 2.
#[repr(C)]
pub(crate) struct Attributes {
    pub(crate) version: u16,
    pub(crate) size: u16,
    pub(crate) category: u32,
    pub(crate) color_type: i32,
    pub(crate) color: u32,
    pub(crate) payload_type: i32,
    pub(crate) reserved: i32,
    pub(crate) payload: u64,
    pub(crate) message_type: i32,
    pub(crate) message: *const c_void,
}

impl Attributes {
    /// Nothing but a text of `char`.
    pub(crate) fn ascii(text: &std::ffi::CStr) -> Self {
        Self::of(1, text.as_ptr().cast())
    }

    /// Nothing but a message.
    pub(crate) fn of(message_type: i32, message: *const c_void) -> Self {
        Self {
            version: 3,
            size: 48,
            category: 0,
            color_type: 0,
            color: 0,
            payload_type: 0,
            reserved: 0,
            payload: 0,
            message_type,
            message,
        }
    }
}

#[repr(C)]
struct Callbacks {
    size: usize,
    get: extern "C" fn(c_int, *mut *mut *mut c_void, *mut c_uint) -> c_int,
}

extern "C" fn module(module: c_int, table: *mut *mut *mut c_void, size: *mut c_uint) -> c_int {
    struct Table([*const Slot; 16]);
    // SAFETY: addresses of statics.
    unsafe impl Sync for Table {}
    static CORE_TABLE: Table = Table(pointers(&CORE));
    static CORE2_TABLE: Table = Table(pointers(&CORE2));
    let chosen = match module {
        1 => &CORE_TABLE,
        5 => &CORE2_TABLE,
        _ => return 0,
    };
    // SAFETY: the injection passes valid places.
    unsafe {
        *table = chosen.0.as_ptr().cast_mut().cast();
        *size = 16;
    }
    1
}

const fn pointers(slots: &'static [Slot; 16]) -> [*const Slot; 16] {
    let mut table = [ptr::null(); 16];
    let mut id = 1;
    while id < 16 {
        table[id] = &raw const slots[id];
        id += 1;
    }
    table
}

extern "C" fn export_table(table: u32) -> *const c_void {
    static CALLBACKS: Callbacks = Callbacks { size: size_of::<Callbacks>(), get: module };
    if table == 1 { (&raw const CALLBACKS).cast() } else { ptr::null() }
}

/// What happens at the first call of any NVTX function.
fn load() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(path) = std::env::var("NVTX_INJECTION64_PATH") else { return };
        let path = CString::new(path).unwrap();
        // SAFETY: what the headers do: open, look up, call.
        unsafe {
            let library = libc::dlopen(path.as_ptr(), libc::RTLD_LAZY);
            if library.is_null() {
                return;
            }
            let entry = libc::dlsym(library, c"InitializeInjectionNvtx2".as_ptr());
            let entry: extern "C" fn(extern "C" fn(u32) -> *const c_void) -> c_int =
                std::mem::transmute(entry);
            if entry(export_table) == 0 {
                libc::dlclose(library);
            }
        }
    });
}

macro_rules! calls {
    ($( $table:ident[$id:literal] fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty; )*) => {$(
        pub(crate) fn $name($($argument: $type),*) -> $answer {
            load();
            let function = $table[$id].load(Ordering::Relaxed);
            if function.is_null() {
                return Default::default();
            }
            // SAFETY: the injection put a function of this id's type there.
            unsafe {
                let function: unsafe extern "C" fn($($type),*) -> $answer = std::mem::transmute(function);
                function($($argument),*)
            }
        }
    )*};
}

calls! {
    CORE[1] fn mark_ex(attributes: *const Attributes) -> ();
    CORE[2] fn mark(text: *const c_char) -> ();
    CORE[3] fn mark_wide(text: *const u32) -> ();
    CORE[4] fn range_start_ex(attributes: *const Attributes) -> u64;
    CORE[7] fn range_end(id: u64) -> ();
    CORE[8] fn range_push_ex(attributes: *const Attributes) -> c_int;
    CORE[9] fn range_push(text: *const c_char) -> c_int;
    CORE[11] fn range_pop() -> c_int;
    CORE[12] fn name_category(category: u32, name: *const c_char) -> ();
    CORE[14] fn name_os_thread(tid: u32, name: *const c_char) -> ();
    CORE2[4] fn domain_range_push_ex(domain: usize, attributes: *const Attributes) -> c_int;
    CORE2[5] fn domain_range_pop(domain: usize) -> c_int;
    CORE2[8] fn domain_name_category(domain: usize, category: u32, name: *const c_char) -> ();
    CORE2[10] fn domain_register_string(domain: usize, text: *const c_char) -> usize;
    CORE2[12] fn domain_create(name: *const c_char) -> usize;
}
