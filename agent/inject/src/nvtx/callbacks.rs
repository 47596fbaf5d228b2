//! The functions that NVTX calls of the program end in, and how they get there.
#![expect(unsafe_code, reason = "the doors that C code calls")]

use std::ffi::{c_char, c_int, c_uint};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::attributes::{ascii, event, wide};
use super::extended;
use super::sys::{
    AnyFunction, Ascii, CallbacksTable, EventAttributes, FunctionTable, GetExportTable, Handle,
    MODULE_CORE, MODULE_CORE2, TABLE_OF_CALLBACKS, Wide,
};
use crate::capture::{self, Part};
use crate::door::door;
use crate::inbox::{self, Item};
use crate::message::{Event, Kind, Text};
use crate::thread_buffer::MOST_CAPTURES;
use crate::{lifecycle, threads};

/// What push and pop return when they do nothing: `NVTX_NO_PUSH_POP_TRACKING`.
const NOT_TRACKED: c_int = -2;

/// Called by each library that has NVTX compiled in, at its first NVTX call. Other threads of the program wait for it.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn InitializeInjectionNvtx2(tables: Option<GetExportTable>) -> c_int {
    door(0, || {
        let Some(tables) = tables else { return 0 };
        // SAFETY: NVTX passes its own function, which answers with its own tables.
        c_int::from(lifecycle::start() && unsafe { attach(tables) })
    })
}

/// Puts our functions into the tables of one NVTX instance.
unsafe fn attach(tables: GetExportTable) -> bool {
    // SAFETY: the caller's promise.
    let Some(table) = (unsafe { tables(TABLE_OF_CALLBACKS).cast::<CallbacksTable>().as_ref() })
    else {
        return false;
    };
    let Some(get) = table.get_module_function_table else { return false };
    if table.struct_size < size_of::<CallbacksTable>() {
        return false;
    }
    for (module, functions) in [(MODULE_CORE, &core()[..]), (MODULE_CORE2, &core2()[..])] {
        let mut slots: FunctionTable = ptr::null_mut();
        let mut count: c_uint = 0;
        // SAFETY: both places are valid for the answer.
        if unsafe { get(module, &raw mut slots, &raw mut count) } == 0 || slots.is_null() {
            return false;
        }
        for &(id, function) in functions {
            if id < count as usize {
                // SAFETY: the table has `count` entries, each null or a place for a function of that id's type.
                unsafe {
                    let slot = *slots.add(id);
                    if !slot.is_null() {
                        *slot = function;
                    }
                }
            }
        }
    }
    true
}

/// The functions of the default domain, by callback id.
fn core() -> [(usize, AnyFunction); 15] {
    [
        (1, mark_ex as AnyFunction),
        (2, mark_a as AnyFunction),
        (3, mark_w as AnyFunction),
        (4, range_start_ex as AnyFunction),
        (5, range_start_a as AnyFunction),
        (6, range_start_w as AnyFunction),
        (7, range_end as AnyFunction),
        (8, range_push_ex as AnyFunction),
        (9, range_push_a as AnyFunction),
        (10, range_push_w as AnyFunction),
        (11, range_pop as AnyFunction),
        (12, name_category_a as AnyFunction),
        (13, name_category_w as AnyFunction),
        (14, name_os_thread_a as AnyFunction),
        (15, name_os_thread_w as AnyFunction),
    ]
}

/// The functions that take a domain, by callback id. Resources and destruction mean nothing to a recording.
fn core2() -> [(usize, AnyFunction); 11] {
    [
        (1, domain_mark_ex as AnyFunction),
        (2, domain_range_start_ex as AnyFunction),
        (3, domain_range_end as AnyFunction),
        (4, domain_range_push_ex as AnyFunction),
        (5, domain_range_pop as AnyFunction),
        (8, domain_name_category_a as AnyFunction),
        (9, domain_name_category_w as AnyFunction),
        (10, domain_register_string_a as AnyFunction),
        (11, domain_register_string_w as AnyFunction),
        (12, domain_create_a as AnyFunction),
        (13, domain_create_w as AnyFunction),
    ]
}

fn number_of(domain: Handle) -> u32 {
    domain.addr() as u32
}

fn handle_of(number: u32) -> Handle {
    ptr::without_provenance_mut(number as usize)
}

/// Runs `inside` unless recording is off.
#[inline]
fn recorded<T: Copy>(otherwise: T, inside: impl FnOnce() -> T) -> T {
    door(otherwise, || if lifecycle::is_on() { inside() } else { otherwise })
}

fn push(event: &Event<'_>) -> c_int {
    let part = capture::part_of(event);
    let level = threads::current().map_or(NOT_TRACKED, |buffer| buffer.push(event, part));
    if part == Part::Capture && (0..MOST_CAPTURES).contains(&level) {
        capture::open();
    }
    level
}

fn pop(domain: u32) -> c_int {
    recorded(NOT_TRACKED, || {
        let event = Event::bare(Kind::Pop, domain);
        let Some(buffer) = threads::current() else { return NOT_TRACKED };
        let popped = buffer.pop(&event);
        if popped.ends_capture {
            capture::close();
        }
        popped.level
    })
}

fn mark(event: &Event<'_>) {
    if capture::is_on() {
        record(event);
    }
}

fn record(event: &Event<'_>) {
    if let Some(buffer) = threads::current() {
        buffer.record(event);
    }
}

fn start(mut event: Event<'_>) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    event.id = NEXT.fetch_add(1, Ordering::Relaxed);
    match capture::part_of(&event) {
        Part::Recorded => record(&event),
        Part::Outside => event.id |= NOT_RECORDED,
        Part::Capture => {
            event.id |= BEGINS_CAPTURE;
            record(&event);
            capture::open();
        }
    }
    event.id
}

fn end(id: u64) {
    recorded((), || {
        if id & NOT_RECORDED == 0 {
            record(&Event { id, ..Event::bare(Kind::End, 0) });
        }
        if id & BEGINS_CAPTURE != 0 {
            capture::close();
        }
    });
}

/// Marks in the id of a started range, which the program gives back at its end.
const NOT_RECORDED: u64 = 1 << 63;
const BEGINS_CAPTURE: u64 = 1 << 62;

fn create_domain(name: Vec<u8>) -> u32 {
    let is = name.clone();
    let number = inbox::create_domain(name);
    extended::domain_created(number, &is);
    capture::domain_created(number, &is);
    number
}

fn register_string(text: Vec<u8>) -> u32 {
    let is = text.clone();
    let number = inbox::register_string(text);
    capture::registered(number, &is);
    number
}

/// An event of the default domain that has nothing but a text.
fn plain(kind: Kind, text: Text<'_>) -> Event<'_> {
    Event { text, ..Event::bare(kind, 0) }
}

/// The text as bytes of its own, for what is kept.
fn owned(text: Text<'_>) -> Vec<u8> {
    match text {
        Text::Bytes(bytes, _) => bytes.to_owned(),
        Text::Wide(wide, _) => wide
            .iter()
            .map(|point| char::from_u32(*point).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>()
            .into_bytes(),
        Text::None | Text::Registered(_) => Vec::new(),
    }
}

/// Declares doors: each reads what the program passes (SAFETY: NVTX's contract with the program is that texts end with
/// 0 and structures are as large as they say, for the time of the call) and hands it on.
macro_rules! doors {
    ($( fn $name:ident($($argument:ident: $type:ty),*) $(-> $answer:ty = $otherwise:expr)?, $inside:expr; )*) => {$(
        unsafe extern "C" fn $name($($argument: $type),*) -> doors!(@answer $($answer)?) {
            // SAFETY: NVTX's contract with the program, see above.
            recorded(doors!(@otherwise $($otherwise)?), || unsafe { $inside })
        }
    )*};
    (@answer) => { () };
    (@answer $answer:ty) => { $answer };
    (@otherwise) => { () };
    (@otherwise $otherwise:expr) => { $otherwise };
}

type Attributes = *const EventAttributes;

doors! {
    fn mark_ex(attributes: Attributes), mark(&event(Kind::Mark, 0, attributes));
    fn mark_a(text: Ascii), mark(&plain(Kind::Mark, ascii(text)));
    fn mark_w(text: Wide), mark(&plain(Kind::Mark, wide(text)));
    fn range_start_ex(attributes: Attributes) -> u64 = 0, start(event(Kind::Start, 0, attributes));
    fn range_start_a(text: Ascii) -> u64 = 0, start(plain(Kind::Start, ascii(text)));
    fn range_start_w(text: Wide) -> u64 = 0, start(plain(Kind::Start, wide(text)));
    fn range_push_ex(attributes: Attributes) -> c_int = NOT_TRACKED, push(&event(Kind::Push, 0, attributes));
    fn range_push_a(text: Ascii) -> c_int = NOT_TRACKED, push(&plain(Kind::Push, ascii(text)));
    fn range_push_w(text: Wide) -> c_int = NOT_TRACKED, push(&plain(Kind::Push, wide(text)));
    fn name_category_a(category: u32, name: *const c_char),
        inbox::put(Item::Category { domain: 0, category, name: owned(ascii(name)) });
    fn name_category_w(category: u32, name: Wide),
        inbox::put(Item::Category { domain: 0, category, name: owned(wide(name)) });
    fn name_os_thread_a(tid: u32, name: Ascii), inbox::put(Item::ThreadName { tid, name: owned(ascii(name)) });
    fn name_os_thread_w(tid: u32, name: Wide), inbox::put(Item::ThreadName { tid, name: owned(wide(name)) });
    fn domain_mark_ex(domain: Handle, attributes: Attributes),
        mark(&event(Kind::Mark, number_of(domain), attributes));
    fn domain_range_start_ex(domain: Handle, attributes: Attributes) -> u64 = 0,
        start(event(Kind::Start, number_of(domain), attributes));
    fn domain_range_push_ex(domain: Handle, attributes: Attributes) -> c_int = NOT_TRACKED,
        push(&event(Kind::Push, number_of(domain), attributes));
    fn domain_name_category_a(domain: Handle, category: u32, name: Ascii),
        inbox::put(Item::Category { domain: number_of(domain), category, name: owned(ascii(name)) });
    fn domain_name_category_w(domain: Handle, category: u32, name: Wide),
        inbox::put(Item::Category { domain: number_of(domain), category, name: owned(wide(name)) });
    fn domain_register_string_a(_domain: Handle, text: Ascii) -> Handle = ptr::null_mut(),
        handle_of(register_string(owned(ascii(text))));
    fn domain_register_string_w(_domain: Handle, text: Wide) -> Handle = ptr::null_mut(),
        handle_of(register_string(owned(wide(text))));
    fn domain_create_a(name: Ascii) -> Handle = ptr::null_mut(),
        handle_of(create_domain(owned(ascii(name))));
    fn domain_create_w(name: Wide) -> Handle = ptr::null_mut(),
        handle_of(create_domain(owned(wide(name))));
}

unsafe extern "C" fn range_end(id: u64) {
    end(id);
}

unsafe extern "C" fn range_pop() -> c_int {
    pop(0)
}

unsafe extern "C" fn domain_range_end(_domain: Handle, id: u64) {
    end(id);
}

unsafe extern "C" fn domain_range_pop(domain: Handle) -> c_int {
    pop(number_of(domain))
}
