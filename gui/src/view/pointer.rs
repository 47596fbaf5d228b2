//! What the mouse does over anything with the time axis: the canvas, the ruler, the plots.

use egui::{Modifiers, PointerButton, Rect, Response, Ui};

use super::layout::{Layout, RowKind};
use crate::model::document::EventRef;
use crate::model::hit::event_at;
use crate::model::viewport::{Scale, Viewport};
use crate::session::Session;

/// The pointer may miss an event by this many points.
const SLACK: f32 = 3.0;

/// Zooming and moving by wheel and drag, marking by drag. `area` is what the view is stretched over.
pub(crate) fn navigate(ui: &Ui, response: &Response, area: Rect, session: &mut Session) {
    let scale = Scale::new(session.view, f64::from(area.width()));
    let time_at = |x: f32| scale.time(f64::from(x - area.left()));
    let whole = session.document.whole();
    if let Some(at) = response.hover_pos() {
        session.pointer_time = Some(time_at(at.x));
        session.pointer_seen = true;
        let (zoom, scroll) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta().x));
        if (zoom - 1.0).abs() > f32::EPSILON {
            let fixed = f64::from((at.x - area.left()) / area.width().max(1.0));
            session.view = session.view.zoomed(1.0 / f64::from(zoom), fixed, whole);
        }
        if scroll != 0.0 {
            session.view = session.view.panned(-f64::from(scroll / area.width().max(1.0)), whole);
        }
    }
    let modifiers = ui.input(|input| input.modifiers);
    drag(response, area, modifiers, session, &time_at);
}

fn drag(
    response: &Response,
    area: Rect,
    modifiers: Modifiers,
    session: &mut Session,
    time_at: &dyn Fn(f32) -> i64,
) {
    let by = |button| response.dragged_by(button);
    let moves = by(PointerButton::Middle)
        || by(PointerButton::Secondary)
        || (by(PointerButton::Primary) && modifiers.shift && session.dragging.is_none());
    if moves {
        let share = f64::from(response.drag_delta().x / area.width().max(1.0));
        session.view = session.view.panned(-share, session.document.whole());
        return;
    }
    let pointer = response.interact_pointer_pos();
    if response.drag_started_by(PointerButton::Primary)
        && let Some(from) = response.ctx.input(|input| input.pointer.press_origin())
    {
        session.dragging = Some((time_at(from.x), modifiers.command));
    }
    if session.dragging.is_some()
        && let Some(at) = pointer
    {
        session.pointer_time = Some(time_at(at.x.clamp(area.left(), area.right())));
        session.pointer_seen = true;
    }
    if response.drag_stopped_by(PointerButton::Primary)
        && let Some((from, zooms)) = session.dragging.take()
        && let Some(to) = session.pointer_time
    {
        let range = Viewport::new(from.min(to), from.max(to));
        if zooms {
            session.go_to(range);
        } else {
            session.mark(range);
        }
    }
}

/// What is under the pointer.
pub(crate) struct Hit {
    /// The nearest event.
    pub(crate) event: EventRef,
    /// Events that share its pixel, itself included.
    pub(crate) crowd: usize,
    /// The part of the pixel in which one of them runs, 0 to 1.
    pub(crate) busy: f64,
}

/// Finds the event at a point of the canvas.
pub(crate) fn hit(
    session: &Session,
    layout: &Layout,
    area: Rect,
    top: f32,
    at: egui::Pos2,
) -> Option<Hit> {
    let row = layout.at(at.y - top)?;
    let RowKind::Track(track) = row.kind else { return None };
    let lanes = session.document.tracks.get(track)?.lanes.clone();
    let lane_index = lanes.start + row.level(at.y - top);
    if !lanes.contains(&lane_index) {
        return None;
    }
    let lane = session.document.lanes.get(lane_index)?;
    let scale = Scale::new(session.view, f64::from(area.width()));
    let time = scale.time(f64::from(at.x - area.left()));
    let slack = (scale.ns_per_pixel() * f64::from(SLACK)).ceil() as i64;
    let index = event_at(lane, time, slack)?;
    let pixel = (scale.ns_per_pixel().ceil() as i64).max(1);
    let (from, to) = (time - pixel / 2, time - pixel / 2 + pixel);
    let together = lane.touching(from, to);
    let busy: i64 = together
        .clone()
        .map(|index| (lane.end(index).min(to) - lane.start(index).max(from)).max(0))
        .take(10_000)
        .sum();
    Some(Hit {
        event: EventRef { lane: lane_index, index },
        crowd: together.len().max(1),
        busy: (busy as f64 / pixel as f64).clamp(0.0, 1.0),
    })
}
