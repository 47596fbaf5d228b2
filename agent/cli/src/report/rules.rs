//! By which rule everything has its category.

use perfagent_analysis::report::{Basis, Rank};
use perfagent_analysis::{OTHER, Report, total};

use super::of_ranks;
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Every name with its category and the rule that decided it, greatest time first.
pub(crate) fn rules_page(report: &Report) -> Page {
    let mut page = Page::default();
    let ranks = report.ranks.as_slice();
    page.title(format!("Rules of {}", report.recording.path));
    let kernels = total::kernels(ranks);
    let noun = if ranks.iter().any(|rank| rank.basis == Basis::Gpu) {
        "Kernels"
    } else {
        "Operators and ranges"
    };
    let rows =
        kernels.iter().map(|row| (&row.name, &row.category, row.rule.as_deref(), row.total_ns));
    section(&mut page, noun, ranks, rows.collect());
    if ranks.iter().any(|rank| rank.basis == Basis::Gpu) {
        let operators = total::operators(ranks);
        let rows = operators
            .iter()
            .map(|row| (&row.name, &row.category, row.rule.as_deref(), row.self_ns));
        section(&mut page, "Host operators", ranks, rows.collect());
    }
    page
}

/// A name, its category, the rule and the time.
type Row<'a> = (&'a String, &'a String, Option<&'a str>, i64);

fn section(page: &mut Page, noun: &str, ranks: &[Rank], rows: Vec<Row<'_>>) {
    if rows.is_empty() {
        return;
    }
    page.section(format!("{noun}{}", of_ranks(ranks)));
    let sum = |wanted: &dyn Fn(&Row<'_>) -> bool| -> i64 {
        rows.iter().filter(|row| wanted(row)).map(|row| row.3).sum()
    };
    let other = unit::share(sum(&|row| row.1 == OTHER), sum(&|_| true));
    page.paragraph(format!("No rule matches {other} of the time; that is `{OTHER}`."));
    let mut table = Table::new(["name", "category", "total", "rule"]);
    for (name, category, rule, time) in rows {
        table.row([
            Cell::name(name),
            Cell::text(category),
            Cell::figure(unit::duration(time)),
            Cell::text(rule.unwrap_or("-")),
        ]);
    }
    page.table(table);
}
