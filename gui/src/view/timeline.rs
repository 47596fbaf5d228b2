//! The timeline: the ruler, the names of the rows, and the canvas.

use egui::{
    Align, Align2, FontId, Label, Layout as UiLayout, Pos2, Rect, Response, RichText, Role,
    ScrollArea, Sense, Stroke, Ui, UiBuilder, WidgetInfo, vec2,
};

use super::context_menu;
use super::export::{self, Picture};
use super::layout::{HEADER_HEIGHT, LEVEL_HEIGHT, Layout, Row, RowKind};
use super::paint::Frame;
use super::{canvas, pointer};
use crate::command::Command;
use crate::model::ruler;
use crate::model::track::Track;
use crate::model::viewport::Scale;
use crate::palette::Palette;
use crate::session::Session;
use crate::units;

/// Width of the column with the names of the rows, points.
pub(crate) const GUTTER: f32 = 210.0;
/// Room at the right edge for the scroll bar, points.
pub(crate) const MARGIN: f32 = 12.0;
/// Height of the ruler, points.
const RULER_HEIGHT: f32 = 22.0;
/// A tick of the ruler needs this much room, points.
const TICK_ROOM: f32 = 95.0;

/// The part of the height that pinned rows may take.
const MOST_PINNED: f32 = 0.4;

/// Shows the timeline in all the room there is.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    let palette = Palette::of(ui.ctx().theme());
    session.flow(ui.ctx());
    show_ruler(ui, session, palette);
    ui.spacing_mut().item_spacing.y = 0.0;
    if !session.pinned.is_empty() {
        let layout = Layout::of_tracks(&session.document, &session.pinned);
        let height = layout.height.min(ui.available_height() * MOST_PINNED);
        let scroll = ScrollArea::vertical().id_salt("pinned").max_height(height);
        scroll.auto_shrink([false, true]).show_viewport(ui, |ui, _| {
            rows(ui, session, &layout, "pinned");
        });
        ui.add_space(1.0);
        let line = ui.max_rect().x_range();
        ui.painter().hline(line, ui.cursor().top(), Stroke::new(2.0, palette.weak));
        ui.add_space(3.0);
    }
    let layout = Layout::new(&session.document, &session.folded, &session.hidden_tracks);
    ScrollArea::vertical().id_salt("timeline").auto_shrink(false).show_viewport(ui, |ui, _| {
        let whole = rows(ui, session, &layout, "canvas");
        if std::mem::take(&mut session.reveal) {
            reveal(ui, session, &layout, whole);
        }
    });
}

/// Shows rows in a scrolled area, and returns where all of them are, the hidden part included.
fn rows(ui: &mut Ui, session: &mut Session, layout: &Layout, id: &str) -> Rect {
    let palette = Palette::of(ui.ctx().theme());
    ui.set_height(layout.height);
    let whole = ui.max_rect();
    let sight = ui.clip_rect().intersect(Rect::everything_right_of(whole.left()));
    for row in layout.visible(sight.top() - whole.top(), sight.bottom() - whole.top()) {
        ui.push_id(id, |ui| name_of_row(ui, session, palette, row, whole.left_top()));
    }
    let area = Rect::from_x_y_ranges(
        whole.left() + GUTTER..=(whole.right() - MARGIN).max(whole.left() + GUTTER + 10.0),
        sight.top()..=sight.bottom().max(sight.top() + 1.0),
    );
    let response = ui.interact(area, ui.scope_id().with(id), Sense::click_and_drag());
    act(ui, &response, area, whole.top(), session, layout);
    context_menu::show(&response, |ui| {
        if ui.button("Save as PNG…").clicked() {
            let seen = Rect::from_x_y_ranges(whole.left()..=area.right(), area.y_range());
            export::request(ui.ctx(), "timeline", Picture::Screen(seen));
            ui.close();
        }
        if ui
            .add_enabled(session.selected.is_some(), egui::Button::new("Pin or unpin the row"))
            .clicked()
        {
            session.run(Command::Pin);
            ui.close();
        }
    });
    paint(ui, area, whole.top(), session, layout, palette);
    describe(&response, session, if id == "pinned" { "Pinned rows" } else { "Timeline" });
    whole
}

fn show_ruler(ui: &mut Ui, session: &mut Session, palette: &Palette) {
    let (whole, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), RULER_HEIGHT), Sense::hover());
    let area = Rect::from_x_y_ranges(
        whole.left() + GUTTER..=(whole.right() - MARGIN).max(whole.left() + GUTTER + 10.0),
        whole.y_range(),
    );
    let response = ui.interact(area, ui.scope_id().with("ruler"), Sense::click_and_drag());
    pointer::navigate(ui, &response, area, session);
    let painter = ui.painter_at(whole);
    let scale = Scale::new(session.view, f64::from(area.width()));
    let origin = session.document.whole().start();
    let most = (area.width() / TICK_ROOM).max(1.0) as usize;
    for tick in ruler::ticks(session.view, origin, most) {
        let x = area.left() + scale.x(tick.time) as f32;
        painter.vline(x, area.bottom() - 6.0..=area.bottom(), Stroke::new(1.0, palette.weak));
        let at = Pos2::new(x + 4.0, area.center().y);
        let galley = painter.layout_no_wrap(tick.text, FontId::proportional(11.0), palette.weak);
        if at.x + galley.size().x <= whole.right() {
            painter.galley(
                Align2::LEFT_CENTER.anchor_size(at, galley.size()).min,
                galley,
                palette.weak,
            );
        }
    }
    let shown = format!("{} shown", units::duration(session.view.length()));
    let at = Pos2::new(whole.left() + 8.0, whole.center().y);
    painter.text(at, Align2::LEFT_CENTER, shown, FontId::proportional(11.0), palette.weak);
}

fn name_of_row(ui: &mut Ui, session: &mut Session, palette: &Palette, row: &Row, origin: Pos2) {
    let top = origin.y + row.top;
    let rect = Rect::from_x_y_ranges(origin.x..=origin.x + GUTTER, top..=top + row.height);
    match row.kind {
        RowKind::Group(index) => {
            let Some(group) = session.document.groups.get(index) else { return };
            let folded = session.folded.contains(&index);
            let response = ui.interact(rect, ui.scope_id().with(("group", index)), Sense::click());
            let state = if folded { "folded" } else { "unfolded" };
            response.widget_info(|| {
                WidgetInfo::selected(
                    Role::Button,
                    true,
                    !folded,
                    format!("{}, {state}", group.label),
                )
            });
            ui.painter().rect_filled(rect, 0.0, palette.header);
            triangle(ui, Pos2::new(rect.left() + 10.0, rect.center().y), folded, palette);
            let text = RichText::new(&group.label).strong().color(palette.text);
            let note = RichText::new(&group.note).small().color(palette.weak);
            two_texts(ui, rect.with_min_x(rect.left() + 20.0), text, note);
            if response.clicked() && !session.folded.remove(&index) {
                session.folded.insert(index);
            }
        }
        RowKind::Track(index) => {
            let document = std::sync::Arc::clone(&session.document);
            let Some(track) = document.tracks.get(index) else { return };
            let first = Rect::from_min_size(
                Pos2::new(rect.left() + 20.0, top + 2.5),
                vec2(GUTTER - 20.0, LEVEL_HEIGHT),
            );
            track_menu(ui, session, rect, index, track);
            let pin = if session.pinned.contains(&index) { "• " } else { "" };
            let text = RichText::new(format!("{pin}{}", track.label)).color(palette.text);
            let note = RichText::new(&track.owner).small().color(palette.weak);
            two_texts(ui, first, text, note);
            let line = rect.bottom() - 0.5;
            ui.painter().hline(rect.x_range(), line, Stroke::new(1.0, palette.line));
        }
    }
}

/// The menu of the name of a row.
fn track_menu(ui: &Ui, session: &mut Session, rect: Rect, index: usize, track: &Track) {
    let id = ui.scope_id().with(("track", index));
    let response = ui.interact(rect, id, Sense::click());
    let pinned = session.pinned.contains(&index);
    let state = if pinned { ", pinned" } else { "" };
    let name = format!("Row {} {}{state}", track.label, track.owner);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name.as_str()));
    context_menu::show(&response, |ui| {
        if ui.button(if pinned { "Unpin" } else { "Pin to the top" }).clicked() {
            if !session.pinned.remove(&index) {
                session.pinned.insert(index);
            }
            ui.close();
        }
        if ui.button("Hide this row").clicked() {
            session.hidden_tracks.insert(index);
            ui.close();
        }
        if ui.button("Hide all rows of this kind").clicked() {
            let tracks = session.document.tracks.iter().enumerate();
            let alike = tracks.filter(|(_, other)| other.kind == track.kind).map(|(at, _)| at);
            session.hidden_tracks.extend(alike);
            ui.close();
        }
        let any = !session.hidden_tracks.is_empty();
        if ui.add_enabled(any, egui::Button::new("Show hidden rows")).clicked() {
            session.hidden_tracks.clear();
            ui.close();
        }
    });
}

fn two_texts(ui: &mut Ui, rect: Rect, text: RichText, note: RichText) {
    let builder = UiBuilder::new()
        .max_rect(rect.with_max_x(rect.right() - 6.0))
        .layout(UiLayout::left_to_right(Align::Center));
    ui.scope_builder(builder, |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.add(Label::new(text).selectable(false));
        ui.add(Label::new(note).truncate().selectable(false));
    });
}

fn triangle(ui: &Ui, centre: Pos2, folded: bool, palette: &Palette) {
    let points = if folded {
        [vec2(-2.5, -4.0), vec2(3.5, 0.0), vec2(-2.5, 4.0)]
    } else {
        [vec2(-4.0, -2.5), vec2(4.0, -2.5), vec2(0.0, 3.5)]
    };
    let points = points.map(|point| centre + point).to_vec();
    ui.painter().add(egui::Shape::convex_polygon(points, palette.weak, Stroke::NONE));
}

fn act(ui: &Ui, response: &Response, area: Rect, top: f32, session: &mut Session, layout: &Layout) {
    pointer::navigate(ui, response, area, session);
    let under = response.hover_pos().or_else(|| response.interact_pointer_pos());
    let hit = under.and_then(|at| pointer::hit(session, layout, area, top, at));
    if response.double_clicked() {
        if let Some(hit) = &hit {
            session.zoom_to(hit.event);
        }
    } else if response.clicked() {
        session.select(hit.as_ref().map(|hit| hit.event));
        if hit.is_none() {
            session.range = None;
        }
    }
    if session.dragging.is_none()
        && let Some(hit) = hit
        && response.hovered()
    {
        response.clone().on_hover_ui_at_pointer(|ui| tooltip(ui, session, &hit));
    }
}

fn tooltip(ui: &mut Ui, session: &Session, hit: &pointer::Hit) {
    let document = &session.document;
    let Some((event, track)) = document.event(hit.event).zip(document.track_of(hit.event)) else {
        return;
    };
    ui.set_max_width(420.0);
    ui.label(RichText::new(document.name(&event)).strong());
    let category = event.tint.category().label();
    ui.label(format!("{}  ·  {category}", units::duration(event.end - event.start)));
    let place = format!("{}  {}", track.label, track.owner);
    ui.label(RichText::new(place).small().weak());
    if hit.crowd > 2 {
        let events = units::counted(hit.crowd as u64, "event");
        let text = format!(
            "{events} in this pixel, busy {:.0} %; zoom in to tell them apart",
            hit.busy * 100.0
        );
        ui.label(RichText::new(text).small().weak());
    }
}

fn paint(ui: &Ui, area: Rect, top: f32, session: &Session, layout: &Layout, palette: &Palette) {
    let pixels_per_point = ui.ctx().pixels_per_point();
    // Both edges on whole pixels, or every strip would be half a pixel off.
    let left = (area.left() * pixels_per_point).round() / pixels_per_point;
    let frame = Frame {
        document: &session.document,
        palette,
        scale: Scale::new(session.view, f64::from(area.width() * pixels_per_point)),
        left,
        top,
        pixels_per_point,
    };
    let painter = ui.painter_at(area);
    canvas::paint(&painter, area, &frame, session, layout);
    if let Some(time) = session.pointer_time {
        let x = left + frame.scale.x(time) as f32 / pixels_per_point;
        painter.vline(x, area.y_range(), Stroke::new(1.0, palette.cursor));
    }
}

/// Says in words what the canvas shows, for screen readers; the table holds the figures.
fn describe(response: &Response, session: &Session, what: &str) {
    response.widget_info(|| {
        let origin = session.document.whole().start();
        WidgetInfo::labeled(
            Role::Canvas,
            true,
            format!(
                "{what}, {}, {} to {}, {}",
                units::counted(session.document.tracks.len() as u64, "row"),
                units::duration(session.view.start() - origin),
                units::duration(session.view.end() - origin),
                units::counted(session.document.summary.events, "event"),
            ),
        )
    });
}

fn reveal(ui: &Ui, session: &Session, layout: &Layout, whole: Rect) {
    let row = session
        .selected
        .and_then(|at| session.document.lane_tracks.get(at.lane))
        .and_then(|&track| layout.of_track(track));
    if let Some(row) = row {
        let top = whole.top() + row.top - HEADER_HEIGHT;
        let rect = Rect::from_x_y_ranges(whole.x_range(), top..=top + row.height + HEADER_HEIGHT);
        ui.scroll_to_rect(rect, None);
    }
}
