//! Who waited for whom, rank by rank: rows waited, columns came last.

use egui::{Align2, FontId, Pos2, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};
use perfagent_analysis::{Skew, SkewCell};

use super::Lead;
use crate::model::joined::rank_name;
use crate::palette::Palette;
use crate::units;
use crate::view::grid::{self, Cell, Grid, Heading};

/// Sides of a cell, points.
const LEAST: f32 = 16.0;
const MOST: f32 = 64.0;
/// From this width on a cell has room for its figure, points.
const TEXT: f32 = 46.0;
/// Room for the ranks' names at the left and at the top, points.
const GUTTER: f32 = 62.0;
const TOP: f32 = 20.0;

const HEADINGS: [Heading; 6] = [
    Heading::text("Rank", 0.0, "Click a row to see the longest wait for this rank"),
    Heading::text("Machine", 90.0, "Its host"),
    Heading::figure("Met", 60.0, "Collectives that were found on every rank of their group"),
    Heading::figure("Came last", 74.0, "In how many of them the others waited for it"),
    Heading::figure("Waited", 84.0, "How long it waited for others"),
    Heading::figure("Held up", 84.0, "How long others waited for it, all together"),
];

/// Shows the waits by rank; the wait that was clicked.
pub(super) fn ranks(ui: &mut Ui, state: &mut grid::State, skew: &Skew) -> Option<Lead> {
    let count = |value: i64| Cell::figure(units::count(value.unsigned_abs()), value as f64);
    let time = |value: i64| Cell::figure(units::duration(value), value as f64);
    let rows: Vec<Vec<Cell>> = skew
        .ranks
        .iter()
        .map(|rank| {
            vec![
                Cell::Text(rank_name(rank.rank, rank.pid)),
                Cell::Text(rank.host.clone()),
                count(rank.met),
                count(rank.last),
                time(rank.waited_ns),
                time(rank.held_up_ns),
            ]
        })
        .collect();
    let grid = Grid::new("Waits by rank", &HEADINGS).version(skew.cells.as_ptr() as u64);
    grid.copy_button(ui, state, &rows[..]);
    let clicked = grid.height(150.0).show(ui, state, &rows[..]).clicked?;
    let of = skew.cells.iter().filter(|cell| cell.last == clicked);
    of.max_by_key(|cell| cell.longest_ns).map(longest)
}

/// The stretch of the longest wait of a pair.
fn longest(cell: &SkewCell) -> Lead {
    let start = cell.longest_start_ns;
    Lead::Stretch(start, start.saturating_add(cell.longest_ns))
}

/// Shows the matrix; the wait that was clicked.
pub(super) fn show(ui: &mut Ui, skew: &Skew, height: f32) -> Option<Lead> {
    ui.horizontal_wrapped(|ui| {
        ui.strong("Who waited for whom");
        ui.weak("Rows waited, columns came last; a stronger colour is longer");
    });
    let count = skew.ranks.len();
    let room = ((ui.available_width() - GUTTER - 14.0) / count.max(1) as f32)
        .min((height - TOP - 20.0) / count.max(1) as f32);
    let side = vec2(
        ((ui.available_width() - GUTTER - 14.0) / count.max(1) as f32).clamp(LEAST, MOST),
        room.clamp(LEAST, 34.0),
    );
    let mut lead = None;
    ScrollArea::both().id_salt("matrix").max_height(height).auto_shrink([false, true]).show(
        ui,
        |ui| {
            let whole =
                vec2(GUTTER + side.x * count as f32 + 2.0, TOP + side.y * count as f32 + 2.0);
            let (rect, _) = ui.allocate_exact_size(whole, Sense::hover());
            names(ui, skew, rect.min, side);
            let longest = skew.cells.iter().map(|cell| cell.wait_ns).max().unwrap_or(1);
            let seen = ui.clip_rect();
            let inside = |from: f32, least: f32, most: f32, side: f32| {
                let at = |edge: f32| (((edge - from) / side).floor().max(0.0) as usize).min(count);
                at(least)..(at(most) + 1).min(count)
            };
            let columns = inside(rect.left() + GUTTER, seen.left(), seen.right(), side.x);
            for waiter in inside(rect.top() + TOP, seen.top(), seen.bottom(), side.y) {
                for last in columns.clone() {
                    let corner = rect.min
                        + vec2(GUTTER + side.x * last as f32, TOP + side.y * waiter as f32);
                    let place = Rect::from_min_size(corner, side).shrink(1.0);
                    let key = |cell: &SkewCell| (cell.waiter, cell.last).cmp(&(waiter, last));
                    if let Ok(at) = skew.cells.binary_search_by(key) {
                        lead = wait(ui, skew, &skew.cells[at], place, longest).or(lead.take());
                    } else {
                        let palette = Palette::of(ui.ctx().theme());
                        let colour = if waiter == last { palette.line } else { palette.header };
                        ui.painter().rect_filled(place, 2.0, colour);
                    }
                }
            }
        },
    );
    lead
}

fn names(ui: &Ui, skew: &Skew, origin: Pos2, side: egui::Vec2) {
    let palette = Palette::of(ui.ctx().theme());
    let font = FontId::proportional(11.0);
    for (at, rank) in skew.ranks.iter().enumerate() {
        let name = rank_name(rank.rank, rank.pid);
        let y = origin.y + TOP + side.y * (at as f32 + 0.5);
        let left = pos2(origin.x + GUTTER - 6.0, y);
        // What is too long for its place says the number alone.
        let short = name.rsplit(' ').next().unwrap_or_default();
        let of = |text: &str, room: f32| {
            if text.len() as f32 * 6.0 < room { name.as_str() } else { short }.to_owned()
        };
        ui.painter().text(
            left,
            Align2::RIGHT_CENTER,
            of(&name, GUTTER - 6.0),
            font.clone(),
            palette.text,
        );
        let above = pos2(origin.x + GUTTER + side.x * (at as f32 + 0.5), origin.y + TOP - 10.0);
        ui.painter().text(
            above,
            Align2::CENTER_CENTER,
            of(&name, side.x),
            font.clone(),
            palette.text,
        );
    }
}

fn wait(ui: &Ui, skew: &Skew, cell: &SkewCell, place: Rect, most: i64) -> Option<Lead> {
    if !ui.is_rect_visible(place) {
        return None;
    }
    let palette = Palette::of(ui.ctx().theme());
    let share = (cell.wait_ns as f64 / most.max(1) as f64).sqrt() as f32;
    let colour = palette.header.lerp_to_gamma(palette.curves[1], 0.12 + 0.88 * share);
    ui.painter().rect_filled(place, 2.0, colour);
    if place.width() >= TEXT {
        let font = FontId::proportional(10.0);
        let text = units::duration(cell.wait_ns);
        let galley = ui.painter().layout_no_wrap(text, font, Palette::text_on(colour));
        if galley.size().x <= place.width() - 2.0 {
            let corner = place.center() - galley.size() / 2.0;
            ui.painter().galley(corner, galley, palette.text);
        }
    }
    let name = |at: usize| {
        skew.ranks.get(at).map_or_else(String::new, |rank| rank_name(rank.rank, rank.pid))
    };
    let said = format!(
        "{} waited {} for {}",
        name(cell.waiter),
        units::duration(cell.wait_ns),
        name(cell.last).to_lowercase()
    );
    let id = ui.scope_id().with(("wait", cell.waiter, cell.last));
    let response = ui.interact(place, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &said));
    let hover = format!(
        "{said}\nIn {}, the longest {} in {}\nClick for the longest in the timeline",
        units::counted(cell.count.unsigned_abs(), "collective"),
        units::duration(cell.longest_ns),
        cell.longest_op
    );
    let clicked = response.clicked();
    response.on_hover_text(hover);
    clicked.then(|| longest(cell))
}
