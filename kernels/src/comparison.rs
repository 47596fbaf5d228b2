//! Measured ceilings beside those of the datasheet.

use serde::Serialize;

use crate::datasheet::{Datasheet, DatasheetSource, Datasheets, Figure};
use crate::{Ceilings, cuda};

/// What was measured of what the vendor states.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The device in the file of datasheets.
    pub name: String,
    /// One row a figure that is both measured and stated.
    pub figures: Vec<Compared>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// What: `memory copy`, `memory triad`, `fp32 multiply-add`, `bf16 matrix product`.
    pub what: String,
    /// The median that was measured.
    pub measured: f64,
    /// What the vendor states.
    pub stated: f64,
    /// The unit of both: `GB/s` or `TFLOP/s`.
    pub unit: &'static str,
    /// The one in percent of the other.
    pub pct: f64,
    /// Whether the vendor gives the rate with sparsity only, and half of it is meant.
    pub halved: bool,
    /// Where it is stated.
    pub source: Option<DatasheetSource>,
}

impl Comparison {
    /// Of a device that the datasheets know.
    #[must_use]
    pub fn of(ceilings: &Ceilings, sheets: &Datasheets) -> Option<Self> {
        let (name, cuda) = (ceilings.name.as_deref()?, ceilings.cuda.as_ref()?);
        let sheet = sheets.of(name)?;
        let compared = |what: String, measured: f64, unit, stated: Option<&Figure>| {
            let stated = stated?;
            (measured > 0.0).then(|| Compared {
                what,
                measured,
                stated: stated.value,
                unit,
                pct: 100.0 * measured / stated.value,
                halved: stated.halved,
                source: sheets.source(&stated.source).cloned(),
            })
        };
        let kernels = ceilings.memory_bandwidth.kernels.iter();
        let kernels = kernels.filter(|kernel| matches!(kernel.name, "copy" | "triad"));
        let memory = kernels.filter_map(|kernel| {
            let what = format!("memory {}", kernel.name);
            compared(what, kernel.median_gbps, "GB/s", sheet.memory_bandwidth_gbps.as_ref())
        });
        let arithmetic = arithmetic(cuda).filter_map(|(dtype, what, measured)| {
            compared(format!("{dtype} {what}"), measured, "TFLOP/s", rate(sheet, dtype))
        });
        Some(Self { name: sheet.name.clone(), figures: memory.chain(arithmetic).collect() })
    }
}

/// Format, what was done in it, and the median rate.
fn arithmetic(cuda: &cuda::Accelerator) -> impl Iterator<Item = (&str, &'static str, f64)> {
    let peaks = cuda.multiply_add.iter();
    let peaks = peaks.map(|peak| (peak.dtype, "multiply-add", peak.compute.median_tflops));
    let products = cuda.matrix_products.dtypes.iter().filter_map(|row| {
        let best = row.best.as_ref()?;
        Some((row.dtype.as_ref(), "matrix product", best.compute.median_tflops))
    });
    peaks.chain(products)
}

fn rate<'a>(sheet: &'a Datasheet, dtype: &str) -> Option<&'a Figure> {
    sheet.tflops.get(dtype)
}
