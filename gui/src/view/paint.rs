//! Lanes as one mesh: the only place that turns strips into triangles.
//!
//! One mesh for all lanes of a frame, not a shape an event: a shape costs ten times as much to
//! tessellate and an allocation each.

use egui::epaint::Mesh;
use egui::{Pos2, Rect};

use super::layout::{LEVEL_HEIGHT, Row, RowKind};
use crate::model::document::Document;
use crate::model::lane::Event;
use crate::model::lod::{self, FULL, Strip};
use crate::model::names::NameId;
use crate::model::search::Matches;
use crate::model::tint::Tint;
use crate::model::viewport::Scale;
use crate::palette::Palette;

/// Texts drawn in one frame at most: laying out more takes longer than a frame has.
pub const MOST_LABELS: usize = 1500;

/// Strips narrower than this carry no text, points.
const NARROWEST_LABEL: f32 = 26.0;

/// Where and how the lanes of one frame are drawn.
pub struct Frame<'a> {
    /// What is drawn.
    pub document: &'a Document,
    /// In which colours.
    pub palette: &'a Palette,
    /// The stretch of time over the canvas, in physical pixels.
    pub scale: Scale,
    /// Where the canvas begins, points.
    pub left: f32,
    /// Where the first row would begin, points; above the screen when it is scrolled away.
    pub top: f32,
    /// Physical pixels a point.
    pub pixels_per_point: f32,
}

/// A text for a strip.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// The strip's rectangle within the canvas, points.
    pub rect: Rect,
    /// The event's name.
    pub name: NameId,
    /// The strip's colour.
    pub tint: Tint,
}

/// The lanes of one frame.
#[derive(Default)]
pub struct Drawn {
    /// All strips.
    pub mesh: Mesh,
    /// Texts for the wide ones.
    pub labels: Vec<Label>,
}

impl Frame<'_> {
    /// A vertical position on a whole physical pixel, so that neighbours neither blend nor flicker.
    fn snapped(&self, y: f32) -> f32 {
        (y * self.pixels_per_point).round() / self.pixels_per_point
    }

    /// The rectangle between two physical pixel columns on one level of a row, `inset` points lower.
    fn rect(&self, x0: i32, x1: i32, row: &Row, level: usize, inset: f32) -> Rect {
        let width = self.scale.width() as f32;
        let x = |pixel: i32| self.left + (pixel as f32).clamp(0.0, width) / self.pixels_per_point;
        let top = self.snapped(self.top + row.level_top(level)) + inset;
        let bottom = self.snapped(self.top + row.level_top(level) + LEVEL_HEIGHT - 1.0);
        Rect::from_min_max(Pos2::new(x(x0), top), Pos2::new(x(x1), bottom))
    }

    /// Draws the tracks among `rows`.
    #[must_use]
    pub fn tracks(&self, rows: &[Row]) -> Drawn {
        let mut drawn = Drawn::default();
        let mut strips = Vec::new();
        for row in rows {
            let RowKind::Track(track) = row.kind else { continue };
            let lanes = self.document.tracks.get(track).map_or(0..0, |track| track.lanes.clone());
            for (level, lane) in lanes.enumerate() {
                let Some(lane) = self.document.lanes.get(lane) else { continue };
                strips.clear();
                lod::strips(lane, &self.scale, &mut strips);
                for strip in &strips {
                    self.strip(strip, row, level, &mut drawn);
                    if let Some(event) = strip.event
                        && let Some(Event { name, .. }) = lane.get(event as usize)
                    {
                        let rect = self.rect(strip.x0, strip.x1, row, level, 0.0);
                        if rect.width() >= NARROWEST_LABEL && drawn.labels.len() < MOST_LABELS {
                            drawn.labels.push(Label { rect, name, tint: strip.tint });
                        }
                    }
                }
            }
        }
        drawn
    }

    fn strip(&self, strip: &Strip, row: &Row, level: usize, drawn: &mut Drawn) {
        // A gap of one pixel keeps equal neighbours apart where there is room for it.
        let x1 = if strip.x1 - strip.x0 > 4 { strip.x1 - 1 } else { strip.x1 };
        let mut rect = self.rect(strip.x0, x1, row, level, 0.0);
        if strip.fill < FULL {
            let height = rect.height() * f32::from(strip.fill) / f32::from(FULL);
            rect.min.y = self.snapped(rect.max.y - height.max(2.0));
        }
        if rect.is_positive() {
            drawn.mesh.add_colored_rect(rect, self.palette.tint(strip.tint));
        }
    }

    /// Draws a mark under every event that was found, at least three pixels wide: what is looked for
    /// must not vanish among the others.
    #[must_use]
    pub fn matches(&self, rows: &[Row], matches: &Matches) -> Mesh {
        let mut mesh = Mesh::default();
        for row in rows {
            let RowKind::Track(track) = row.kind else { continue };
            let lanes = self.document.tracks.get(track).map_or(0..0, |track| track.lanes.clone());
            for (level, at) in lanes.enumerate() {
                let Some(lane) = self.document.lanes.get(at) else { continue };
                let visible = lane.touching(self.scale.view().start(), self.scale.view().end());
                let found = matches.in_lane(at);
                let first = found.partition_point(|&index| (index as usize) < visible.start);
                let past = found.partition_point(|&index| (index as usize) < visible.end);
                let mut run: Option<(i32, i32)> = None;
                let mut flush = |run: Option<(i32, i32)>| {
                    if let Some((x0, x1)) = run {
                        let rect = self.rect(x0, x1, row, level, LEVEL_HEIGHT - 4.0);
                        mesh.add_colored_rect(rect, self.palette.found);
                    }
                };
                for &index in found.get(first..past).unwrap_or_default() {
                    let x = |time: i64| {
                        self.scale.x(time).round().clamp(-3.0, self.scale.width() + 3.0) as i32
                    };
                    let x0 = x(lane.start(index as usize));
                    let x1 = x(lane.end(index as usize)).max(x0 + 3);
                    run = match run {
                        Some((from, to)) if x0 <= to => Some((from, to.max(x1))),
                        other => {
                            flush(other);
                            Some((x0, x1))
                        }
                    };
                }
                flush(run);
            }
        }
        mesh
    }
}
