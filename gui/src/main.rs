//! `perfagent-gui [FILE…]`: opens recordings in a window.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use perfagent_gui::app::App;
use perfagent_gui::budget::Budget;
use perfagent_gui::heap;
use perfagent_gui::job;
use perfagent_gui::pane::Pane;

mod screenshot;

/// Look at recordings: timeline, memory and utilisation, kernels and operators.
#[derive(Parser)]
#[command(
    name = "perfagent-gui",
    version,
    after_help = "Example: perfagent-gui run.perfdb\n\nSeveral files are shown together, rank by rank, on one axis of time."
)]
struct Arguments {
    /// Recordings (.perfdb), traces of other tools, or folders of them; without any, the window asks for one
    files: Vec<PathBuf>,
    /// Write a picture of the window to this PNG file and exit
    #[arg(long, value_name = "OUT.png", requires = "files")]
    screenshot: Option<PathBuf>,
    /// The view to show first: overview, timeline, memory, advisor, …
    #[arg(long, value_name = "VIEW", value_parser = pane)]
    view: Option<Pane>,
    /// Memory that recordings may take; larger ones are opened in parts. As it was set last, at first half of the machine's
    #[arg(long, value_name = "GIB", value_parser = gibibytes)]
    memory: Option<Budget>,
    /// Size of the window in points
    #[arg(long, value_name = "WxH", value_parser = size, default_value = "1440x900")]
    size: (f32, f32),
}

fn size(text: &str) -> Result<(f32, f32), String> {
    let parse =
        |part: &str| part.parse::<u16>().ok().filter(|&points| points >= 100).map(f32::from);
    text.split_once('x')
        .and_then(|(width, height)| Some((parse(width)?, parse(height)?)))
        .ok_or_else(|| {
            "expected WIDTHxHEIGHT in points, each from 100 to 65535, for example 1440x900"
                .to_owned()
        })
}

fn gibibytes(text: &str) -> Result<Budget, String> {
    let gib = text.parse::<f64>().ok().filter(|gib| gib.is_finite() && *gib > 0.0);
    gib.map(|gib| Budget::of_bytes((gib * (1_u64 << 30) as f64) as u64))
        .ok_or_else(|| "expected a number of GiB, for example 8 or 0.5".to_owned())
}

fn pane(text: &str) -> Result<Pane, String> {
    Pane::named(text).ok_or_else(|| {
        let all: Vec<_> = Pane::ALL.into_iter().map(|pane| pane.title().to_lowercase()).collect();
        format!("expected one of {}", all.join(", "))
    })
}

fn main() -> ExitCode {
    heap::keep_freed();
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "perfagent-gui: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    // Before a window opens: whoever named a wrong file in a shell reads the answer there.
    job::check(&arguments.files).map_err(anyhow::Error::msg)?;
    let mut options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title(title(&arguments.files))
            .with_app_id("perfagent")
            .with_inner_size(arguments.size)
            .with_drag_and_drop(true),
        ..eframe::NativeOptions::default()
    };
    if let Some(out) = arguments.screenshot {
        // A picture must not depend on how the last window was left.
        options.persist_window = false;
        let Arguments { files, view, memory, .. } = arguments;
        return screenshot::take(files, (view, memory), &out, options);
    }
    let (files, view, memory) = (arguments.files, arguments.view, arguments.memory);
    let opened = eframe::run_native(
        "perfagent",
        options,
        Box::new(move |creation| {
            let app = App::new(Vec::new(), &creation.egui_ctx).restored(creation.storage);
            let mut app = app.within(memory);
            app.open(files, &creation.egui_ctx);
            app.open_first(view);
            Ok(Box::new(app))
        }),
    );
    opened.map_err(|error| no_window(&error))
}

fn title(files: &[PathBuf]) -> String {
    let names: Vec<_> = files
        .iter()
        .filter_map(|path| path.file_name())
        .map(|name| name.to_string_lossy())
        .collect();
    if names.is_empty() {
        "perfagent".to_owned()
    } else {
        format!("{} - perfagent", names.join(", "))
    }
}

/// What to do when the system has no screen or no OpenGL.
fn no_window(error: &eframe::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "cannot open a window: {error}; a graphical session with OpenGL is needed \
         (without a screen: `xvfb-run perfagent-gui …`, or read the figures with `perfagent report`)"
    )
}
