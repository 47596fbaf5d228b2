//! Device memory under test.
#![expect(unsafe_code, reason = "launches kernels")]

use cudarc::driver::{CudaFunction, CudaSlice, LaunchConfig, PushKernelArg as _};

use super::compiler::{Compiler, PATTERN};
use super::driver::{Gpu, memory};
use crate::CeilingError;
use crate::pattern::{Bank, Faults, MemoryLimits, MemoryTest, Pattern, run};

const BLOCK: u32 = 256;
/// Words that a thread goes over, about.
const IN_A_ROW: u64 = 64;

/// Tests the memory of the device of this number.
pub fn test_memory(ordinal: u32, limits: &MemoryLimits) -> Result<MemoryTest, CeilingError> {
    let gpu = Gpu::open(ordinal)?;
    let [write, check] =
        gpu.functions(&Compiler::find()?, &PATTERN, ["pattern_write", "pattern_check"])?;
    let (free, _) = memory(&gpu)?;
    let bytes = limits.bytes.min(free as u64 / 10 * 9);
    // What is free need not be free in one piece.
    let array = (0..4).find_map(|halvings| {
        let length = usize::try_from((bytes >> halvings) / 8).ok()?.max(1);
        gpu.stream.alloc_zeros::<u64>(length).ok()
    });
    let words = match array {
        Some(words) => words,
        None => gpu
            .stream
            .alloc_zeros(usize::try_from(bytes >> 4).unwrap_or(usize::MAX) / 8)
            .map_err(gpu.refused("allocate memory to test"))?,
    };
    let mut array = Array { gpu: &gpu, words, write, check };
    run(gpu.device(), &mut array, limits.time)
}

struct Array<'gpu> {
    gpu: &'gpu Gpu,
    words: CudaSlice<u64>,
    write: CudaFunction,
    check: CudaFunction,
}

impl Array<'_> {
    fn grid(&self) -> LaunchConfig {
        let blocks = self.words().div_ceil(u64::from(BLOCK) * IN_A_ROW).clamp(1, (1 << 31) - 1);
        LaunchConfig {
            grid_dim: (blocks as u32, 1, 1),
            block_dim: (BLOCK, 1, 1),
            shared_mem_bytes: 0,
        }
    }

    fn wait(&self) -> Result<(), CeilingError> {
        self.gpu.stream.synchronize().map_err(self.gpu.refused("wait for the device"))
    }
}

impl Bank for Array<'_> {
    fn words(&self) -> u64 {
        self.words.len() as u64
    }

    fn write(&mut self, pattern: Pattern) -> Result<(), CeilingError> {
        let (length, grid) = (self.words(), self.grid());
        let (kind, constant) = pattern.coded();
        let mut launch = self.gpu.stream.launch_builder(&self.write);
        launch.arg(&mut self.words).arg(&length).arg(&kind).arg(&constant);
        // SAFETY: the arguments are those of `pattern_write`, which writes `length` words.
        unsafe { launch.launch(grid) }.map_err(self.gpu.refused("launch a kernel"))?;
        self.wait()
    }

    fn check(&mut self, pattern: Pattern, inverted: bool) -> Result<Faults, CeilingError> {
        let (length, grid) = (self.words(), self.grid());
        let (kind, constant) = pattern.coded();
        let mask = if inverted { u64::MAX } else { 0 };
        let stream = &self.gpu.stream;
        let mut faults = stream
            .alloc_zeros::<u64>(4)
            .map_err(self.gpu.refused("allocate an array on the device"))?;
        let mut launch = stream.launch_builder(&self.check);
        launch.arg(&mut self.words).arg(&length).arg(&kind).arg(&constant).arg(&mask);
        launch.arg(&mut faults);
        // SAFETY: the arguments are those of `pattern_check`, which writes `length` words and four numbers.
        unsafe { launch.launch(grid) }.map_err(self.gpu.refused("launch a kernel"))?;
        let faults = stream.clone_dtoh(&faults).map_err(self.gpu.refused("read a result back"))?;
        self.wait()?;
        Ok(match faults[..] {
            [count, told, number, found] => (count, (told > 0).then_some((number, found))),
            _ => (0, None),
        })
    }
}
