//! Products on ordinary cores of a GPU that has tensor cores.

use std::cmp::Reverse;

use perfagent_analysis::report::{Basis, DeviceFacts, KernelRow, Rank};
use perfagent_analysis::{Report, brief_kernel_name};

use crate::idle::without_gpu;
use crate::kernel_name::{Unit, unit};
use crate::{Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct, stretch, worst};

/// How much faster tensor cores multiply at most: by datasheets 8.0 on a V100 (125 to 15.7 TFLOP/s) and an A100 (156 to 19.5 in
/// TF32), 7.4 on an H100.
const FASTER_AT_MOST: f64 = 8.0;
/// How much faster products become when memory and shapes hold them up, too.
const FASTER_LIKELY: f64 = 2.0;
/// Kernels whose names are told.
const MOST_NAMES: usize = 3;

/// The products, convolutions and attention of a rank by the units that they ran on.
#[derive(Default)]
struct Products<'a> {
    tensor_ns: i64,
    unknown_ns: i64,
    ordinary_ns: i64,
    ordinary: Vec<&'a KernelRow>,
}

/// Share of the time in products, convolutions and attention on ordinary cores.
pub(crate) fn fact(report: &Report) -> Fact {
    let worst = worst(report, |rank| {
        let has_kernels = rank.basis == Basis::Gpu && !rank.kernels.is_empty();
        let ordinary_ns = has_kernels.then(|| Products::of(rank).ordinary_ns)?;
        share_pct(ordinary_ns, stretch(rank).window_ns)
    });
    let found = worst.0;
    let mut fact = Fact::unknown(
        "tensor_cores",
        "pct",
        worst,
        "The recording holds no kernels: record a stretch in which the GPU computes.",
    );
    let Some((rank, share)) = found else { return without_gpu(fact, report) };
    let products = Products::of(rank);
    let window = stretch(rank).window_ns;
    let has = has_tensor_cores(rank, &products);
    fact.figures = vec![
        Figure::derived("products_on_ordinary_cores_share_pct", Some(share)),
        Figure::measured("products_on_ordinary_cores_ns", Some(products.ordinary_ns as f64)),
        Figure::measured("products_on_tensor_cores_ns", Some(products.tensor_ns as f64)),
        Figure::measured("products_on_unknown_units_ns", Some(products.unknown_ns as f64)),
        Figure::modelled("tensor_cores_faster_at_most", FASTER_AT_MOST),
        Figure::modelled("tensor_cores_faster_likely", FASTER_LIKELY),
        Figure::measured("window_ns", Some(window as f64)),
    ];
    let names = products.ordinary.iter().take(MOST_NAMES).map(|row| brief_kernel_name(&row.name));
    let count = products.ordinary.iter().map(|row| row.count).sum();
    let what = "products, convolutions and attention on ordinary cores, by their names";
    let kernels = evidence(rank, "kernels", names.collect(), count, what);
    let start = rank.gaps.as_ref().map_or(0, |gaps| gaps.start_ns);
    let devices = used(rank).map(|device| device.name.clone()).collect::<Vec<_>>();
    let of_devices = devices.len() as i64;
    fact.evidence = vec![
        kernels.at(start, window),
        evidence(rank, "devices", devices, of_devices, "GPUs that the rank used"),
    ];
    let who = rank_name(rank);
    let ordinary = products.ordinary_ns as f64;
    if has == Some(true) {
        fact.gain = Gain::of(
            ordinary * (1.0 - 1.0 / FASTER_LIKELY),
            ordinary * (1.0 - 1.0 / FASTER_AT_MOST),
            window,
            format!(
                "f = time of products on ordinary cores / window * (1 - 1 / r), where tensor cores are r = {FASTER_AT_MOST} times \
                 as fast at most, and likely {FASTER_LIKELY} times"
            ),
        );
    }
    let unknown = share_pct(products.unknown_ns, window).unwrap_or(0.0);
    let unused = share >= WORTH_ACTING_PCT;
    match has {
        Some(false) => {
            fact.nothing(format!("Nothing to gain: the GPU of {who} has no tensor cores."));
        }
        Some(true) if unused => fact.act(format!(
            "{}: {share:.1} % of the time of {who} goes to products on ordinary cores.",
            remedy(rank)
        )),
        None if unused => {
            fact.advice = format!(
                "Products on ordinary cores take {share:.1} % of the time of {who}, but the recording does not tell whether \
                 its GPU has tensor cores: keep deviceProperties in the trace, or record with perfagent record."
            );
        }
        _ if unknown >= WORTH_ACTING_PCT => {
            fact.advice = format!(
                "The names of kernels with {unknown:.1} % of the time of {who} do not tell what multiplies: record the element \
                 types of operators (record_shapes=True), and see whether they are 16-bit."
            );
        }
        _ => fact.nothing(format!(
            "Nothing to gain: products on ordinary cores are {share:.1} % of the time of {who}."
        )),
    }
    fact
}

impl<'a> Products<'a> {
    fn of(rank: &'a Rank) -> Self {
        let mut products = Self::default();
        for row in &rank.kernels {
            match unit(&row.category, &row.name) {
                Some(Unit::Tensor) => products.tensor_ns += row.total_ns,
                Some(Unit::Unknown) => products.unknown_ns += row.total_ns,
                Some(Unit::Ordinary) => {
                    products.ordinary_ns += row.total_ns;
                    products.ordinary.push(row);
                }
                None => {}
            }
        }
        products.ordinary.sort_by_key(|row| Reverse(row.total_ns));
        products
    }
}

/// The GPUs on which something ran.
fn used(rank: &Rank) -> impl Iterator<Item = &DeviceFacts> {
    let is_used = |id| rank.idle_causes.iter().any(|row| row.device == id);
    rank.devices.iter().filter(move |device| is_used(device.id))
}

/// Whether a rank's GPUs have tensor cores: they have when they were used; else it is told by the product or its capability.
fn has_tensor_cores(rank: &Rank, products: &Products<'_>) -> Option<bool> {
    if products.tensor_ns > 0 {
        return Some(true);
    }
    let known: Vec<bool> = used(rank).filter_map(of_device).collect();
    (!known.is_empty()).then(|| known.contains(&true))
}

fn of_device(device: &DeviceFacts) -> Option<bool> {
    let name = device.name.to_ascii_uppercase();
    if ["AMD", "RADEON", "INSTINCT"].iter().any(|vendor| name.contains(vendor)) {
        // MI100 was the first with matrix cores.
        let number =
            name.split("MI").nth(1).map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        return number.map(|digits| digits >= 3);
    }
    // CUDA and HIP number differently, and without a name it is not known whose number it is.
    let (major, minor) = device.compute_capability.filter(|_| !name.is_empty())?;
    // The Turing chips of the GTX 16 series have none.
    Some(major >= 7 && !((major, minor) == (7, 5) && name.contains("GTX 16")))
}

fn remedy(rank: &Rank) -> &'static str {
    let ampere = |device: &DeviceFacts| {
        device.compute_capability.is_some_and(|(major, _)| major >= 8)
            || device.name.to_ascii_uppercase().contains("AMD")
    };
    if used(rank).any(ampere) {
        "Allow TF32 (torch.set_float32_matmul_precision(\"high\"), torch.backends.cudnn.allow_tf32) or train in bf16 (autocast)"
    } else {
        "Train in fp16 (torch.autocast with loss scaling; these tensor cores know no fp32), in shapes that are multiples of 8"
    }
}
