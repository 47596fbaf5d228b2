//! Where the program asked for memory: the innermost frame of a stack that is the user's own.

use std::collections::HashMap;
use std::path::Path;

use super::pickle::{Id, Pickle, Value};
use crate::texts::{Text, Texts};

/// How near a frame is to what the user wrote, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// Python that is neither installed nor PyTorch's.
    Own,
    /// In a folder `torch` that is not an installed one: PyTorch's sources, or the user's.
    Torch,
    /// Installed packages and Python's own library.
    Library,
    /// C++, and code that has no file.
    Native,
}

/// The sites of a snapshot, each stack looked at once however many events share it.
#[derive(Debug, Default)]
pub(super) struct Sites(HashMap<Id, Text>);

impl Sites {
    /// The site of a stack, innermost frame first; the empty text where it has none.
    pub(super) fn of(&mut self, pickle: &Pickle, frames: Value, texts: &mut Texts) -> Text {
        let Some(id) = frames.id() else { return Text::default() };
        *self.0.entry(id).or_insert_with(|| texts.number(&site(pickle, frames)))
    }
}

/// `train.py:42 step` of the innermost frame among those that are nearest to the user.
fn site(pickle: &Pickle, frames: Value) -> String {
    let text = |frame, key| pickle.get(frame, key).and_then(|value| pickle.text(value));
    let mut best: Option<(Nearness, Value)> = None;
    for &frame in pickle.items(frames) {
        let nearness = nearness(text(frame, "filename").unwrap_or_default());
        if best.is_none_or(|(so_far, _)| nearness < so_far) {
            best = Some((nearness, frame));
        }
        if nearness == Nearness::Own {
            break;
        }
    }
    let Some((nearness, frame)) = best else { return String::new() };
    let name = text(frame, "name").unwrap_or_default();
    if nearness == Nearness::Native {
        return name.to_owned();
    }
    let path = text(frame, "filename").unwrap_or_default();
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let line = pickle.get(frame, "line").and_then(Value::int).unwrap_or(0);
    format!("{file}:{line} {name}")
}

fn nearness(path: &str) -> Nearness {
    // Cells of notebooks are files without a name, or with a made-up one.
    let is_python = Path::new(path).extension().is_some_and(|ending| ending == "py")
        || path.starts_with("<ipython-input");
    if !is_python {
        return Nearness::Native;
    }
    let is_version = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let mut folders = path.split(['/', '\\']).rev().skip(1);
    let is_library = |folder: &str| {
        matches!(folder, "site-packages" | "dist-packages")
            || folder.strip_prefix("python").is_some_and(is_version)
    };
    if folders.clone().any(is_library) || path.starts_with("<frozen") {
        Nearness::Library
    } else if folders.any(|folder| folder == "torch") {
        Nearness::Torch
    } else {
        Nearness::Own
    }
}

#[cfg(test)]
mod tests {
    use super::{Nearness, nearness};

    #[test]
    fn whose_a_file_is() {
        for (path, whose) in [
            ("/home/me/train.py", Nearness::Own),
            ("train.py", Nearness::Own),
            ("/tmp/ipykernel_7/42.py", Nearness::Own),
            ("<ipython-input-3-abc>", Nearness::Own),
            ("C:\\work\\train.py", Nearness::Own),
            ("/home/me/python3-course/train.py", Nearness::Own),
            ("/home/me/pytorch/torch/nn/modules/module.py", Nearness::Torch),
            ("/opt/venv/lib/python3.12/site-packages/torch/_tensor.py", Nearness::Library),
            ("/usr/lib/python3/dist-packages/torch/_tensor.py", Nearness::Library),
            ("/usr/lib/python3.12/contextlib.py", Nearness::Library),
            ("/pytorch/c10/cuda/CUDACachingAllocator.cpp", Nearness::Native),
            ("??", Nearness::Native),
            ("", Nearness::Native),
            ("<string>", Nearness::Native),
        ] {
            assert_eq!(nearness(path), whose, "{path}");
        }
    }
}
