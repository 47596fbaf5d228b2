//! Where and with what the runs were made: what differs first, then everything that was looked at.

use egui::{Label, Ui};

use super::answer::Answer;
use crate::model::compare::document::{Comparison, Fact, Weight};
use crate::view::grid::{Cell, Grid, Heading};
use crate::view::sideways::sideways;

const HEADINGS: [Heading; 4] = [
    Heading::text("Fact", 160.0, "What was looked at"),
    Heading::text("Matters", 180.0, "Whether a difference forbids a comparison"),
    Heading::text("Base", 180.0, "What it is in the base runs"),
    Heading::text("New", 0.0, "What it is in the new runs"),
];

pub(super) fn rows(comparison: &Comparison) -> Vec<Vec<Cell>> {
    let environment = &comparison.environment;
    let differs = |fact: &Fact| environment.differences.iter().any(|other| other.fact == fact.fact);
    let row = |fact: &Fact, matters: &str| {
        vec![
            Cell::Text(fact.fact.clone()),
            Cell::Text(matters.to_owned()),
            Cell::Text(fact.base.join("; ")),
            Cell::Text(fact.new.join("; ")),
        ]
    };
    let different = environment.differences.iter().map(|fact| {
        row(
            fact,
            match fact.weight {
                Weight::Decisive => "! differs, forbids a comparison",
                Weight::Note => "differs, to be known",
            },
        )
    });
    let same = environment.facts.iter().filter(|fact| !differs(fact));
    different.chain(same.map(|fact| row(fact, "= the same"))).collect()
}

pub(super) fn show(ui: &mut Ui, answer: &mut Answer) {
    let grid = Grid::new("environments", &HEADINGS);
    ui.horizontal_wrapped(|ui| {
        let count = answer.comparison.environment.differences.len();
        ui.add(
            Label::new(match count {
                0 => "The environments of both sides are the same in all that was looked at"
                    .to_owned(),
                _ => format!(
                    "The environments differ in {}",
                    crate::units::counted(count as u64, "fact")
                ),
            })
            .wrap(),
        );
        grid.copy_button(ui, &answer.environment.state, &answer.environment.rows[..]);
    });
    let table = &mut answer.environment;
    sideways(ui, "environments", |ui| grid.show(ui, &mut table.state, &table.rows[..]));
}
