//! What hardware counters showed of kernels.

use perfagent_analysis::report::{KernelCounterRow, MetricRow, Rank};

use super::{TOP_OPERATIONS, TOP_RANGES, label_cell, top_of};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes kernels by the operators that launched them, with what follows from their counters, and the counters themselves.
pub(super) fn write(page: &mut Page, ranks: &[Rank]) {
    let mut rows: Vec<(&Rank, &KernelCounterRow)> = Vec::new();
    for rank in ranks {
        rows.extend(rank.kernel_counters.iter().flat_map(|all| &all.rows).map(|row| (rank, row)));
    }
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|(_, row)| std::cmp::Reverse((row.flops, row.dram_bytes, row.ranges)));
    let shown = rows.len().min(TOP_OPERATIONS);
    page.section(top_of(shown, rows.len(), "kernels and operators by hardware counters"));
    let is_known = |known: fn(&KernelCounterRow) -> bool| rows.iter().any(|(_, row)| known(row));
    let (has_flops, has_bytes) =
        (is_known(|row| row.flops.is_some()), is_known(|row| row.dram_bytes.is_some()));
    let mut headings = vec!["", "name", "operators", "ranges"];
    headings.extend(has_flops.then_some("GFLOP"));
    headings.extend(has_bytes.then_some("memory traffic"));
    headings.extend((has_flops && has_bytes).then_some("FLOP/byte"));
    let mut table = Table::new(headings);
    for (rank, row) in &rows[..shown] {
        let mut cells = vec![
            label_cell(rank),
            Cell::brief_kernel(&row.name),
            Cell::name(operators(row)),
            Cell::figure(unit::count(row.ranges)),
        ];
        if has_flops {
            let giga = |flops| unit::significant(flops as f64 / 1e9);
            cells.push(Cell::figure(unit::known(row.flops, giga)));
        }
        if has_bytes {
            cells.push(Cell::figure(unit::known(row.dram_bytes, unit::bytes)));
        }
        if has_flops && has_bytes {
            cells.push(Cell::figure(unit::known(row.intensity, unit::significant)));
        }
        table.row(cells);
    }
    page.table(table);
    write_metrics(page, &rows[..shown]);
    page.paragraph(remarks(ranks, has_flops));
}

/// The metrics of these rows that are not in what follows from them.
fn write_metrics(page: &mut Page, rows: &[(&Rank, &KernelCounterRow)]) {
    let mut table =
        Table::new(["", "name", "operators", "metric", "ranges", "sum", "mean", "least", "most"]);
    let metrics: Vec<(&Rank, &KernelCounterRow, &MetricRow)> = (rows.iter())
        .flat_map(|&(rank, row)| row.metrics.iter().map(move |metric| (rank, row, metric)))
        .filter(|(_, row, metric)| !is_shown(row, &metric.name))
        .collect();
    if metrics.is_empty() {
        return;
    }
    for (rank, row, metric) in metrics.iter().take(2 * TOP_RANGES) {
        // Rates and shares do not add up.
        let sum = metric.sum.filter(|_| metric.name.rsplit('.').next() == Some("sum"));
        table.row([
            label_cell(rank),
            Cell::brief_kernel(&row.name),
            Cell::name(row.bottom_operator.as_deref().unwrap_or(unit::UNKNOWN)),
            Cell::name(&metric.name),
            Cell::figure(unit::count(metric.ranges)),
            Cell::figure(unit::known(sum, unit::significant)),
            Cell::figure(unit::known(metric.mean, unit::significant)),
            Cell::figure(unit::significant(metric.min)),
            Cell::figure(unit::significant(metric.max)),
        ]);
    }
    page.table(table);
}

/// Whether a metric is part of what the first table shows.
fn is_shown(row: &KernelCounterRow, metric: &str) -> bool {
    let makes_flops = metric.starts_with("smsp__sass_thread_inst_executed_op_");
    let makes_bytes = metric.starts_with("dram__bytes");
    (row.flops.is_some() && makes_flops) || (row.dram_bytes.is_some() && makes_bytes)
}

/// From the outermost to the innermost operator.
fn operators(row: &KernelCounterRow) -> String {
    match (&row.top_operator, &row.bottom_operator) {
        (Some(top), Some(bottom)) if row.operators.len() > 2 => format!("{top} … {bottom}"),
        (Some(top), Some(bottom)) if row.operators.len() > 1 => format!("{top}, {bottom}"),
        (Some(only), _) => only.clone(),
        _ => unit::UNKNOWN.to_owned(),
    }
}

fn remarks(ranks: &[Rank], has_flops: bool) -> String {
    let of_ranks = || ranks.iter().filter_map(|rank| rank.kernel_counters.as_ref());
    let (mut ranges, mut without_launch, mut without_operator) = (0, 0, 0);
    let mut uncounted: Vec<&str> = Vec::new();
    for counters in of_ranks() {
        ranges += counters.ranges;
        without_launch += counters.without_launch;
        without_operator += counters.without_operator;
        uncounted.extend(counters.uncounted_flops.iter().map(String::as_str));
    }
    uncounted.sort_unstable();
    uncounted.dedup();
    let mut remarks = Vec::new();
    if has_flops {
        remarks.push(
            "FLOP are those of plain instructions: what tensor cores do is not counted by them."
                .to_owned(),
        );
    }
    if !uncounted.is_empty() {
        remarks.push(format!("Nor were these counted: {}.", uncounted.join(", ")));
    }
    if without_launch + without_operator > 0 {
        remarks.push(format!(
            "Of {} ranges {} have no launch that is known, and {} were launched in no operator.",
            unit::count(ranges),
            unit::count(without_launch),
            unit::count(without_operator)
        ));
    }
    remarks.push("How long these kernels ran is not known: they ran one by one, and were run again for further counters.".to_owned());
    remarks.join(" ")
}

#[cfg(test)]
mod tests {
    use perfagent_analysis::report::{KernelCounterRow, KernelCounters, MetricRow, Rank};

    use super::write;
    use crate::page::{Form, Page};

    fn text(ranks: &[Rank]) -> String {
        let mut page = Page::default();
        write(&mut page, ranks);
        page.render(Form::Text)
    }

    fn metric(name: &str, sum: Option<f64>) -> MetricRow {
        let mean = sum.map(|sum| sum / 2.0);
        MetricRow { name: name.to_owned(), ranges: 2, sum, mean, min: 1.0, max: 5.5 }
    }

    fn row(
        operators: &[&str],
        figures: (Option<i64>, Option<i64>),
        metrics: Vec<MetricRow>,
    ) -> KernelCounterRow {
        let operators: Vec<String> = operators.iter().map(|&name| name.to_owned()).collect();
        KernelCounterRow {
            name: "void gemm<float>(int)".to_owned(),
            top_operator: operators.first().cloned(),
            bottom_operator: operators.last().cloned(),
            operators,
            ranges: 2,
            flops: figures.0,
            dram_bytes: figures.1,
            intensity: figures.0.zip(figures.1).map(|(flops, bytes)| flops as f64 / bytes as f64),
            metrics,
        }
    }

    fn rank(number: i64, rows: Vec<KernelCounterRow>) -> Rank {
        let counters = KernelCounters {
            ranges: 2 * rows.len() as i64,
            without_launch: 1,
            without_operator: 0,
            uncounted_flops: vec!["dfma".to_owned()],
            rows,
        };
        Rank { rank: Some(number), kernel_counters: Some(counters), ..Rank::default() }
    }

    #[test]
    fn what_follows_comes_first_then_other_metrics() {
        let flops = metric("smsp__sass_thread_inst_executed_op_ffma_pred_on.sum", Some(6.0));
        let share = metric("sm__throughput.avg.pct_of_peak_sustained_elapsed", Some(80.5));
        let bytes = metric("dram__bytes_read.sum", None);
        let page = text(&[
            rank(0, vec![row(&["aten::addmm"], (Some(5), None), vec![flops.clone(), share])]),
            rank(
                1,
                vec![row(
                    &["a", "b", "c"],
                    (Some(86_114_304), Some(1 << 20)),
                    vec![flops, bytes.clone()],
                )],
            ),
            rank(2, vec![row(&[], (None, None), vec![bytes])]),
            Rank::default(),
        ]);
        insta::assert_snapshot!(page, @"
        Kernels and operators by hardware counters
                  name         operators    ranges       GFLOP  memory traffic  FLOP/byte
          rank 1  gemm<float>  a … c             2     0.08611        1.00 MiB     82.125
          rank 0  gemm<float>  aten::addmm       2  5.00000e-9               -          -
          rank 2  gemm<float>  -                 2           -               -          -

                  name         operators    metric                                            ranges  sum   mean  least  most
          rank 0  gemm<float>  aten::addmm  sm__throughput.avg.pct_of_peak_sustained_elapsed       2    -  40.25      1   5.5
          rank 2  gemm<float>  -            dram__bytes_read.sum                                   2    -      -      1   5.5
          FLOP are those of plain instructions: what tensor cores do is not counted by them. Nor were these
          counted: dfma. Of 6 ranges 3 have no launch that is known, and 0 were launched in no operator. How
          long these kernels ran is not known: they ran one by one, and were run again for further counters.
        ");
    }

    #[test]
    fn without_counters_there_is_no_section() {
        assert_eq!(text(&[Rank::default()]), text(&[]));
    }
}
