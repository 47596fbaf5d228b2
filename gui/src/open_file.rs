//! Asking the desktop for files, on a thread: its dialog may stay open for minutes.

use std::path::PathBuf;
use std::thread;

use crossbeam::channel::{Receiver, TryRecvError, bounded};

/// A dialog that is open.
pub(crate) struct Dialog(Receiver<Option<Vec<PathBuf>>>);

impl Dialog {
    /// Opens the desktop's dialog. Without a desktop portal it ends at once with nothing chosen, as when
    /// it is cancelled; the window has a field for a path too.
    pub(crate) fn open(ctx: &egui::Context) -> Self {
        let (sender, receiver) = bounded(1);
        let ctx = ctx.clone();
        let ask = move || {
            let chosen = rfd::FileDialog::new()
                .set_title("Open recordings or traces")
                .add_filter(
                    "Recordings and traces",
                    &[
                        "perfdb", "json", "gz", "sqlite", "nsys-rep", "pb", "csv", "log", "txt",
                        "pickle",
                    ],
                )
                .add_filter("All files", &["*"])
                .pick_files();
            let _ = sender.send(chosen);
            ctx.request_repaint();
        };
        // Without a thread the channel closes at once, which counts as nothing chosen.
        let _ = thread::Builder::new().name("dialog".into()).spawn(ask);
        Self(receiver)
    }

    /// What was chosen, nothing when it was cancelled; `None` while the dialog is open.
    pub(crate) fn poll(&self) -> Option<Vec<PathBuf>> {
        match self.0.try_recv() {
            Ok(chosen) => Some(chosen.unwrap_or_default()),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Vec::new()),
        }
    }
}
