//! The steps one after the other.

use perfagent_analysis::report::Rank;
use perfagent_analysis::spread;

use super::super::label;
use crate::page::Page;
use crate::picture::{Drawing, Picture, Series, Track};
use crate::unit;

/// Adds the picture, of marked steps or else of those that were detected.
pub(in super::super) fn write(page: &mut Page, ranks: &[Rank]) {
    let is_marked = ranks.iter().any(|rank| !rank.steps.is_empty());
    let tracks: Vec<Track> = ranks
        .iter()
        .map(|rank| Track {
            label: label(rank),
            steps: if is_marked {
                rank.steps.iter().map(|step| (step.index, step.duration_ns)).collect()
            } else {
                let detected = rank.detected_steps.iter().flat_map(|steps| &steps.steps);
                (0..).zip(detected).map(|(number, step)| (number, step.duration_ns)).collect()
            },
        })
        .collect();
    let times: Vec<i64> =
        tracks.iter().flat_map(|track| track.steps.iter().map(|(_, time)| *time)).collect();
    // A single step is a number, not a picture.
    if times.len() < 2 {
        return;
    }
    let Some(spread) = spread(times) else { return };
    let unusual = tracks
        .iter()
        .flat_map(|track| &track.steps)
        .filter(|(_, time)| *time < spread.low_ns || *time > spread.high_ns)
        .count();
    let kind = if is_marked { "steps" } else { "detected steps" };
    page.picture(Picture::new(
        format!("Time of the {kind}."),
        format!(
            "The median of all is {}; {} stand out: below {} or above {}. What is far beyond is drawn as a triangle at the top.",
            unit::duration(spread.median_ns),
            unit::count(unusual as i64),
            unit::duration(spread.low_ns.max(0)),
            unit::duration(spread.high_ns),
        ),
        Drawing::Series(Series {
            tracks,
            median: spread.median_ns,
            usual: (spread.low_ns, spread.high_ns),
        }),
    ));
}
