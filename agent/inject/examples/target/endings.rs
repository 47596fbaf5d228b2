//! CUDA programs that end in every way that there is.

use std::ffi::{CString, c_char, c_int, c_uint};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr;

use super::{function, nvtx};

/// Launches kernels, waits for a line, and ends as `how` says.
pub(super) fn end(how: &str) {
    // SAFETY: the library is the stand-in, whose functions have these types.
    let (init, launch) = unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        let init: extern "C" fn(c_uint) -> c_int = function(library, c"cuInit");
        let launch: extern "C" fn(u32, *const c_char) = function(library, c"fake_gpu_launch");
        (init, launch)
    };
    nvtx::range_push(CString::new(how).unwrap().as_ptr());
    assert_eq!(init(0), 0);
    launch(3, ptr::null());
    std::io::stdin().read_line(&mut String::new()).unwrap();
    match how {
        "exit" => {}
        // SAFETY: ends the process at once.
        "_exit" => unsafe { libc::_exit(7) },
        "exec" => {
            let error = Command::new(std::env::current_exe().unwrap()).args(["end", "exit"]).exec();
            panic!("{error}");
        }
        "fork" => fork(launch),
        _ => panic!("there is no way {how} to end"),
    }
    nvtx::range_pop();
}

/// A child that goes on launching and ends through the exit handlers that it inherited, CUPTI's thread being gone.
fn fork(launch: extern "C" fn(u32, *const c_char)) {
    // SAFETY: the child calls only what any forked program of this kind would.
    let child = unsafe { libc::fork() };
    if child == 0 {
        launch(3, ptr::null());
        // SAFETY: ends the child the normal way.
        unsafe { libc::exit(5) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(libc::WEXITSTATUS(status), 5);
}
