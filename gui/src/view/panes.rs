//! Which view fills which pane.

use egui::{
    Align, Button, CursorIcon, Frame, Label, Layout, Margin, RichText, Role, Sense, Ui, WidgetInfo,
    WidgetText,
};
use egui_tiles::{Behavior, SimplificationOptions, Tile, TileId, Tiles, UiResponse};

use super::pages::Asked;
use super::{
    advisor, communication, compare, curves, details, fleet, live, memory, overview, roofline,
    table, timeline,
};
use crate::command::Command;
use crate::dock;
use crate::pane::Pane;
use crate::session::Session;
use crate::window::Window;

/// Everything that the views of one frame show and change.
pub(crate) struct Contents<'a> {
    pub(crate) session: Option<&'a mut Session>,
    pub(crate) window: &'a mut Window,
    pub(crate) compare: &'a mut compare::State,
    pub(crate) fleet: &'a mut fleet::State,
    pub(crate) live: &'a mut live::State,
    /// Views that stand beside others without a tab.
    pub(crate) headed: Vec<Pane>,
    /// A view that was closed in this frame.
    pub(crate) closed: Option<Pane>,
    /// What the window is to do after this frame.
    pub(crate) asked: &'a mut Vec<Asked>,
}

impl Contents<'_> {
    fn of_document(&mut self, ui: &mut Ui, pane: Pane) {
        let Some(session) = self.session.as_deref_mut() else {
            ui.add_space(8.0);
            ui.strong("No recording is open");
            ui.label("Open a recording or another tool's trace, or drop it here");
            if ui.button("Open…").clicked() {
                self.asked.push(Asked::Run(Command::OpenFile));
            }
            return;
        };
        match pane {
            Pane::Overview => overview::show(ui, session),
            Pane::Timeline => timeline_with_curves(ui, session),
            Pane::Operations => table::show(ui, session),
            Pane::Roofline => roofline::show(ui, session),
            Pane::Memory => memory::show(ui, session),
            Pane::Communication => communication::show(ui, session),
            Pane::Advisor => advisor::show(ui, session),
            Pane::Details => details::show(ui, session),
            Pane::Compare | Pane::Fleet | Pane::Live => {}
        }
    }
}

fn timeline_with_curves(ui: &mut Ui, session: &mut Session) {
    if curves::any(session) {
        egui::Panel::bottom("curves")
            .frame(Frame::new().fill(ui.visuals().panel_fill))
            .resizable(true)
            .default_size((curves::PLOT_HEIGHT * 2.0).min(ui.available_height() * 0.4))
            .min_size(60.0)
            .show(ui, |ui| curves::show(ui, session));
    }
    let frame = Frame::new().fill(ui.visuals().panel_fill);
    egui::CentralPanel::default().frame(frame).show(ui, |ui| {
        if session.document.tracks.is_empty() {
            ui.centered_and_justified(|ui| ui.label("This recording holds no events to draw"));
        } else {
            timeline::show(ui, session);
        }
    });
}

impl Behavior<Pane> for Contents<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut Pane) -> UiResponse {
        // The timeline goes from edge to edge; texts need some room.
        let margin = if *pane == Pane::Timeline { Margin::ZERO } else { Margin::symmetric(8, 6) };
        let pane = *pane;
        let mut response = UiResponse::None;
        Frame::new().fill(ui.visuals().panel_fill).inner_margin(margin).show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            if self.headed.contains(&pane) && header(ui, pane, &mut self.closed) {
                response = UiResponse::DragStarted;
            }
            ui.push_id(pane, |ui| match pane {
                Pane::Compare => compare::show(ui, self.compare, self.window),
                Pane::Fleet => fleet::show(ui, self.fleet, self.window),
                Pane::Live => live::show(ui, self.live, self.window),
                other => self.of_document(ui, other),
            });
        });
        response
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        RichText::new(pane.title()).into()
    }

    fn tab_title_for_tile(&mut self, tiles: &Tiles<Pane>, tile: TileId) -> WidgetText {
        RichText::new(dock::title(tiles, tile)).into()
    }

    fn is_tab_closable(&self, tiles: &Tiles<Pane>, tile: TileId) -> bool {
        matches!(tiles.get(tile), Some(Tile::Pane(_)))
    }

    fn on_tab_close(&mut self, tiles: &mut Tiles<Pane>, tile: TileId) -> bool {
        self.closed = tiles.get_pane(&tile).copied();
        // The dock takes it away itself, and remembers from where.
        false
    }

    fn simplification_options(&self) -> SimplificationOptions {
        // The shared tab of the timeline is a container within a tab, as it should stay.
        SimplificationOptions { prune_single_child_tabs: true, ..SimplificationOptions::default() }
    }
}

/// The title of a view without a tab, to be dragged by and closed; true when a drag begins.
fn header(ui: &mut Ui, pane: Pane, closed: &mut Option<Pane>) -> bool {
    ui.horizontal(|ui| {
        let title = Label::new(RichText::new(pane.title()).strong()).selectable(false);
        let response = ui.add(title.sense(Sense::drag())).on_hover_cursor(CursorIcon::Grab);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let close = ui.add(Button::new("×").frame(false)).on_hover_text("Close this view");
            let name = format!("Close {}", pane.title());
            close.widget_info(|| WidgetInfo::labeled(Role::Button, true, name.as_str()));
            if close.clicked() {
                *closed = Some(pane);
            }
        });
        response.drag_started()
    })
    .inner
}
