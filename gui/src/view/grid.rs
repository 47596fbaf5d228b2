//! The table that all views use: sorted by a click on a heading, a row by the keyboard or the mouse,
//! copied as CSV or Markdown from its menu. Only rows in sight are laid out.

use std::cmp::Ordering;

use egui::{Align, Label, Layout, RichText, Role, Sense, TextWrapMode, Ui, WidgetInfo};
use egui_extras::{Column, TableBuilder};

use super::{context_menu, notice};

/// Height of a row, points.
const ROW_HEIGHT: f32 = 18.0;

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Heading {
    /// What stands above it.
    pub label: &'static str,
    /// Figures: to the right, and greatest first.
    pub numeric: bool,
    /// Its width at first, points; 0 takes what is left, which one column should do.
    pub width: f32,
    /// What it means, for the pointer.
    pub hint: &'static str,
}

impl Heading {
    /// A column of texts.
    #[must_use]
    pub const fn text(label: &'static str, width: f32, hint: &'static str) -> Self {
        Self { label, numeric: false, width, hint }
    }

    /// A column of figures.
    #[must_use]
    pub const fn figure(label: &'static str, width: f32, hint: &'static str) -> Self {
        Self { label, numeric: true, width, hint }
    }
}

/// What stands in one field.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A text, which is cut to the column's width and whole under the pointer.
    Text(String),
    /// A text that is shorter than what it stands for.
    Short {
        /// What is shown.
        text: String,
        /// What is meant: shown under the pointer, copied and sorted by.
        whole: String,
    },
    /// A figure as it is shown, and its value to sort by and to copy.
    Figure {
        /// With its unit.
        text: String,
        /// Without.
        value: f64,
    },
    /// A part of a whole, 0 to 1, drawn as a bar too.
    Share(f64),
    /// Not known.
    Unknown,
}

impl Cell {
    /// A figure.
    #[must_use]
    pub fn figure(text: impl Into<String>, value: f64) -> Self {
        Self::Figure { text: text.into(), value }
    }

    /// A figure that may not be known.
    #[must_use]
    pub fn optional(value: Option<f64>, format: impl Fn(f64) -> String) -> Self {
        value.map_or(Self::Unknown, |value| Self::Figure { text: format(value), value })
    }

    /// What is shown.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Short { text, .. } | Self::Figure { text, .. } => text.clone(),
            Self::Share(share) => format!("{:.1} %", share * 100.0),
            Self::Unknown => "-".to_owned(),
        }
    }

    /// What is copied: the whole text, the value without a unit, nothing for what is not known.
    #[must_use]
    pub fn copied(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Short { whole, .. } => whole.clone(),
            Self::Figure { value, .. } => value.to_string(),
            Self::Share(share) => share.to_string(),
            Self::Unknown => String::new(),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self.value(), other.value()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (None, None) => self.copied().cmp(&other.copied()),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    }

    const fn value(&self) -> Option<f64> {
        match self {
            Self::Figure { value, .. } | Self::Share(value) => Some(*value),
            _ => None,
        }
    }
}

/// Where a table gets its fields from.
pub trait Rows {
    /// How many rows there are.
    fn count(&self) -> usize;
    /// One field; asked for those in sight only (and for one column of all rows when the order changes).
    fn cell(&self, row: usize, column: usize) -> Cell;
    /// What a screen reader says of a row; the first two fields at first.
    fn describe(&self, row: usize) -> String {
        format!("{}, {}", self.cell(row, 0).shown(), self.cell(row, 1).shown())
    }
}

impl Rows for [Vec<Cell>] {
    fn count(&self) -> usize {
        self.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        self.get(row).and_then(|row| row.get(column)).cloned().unwrap_or(Cell::Unknown)
    }
}

/// A column, and which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The column.
    pub column: usize,
    /// The greatest, or Z, first.
    pub descending: bool,
}

/// What a table remembers from frame to frame.
#[derive(Default)]
pub struct State {
    /// The chosen order; `None` is the order of the rows as they come.
    pub order: Option<Order>,
    /// The chosen row, by its number in [`Rows`].
    pub selected: Option<usize>,
    sorted: Vec<usize>,
    sorted_for: Option<(Option<Order>, u64, usize)>,
}

impl State {
    /// The rows are others, even if they are as many: they are put in order anew.
    pub(crate) const fn outdate(&mut self) {
        self.sorted_for = None;
    }
}

/// What happened to a table in this frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// This row was clicked.
    pub clicked: Option<usize>,
    /// This row was clicked twice.
    pub double_clicked: Option<usize>,
    /// The pointer is over this row.
    pub hovered: Option<usize>,
}

/// A table.
pub struct Grid<'a> {
    id: &'a str,
    headings: &'a [Heading],
    version: u64,
    height: Option<f32>,
}

impl<'a> Grid<'a> {
    /// A table with these columns. `id` is its name in the window, and in what is said when it is copied.
    #[must_use]
    pub const fn new(id: &'a str, headings: &'a [Heading]) -> Self {
        Self { id, headings, version: 0, height: None }
    }

    /// Another number when the rows are others although as many: then they are put in order anew.
    #[must_use]
    pub const fn version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// At most so high, points; otherwise it takes all the room there is.
    #[must_use]
    pub const fn height(mut self, height: f32) -> Self {
        self.height = Some(height);
        self
    }

    /// Shows it.
    pub fn show<R: Rows + ?Sized>(self, ui: &mut Ui, state: &mut State, rows: &R) -> Touched {
        let wanted = (state.order, self.version, rows.count());
        if state.sorted_for != Some(wanted) {
            state.sorted = sorted(rows, state.order);
            state.sorted_for = Some(wanted);
        }
        let mut touched = Touched::default();
        let mut reorder = None;
        let headings = self.headings;
        ui.push_id(self.id, |ui| {
            ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
            let mut table = TableBuilder::new(ui)
                .striped(true)
                .sense(Sense::click())
                .auto_shrink([false, self.height.is_some()])
                // A table in a low pane scrolls instead of reaching out of it.
                .min_scrolled_height(0.0)
                .cell_layout(Layout::left_to_right(Align::Center));
            if let Some(height) = self.height {
                table = table.max_scroll_height(height);
            }
            for heading in headings {
                table = table.column(if heading.width > 0.0 {
                    Column::initial(heading.width).at_least(36.0).clip(true).resizable(true)
                } else {
                    Column::remainder().at_least(120.0).clip(true)
                });
            }
            table
                .header(20.0, |mut header| {
                    for (column, heading) in headings.iter().enumerate() {
                        header.col(|ui| {
                            if head(ui, heading, column, state.order).clicked() {
                                reorder = Some(column);
                            }
                        });
                    }
                })
                .body(|body| {
                    body.rows(ROW_HEIGHT, state.sorted.len(), |mut row| {
                        let Some(&at) = state.sorted.get(row.index()) else { return };
                        row.set_selected(state.selected == Some(at));
                        for (column, heading) in headings.iter().enumerate() {
                            row.col(|ui| field(ui, &rows.cell(at, column), heading.numeric));
                        }
                        let response = row.response();
                        response.widget_info(|| {
                            WidgetInfo::labeled(Role::Row, true, rows.describe(at))
                        });
                        if response.clicked() {
                            touched.clicked = Some(at);
                        }
                        if response.double_clicked() {
                            touched.double_clicked = Some(at);
                        }
                        if response.hovered() {
                            touched.hovered = Some(at);
                        }
                        context_menu::show(&response, |ui| {
                            copy_menu(ui, self.id, headings, state, rows);
                        });
                    });
                });
        });
        if let Some(column) = reorder {
            let numeric = headings[column].numeric;
            let descending = match state.order {
                Some(order) if order.column == column => !order.descending,
                _ => numeric,
            };
            state.order = Some(Order { column, descending });
        }
        if touched.clicked.is_some() {
            state.selected = touched.clicked;
        }
        touched
    }

    /// A button with the same menu as a right click on a row, for those who do not know of it.
    pub fn copy_button<R: Rows + ?Sized>(&self, ui: &mut Ui, state: &State, rows: &R) {
        let button =
            ui.menu_button("Copy", |ui| copy_menu(ui, self.id, self.headings, state, rows));
        button.response.widget_info(|| {
            WidgetInfo::labeled(Role::Button, true, format!("Copy table {}", self.id))
        });
    }
}

fn sorted<R: Rows + ?Sized>(rows: &R, order: Option<Order>) -> Vec<usize> {
    let mut all: Vec<usize> = (0..rows.count()).collect();
    if let Some(Order { column, descending }) = order {
        let cells: Vec<Cell> = all.iter().map(|&row| rows.cell(row, column)).collect();
        all.sort_by(|&a, &b| {
            let (a, b) = (&cells[a], &cells[b]);
            // What is not known comes last either way.
            let unknown = (*a == Cell::Unknown).cmp(&(*b == Cell::Unknown));
            let order = if descending { b.compare(a) } else { a.compare(b) };
            unknown.then(order)
        });
    }
    all
}

fn copy_menu<R: Rows + ?Sized>(
    ui: &mut Ui,
    id: &str,
    headings: &[Heading],
    state: &State,
    rows: &R,
) {
    for (label, write) in [
        ("Copy as CSV", csv as fn(&[Heading], &[Vec<String>]) -> String),
        ("Copy as Markdown", markdown),
    ] {
        if ui.button(label).clicked() {
            let fields: Vec<Vec<String>> = state
                .sorted
                .iter()
                .map(|&row| (0..headings.len()).map(move |column| rows.cell(row, column)))
                .map(|cells| cells.map(|cell| cell.copied()).collect())
                .collect();
            ui.ctx().copy_text(write(headings, &fields));
            notice::say(ui.ctx(), format!("{} rows of {id} copied", fields.len()));
            ui.close();
        }
    }
}

/// The rows as RFC 4180 has them.
fn csv(headings: &[Heading], rows: &[Vec<String>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = headings.iter().map(|heading| heading.label);
    // Writing into memory does not fail.
    let _ = writer.write_record(head);
    for row in rows {
        let _ = writer.write_record(row);
    }
    writer
        .into_inner()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

fn markdown(headings: &[Heading], rows: &[Vec<String>]) -> String {
    let escaped = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let line = |fields: Vec<String>| format!("| {} |\n", fields.join(" | "));
    let mut text = line(headings.iter().map(|heading| escaped(heading.label)).collect());
    text += &line(
        headings.iter().map(|heading| if heading.numeric { "--:" } else { "---" }.into()).collect(),
    );
    for row in rows {
        text += &line(row.iter().map(|field| escaped(field)).collect());
    }
    text
}

fn head(ui: &mut Ui, heading: &Heading, column: usize, order: Option<Order>) -> egui::Response {
    let layout = if heading.numeric {
        Layout::right_to_left(Align::Center)
    } else {
        Layout::left_to_right(Align::Center)
    };
    let chosen = order.filter(|order| order.column == column);
    ui.with_layout(layout, |ui| {
        let text = RichText::new(heading.label).strong();
        let response = ui.add(Label::new(text).sense(Sense::click()).selectable(false));
        let said = match chosen {
            None => "",
            Some(Order { descending: true, .. }) => ", greatest first",
            Some(_) => ", least first",
        };
        response.widget_info(|| {
            WidgetInfo::labeled(Role::ColumnHeader, true, format!("{}{said}", heading.label))
        });
        if let Some(order) = chosen {
            arrow(ui, order.descending);
        }
        let hint =
            if heading.hint.is_empty() { "Click to order by this column" } else { heading.hint };
        response.on_hover_text(hint)
    })
    .inner
}

fn arrow(ui: &mut Ui, descending: bool) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(9.0, 9.0), Sense::hover());
    let centre = rect.center();
    let tip = if descending { 3.0 } else { -3.0 };
    let points = [(-4.0, -tip), (4.0, -tip), (0.0, tip)];
    let points = points.map(|(x, y)| centre + egui::vec2(x, y)).to_vec();
    let colour = ui.visuals().text_color();
    ui.painter().add(egui::Shape::convex_polygon(points, colour, egui::Stroke::NONE));
}

fn field(ui: &mut Ui, cell: &Cell, numeric: bool) {
    let label = |text: String| Label::new(text).selectable(false).truncate();
    match cell {
        Cell::Short { text, whole } => {
            ui.add(label(text.clone())).on_hover_text(whole);
        }
        Cell::Text(text) if !numeric => {
            ui.add(label(text.clone()));
        }
        Cell::Share(share) => {
            let rect = ui.max_rect().shrink2(egui::vec2(1.0, 3.0));
            let width = rect.width() * share.clamp(0.0, 1.0) as f32;
            let filled = rect.with_min_x(rect.right() - width);
            let colour = ui.visuals().selection.bg_fill.gamma_multiply(0.55);
            ui.painter().rect_filled(filled, 0.0, colour);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.add(label(cell.shown())));
        }
        other => {
            let layout = if numeric {
                Layout::right_to_left(Align::Center)
            } else {
                Layout::left_to_right(Align::Center)
            };
            ui.with_layout(layout, |ui| ui.add(label(other.shown())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Heading, Order, csv, markdown, sorted};

    const HEADINGS: [Heading; 2] =
        [Heading::text("Name", 0.0, ""), Heading::figure("Time", 80.0, "Sum")];

    fn rows() -> Vec<Vec<Cell>> {
        let row = |name: &str, time: Cell| vec![Cell::Text(name.into()), time];
        vec![
            row("b", Cell::figure("2 ms", 2.0)),
            row("a, \"x\"|y", Cell::Unknown),
            row("c", Cell::figure("10 ms", 10.0)),
        ]
    }

    #[test]
    fn figures_are_sorted_by_value_and_unknown_ones_come_last() {
        let rows = rows();
        let order = |descending| sorted(&rows[..], Some(Order { column: 1, descending }));
        assert_eq!(order(true), [2, 0, 1]);
        assert_eq!(order(false), [0, 2, 1]);
        assert_eq!(sorted(&rows[..], None), [0, 1, 2]);
    }

    #[test]
    fn copies_can_be_read_by_other_programs() {
        let rows: Vec<Vec<String>> =
            rows().iter().map(|row| row.iter().map(Cell::copied).collect()).collect();
        assert_eq!(csv(&HEADINGS, &rows), "Name,Time\nb,2\n\"a, \"\"x\"\"|y\",\nc,10\n");
        assert_eq!(
            markdown(&HEADINGS, &rows),
            "| Name | Time |\n| --- | --: |\n| b | 2 |\n| a, \"x\"\\|y |  |\n| c | 10 |\n"
        );
    }
}
