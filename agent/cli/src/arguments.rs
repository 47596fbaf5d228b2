//! What was typed, and what to say when it cannot be understood.

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;

use crate::command::{self, Command};
use crate::exit::Exit;
use crate::printer::Printer;

/// Where the time and the memory of a GPU job go, and what to change.
#[derive(Debug, Parser)]
#[command(
    name = "perfagent",
    bin_name = "perfagent",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = "Example:\n  perfagent record -o run.perfdb -- python train.py\n  perfagent report run.perfdb"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Arguments that lead to no command: a request for help, or a mistake.
pub(crate) struct Refused(clap::Error);

/// Understands the command line; its first word is the program.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Command, Refused> {
    Arguments::try_parse_from(command::with_separator(words))
        .map(|arguments| arguments.command)
        .map_err(Refused)
}

impl Refused {
    /// Help and version are answers; everything else is one line on standard error.
    pub(crate) fn answer(&self, printer: &mut Printer) -> anyhow::Result<Exit> {
        let rendered = self.0.render();
        match self.0.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                if printer.colour() {
                    printer.answer(rendered.ansi())?;
                } else {
                    printer.answer(rendered)?;
                }
                Ok(Exit::Success)
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                printer.aside(rendered);
                Ok(Exit::Usage)
            }
            _ => {
                printer.note(sentence(&rendered.to_string()));
                Ok(Exit::Usage)
            }
        }
    }
}

/// clap's paragraphs as one sentence: what is wrong, its tip, the usage, where to read more.
fn sentence(rendered: &str) -> String {
    let paragraphs = rendered.trim().trim_start_matches("error: ").split("\n\n").map(str::trim);
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Arguments, sentence};

    #[test]
    fn the_definitions_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Example"), "`{}` has no example", command.get_name());
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }

    #[test]
    fn a_mistake_is_one_sentence() {
        let rendered = "error: unexpected argument '--x' found\n\n  tip: a similar argument exists: '--xy'\n\nUsage: p\n";
        assert_eq!(
            sentence(rendered),
            "unexpected argument '--x' found; tip: a similar argument exists: '--xy'; Usage: p"
        );
    }
}
