//! The only place that writes to standard output and standard error.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal as _, Stderr, Stdout, Write as _};

/// Standard output for the answer, standard error for everything else.
///
/// The answer is held back until there is a good piece of it, so that a question that fails soon leaves
/// standard output empty.
pub(crate) struct Printer {
    out: Stdout,
    held: Vec<u8>,
    err: Stderr,
    colour: bool,
}

/// Bytes of an answer that are held back; a pipe takes 64 KiB at once.
const PIECE: usize = 1 << 16;

/// The reader of standard output went away; the end of a pipeline, not a failure.
#[derive(Debug)]
pub(crate) struct ReaderLeft;

impl fmt::Display for ReaderLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output was closed by its reader")
    }
}

impl std::error::Error for ReaderLeft {}

impl Printer {
    /// The process's own streams. Colour only for a person: a terminal, `NO_COLOR` unset, `TERM` not `dumb`.
    pub(crate) fn standard() -> Self {
        let out = io::stdout();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let colour = out.is_terminal() && wanted;
        Self { out, held: Vec::with_capacity(PIECE), err: io::stderr(), colour }
    }

    /// Whether the answer may carry terminal colours. Nothing may depend on them for its meaning.
    pub(crate) fn colour(&self) -> bool {
        self.colour
    }

    /// Appends to the answer.
    pub(crate) fn answer(&mut self, text: impl fmt::Display) -> anyhow::Result<()> {
        write!(self.held, "{text}").map_err(|error| Self::failed(&error))?;
        self.hand_over_pieces()
    }

    /// Appends a line to the answer.
    pub(crate) fn line(&mut self, text: impl fmt::Display) -> anyhow::Result<()> {
        writeln!(self.held, "{text}").map_err(|error| Self::failed(&error))?;
        self.hand_over_pieces()
    }

    /// Appends `document` as JSON, indented by two spaces, to the answer.
    pub(crate) fn json(&mut self, document: &impl serde::Serialize) -> anyhow::Result<()> {
        serde_json::to_writer_pretty(&mut self.held, document)
            .map_err(|error| Self::failed(&io::Error::from(error)))?;
        self.line("")
    }

    /// Hands the answer over. What was not handed over when the program ends was not said.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        let written = self.out.write_all(&self.held).and_then(|()| self.out.flush());
        self.held.clear();
        written.map_err(|error| Self::failed(&error))
    }

    fn hand_over_pieces(&mut self) -> anyhow::Result<()> {
        if self.held.len() < PIECE { Ok(()) } else { self.flush() }
    }

    /// Tells the user something that is not part of the answer, as one line.
    pub(crate) fn note(&mut self, text: impl fmt::Display) {
        self.tell(&one_line(&text.to_string()));
    }

    /// Tells what went wrong, as one line.
    pub(crate) fn error(&mut self, error: &anyhow::Error) {
        self.tell(&one_line(&whole(error)));
    }

    /// Shows a whole text on standard error, such as the help after a bare `perfagent`.
    pub(crate) fn aside(&mut self, text: impl fmt::Display) {
        let _ = write!(self.err, "{text}");
    }

    fn tell(&mut self, line: &str) {
        // One write a line, so that lines of several processes do not mix. Where standard error is
        // closed there is nobody left to tell.
        let _ = self.err.write_all(format!("perfagent: {line}\n").as_bytes());
    }

    /// Standard output itself, for answers that are written as they are made. Writing failed for the reason that
    /// [`Printer::failed`] tells.
    pub(crate) fn stream(&mut self) -> &mut Stdout {
        &mut self.out
    }

    /// Why standard output could not be written.
    pub(crate) fn failed(error: &io::Error) -> anyhow::Error {
        if error.kind() == ErrorKind::BrokenPipe {
            anyhow::Error::new(ReaderLeft)
        } else {
            anyhow::anyhow!(
                "standard output: cannot be written: {error}; send it elsewhere or free some space"
            )
        }
    }
}

/// The error with its causes, down to the first that is told already: errors of the libraries tell
/// theirs themselves, in the place where it reads best.
fn whole(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if text.contains(&cause) {
            break;
        }
        text = format!("{text}: {cause}");
    }
    text
}

/// Squeezes runs of white space and control characters: file names and SQL texts may bring line breaks
/// and escape sequences.
fn one_line(text: &str) -> String {
    let blanked = text.replace(char::is_control, " ");
    blanked.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{one_line, whole};

    #[test]
    fn causes_are_told_once() {
        let inner = std::io::Error::other("disk on fire");
        let error = anyhow::Error::new(inner).context("run.perfdb: cannot be read");
        assert_eq!(whole(&error), "run.perfdb: cannot be read: disk on fire");
        let error = error.context("run.perfdb: cannot be read; look for smoke");
        assert_eq!(whole(&error), "run.perfdb: cannot be read; look for smoke");
    }

    #[test]
    fn messages_are_one_line() {
        assert_eq!(one_line("a\n  b\r\n\u{1b}[31mc "), "a b [31mc");
    }
}
