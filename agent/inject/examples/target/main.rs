//! A program to be recorded, for the tests of this crate, and for measuring what recording costs it:
//! `cargo run -p perfagent-inject --example target -- cost` under `NVTX_INJECTION64_PATH`.
#![expect(unsafe_code, reason = "a program that uses C interfaces")]
#![expect(clippy::print_stdout, reason = "a program")]
#![expect(clippy::disallowed_methods, reason = "a pace is what these programs are about")]

mod endings;
mod load;
mod nvtx;

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use nvtx::Attributes;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("ranges") => ranges(),
        Some("extended") => extended(),
        Some("fork") => return fork(),
        Some("leave") => leave(),
        Some("hang") => hang(),
        Some("end") => endings::end(&std::env::args().nth(2).unwrap_or_default()),
        Some("flood") => flood(),
        Some("threads") => many_threads(),
        Some("cuda") => cuda(),
        Some("surroundings") => surroundings(),
        Some("graphs") => graphs(),
        Some("waits") => waits(),
        Some("capture") => capture(),
        Some("reset") => reset(),
        Some("theft") => theft(true),
        Some("rest") => theft(false),
        Some("nccl") => nccl(),
        Some("cost") => cost(),
        Some("load") => load::run(),
        other => {
            println!("unknown mode {other:?}");
            return ExitCode::FAILURE;
        }
    }
    println!("target done");
    ExitCode::from(42)
}

/// Everything that NVTX offers, on the main thread and three others.
fn ranges() {
    assert_eq!(nvtx::range_push(c"outer".as_ptr()), 0);
    assert_eq!(nvtx::range_push(c"inner".as_ptr()), 1);
    assert_eq!(nvtx::range_pop(), 1);
    let domain = nvtx::domain_create(c"my domain".as_ptr());
    let registered = nvtx::domain_register_string(domain, c"registered text".as_ptr());
    nvtx::domain_name_category(domain, 5, c"my category".as_ptr());
    let attributes = Attributes {
        category: 5,
        color_type: 1,
        color: 0xff11_2233,
        payload_type: 3,
        payload: 2.5_f64.to_bits(),
        ..Attributes::of(3, std::ptr::without_provenance(registered))
    };
    assert_eq!(nvtx::domain_range_push_ex(domain, &raw const attributes), 0);
    assert_eq!(nvtx::domain_range_pop(domain), 0);
    assert_eq!(nvtx::range_pop(), 0);
    assert_eq!(nvtx::range_pop(), -1, "nothing is open any more");

    let wide: Vec<u32> = "breit 日本".chars().map(u32::from).chain([0]).collect();
    nvtx::mark_wide(wide.as_ptr());
    let long = CString::new("l".repeat(5000)).unwrap();
    nvtx::mark(long.as_ptr());
    nvtx::mark(std::ptr::null());
    let marked = Attributes { payload_type: 5, payload: 0xffff_fff9, ..Attributes::ascii(c"mark") };
    nvtx::mark_ex(&raw const marked);
    let id = nvtx::range_start_ex(&raw const marked);
    thread::spawn(move || nvtx::range_end(id)).join().unwrap();
    nvtx::name_category(1, c"default's category".as_ptr());
    // SAFETY: a plain system call.
    nvtx::name_os_thread(unsafe { libc::gettid() } as u32, c"the main one".as_ptr());

    let workers: Vec<_> = (0..3)
        .map(|worker| {
            let name = format!("worker-{worker}");
            thread::Builder::new().name(name).spawn(move || {
                for step in 0..1000_u64 {
                    let attributes =
                        Attributes { payload_type: 1, payload: step, ..Attributes::ascii(c"work") };
                    nvtx::range_push_ex(&raw const attributes);
                    nvtx::range_pop();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.unwrap().join().unwrap();
    }
}

/// Ranges whose payloads are structures: NCCL's, of before and since 2.26, and those of another domain.
fn extended() {
    #[repr(C)]
    struct Data(u64, usize, *const c_void);
    let numbers = [4096_u64, 77, 8192];
    let push = |domain, schema: u64, size: usize, first: usize| {
        let data = Data((1 << 24) + schema, size, (&raw const numbers[first]).cast());
        let attributes = Attributes {
            payload_type: 0xDFBD_0009_u32.cast_signed(),
            reserved: 1,
            payload: (&raw const data).expose_provenance() as u64,
            ..Attributes::ascii(c"ncclAllReduce")
        };
        nvtx::domain_range_push_ex(domain, &raw const attributes);
        nvtx::domain_range_pop(domain);
    };
    let (nccl, other) =
        (nvtx::domain_create(c"NCCL".as_ptr()), nvtx::domain_create(c"other".as_ptr()));
    push(nccl, 5, 16, 0);
    push(nccl, 5, 24, 1);
    push(nccl, 4, 8, 2);
    push(nccl, 5, 48, 0);
    push(nccl, 99, 16, 0);
    push(other, 5, 16, 0);
}

/// A child that goes on calling NVTX and ends normally must neither hang nor write.
fn fork() -> ExitCode {
    nvtx::range_push(c"parent".as_ptr());
    // SAFETY: the child calls only what any forked program of this kind would.
    let child = unsafe { libc::fork() };
    if child == 0 {
        for _ in 0..1000 {
            nvtx::range_push(c"child".as_ptr());
            nvtx::range_pop();
        }
        // SAFETY: ends the child the normal way, through the handlers that it inherited.
        unsafe { libc::exit(5) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    nvtx::range_pop();
    assert_eq!(libc::WEXITSTATUS(status), 5);
    ExitCode::from(42)
}

/// Opens a range, waits for a line, and ends without exit handlers.
fn leave() {
    nvtx::range_push(c"before leaving".as_ptr());
    std::io::stdin().read_line(&mut String::new()).unwrap();
    // SAFETY: ends the process at once.
    unsafe { libc::_exit(7) };
}

/// Opens a range and waits to be killed.
fn hang() {
    nvtx::range_push(c"before the kill".as_ptr());
    loop {
        thread::park();
    }
}

/// More than can be kept, nested.
fn flood() {
    for _ in 0..200_000 {
        for name in [c"one", c"two", c"three"] {
            nvtx::range_push(name.as_ptr());
        }
        for _ in 0..3 {
            nvtx::range_pop();
        }
    }
}

/// Threads that come and go.
fn many_threads() {
    for _ in 0..200 {
        thread::spawn(|| nvtx::mark(c"short life".as_ptr())).join().unwrap();
        thread::sleep(Duration::from_millis(1));
    }
}

/// A program with NCCL: which versions of profiler plugins it speaks, and the scenario, are the second and third words.
/// Its CUDA starts first, as NCCL's own does, unless a fourth word says no.
fn nccl() {
    let words: Vec<_> = std::env::args().collect();
    let speaks = words[2].parse().unwrap();
    let scenario = CString::new(words[3].as_str()).unwrap();
    // SAFETY: the libraries are the stand-in, whose functions have these types.
    let play = unsafe {
        if words.get(4).is_none() {
            let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
            assert!(!library.is_null(), "no libcuda.so.1 on the library path");
            let init: extern "C" fn(c_uint) -> c_int = function(library, c"cuInit");
            assert_eq!(init(0), 0);
        }
        let library = libc::dlopen(c"libnccl.so.2".as_ptr(), libc::RTLD_NOW);
        assert!(!library.is_null(), "no libnccl.so.2 on the library path");
        let play: extern "C" fn(u32, *const c_char) -> c_int = function(library, c"fake_nccl");
        play
    };
    assert_eq!(play(speaks, scenario.as_ptr()), 0);
}

/// A CUDA program: the driver is loaded, and the GPU runs operations.
fn cuda() {
    let rounds = std::env::args().nth(2).map_or(10, |rounds| rounds.parse().unwrap());
    // SAFETY: the library is the stand-in, whose functions have these types.
    let (init, launch) = unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        assert!(!library.is_null(), "no libcuda.so.1 on the library path");
        let init: extern "C" fn(c_uint) -> c_int = function(library, c"cuInit");
        let launch: extern "C" fn(u32, *const c_char) = function(library, c"fake_gpu_launch");
        (init, launch)
    };
    nvtx::range_push(c"cuda".as_ptr());
    assert_eq!(init(0), 0);
    launch(rounds, std::ptr::null());
    nvtx::range_pop();
}

/// A CUDA program of which everything but its kernels is of interest. Prints how many functions are muted.
fn surroundings() {
    // SAFETY: the library is the stand-in, whose functions have these types.
    let (init, surroundings, muted) = unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        let init: extern "C" fn(c_uint) -> c_int = function(library, c"cuInit");
        let surroundings: extern "C" fn() = function(library, c"fake_gpu_surroundings");
        let muted: extern "C" fn() -> usize = function(library, c"fake_gpu_muted");
        (init, surroundings, muted)
    };
    nvtx::range_push(c"cuda".as_ptr());
    assert_eq!(init(0), 0);
    surroundings();
    nvtx::range_pop();
    println!("{} muted", muted());
}

/// A program that waits for the GPU in every way, and in a range of its own once more.
fn waits() {
    type Handle = *mut c_void;
    let handle = std::ptr::without_provenance_mut;
    // SAFETY: the library is the stand-in, whose functions have these types.
    let (init, device, stream, own, event, wait, record, driver) = unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        let init: extern "C" fn(c_uint) -> c_int = function(library, c"cuInit");
        let device: extern "C" fn() -> c_int = function(library, c"cudaDeviceSynchronize");
        let stream: extern "C" fn(Handle) -> c_int = function(library, c"cudaStreamSynchronize");
        let own: extern "C" fn(Handle) -> c_int = function(library, c"cudaStreamSynchronize_ptsz");
        let event: extern "C" fn(Handle) -> c_int = function(library, c"cudaEventSynchronize");
        let wait: extern "C" fn(Handle, Handle, c_uint) -> c_int =
            function(library, c"cudaStreamWaitEvent");
        let record: extern "C" fn(Handle, Handle) -> c_int = function(library, c"cudaEventRecord");
        let driver: extern "C" fn(Handle) -> c_int = function(library, c"cuStreamSynchronize");
        (init, device, stream, own, event, wait, record, driver)
    };
    assert_eq!(init(0), 0);
    nvtx::range_push(c"step".as_ptr());
    device();
    stream(handle(13));
    stream(handle(0));
    // CU_STREAM_PER_THREAD.
    stream(handle(2));
    own(handle(0));
    record(handle(0x5500_0010), handle(13));
    record(handle(0x5500_0020), handle(14));
    record(handle(0x5500_0010), handle(15));
    event(handle(0x5500_0010));
    wait(handle(16), handle(0x5500_0020), 0);
    event(handle(0x5500_0040));
    driver(handle(13));
    nvtx::range_pop();
    device();
    // What has been destroyed.
    assert_ne!(stream(handle(0xdead)), 0);
    assert_ne!(record(handle(0x5500_0010), handle(0xdead)), 0);
    assert_ne!(wait(handle(0xdead), handle(0x5500_0010), 0), 0);
}

/// Ranges named "step" of every kind among others, each with a round of operations in it; and the profiler's own range.
fn capture() {
    // SAFETY: the library is the stand-in, whose functions have these types.
    let (init, launch, start, stop) = unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        let init: extern "C" fn(c_uint) -> c_int = function(library, c"cuInit");
        let launch: extern "C" fn(u32, *const c_char) = function(library, c"fake_gpu_launch");
        let start: extern "C" fn() -> c_int = function(library, c"cuProfilerStart");
        let stop: extern "C" fn() -> c_int = function(library, c"cuProfilerStop");
        (init, launch, start, stop)
    };
    let work = || launch(1, std::ptr::null());
    nvtx::range_push(c"outer".as_ptr());
    assert_eq!(init(0), 0);
    work();
    nvtx::range_push(c"step".as_ptr());
    nvtx::range_push(c"inner".as_ptr());
    work();
    nvtx::range_pop();
    nvtx::range_pop();
    work();
    nvtx::mark(c"outside".as_ptr());
    let domain = nvtx::domain_create(c"mine".as_ptr());
    let registered = nvtx::domain_register_string(domain, c"step".as_ptr());
    let attributes = Attributes::of(3, std::ptr::without_provenance(registered));
    nvtx::domain_range_push_ex(domain, &raw const attributes);
    work();
    nvtx::domain_range_pop(domain);
    let [unwanted, wanted] = [c"other", c"step"].map(Attributes::ascii);
    let other = nvtx::range_start_ex(&raw const unwanted);
    let id = nvtx::range_start_ex(&raw const wanted);
    work();
    nvtx::range_end(other);
    thread::spawn(move || nvtx::range_end(id)).join().unwrap();
    work();
    nvtx::range_pop();
    start();
    work();
    stop();
    work();
}

/// Operations whose records are gone with the reset of their device, if nobody takes them before.
fn reset() {
    // SAFETY: the library is the stand-in, whose functions have these types.
    let (init, launch, reset) = unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        let init: extern "C" fn(c_uint) -> c_int = function(library, c"cuInit");
        let launch: extern "C" fn(u32, *const c_char) = function(library, c"fake_gpu_launch");
        let reset: extern "C" fn() -> c_int = function(library, c"cudaDeviceReset");
        (init, launch, reset)
    };
    nvtx::range_push(c"cuda".as_ptr());
    assert_eq!(init(0), 0);
    launch(3, std::ptr::null());
    reset();
    nvtx::range_pop();
}

/// Kernels, and a rest. When `taken`, another part of the program then takes CUPTI's buffers for itself.
#[expect(
    clippy::disallowed_methods,
    reason = "flushes of the other library's thread are waited for"
)]
fn theft(taken: bool) {
    extern "C" fn request(buffer: *mut *mut u8, size: *mut usize, most: *mut usize) {
        let place = Box::leak(vec![0_u64; 1 << 12].into_boxed_slice());
        // SAFETY: valid places.
        unsafe {
            *buffer = place.as_mut_ptr().cast();
            *size = size_of_val(place);
            *most = 0;
        }
    }
    extern "C" fn completed(_: *mut c_void, _: u32, _: *mut u8, _: usize, _: usize) {}
    type Request = extern "C" fn(*mut *mut u8, *mut usize, *mut usize);
    type Completed = extern "C" fn(*mut c_void, u32, *mut u8, usize, usize);
    // SAFETY: the library is the stand-in, whose functions have these types.
    let (init, launch, register) = unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        let init: extern "C" fn(c_uint) -> c_int = function(library, c"cuInit");
        let launch: extern "C" fn(u32) = function(library, c"fake_gpu_runtime_launch");
        let cupti = libc::dlopen(c"libcupti.so.13".as_ptr(), libc::RTLD_NOW);
        let register: extern "C" fn(Request, Completed) -> c_int =
            function(cupti, c"cuptiActivityRegisterCallbacks");
        (init, launch, register)
    };
    nvtx::range_push(c"cuda".as_ptr());
    assert_eq!(init(0), 0);
    launch(100);
    thread::sleep(Duration::from_millis(if taken { 100 } else { 600 }));
    if taken {
        assert_eq!(register(request, completed), 0);
    }
    for _ in 0..100 {
        launch(5);
        thread::sleep(Duration::from_millis(10));
    }
    nvtx::range_pop();
}

/// Kernels of graphs, very many, for as long as is looked at their rate, and once more.
fn graphs() {
    // SAFETY: the library is the stand-in, whose functions have these types.
    let (init, launch, surroundings) = unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        let init: extern "C" fn(c_uint) -> c_int = function(library, c"cuInit");
        let launch: extern "C" fn(u32) = function(library, c"fake_gpu_kernels");
        let surroundings: extern "C" fn() = function(library, c"fake_gpu_surroundings");
        (init, launch, surroundings)
    };
    nvtx::range_push(c"cuda".as_ptr());
    assert_eq!(init(0), 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2500) {
        launch(1_000);
    }
    surroundings();
    nvtx::range_pop();
}

unsafe fn function<F: Copy>(library: *mut c_void, name: &CStr) -> F {
    // SAFETY: the caller names a function of type F.
    unsafe {
        let address = libc::dlsym(library, name.as_ptr());
        assert!(!address.is_null(), "no {}", name.to_string_lossy());
        std::mem::transmute_copy(&address)
    }
}

/// Nanoseconds that one push with its pop costs the program: paced bursts that the buffer can hold, median of many.
fn cost() {
    const PAIRS: u32 = 1000;
    let mut results: Vec<u64> = (0..200)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..PAIRS {
                nvtx::range_push(c"forward pass".as_ptr());
                nvtx::range_pop();
            }
            let spent = start.elapsed().as_nanos() as u64;
            thread::sleep(Duration::from_millis(12));
            spent * 10 / u64::from(PAIRS)
        })
        .collect();
    results.sort_unstable();
    let tenths = results[results.len() / 2];
    println!("{}.{} ns a pair (median of {} bursts)", tenths / 10, tenths % 10, results.len());
}
