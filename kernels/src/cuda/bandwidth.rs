//! Bandwidth by working set: what fits into the second-level cache comes from there, what is far larger from memory.
#![expect(unsafe_code, reason = "launches kernels and reads their results back")]

use cudarc::driver::{
    CudaFunction, CudaSlice, DevicePtrMut as _, LaunchConfig, PushKernelArg as _, result,
};
use serde::Serialize;

use super::bench::Bench;
use super::compiler::BANDWIDTH;
use super::driver::memory;
use crate::{CeilingError, Effort, Rate};

const CONVENTION: &str = "every byte that a kernel reads or writes counts, in every pass; the working set is all its arrays together: read and write 1, copy 2, triad 3";
const BLOCK: u32 = 256;
/// Loads and stores of one thread that are under way at once, as in the source.
const UNROLL: u64 = 4;
const WORD: u32 = 0x5eed_0001;
const FACTOR: u32 = 3;
/// Words at either end of a result that are compared.
const CHECKED: usize = 1024;
const MIB: u64 = 1 << 20;

/// Rates over working sets, of each kernel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BySize {
    /// How bytes are counted.
    pub convention: &'static str,
    /// `read`, `write`, `copy`, `triad`.
    pub kernels: Vec<Curve>,
}

/// The rates of one kernel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// The kernel.
    pub name: &'static str,
    /// From the smallest working set to the largest.
    pub points: Vec<Point>,
}

/// The rate over one working set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Bytes of all arrays.
    pub working_set_bytes: u64,
    /// How often they are gone over in one launch.
    pub passes: u32,
    /// The rate.
    #[serde(flatten)]
    pub rate: Rate,
}

impl BySize {
    /// The median rate of a kernel over its largest working set, in 1e9 bytes/s: that of device memory.
    #[must_use]
    pub fn of_memory(&self, name: &str) -> Option<f64> {
        let curve = self.kernels.iter().find(|curve| curve.name == name)?;
        curve.points.last().map(|point| point.rate.median_gbps)
    }

    /// The highest median rate of a kernel over working sets of at most `l2_bytes`, in 1e9 bytes/s.
    #[must_use]
    pub fn of_l2(&self, name: &str, l2_bytes: u64) -> Option<f64> {
        let curve = self.kernels.iter().find(|curve| curve.name == name)?;
        let within = curve.points.iter().filter(|point| point.working_set_bytes <= l2_bytes);
        within.map(|point| point.rate.median_gbps).reduce(f64::max)
    }
}

/// Working sets in bytes, rising; each divides into two and three arrays of whole 16 bytes. Dense around the
/// second-level cache, and up to 4 GiB (1 GiB when quick) as far as `free_bytes` allow.
fn working_sets(l2_bytes: u64, free_bytes: u64, effort: Effort) -> Vec<u64> {
    let largest = effort.choose(4096 * MIB, 1024 * MIB).min(free_bytes / 2);
    let mut sizes = vec![largest];
    let mut octave = 2 * MIB;
    while octave < largest {
        let near_l2 = octave >= l2_bytes / 4 && octave < l2_bytes * 4;
        let steps = effort.choose(if near_l2 { 4 } else { 1 }, 1);
        sizes.extend((0..steps).map(|step| octave + octave * step / steps));
        octave *= effort.choose(2, 4);
    }
    for size in &mut sizes {
        *size = *size / 96 * 96;
    }
    sizes.retain(|size| *size > 0 && *size <= largest);
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// An odd number of passes, so that one launch moves enough to be timed.
fn passes(working_set: u64, effort: Effort) -> u32 {
    let traffic = effort.choose(1024 * MIB, 256 * MIB);
    (traffic.div_ceil(working_set.max(1)).clamp(1, 1 << 20) | 1) as u32
}

/// Many blocks over what is gone over once, else as many as the device holds at once.
fn blocks(length: u64, passes: u32, held: u32) -> u32 {
    let (held, block) = (u64::from(held), u64::from(BLOCK));
    let wanted = if passes == 1 {
        length.div_ceil(block * UNROLL)
    } else {
        length.div_ceil(block).min(held)
    };
    wanted.clamp(1, (1 << 31) - 1) as u32
}

/// The kernel's own words from their place: `mixed` of the source.
fn mixed(place: u64) -> u32 {
    let x = place.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (x ^ (x >> 32)) as u32
}

struct Kernels<'a> {
    bench: &'a Bench<'a>,
    fill: CudaFunction,
    read: CudaFunction,
    write: CudaFunction,
    copy: CudaFunction,
    triad: CudaFunction,
    sums: CudaSlice<u32>,
    /// Address of the arrays on the device.
    base: u64,
}

pub(super) fn measure(bench: &Bench, l2_bytes: u64) -> Result<BySize, CeilingError> {
    let gpu = bench.gpu;
    let [fill, read, write, copy, triad] = gpu.functions(
        bench.compiler,
        &BANDWIDTH,
        [
            "bandwidth_fill",
            "bandwidth_read",
            "bandwidth_write",
            "bandwidth_copy",
            "bandwidth_triad",
        ],
    )?;
    let (free, _) = memory(gpu)?;
    let sizes = working_sets(l2_bytes, free as u64, bench.effort);
    let largest = sizes.last().copied().unwrap_or(0);
    let mut buffer = gpu
        .stream
        .alloc_zeros::<u32>((largest / 4) as usize)
        .map_err(gpu.refused("allocate an array on the device"))?;
    let sums =
        gpu.stream.alloc_zeros::<u32>(1).map_err(gpu.refused("allocate a sum on the device"))?;
    let (base, _written) = buffer.device_ptr_mut(&gpu.stream);
    let mut kernels = Kernels { bench, fill, read, write, copy, triad, sums, base };
    kernels.fill(largest)?;
    let read = kernels.read(&sizes)?;
    let write = kernels.write(&sizes)?;
    kernels.fill(largest)?;
    let copy = kernels.copy(&sizes)?;
    kernels.fill(largest)?;
    let triad = kernels.triad(&sizes)?;
    Ok(BySize { convention: CONVENTION, kernels: vec![read, write, copy, triad] })
}

impl Kernels<'_> {
    fn fill(&self, bytes: u64) -> Result<(), CeilingError> {
        let gpu = self.bench.gpu;
        let length = bytes / 16;
        let mut launch = gpu.stream.launch_builder(&self.fill);
        launch.arg(&self.base).arg(&length);
        // SAFETY: the arguments are those of `bandwidth_fill`, which writes `length` times 16 bytes of the buffer.
        unsafe { launch.launch(shape(blocks(length, 1, 1))) }
            .map_err(gpu.refused("launch a kernel"))?;
        gpu.stream.synchronize().map_err(gpu.refused("wait for a kernel"))
    }

    fn read(&mut self, sizes: &[u64]) -> Result<Curve, CeilingError> {
        let gpu = self.bench.gpu;
        // Also over what is gone over once: many blocks would wait for each other to add their sums.
        let held = gpu.held(&self.read, BLOCK)?;
        let (mut expected, mut summed) = (0, 0);
        let mut points = Vec::new();
        for &size in sizes {
            let (length, passes) = (size / 16, passes(size, self.bench.effort));
            let shape = shape(length.div_ceil(u64::from(BLOCK)).clamp(1, u64::from(held)) as u32);
            let (base, read) = (self.base, &self.read);
            let sums = &mut self.sums;
            let mut run = || {
                let mut launch = gpu.stream.launch_builder(read);
                launch.arg(&base).arg(&mut *sums).arg(&length).arg(&passes);
                // SAFETY: the arguments are those of `bandwidth_read`; the buffer holds `length` times 16 bytes.
                unsafe { launch.launch(shape) }.map(drop).map_err(gpu.refused("launch a kernel"))
            };
            let timed = self.bench.on_device(&self.bench.point(), &mut run)?;
            gpu.stream.memset_zeros(&mut self.sums).map_err(gpu.refused("clear a sum"))?;
            let sums = &mut self.sums;
            let mut launch = gpu.stream.launch_builder(read);
            launch.arg(&base).arg(sums).arg(&length).arg(&passes);
            // SAFETY: as above.
            unsafe { launch.launch(shape) }.map_err(gpu.refused("launch a kernel"))?;
            let found =
                gpu.stream.clone_dtoh(&self.sums).map_err(gpu.refused("read a result back"))?;
            gpu.stream.synchronize().map_err(gpu.refused("read a result back"))?;
            expected = (summed..size / 4).fold(expected, |sum, place| sum ^ mixed(place));
            summed = size / 4;
            self.same("read", found.first().copied().unwrap_or_default(), expected)?;
            points.push(point("read", size, passes, &timed));
        }
        Ok(Curve { name: "read", points })
    }

    fn write(&self, sizes: &[u64]) -> Result<Curve, CeilingError> {
        let gpu = self.bench.gpu;
        let held = gpu.held(&self.write, BLOCK)?;
        self.curve("write", sizes, 1, |length, passes| {
            let mut launch = gpu.stream.launch_builder(&self.write);
            launch.arg(&self.base).arg(&WORD).arg(&length).arg(&passes);
            // SAFETY: the arguments are those of `bandwidth_write`; the buffer holds `length` times 16 bytes.
            unsafe { launch.launch(shape(blocks(length, passes, held))) }
                .map(drop)
                .map_err(gpu.refused("launch a kernel"))?;
            Ok(Box::new(|_| WORD))
        })
    }

    fn copy(&self, sizes: &[u64]) -> Result<Curve, CeilingError> {
        let gpu = self.bench.gpu;
        // The result comes first, so that what is read stays for the next, larger working set.
        let largest = sizes.last().copied().unwrap_or(0);
        let held = gpu.held(&self.copy, BLOCK)?;
        self.curve("copy", sizes, 2, |length, passes| {
            let (to, from) = (self.base, self.base + largest / 2);
            let mut launch = gpu.stream.launch_builder(&self.copy);
            launch.arg(&from).arg(&to).arg(&length).arg(&passes);
            // SAFETY: the arguments are those of `bandwidth_copy`; `to` ends before `from` begins, as `length` is at
            // most that of the largest set, and the buffer holds `from` behind that.
            unsafe { launch.launch(shape(blocks(length, passes, held))) }
                .map(drop)
                .map_err(gpu.refused("launch a kernel"))?;
            let first = (from - self.base) / 4;
            Ok(Box::new(move |place| mixed(first + place)))
        })
    }

    fn triad(&self, sizes: &[u64]) -> Result<Curve, CeilingError> {
        let gpu = self.bench.gpu;
        // As above.
        let largest = sizes.last().copied().unwrap_or(0);
        let held = gpu.held(&self.triad, BLOCK)?;
        self.curve("triad", sizes, 3, |length, passes| {
            let (a, b) = (self.base, self.base + largest / 3);
            let c = b + length * 16;
            let mut launch = gpu.stream.launch_builder(&self.triad);
            launch.arg(&b).arg(&c).arg(&a).arg(&FACTOR).arg(&length).arg(&passes);
            // SAFETY: the arguments are those of `bandwidth_triad`; `a` ends before `b` begins, as `length` is at most
            // that of the largest set, and the buffer holds `b` and `c` behind that.
            unsafe { launch.launch(shape(blocks(length, passes, held))) }
                .map(drop)
                .map_err(gpu.refused("launch a kernel"))?;
            let (first, second) = ((b - self.base) / 4, (c - self.base) / 4);
            Ok(Box::new(move |place| {
                mixed(first + place).wrapping_add(FACTOR.wrapping_mul(mixed(second + place)))
            }))
        })
    }

    /// Measures over all sets. `launch` is given the length of each array and the passes; it tells which word the result,
    /// which begins at the base, has at a place.
    fn curve(
        &self,
        name: &'static str,
        sizes: &[u64],
        arrays: u64,
        launch: impl Fn(u64, u32) -> Result<Box<dyn Fn(u64) -> u32>, CeilingError>,
    ) -> Result<Curve, CeilingError> {
        let mut points = Vec::new();
        for &size in sizes {
            let (length, passes) = (size / arrays / 16, passes(size, self.bench.effort));
            let timed =
                self.bench.on_device(&self.bench.point(), || launch(length, passes).map(drop))?;
            let word = launch(length, passes)?;
            let words = length * 4;
            for first in [0, words - words.min(CHECKED as u64)] {
                let found = self.words(first * 4, words.min(CHECKED as u64) as usize)?;
                for (place, found) in (first..).zip(found) {
                    self.same(name, found, word(place))?;
                }
            }
            points.push(point(name, size, passes, &timed));
        }
        Ok(Curve { name, points })
    }

    fn words(&self, offset: u64, count: usize) -> Result<Vec<u32>, CeilingError> {
        let gpu = self.bench.gpu;
        let mut words = vec![0_u32; count];
        gpu.stream.synchronize().map_err(gpu.refused("wait for a kernel"))?;
        // SAFETY: the words lie within the buffer, and nothing writes there any more.
        unsafe { result::memcpy_dtoh_sync(&mut words, self.base + offset) }
            .map_err(gpu.refused("read a result back"))?;
        Ok(words)
    }

    fn same(&self, kernel: &'static str, found: u32, expected: u32) -> Result<(), CeilingError> {
        if found == expected {
            return Ok(());
        }
        Err(CeilingError::WrongResult {
            device: self.bench.gpu.device().to_owned(),
            kernel,
            found: f64::from(found),
            expected: f64::from(expected),
        })
    }
}

fn shape(blocks: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (BLOCK, 1, 1), shared_mem_bytes: 0 }
}

fn point(name: &'static str, size: u64, passes: u32, timed: &super::bench::Timed) -> Point {
    let rate = timed.rate(name, size * u64::from(passes));
    Point { working_set_bytes: size, passes, rate }
}

#[cfg(test)]
mod tests {
    use super::{MIB, blocks, mixed, passes, working_sets};
    use crate::Effort;

    #[test]
    fn working_sets_are_dense_around_the_cache_and_end_in_memory() {
        // An H200: 50 MiB of L2, 141 GB of memory.
        let sizes = working_sets(50 * MIB, 141_000_000_000, Effort::Full);
        assert_eq!(sizes[0], 2 * MIB / 96 * 96);
        assert_eq!(*sizes.last().unwrap(), 4096 * MIB / 96 * 96);
        let near = sizes.iter().filter(|size| (16 * MIB..=128 * MIB).contains(*size)).count();
        assert!((11..=13).contains(&near), "four in each of three octaves: {sizes:?}");
        assert!(sizes.is_sorted() && sizes.len() < 30, "{sizes:?}");
        let quick = working_sets(50 * MIB, 141_000_000_000, Effort::Quick);
        assert_eq!(quick.len(), 6, "{quick:?}");
        assert_eq!(*quick.last().unwrap(), 1024 * MIB / 96 * 96);
    }

    #[test]
    fn they_fit_into_what_is_free() {
        let sizes = working_sets(4 * MIB, 100 * MIB, Effort::Full);
        assert!(sizes.iter().all(|size| *size <= 50 * MIB && size % 96 == 0), "{sizes:?}");
        assert_eq!(working_sets(4 * MIB, 0, Effort::Full), Vec::<u64>::new());
    }

    #[test]
    fn a_launch_moves_enough_in_an_odd_number_of_passes() {
        for effort in [Effort::Full, Effort::Quick] {
            for size in [96, 2 * MIB, 50 * MIB, 4096 * MIB] {
                let passes = passes(size, effort);
                assert_eq!(passes % 2, 1);
                assert!(passes == (1 << 20) + 1 || u64::from(passes) * size >= 256 * MIB);
            }
        }
        assert_eq!(passes(4096 * MIB, Effort::Full), 1);
    }

    #[test]
    fn what_is_gone_over_again_stays_on_the_device() {
        assert_eq!(blocks(1 << 30, 3, 1056), 1056);
        assert_eq!(blocks(1 << 30, 1, 1056), 1 << 20);
        assert_eq!(blocks(1, 3, 1056), 1);
    }

    #[test]
    fn words_differ_in_half_of_their_bits() {
        let flipped: u32 =
            (0..1000).map(|place| (mixed(place) ^ mixed(place + 1)).count_ones()).sum();
        assert!((15_000..17_000).contains(&flipped), "{flipped}");
    }
}
