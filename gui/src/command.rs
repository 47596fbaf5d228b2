//! What a user can do with the keyboard: one table that the window obeys and the help page prints.

use egui::{Context, Key, KeyboardShortcut, Modifiers, Popup};

/// One action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Show less time.
    ZoomIn,
    /// Show more time.
    ZoomOut,
    /// Show what was before.
    PanLeft,
    /// Show what comes after.
    PanRight,
    /// Show the selection; when it fills the view or there is none, show everything.
    Fit,
    /// Show everything.
    ShowAll,
    /// The stretch shown before.
    Back,
    /// Undo [`Command::Back`].
    Forward,
    /// The next event of the selected one's row.
    NextInRow,
    /// The previous event of the selected one's row.
    PreviousInRow,
    /// What made the selected event run: from a kernel to its launch, from there to the operator.
    ToCause,
    /// What the selected event made run: from an operator or a call to the kernel.
    ToEffect,
    /// Keep the selected event's row in sight, or not any more.
    Pin,
    /// Write into the search field.
    Search,
    /// The next event that matches.
    NextMatch,
    /// The previous event that matches.
    PreviousMatch,
    /// Drop the selection, the marked stretch and the search.
    Clear,
    /// Fold or unfold all ranks.
    ToggleFolds,
    /// Show or hide the table.
    ToggleTable,
    /// Show or hide the list of keys.
    Help,
    /// Ask for files to open.
    OpenFile,
    /// Find a command or a view by its name.
    Finder,
    /// Bring back the view that was closed last.
    Reopen,
}

impl Command {
    /// True for what is the window's own matter and needs no open document.
    #[must_use]
    pub const fn of_window(self) -> bool {
        matches!(
            self,
            Self::Help | Self::ToggleTable | Self::OpenFile | Self::Finder | Self::Reopen
        )
    }
}

/// Keys of a command, and what it does in words.
pub struct Binding {
    /// The command.
    pub command: Command,
    /// Any of these calls it.
    pub shortcuts: &'static [KeyboardShortcut],
    /// The keys as the help page shows them.
    pub keys: &'static str,
    /// What it does.
    pub help: &'static str,
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

const fn control(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

/// All commands. Where two share a key, the one with more modifiers stands first.
pub const BINDINGS: &[Binding] = &[
    Binding {
        command: Command::Forward,
        shortcuts: &[
            KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z),
            control(Key::Y),
        ],
        keys: "Ctrl+Shift+Z",
        help: "Undo going back",
    },
    Binding {
        command: Command::Back,
        shortcuts: &[control(Key::Z)],
        keys: "Ctrl+Z",
        help: "Back to the view before",
    },
    Binding {
        command: Command::Finder,
        shortcuts: &[
            KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::P),
            control(Key::K),
        ],
        keys: "Ctrl+Shift+P  or  Ctrl+K",
        help: "Find a command or a view",
    },
    Binding {
        command: Command::Reopen,
        shortcuts: &[KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::T)],
        keys: "Ctrl+Shift+T",
        help: "Bring back the view that was closed last",
    },
    Binding {
        command: Command::OpenFile,
        shortcuts: &[control(Key::O)],
        keys: "Ctrl+O",
        help: "Open recordings or traces",
    },
    Binding {
        command: Command::PreviousMatch,
        shortcuts: &[shift(Key::Enter), shift(Key::N)],
        keys: "Shift+Enter",
        help: "Previous match of the search or of the table's row",
    },
    Binding {
        command: Command::NextMatch,
        shortcuts: &[plain(Key::Enter), plain(Key::N)],
        keys: "Enter",
        help: "Next match of the search or of the table's row",
    },
    Binding {
        command: Command::Search,
        shortcuts: &[plain(Key::Slash), control(Key::F)],
        keys: "/  or  Ctrl+F",
        help: "Search events by name",
    },
    Binding {
        command: Command::ZoomIn,
        shortcuts: &[plain(Key::W), plain(Key::Plus), plain(Key::Equals)],
        keys: "W  or  +",
        help: "Zoom in",
    },
    Binding {
        command: Command::ZoomOut,
        shortcuts: &[plain(Key::S), plain(Key::Minus)],
        keys: "S  or  -",
        help: "Zoom out",
    },
    Binding {
        command: Command::PanLeft,
        shortcuts: &[plain(Key::A), plain(Key::ArrowLeft)],
        keys: "A  or  Left",
        help: "Move to earlier times",
    },
    Binding {
        command: Command::PanRight,
        shortcuts: &[plain(Key::D), plain(Key::ArrowRight)],
        keys: "D  or  Right",
        help: "Move to later times",
    },
    Binding {
        command: Command::Fit,
        shortcuts: &[plain(Key::F)],
        keys: "F",
        help: "Show the selection, then everything",
    },
    Binding {
        command: Command::ShowAll,
        shortcuts: &[plain(Key::Num0), plain(Key::Home)],
        keys: "0  or  Home",
        help: "Show everything",
    },
    Binding {
        command: Command::NextInRow,
        shortcuts: &[plain(Key::Period)],
        keys: ".",
        help: "Next event in the row",
    },
    Binding {
        command: Command::PreviousInRow,
        shortcuts: &[plain(Key::Comma)],
        keys: ",",
        help: "Previous event in the row",
    },
    Binding {
        command: Command::ToCause,
        shortcuts: &[plain(Key::OpenBracket)],
        keys: "[",
        help: "To what launched the event: its call, then its operator",
    },
    Binding {
        command: Command::ToEffect,
        shortcuts: &[plain(Key::CloseBracket)],
        keys: "]",
        help: "To what the event launched: its first kernel or copy",
    },
    Binding {
        command: Command::Pin,
        shortcuts: &[plain(Key::P)],
        keys: "P",
        help: "Pin or unpin the selected event's row",
    },
    Binding {
        command: Command::ToggleFolds,
        shortcuts: &[plain(Key::C)],
        keys: "C",
        help: "Fold or unfold all ranks",
    },
    Binding {
        command: Command::ToggleTable,
        shortcuts: &[plain(Key::Q)],
        keys: "Q",
        help: "Show or hide the table of operations",
    },
    Binding {
        command: Command::Clear,
        shortcuts: &[plain(Key::Escape)],
        keys: "Esc",
        help: "Clear selection and search",
    },
    Binding {
        command: Command::Help,
        shortcuts: &[plain(Key::Questionmark), plain(Key::F1)],
        keys: "?  or  F1",
        help: "Show or hide this list",
    },
];

/// What the mouse does, for the help page.
pub const MOUSE: &[(&str, &str)] = &[
    ("Click", "Select an event and show its details"),
    ("Double click", "Zoom to an event"),
    ("Drag", "Mark a stretch of time and sum it up"),
    ("Ctrl+drag", "Zoom to a stretch of time"),
    ("Shift+drag, middle or right drag", "Move in time"),
    ("Wheel", "Scroll through the rows"),
    ("Shift+wheel", "Move in time"),
    ("Ctrl+wheel, pinch", "Zoom at the pointer"),
    ("Drop files", "Open them together"),
    ("Right click on a plot or a table", "Save the picture, copy the rows"),
    ("Shift+F10 or the menu key", "The same for what the Tab key has reached"),
];

/// The commands whose keys were pressed. None while a text is being written, or while a menu is open, which keys move in and
/// Escape closes.
#[must_use]
pub fn pressed(ctx: &Context) -> Vec<Command> {
    if ctx.egui_wants_keyboard_input() || Popup::is_any_open(ctx) {
        return Vec::new();
    }
    ctx.input_mut(|input| {
        let called = |binding: &&Binding| {
            binding.shortcuts.iter().any(|shortcut| input.consume_shortcut(shortcut))
        };
        BINDINGS.iter().filter(called).map(|binding| binding.command).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::BINDINGS;

    #[test]
    fn no_key_has_two_meanings() {
        let mut seen = std::collections::HashSet::new();
        for binding in BINDINGS {
            for shortcut in binding.shortcuts {
                assert!(
                    seen.insert((shortcut.modifiers, shortcut.logical_key)),
                    "{}",
                    binding.keys
                );
            }
        }
    }

    #[test]
    fn every_command_is_listed_once() {
        let mut seen = std::collections::HashSet::new();
        for binding in BINDINGS {
            assert!(seen.insert(binding.command), "{:?}", binding.command);
            assert!(!binding.shortcuts.is_empty() && !binding.help.is_empty());
        }
    }
}
