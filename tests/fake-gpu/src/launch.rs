//! Operations of "the GPU". The records are laid out here by offset, apart from the structures of the product, so that
//! a mistake in those is noticed.

use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::callback::call;
use crate::cupti::{driver_call, emit, now};
use crate::version::Version;

/// The mangled name of the kernel that runs.
pub const KERNEL: &CStr = c"_Z9fake_gemmPKfS0_Pfi";

/// A record, longer than any.
pub(crate) struct Bytes([u8; 256]);

impl Bytes {
    /// A record of this kind.
    pub(crate) fn new(kind: u32) -> Self {
        let mut bytes = Self([0; 256]);
        bytes.u32(0, kind);
        bytes
    }

    /// Hands it to whoever records, as long as records of its kind are.
    pub(crate) fn emit(&self) {
        let kind = u32::from_le_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]);
        emit(&self.0[..Version::played().length_of(kind).unwrap_or_default()]);
    }

    pub(crate) fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> &mut Self {
        self.0[at..at + N].copy_from_slice(&bytes);
        self
    }
    pub(crate) fn u32(&mut self, at: usize, value: u32) -> &mut Self {
        self.put(at, value.to_le_bytes())
    }
    pub(crate) fn u64(&mut self, at: usize, value: u64) -> &mut Self {
        self.put(at, value.to_le_bytes())
    }
}

/// Runs `count` rounds of a kernel, a copy to the device, a peer copy and a fill, each of 1 µs. `name` is the kernel's
/// name, null for [`KERNEL`]. The first kernel of round 3 has no times, as when CUPTI runs out of device memory.
#[unsafe(no_mangle)]
pub extern "C" fn fake_gpu_launch(count: u32, name: *const c_char) {
    let name = if name.is_null() { KERNEL.as_ptr() } else { name };
    for round in 0..count {
        let start = now();
        kernel(round, name, start);
        copies(round, start);
    }
}

/// `cudaLaunchKernel` of `count` kernels of the program, of 1 µs each.
#[unsafe(no_mangle)]
pub extern "C" fn fake_gpu_runtime_launch(count: u32) {
    for round in 0..count {
        call(2, 211, KERNEL.as_ptr(), 4 * round);
        kernel(4 + round, KERNEL.as_ptr(), now());
    }
}

/// Runs `count` kernels of a graph, of 1 µs each.
#[unsafe(no_mangle)]
pub extern "C" fn fake_gpu_kernels(count: u32) {
    for round in 0..count {
        kernel(4 + round, KERNEL.as_ptr(), now());
    }
}

/// NCCL's own kernel for an all-reduce, as the compiler mangles it.
pub const NCCL_KERNEL: &CStr =
    c"_Z39ncclDevKernel_AllReduce_Sum_f32_RING_LL24ncclDevKernelArgsStorageILm4096EE";

/// `cuLaunchKernelEx` of [`NCCL_KERNEL`] on stream 20, which runs for `length` ns, or is only captured. Returns the
/// launch's correlation id.
pub(crate) fn nccl_launch(length: u64, captured: bool) -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1_000_000);
    let correlation = NEXT.fetch_add(2, Ordering::Relaxed);
    driver_call(652, NCCL_KERNEL.as_ptr(), correlation);
    if !captured {
        let start = now();
        let mut record = Bytes::new(10);
        record.u32(0, 10).u64(16, start).u64(24, start + length);
        record.u32(40, 0).u32(44, 1).u32(48, 20).u32(92, correlation);
        record.u64(104, NCCL_KERNEL.as_ptr().expose_provenance() as u64);
        record.emit();
    }
    correlation
}

/// What the GPU's timer shows: it is 1000 s behind the host's clock.
pub(crate) fn gpu_timer() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    (now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64).wrapping_sub(1_000_000_000_000)
}

/// `cuLaunchKernel` of a kernel of the program.
pub(crate) fn other_launch() {
    driver_call(307, KERNEL.as_ptr(), 999_999);
}

fn kernel(round: u32, name: *const c_char, start: u64) {
    let start = if round == 3 { 0 } else { start };
    let end = if round == 3 { 0 } else { start + 1000 };
    let mut record = Bytes::new(10);
    record.u32(0, 10).put(6, 40_u16.to_le_bytes()).u64(16, start).u64(24, end);
    record.u32(40, 0).u32(44, 1).u32(48, 7);
    record.u32(52, 11).u32(56, 12).u32(60, 13).u32(64, 128).u32(68, 2).u32(72, 1);
    record.u32(76, 1024).u32(80, 2048).u32(92, 4 * round);
    record.u64(104, name.expose_provenance() as u64).u64(144, 5_000_000_000).u32(156, 21);
    record.emit();
}

fn copies(round: u32, start: u64) {
    let mut copy = Bytes::new(1);
    copy.u32(0, 1).put(4, [1, 1, 3, 0]).u64(8, 4096).u64(16, start + 1000).u64(24, start + 2000);
    copy.u32(32, 0).u32(36, 1).u32(40, 8).u32(44, 4 * round + 1).u64(64, 31).u32(72, 32);
    copy.emit();

    let mut peer = Bytes::new(22);
    peer.u32(0, 22).put(4, [10, 3, 3, 0]).u64(8, 8192).u64(16, start + 2000).u64(24, start + 3000);
    peer.u32(32, 0).u32(36, 1).u32(40, 9).u32(44, 0).u32(52, 1).u32(60, 4 * round + 2);
    peer.u64(72, 41).u32(80, 42);
    peer.emit();

    let mut fill = Bytes::new(2);
    fill.u32(0, 2).u32(4, 0xab).u64(8, 512).u64(16, start + 3000).u64(24, start + 4000);
    fill.u32(32, 0).u32(36, 1).u32(40, 10).u32(44, 4 * round + 3).u64(64, 51).u32(72, 52);
    fill.emit();
}
