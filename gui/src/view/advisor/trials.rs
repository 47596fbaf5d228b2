//! What `perfagent tune` has tried: predicted against measured, and the table.

use std::path::PathBuf;

use egui::{Role, TextEdit, Ui, WidgetInfo, vec2};

use super::figures::rounded;
use crate::computed::Computed;
use crate::model::advisor::Trials;
use crate::palette::Palette;
use crate::session::Session;
use crate::view::chart::{Axis, Chart, Layer, Marker, Point, Scale};
use crate::view::grid::{self, Cell, Grid, Heading};

const HEADINGS: [Heading; 7] = [
    Heading::figure("Trial", 50.0, "In the order in which they ran"),
    Heading::text("Configuration", 0.0, "The values of the placeholders"),
    Heading::figure("Expected", 86.0, "Before the trial ran, fitted to the trials before it"),
    Heading::text("90 % interval", 130.0, "In which nine in ten should lie"),
    Heading::figure("Measured", 140.0, "What the trial reached"),
    Heading::figure("Error", 66.0, "Expected by measured"),
    Heading::text("Status", 130.0, "How it ended; the reason is under the pointer"),
];

/// What the view remembers.
#[derive(Default)]
pub(super) struct State {
    field: String,
    wanted: Option<PathBuf>,
    /// Counts readings: the file grows while trials run.
    times: u64,
    read: Computed<(PathBuf, u64), Result<Trials, String>>,
    table: grid::State,
}

impl State {
    /// Reads the trials in this folder or file, anew if they are shown already.
    pub(super) fn open(&mut self, path: PathBuf) {
        self.field = path.display().to_string();
        self.wanted = Some(path);
        self.times += 1;
    }
}

/// Shows the choice, the plot and the table.
pub(super) fn show(ui: &mut Ui, session: &mut Session) {
    let state = &mut session.advisor.trials;
    ui.horizontal_wrapped(|ui| {
        let field = TextEdit::singleline(&mut state.field)
            .hint_text("Folder of perfagent tune, or its tune.jsonl")
            .desired_width(300.0);
        let response = ui.add(field);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path of trials"));
        let entered =
            response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if (ui.button("Load trials").clicked() || entered) && !state.field.trim().is_empty() {
            state.open(PathBuf::from(state.field.trim()));
        }
    });
    let Some(path) = state.wanted.clone() else {
        ui.label("Predictions and what was measured of them, once perfagent tune has run some");
        return;
    };
    let key = (path.clone(), state.times);
    match state.read.get(&key, ui.ctx(), move || Trials::read(&path)) {
        None => {
            ui.weak("Reading the trials");
        }
        Some(Err(why)) => {
            ui.colored_label(Palette::of(ui.ctx().theme()).warning, why);
        }
        Some(Ok(trials)) if trials.rows.is_empty() => {
            ui.label("No trial has ended so far");
        }
        Some(Ok(trials)) => {
            if let Some((error, held, of)) = trials.errors() {
                ui.label(format!(
                    "Median error {error:.1} %; {held} of {of} measured within their 90 % interval"
                ));
            }
            plot(ui, trials);
            let rows: Vec<Vec<Cell>> =
                trials.rows.iter().map(|row| cells(row, &trials.unit)).collect();
            let grid = Grid::new("Trials", &HEADINGS).version(state.times);
            grid.copy_button(ui, &state.table, &rows[..]);
            grid.height(240.0).show(ui, &mut state.table, &rows[..]);
        }
    }
}

fn plot(ui: &mut Ui, trials: &Trials) {
    let palette = Palette::of(ui.ctx().theme());
    let of: Vec<_> =
        trials.rows.iter().filter_map(|row| Some((row, row.predicted?, row.measured?))).collect();
    if of.is_empty() {
        ui.weak("None of them has both a prediction and a measurement: the first trial has no scale yet");
        return;
    }
    let values = || of.iter().flat_map(|(_, predicted, measured)| [predicted.p50, *measured]);
    let (least, most) =
        values().fold((f64::INFINITY, 0.0_f64), |(a, b), value| (a.min(value), b.max(value)));
    let mut layers = vec![Layer::Line {
        name: "As predicted".to_owned(),
        colour: palette.weak,
        points: vec![[least * 0.8, least * 0.8], [most * 1.2, most * 1.2]],
        dashed: true,
    }];
    for (_, predicted, measured) in &of {
        layers.push(Layer::Line {
            name: String::new(),
            colour: palette.curves[0].gamma_multiply(0.5),
            points: vec![[predicted.p05, *measured], [predicted.p95, *measured]],
            dashed: false,
        });
    }
    for (held, name, marker, colour) in [
        (true, "Within its interval", Marker::Circle, palette.curves[0]),
        (false, "Outside of it", Marker::Cross, palette.curves[1]),
    ] {
        let points: Vec<Point> = of
            .iter()
            .filter(|(row, ..)| row.is_held() == Some(held))
            .map(|(row, predicted, measured)| Point {
                x: predicted.p50,
                y: *measured,
                radius: 5.0,
                hover: format!(
                    "Trial {}: {}\nExpected {} ({} to {}), measured {} {}",
                    row.number,
                    row.configuration,
                    rounded(predicted.p50),
                    rounded(predicted.p05),
                    rounded(predicted.p95),
                    rounded(*measured),
                    trials.unit
                ),
            })
            .collect();
        if !points.is_empty() {
            layers.push(Layer::Points { name: name.to_owned(), colour, marker, points });
        }
    }
    let range = (least * 0.8, most * 1.2);
    let chart = Chart {
        title: "Predicted against measured".to_owned(),
        x: Axis::new(format!("Expected ({})", trials.unit), Scale::Linear, rounded)
            .range(range.0, range.1),
        y: Axis::new(format!("Measured ({})", trials.unit), Scale::Linear, rounded)
            .range(range.0, range.1),
        layers,
    };
    chart.show(ui, vec2(ui.available_width(), 230.0));
}

fn cells(row: &crate::model::advisor::trials::Row, unit: &str) -> Vec<Cell> {
    let interval = row.predicted.map(|of| format!("{} to {}", rounded(of.p05), rounded(of.p95)));
    vec![
        Cell::figure(row.number.to_string(), f64::from(row.number)),
        Cell::Text(row.configuration.clone()),
        Cell::optional(row.predicted.map(|of| of.p50), rounded),
        interval.map_or(Cell::Unknown, Cell::Text),
        Cell::optional(row.measured, |value| format!("{} {unit}", rounded(value))),
        Cell::optional(row.error_pct(), |error| format!("{error:+.1} %")),
        if row.reason.is_empty() {
            Cell::Text(row.status.to_owned())
        } else {
            Cell::Short {
                text: row.status.to_owned(),
                whole: format!("{}: {}", row.status, row.reason),
            }
        },
    ]
}
