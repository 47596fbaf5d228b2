//! `--screenshot`: the real window, photographed by itself once the recording is loaded.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow, bail};
use egui::{ColorImage, Ui, ViewportCommand};
use perfagent_gui::app::App;
use perfagent_gui::budget::Budget;
use perfagent_gui::computed;
use perfagent_gui::pane::Pane;

/// Frames to wait after loading: sizes of panels and texts settle within a few.
const FRAMES_TO_SETTLE: u32 = 6;

type Slot<T> = Arc<Mutex<Option<T>>>;

/// Opens the window, waits until `files` are shown, and writes its picture to `out`.
pub(crate) fn take(
    files: Vec<PathBuf>,
    (view, memory): (Option<Pane>, Option<Budget>),
    out: &Path,
    options: eframe::NativeOptions,
) -> anyhow::Result<()> {
    let picture: Slot<Result<Arc<ColorImage>, String>> = Slot::default();
    let slot = Arc::clone(&picture);
    let opened = eframe::run_native(
        "perfagent-screenshot",
        options,
        Box::new(move |creation| {
            let mut app = App::new(Vec::new(), &creation.egui_ctx).within(memory);
            app.open(files, &creation.egui_ctx);
            app.open_first(view);
            Ok(Box::new(Photographer { app, slot, settled: 0, asked: false }))
        }),
    );
    opened.map_err(|error| super::no_window(&error))?;
    let taken = picture.lock().unwrap_or_else(PoisonError::into_inner).take();
    match taken {
        Some(Ok(image)) => write(&image, out),
        Some(Err(message)) => bail!(message),
        None => bail!("{}: the window was closed before its picture was taken", out.display()),
    }
}

fn write(image: &ColorImage, out: &Path) -> anyhow::Result<()> {
    let [width, height] = image.size;
    let bytes = image.pixels.iter().flat_map(egui::Color32::to_array).collect();
    let picture =
        image::RgbaImage::from_raw(width as u32, height as u32, bytes).ok_or_else(|| {
            anyhow!("the picture has {} pixels, not {width} × {height}", image.pixels.len())
        })?;
    picture
        .save_with_format(out, image::ImageFormat::Png)
        .with_context(|| format!("{}: cannot be written; choose another place", out.display()))
}

struct Photographer {
    app: App,
    slot: Slot<Result<Arc<ColorImage>, String>>,
    settled: u32,
    asked: bool,
}

impl Photographer {
    fn finish(&self, ctx: &egui::Context, result: Result<Arc<ColorImage>, String>) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }
}

impl eframe::App for Photographer {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.app.content(ui);
        if let Some(message) = self.app.failure() {
            self.finish(ui.ctx(), Err(message.to_owned()));
            return;
        }
        let done = self.slot.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if done {
            ui.ctx().send_viewport_cmd(ViewportCommand::Close);
        } else if self.app.session().is_some() && computed::running() == 0 {
            self.settled += 1;
            if self.settled >= FRAMES_TO_SETTLE && !self.asked {
                self.asked = true;
                let (slot, ctx) = (Arc::clone(&self.slot), ui.ctx().clone());
                ui.ctx().request_screenshot(move |image| {
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Ok(image));
                    ctx.request_repaint();
                });
            }
            ui.ctx().request_repaint();
        }
    }
}
