//! Pictures of plots on their way to a file: views hand them over here, and the window asks where to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use egui::{ColorImage, Context, Id, Rect, Role, TextEdit, WidgetInfo, Window};

use super::notice;

/// What is to be written.
#[derive(Clone, Debug)]
pub(crate) enum Picture {
    /// The text of a file.
    Svg(String),
    /// What is on the screen within a rectangle, points.
    Screen(Rect),
}

/// A picture that has no place yet.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    picture: Picture,
    path: String,
    /// The place was chosen: the window is not in front of the picture any more.
    chosen: bool,
}

fn slot() -> Id {
    Id::unique("perfagent export")
}

/// Asks where a picture should go. `name` becomes the suggested file name.
pub(crate) fn request(ctx: &Context, name: &str, picture: Picture) {
    let ending = match picture {
        Picture::Svg(_) => "svg",
        Picture::Screen(_) => "png",
    };
    let stem: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let stem = stem.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let folder = std::env::current_dir().unwrap_or_default();
    let path = folder.join(format!("{stem}.{ending}")).display().to_string();
    ctx.data_mut(|data| data.insert_temp(slot(), Export { picture, path, chosen: false }));
    ctx.request_repaint();
}

/// Shows the question while a picture waits for its answer.
pub(crate) fn show(ctx: &Context) {
    let Some(mut export) = ctx.data(|data| data.get_temp::<Export>(slot())) else { return };
    if export.chosen {
        ctx.data_mut(|data| data.remove::<Export>(slot()));
        write(ctx, export);
        return;
    }
    let mut open = true;
    let mut answered = false;
    Window::new("Save picture").collapsible(false).resizable(false).open(&mut open).show(
        ctx,
        |ui| {
            let field = ui.add(TextEdit::singleline(&mut export.path).desired_width(420.0));
            field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "File to write"));
            ui.horizontal(|ui| {
                let ready = !export.path.trim().is_empty();
                answered = ui.add_enabled(ready, egui::Button::new("Save")).clicked();
                if Path::new(export.path.trim()).exists() {
                    ui.weak("The file is there already and will be replaced");
                }
            });
        },
    );
    if !open {
        ctx.data_mut(|data| data.remove::<Export>(slot()));
        return;
    }
    export.chosen = answered;
    ctx.data_mut(|data| data.insert_temp(slot(), export));
    if answered {
        // The picture is taken of the next frame, in which this question is gone.
        ctx.request_repaint();
    }
}

fn write(ctx: &Context, export: Export) {
    let path = PathBuf::from(export.path.trim());
    match export.picture {
        Picture::Svg(text) => tell(ctx, &path, fs::write(&path, text).map_err(Into::into)),
        Picture::Screen(rect) => {
            let scale = ctx.pixels_per_point();
            let later = ctx.clone();
            let once = Arc::new(Mutex::new(Some(path)));
            ctx.request_screenshot(move |image: Arc<ColorImage>| {
                let path = once.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(path) = path {
                    let size = egui::vec2(image.width() as f32, image.height() as f32) / scale;
                    let rect = rect.intersect(Rect::from_min_size(egui::Pos2::ZERO, size));
                    let seen = if rect.is_positive() {
                        save(&image.region(&rect, Some(scale)), &path)
                    } else {
                        Err(anyhow::anyhow!("the plot is not in sight any more"))
                    };
                    tell(&later, &path, seen);
                }
            });
        }
    }
}

fn save(image: &ColorImage, path: &Path) -> anyhow::Result<()> {
    let [width, height] = image.size;
    let bytes = image.pixels.iter().flat_map(egui::Color32::to_array).collect();
    image::RgbaImage::from_raw(width as u32, height as u32, bytes)
        .context("the picture has another size than it says")?
        .save_with_format(path, image::ImageFormat::Png)?;
    Ok(())
}

fn tell(ctx: &Context, path: &Path, result: anyhow::Result<()>) {
    match result {
        Ok(()) => notice::say(ctx, format!("{} written", path.display())),
        Err(error) => notice::warn(
            ctx,
            format!("{}: cannot be written ({error}); choose another place", path.display()),
        ),
    }
}
