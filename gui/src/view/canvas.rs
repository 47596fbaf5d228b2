//! Everything that is painted on the canvas, from the background up.

use egui::epaint::{CubicBezierShape, Mesh};
use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, vec2};

use super::layout::{LEVEL_HEIGHT, Layout, Row, RowKind};
use super::paint::{Frame, Label};
use super::truncate::{fitting, short_name};
use crate::model::document::EventRef;
use crate::model::track::Step;
use crate::palette::Palette;
use crate::session::Session;
use crate::units;

/// Size of the texts in events, points.
const TEXT_SIZE: f32 = 11.0;
/// How wide a character of them is on average, points; on the wide side, because texts are not clipped.
const CHARACTER: f32 = 6.1;
/// Steps narrower than this are not told apart by lines, points.
const NARROWEST_STEP: f32 = 6.0;

/// Paints the rows that can be seen.
pub(crate) fn paint(
    painter: &Painter,
    canvas: Rect,
    frame: &Frame<'_>,
    session: &Session,
    layout: &Layout,
) {
    let visible = layout.visible(canvas.top() - frame.top, canvas.bottom() - frame.top);
    painter.rect_filled(canvas, 0.0, frame.palette.canvas);
    let mut below = Mesh::default();
    for row in visible {
        background(&mut below, canvas, frame, row);
    }
    step_lines(&mut below, canvas, frame, session, visible);
    painter.add(below);
    let drawn = frame.tracks(visible);
    painter.add(drawn.mesh);
    for label in &drawn.labels {
        text_in(painter, frame, label);
    }
    for row in visible {
        if let RowKind::Group(group) = row.kind {
            let steps = session.document.groups.get(group).map_or(&[][..], |group| &group.steps);
            step_boxes(painter, canvas, frame, row, steps);
        }
    }
    painter.add(frame.matches(visible, &session.search.matches));
    if let Some(at) = session.selected {
        outline(painter, canvas, frame, session, layout, at);
    }
    arrows(painter, canvas, frame, session, layout);
    marked(painter, canvas, frame, session);
}

fn background(mesh: &mut Mesh, canvas: Rect, frame: &Frame<'_>, row: &Row) {
    let top = frame.top + row.top;
    let rect = Rect::from_x_y_ranges(canvas.x_range(), top..=top + row.height);
    if matches!(row.kind, RowKind::Group(_)) {
        mesh.add_colored_rect(rect, frame.palette.header);
    }
    let pixel = 1.0 / frame.pixels_per_point;
    let line = Rect::from_x_y_ranges(canvas.x_range(), rect.bottom() - pixel..=rect.bottom());
    mesh.add_colored_rect(line, frame.palette.line);
}

/// A thin line down a rank's rows at every start of a step.
fn step_lines(
    mesh: &mut Mesh,
    canvas: Rect,
    frame: &Frame<'_>,
    session: &Session,
    visible: &[Row],
) {
    for group in &session.document.groups {
        let belongs = |row: &&Row| match row.kind {
            RowKind::Group(_) => false,
            RowKind::Track(track) => group.tracks.contains(&track),
        };
        let (Some(first), Some(last)) =
            (visible.iter().find(belongs), visible.iter().rfind(belongs))
        else {
            continue;
        };
        let rows = frame.top + first.top..=frame.top + last.top + last.height;
        for (_, x, _) in seen_steps(canvas, frame, &group.steps) {
            let line = Rect::from_x_y_ranges(x..=x + 1.0 / frame.pixels_per_point, rows.clone());
            mesh.add_colored_rect(line, frame.palette.grid);
        }
    }
}

/// The steps in sight with their left and right edges, where they are wide enough to be told apart.
fn seen_steps<'a>(
    canvas: Rect,
    frame: &'a Frame<'_>,
    steps: &'a [Step],
) -> impl Iterator<Item = (&'a Step, f32, f32)> {
    let x = move |time: i64| {
        let x = frame.left + frame.scale.x(time) as f32 / frame.pixels_per_point;
        (x * frame.pixels_per_point).round() / frame.pixels_per_point
    };
    let view = frame.scale.view();
    let first = steps.partition_point(|step| step.end < view.start());
    steps
        .iter()
        .skip(first)
        .take_while(move |step| step.start <= view.end())
        .map(move |step| (step, x(step.start), x(step.end)))
        .filter(move |&(_, left, right)| right - left >= NARROWEST_STEP && left < canvas.right())
}

fn step_boxes(painter: &Painter, canvas: Rect, frame: &Frame<'_>, row: &Row, steps: &[Step]) {
    let mut mesh = Mesh::default();
    let rows = frame.top + row.top + 3.0..=frame.top + row.top + row.height - 3.0;
    let mut texts = Vec::new();
    for (step, left, right) in seen_steps(canvas, frame, steps) {
        let from = left.max(canvas.left());
        let rect = Rect::from_x_y_ranges(from..=(right - 1.0).min(canvas.right()), rows.clone());
        if !rect.is_positive() {
            continue;
        }
        mesh.add_colored_rect(rect, frame.palette.step);
        let full = format!("{}  {}", step.label, units::duration(step.end - step.start));
        let short = step.label.rsplit(' ').next().unwrap_or_default();
        let room = rect.width() - 8.0;
        let text = [full.as_str(), step.label.as_str(), short]
            .into_iter()
            .find(|text| text.chars().count() as f32 * CHARACTER <= room);
        texts.extend(text.map(|text| (rect, text.to_owned())));
    }
    painter.add(mesh);
    for (rect, text) in texts {
        let at = Pos2::new(rect.left() + 4.0, rect.center().y);
        painter.text(
            at,
            Align2::LEFT_CENTER,
            text,
            FontId::proportional(TEXT_SIZE),
            frame.palette.text,
        );
    }
}

fn text_in(painter: &Painter, frame: &Frame<'_>, label: &Label) {
    let name = short_name(frame.document.names.text(label.name));
    let Some(text) = fitting(name, label.rect.width() - 7.0, CHARACTER) else { return };
    let colour = Palette::text_on(frame.palette.tint(label.tint));
    let at = Pos2::new(label.rect.left() + 3.0, label.rect.center().y);
    painter.text(at, Align2::LEFT_CENTER, text, FontId::proportional(TEXT_SIZE), colour);
}

/// Draws around the selected event, at least three pixels wide, so that the shortest can be found.
fn outline(
    painter: &Painter,
    canvas: Rect,
    frame: &Frame<'_>,
    session: &Session,
    layout: &Layout,
    at: EventRef,
) {
    let Some(rect) = event_rect(canvas, frame, session, layout, at) else { return };
    let stroke = Stroke::new(2.0, frame.palette.selection);
    painter.rect_stroke(rect.expand(1.0), 1.0, stroke, StrokeKind::Outside);
}

/// Draws what made the selected event run, and what it made run, as far as both ends have a row.
fn arrows(painter: &Painter, canvas: Rect, frame: &Frame<'_>, session: &Session, layout: &Layout) {
    let Some(flow) = session.known_flow() else { return };
    let stroke = Stroke::new(1.4, frame.palette.selection);
    for link in flow.causes.iter().chain(&flow.effects) {
        let ends = place(canvas, frame, session, layout, link.from)
            .zip(place(canvas, frame, session, layout, link.to));
        let Some((from, to)) = ends else { continue };
        let below = to.top() >= from.top();
        let start = Pos2::new(from.left(), if below { from.bottom() } else { from.top() });
        let end = Pos2::new(to.left(), to.center().y);
        if start.x.max(end.x) < canvas.left() || start.x.min(end.x) > canvas.right() {
            continue;
        }
        let bend = ((end.x - start.x) / 2.0).clamp(-60.0, 60.0).abs().max(12.0);
        let points = [start, Pos2::new(start.x, end.y), Pos2::new(end.x - bend, end.y), end];
        painter.add(CubicBezierShape::from_points_stroke(
            points,
            false,
            Color32::TRANSPARENT,
            stroke,
        ));
        let tip = vec![end, end + vec2(-6.0, -3.5), end + vec2(-6.0, 3.5)];
        painter.add(Shape::convex_polygon(tip, frame.palette.selection, Stroke::NONE));
    }
}

/// Where an event is, in sight or not, as far as its row is shown; far outside of the canvas it is just
/// outside.
fn place(
    canvas: Rect,
    frame: &Frame<'_>,
    session: &Session,
    layout: &Layout,
    at: EventRef,
) -> Option<Rect> {
    let event = session.document.event(at)?;
    let track = *session.document.lane_tracks.get(at.lane)?;
    let level = at.lane - session.document.tracks.get(track)?.lanes.start;
    let top = frame.top + layout.of_track(track)?.level_top(level);
    let near = |time: i64| {
        let x = frame.left + frame.scale.x(time) as f32 / frame.pixels_per_point;
        x.clamp(canvas.left() - 2000.0, canvas.right() + 2000.0)
    };
    Some(Rect::from_x_y_ranges(near(event.start)..=near(event.end), top..=top + LEVEL_HEIGHT - 1.0))
}

fn event_rect(
    canvas: Rect,
    frame: &Frame<'_>,
    session: &Session,
    layout: &Layout,
    at: EventRef,
) -> Option<Rect> {
    let event = session.document.event(at)?;
    let track = *session.document.lane_tracks.get(at.lane)?;
    let level = at.lane - session.document.tracks.get(track)?.lanes.start;
    let top = frame.top + layout.of_track(track)?.level_top(level);
    let x = |time: i64| frame.left + frame.scale.x(time) as f32 / frame.pixels_per_point;
    let (left, right) = (x(event.start), x(event.end));
    if right < canvas.left() || left > canvas.right() {
        return None;
    }
    let right = right.max(left + 3.0).min(canvas.right() + 4.0);
    Some(Rect::from_x_y_ranges(
        left.max(canvas.left() - 4.0)..=right,
        top..=top + LEVEL_HEIGHT - 1.0,
    ))
}

/// The marked stretch of time, or the one being marked.
fn marked(painter: &Painter, canvas: Rect, frame: &Frame<'_>, session: &Session) {
    let x = |time: i64| frame.left + frame.scale.x(time) as f32 / frame.pixels_per_point;
    let being = session
        .dragging
        .zip(session.pointer_time)
        .map(|((from, _), to)| (from.min(to), from.max(to)));
    let Some((start, end)) =
        being.or_else(|| session.range.map(|range| (range.start(), range.end())))
    else {
        return;
    };
    let (left, right) = (x(start).max(canvas.left()), x(end).min(canvas.right()));
    if left >= right {
        return;
    }
    let rect = Rect::from_x_y_ranges(left..=right, canvas.y_range());
    painter.rect_filled(rect, 0.0, frame.palette.range);
    let edge = Stroke::new(1.0, frame.palette.selection);
    painter.vline(left, canvas.y_range(), edge);
    painter.vline(right, canvas.y_range(), edge);
    let at = Pos2::new(rect.center().x, canvas.top() + 4.0);
    let font = FontId::proportional(TEXT_SIZE + 1.0);
    let galley = painter.layout_no_wrap(units::duration(end - start), font, frame.palette.text);
    let text_rect = Align2::CENTER_TOP.anchor_size(at, galley.size());
    painter.rect_filled(text_rect.expand2(vec2(4.0, 1.0)), 2.0, frame.palette.canvas);
    painter.galley(text_rect.min, galley, frame.palette.text);
}
