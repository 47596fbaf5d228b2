//! Every colour of the window, for light and dark.
//!
//! The hues are those of Okabe and Ito, which people with the common kinds of colour blindness can
//! tell apart; no state is shown by colour alone.

use egui::{Color32, Theme, Visuals};

use crate::model::tint::{Category, SHADES, TINTS, Tint};

/// The colours of one theme.
pub struct Palette {
    /// By [`Tint::index`].
    tints: [Color32; TINTS],
    /// Curves, in order of use.
    pub curves: [Color32; 8],
    /// Behind the timeline.
    pub canvas: Color32,
    /// Behind the header of a rank.
    pub header: Color32,
    /// Between rows.
    pub line: Color32,
    /// Between steps and behind ticks.
    pub grid: Color32,
    /// Text.
    pub text: Color32,
    /// Text of less weight.
    pub weak: Color32,
    /// The outline of what is selected.
    pub selection: Color32,
    /// The outline of what matches a search.
    pub found: Color32,
    /// Over a selected stretch of time.
    pub range: Color32,
    /// A warning's text, always beside a sign or a word.
    pub warning: Color32,
    /// The line at the pointer.
    pub cursor: Color32,
    /// A step's box.
    pub step: Color32,
}

const fn hue(category: Category) -> [u8; 3] {
    match category {
        Category::Range => [118, 134, 156],
        Category::Forward => [0, 114, 178],
        Category::Backward => [230, 159, 0],
        Category::Optimizer => [0, 158, 115],
        Category::Input => [190, 178, 40],
        Category::Communication => [213, 94, 0],
        Category::Matrix => [58, 110, 196],
        Category::Attention => [204, 121, 167],
        Category::Reduction => [86, 180, 233],
        Category::Elementwise => [73, 171, 129],
        Category::Copy => [196, 154, 72],
        Category::Api => [142, 130, 170],
        Category::Other => [140, 140, 140],
    }
}

impl Palette {
    /// The colours of a theme.
    #[must_use]
    pub fn of(theme: Theme) -> &'static Self {
        use std::sync::LazyLock;
        static LIGHT: LazyLock<Palette> = LazyLock::new(Palette::light);
        static DARK: LazyLock<Palette> = LazyLock::new(Palette::dark);
        match theme {
            Theme::Light => &LIGHT,
            Theme::Dark => &DARK,
        }
    }

    fn light() -> Self {
        Self {
            tints: tints(|channel, shade| lighten(channel, 0.10 * f32::from(shade))),
            curves: curves(0.85),
            canvas: Color32::from_gray(253),
            header: Color32::from_rgb(236, 239, 244),
            line: Color32::from_gray(228),
            grid: Color32::from_black_alpha(22),
            text: Color32::from_gray(30),
            weak: Color32::from_gray(105),
            selection: Color32::BLACK,
            found: Color32::from_rgb(180, 0, 120),
            range: Color32::from_rgba_unmultiplied(0, 90, 180, 36),
            warning: Color32::from_rgb(160, 70, 0),
            cursor: Color32::from_black_alpha(110),
            step: Color32::from_rgb(205, 213, 225),
        }
    }

    fn dark() -> Self {
        Self {
            tints: tints(|channel, shade| lighten(channel * 0.88, 0.08 * f32::from(shade))),
            curves: curves(1.1),
            canvas: Color32::from_rgb(22, 24, 28),
            header: Color32::from_rgb(38, 42, 50),
            line: Color32::from_rgb(44, 47, 54),
            grid: Color32::from_white_alpha(20),
            text: Color32::from_gray(225),
            weak: Color32::from_gray(150),
            selection: Color32::WHITE,
            found: Color32::from_rgb(255, 120, 210),
            range: Color32::from_rgba_unmultiplied(120, 180, 255, 36),
            warning: Color32::from_rgb(255, 176, 84),
            cursor: Color32::from_white_alpha(120),
            step: Color32::from_rgb(62, 70, 84),
        }
    }

    /// The colour of an event.
    #[must_use]
    pub fn tint(&self, tint: Tint) -> Color32 {
        self.tints.get(tint.index()).copied().unwrap_or(Color32::GRAY)
    }

    /// Black or white, whichever can be read on `background`.
    #[must_use]
    pub fn text_on(background: Color32) -> Color32 {
        let linear = |channel: u8| (f32::from(channel) / 255.0).powf(2.2);
        let [r, g, b, _] = background.to_array();
        let luminance = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        // Where black and white have the same contrast by the formula of WCAG 2.
        if luminance > 0.18 { Color32::from_gray(10) } else { Color32::WHITE }
    }
}

fn tints(shade_of: impl Fn(f32, u8) -> f32) -> [Color32; TINTS] {
    std::array::from_fn(|index| {
        let tint = Tint::from_index(index);
        let [r, g, b] = hue(tint.category()).map(|channel| {
            shade_of(f32::from(channel), tint.shade() % SHADES).round().clamp(0.0, 255.0) as u8
        });
        Color32::from_rgb(r, g, b)
    })
}

fn lighten(channel: f32, share: f32) -> f32 {
    channel + (255.0 - channel) * share
}

fn curves(brightness: f32) -> [Color32; 8] {
    [
        [0, 114, 178],
        [213, 94, 0],
        [0, 158, 115],
        [204, 121, 167],
        [230, 159, 0],
        [86, 180, 233],
        [120, 110, 200],
        [130, 130, 130],
    ]
    .map(|channels: [u8; 3]| {
        let [r, g, b] = channels.map(|channel| (f32::from(channel) * brightness).min(255.0) as u8);
        Color32::from_rgb(r, g, b)
    })
}

/// Sets the colours of the widgets around the timeline.
pub fn apply(ctx: &egui::Context) {
    for theme in [Theme::Light, Theme::Dark] {
        let palette = Palette::of(theme);
        let mut visuals = match theme {
            Theme::Light => Visuals::light(),
            Theme::Dark => Visuals::dark(),
        };
        visuals.override_text_color = Some(palette.text);
        visuals.weak_text_color = Some(palette.weak);
        visuals.warn_fg_color = palette.warning;
        if theme == Theme::Dark {
            visuals.panel_fill = Color32::from_rgb(29, 31, 36);
            visuals.window_fill = Color32::from_rgb(35, 38, 44);
            visuals.extreme_bg_color = Color32::from_rgb(18, 20, 23);
        }
        ctx.set_visuals_of(theme, visuals);
        ctx.style_mut_of(theme, |style| {
            style.spacing.item_spacing = egui::vec2(8.0, 4.0);
            style.interaction.tooltip_delay = 0.0;
            style.interaction.show_tooltips_only_when_still = false;
            style.animation_time = 0.0;
        });
    }
}

#[cfg(test)]
mod tests {
    use egui::{Color32, Theme};

    use super::Palette;
    use crate::model::tint::{TINTS, Tint};

    #[test]
    fn text_can_be_read_on_every_tint() {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |colour: Color32| {
            let [r, g, b, _] = colour.to_array();
            0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
        };
        for theme in [Theme::Light, Theme::Dark] {
            for index in 0..TINTS {
                let background = Palette::of(theme).tint(Tint::from_index(index));
                let (a, b) = (luminance(background), luminance(Palette::text_on(background)));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.0, "{background:?}: {contrast:.1}");
            }
        }
    }
}
