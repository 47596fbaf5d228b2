//! How long the runs of the kernels with most time took, a histogram each.

use perfagent_analysis::report::KernelRow;

use crate::page::{Page, kernel};
use crate::picture::{Drawing, HISTOGRAM_LABEL, Histogram, Histograms, Picture};

/// Adds the picture of those rows that the table shows and that ran more than once.
pub(in super::super) fn write(page: &mut Page, shown: &[KernelRow]) {
    let rows: Vec<Histogram> = shown
        .iter()
        .filter(|row| row.count > 1 && !row.histogram.is_empty())
        .map(|row| {
            let buckets = row.histogram.iter();
            let marked = [("p50", row.p50_ns), ("p99", row.p99_ns)];
            Histogram {
                label: kernel(&row.name, HISTOGRAM_LABEL),
                buckets: buckets.map(|of| (of.from_ns, of.until_ns, of.count)).collect(),
                marked: marked.iter().filter_map(|(name, time)| Some(((*time)?, *name))).collect(),
            }
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    page.picture(Picture::new(
        "How long each run took.",
        "A histogram a row, each as high as its fullest part, all on one axis of time that goes by powers. The diamond is the \
         median, the triangle the 99th percentile.",
        Drawing::Histograms(Histograms { rows }),
    ));
}
