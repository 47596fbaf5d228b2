//! `perfagent`: arguments in, answers and exit codes out; every figure comes from the libraries.

mod across;
mod active;
mod advice;
mod arguments;
mod ceilings;
mod changes;
mod command;
mod comparison;
mod durable_lines;
mod exit;
mod expected_node;
mod fleet;
mod gate;
mod git;
mod health;
mod health_rows;
mod history;
mod input;
mod launch;
mod lookup;
mod markup;
mod output;
mod output_name;
mod page;
mod picture;
mod plan;
mod printer;
mod report;
mod rows;
mod rule_file;
mod run_figures;
mod series;
mod suite;
mod summaries;
mod tune;
mod unit;
mod workflow;

use std::process::ExitCode;

use exit::Exit;
use printer::{Printer, ReaderLeft};

fn main() -> ExitCode {
    let mut printer = Printer::standard();
    match run(&mut printer) {
        Ok(exit) => exit.into(),
        // Whoever reads the answer has seen enough of it: `perfagent report … | head`.
        Err(error) if error.is::<ReaderLeft>() => Exit::Success.into(),
        Err(error) => {
            printer.error(&error);
            Exit::Usage.into()
        }
    }
}

fn run(printer: &mut Printer) -> anyhow::Result<Exit> {
    let exit = match arguments::parse(std::env::args_os()) {
        Ok(command) => command::run(&command, printer)?,
        Err(refused) => refused.answer(printer)?,
    };
    printer.flush()?;
    Ok(exit)
}
