//! What made the steps longer or shorter, as a table and a picture.

use perfagent_analysis::{Attribution, AttributionRow, PartKind};

use super::Detail;
use crate::page::{Cell, Page, Table, kernel, shortened};
use crate::picture::{Change, Changes, Drawing, Picture};
use crate::unit;

/// Parts that have a row of their own; `--json` has all of them.
const TOP: usize = 12;
/// Longest name, in characters.
const NAME: usize = 56;
/// Of two names, each.
const RENAMED: usize = 20;

/// Writes which parts of a step changed, and how the sides' losses compare.
pub(super) fn write(page: &mut Page, detail: &Detail) {
    let case = detail.case.as_ref().map_or_else(String::new, |case| format!(", case {case}"));
    if let Some(attribution) = &detail.attribution {
        page.section(format!("What made the change of the mean step{case}"));
        write_table(page, attribution);
    }
    if let Some(losses) = &detail.losses {
        if detail.attribution.is_none() {
            page.section(format!("Losses{case}"));
        }
        page.paragraph(losses.sentence());
    }
}

/// A row of the table: what, its name, and what it is in ns.
struct Shown {
    kind: &'static str,
    name: Cell,
    label: String,
    base: i64,
    new: i64,
    side: &'static str,
}

fn write_table(page: &mut Page, attribution: &Attribution) {
    let rows = shown(attribution);
    let mut table = Table::new(["part", "of", "base", "new", "change", "of the change", ""]);
    let whole = attribution.change_ns;
    let mut row = |kind: &str, name: Cell, (base, new): (i64, i64), side: &str| {
        let change = new - base;
        let share = (whole != 0).then(|| 100.0 * change as f64 / whole as f64);
        table.row([
            Cell::text(kind),
            name,
            Cell::figure(unit::duration(base)),
            Cell::figure(unit::duration(new)),
            Cell::figure(signed(change)),
            Cell::figure(unit::known(share, |share| format!("{share:.1} %"))),
            Cell::text(side),
        ]);
    };
    for shown in &rows {
        row(shown.kind, shown.name.clone(), (shown.base, shown.new), shown.side);
    }
    row("mean step", Cell::name(""), (attribution.base_ns, attribution.new_ns), "");
    page.table(table);
    page.paragraph(format!(
        "Means of {} and {} steps; the parts do not overlap, and their changes add up to that of the step.",
        unit::count(attribution.base_steps as i64),
        unit::count(attribution.new_steps as i64)
    ));
    let changes: Vec<Change> = rows
        .iter()
        .filter(|shown| shown.base != shown.new)
        .map(|shown| Change {
            label: shown.label.clone(),
            nanos: shown.new - shown.base,
            note: format!("{}, {}", shown.kind, signed(shown.new - shown.base)),
        })
        .collect();
    if !changes.is_empty() {
        page.picture(Picture::new(
            "What made the change.",
            format!(
                "The mean step changed by {}. A bar to the right made it longer, one to the left shorter; they add up to that change.",
                signed(whole)
            ),
            Drawing::Changes(Changes { rows: changes }),
        ));
    }
}

/// The parts that changed most, and all others as one row, so that the rows still add up.
fn shown(attribution: &Attribution) -> Vec<Shown> {
    let (top, rest) = attribution.rows.split_at(attribution.rows.len().min(TOP));
    let mut rows: Vec<Shown> = top.iter().map(named).collect();
    if !rest.is_empty() {
        let sum = |of: fn(&AttributionRow) -> i64| rest.iter().map(of).sum();
        let label = format!("({} more)", rest.len());
        rows.push(Shown {
            kind: "others",
            name: Cell::text(&label),
            label,
            base: sum(|row| row.base_ns),
            new: sum(|row| row.new_ns),
            side: "",
        });
    }
    rows
}

fn named(row: &AttributionRow) -> Shown {
    let is_kernel = matches!(row.kind, PartKind::Kernel | PartKind::Communication);
    let brief = |name: &str, width| {
        if is_kernel { kernel(name, width) } else { shortened(name, width) }
    };
    let label = match &row.was {
        Some(was) => format!("{} → {}", brief(was, RENAMED), brief(&row.name, RENAMED)),
        None => brief(&row.name, NAME),
    };
    let side = match (&row.was, row.appeared(), row.vanished()) {
        (Some(_), ..) => "renamed",
        (None, true, _) => "new",
        (None, _, true) => "gone",
        (None, ..) => "",
    };
    let name = match &row.was {
        Some(was) => {
            Cell::text(format!("{} → {}", brief(was, NAME / 2), brief(&row.name, NAME / 2)))
        }
        None => Cell::name(&label),
    };
    let (base, new) = (row.base_ns, row.new_ns);
    Shown { kind: row.kind.as_str(), name, label, base, new, side }
}

/// A change in ns with its sign.
fn signed(nanos: i64) -> String {
    let sign = if nanos > 0 { "+" } else { "" };
    format!("{sign}{}", unit::duration(nanos))
}
