//! A page of figures before it has a format: headings, facts, tables. Written once, shown as text or
//! as Markdown.

mod markdown;
mod table;
mod text;

pub(crate) use table::{Cell, Table};
pub(crate) use text::{cleaned, padded};

use crate::printer::Printer;

/// How a page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For a terminal.
    Text,
    /// For a pull request or a CI summary.
    Markdown,
}

/// A page, top to bottom.
#[derive(Debug, Default)]
pub(crate) struct Page {
    blocks: Vec<Block>,
}

#[derive(Debug)]
enum Block {
    Title(String),
    Section(String),
    Paragraph(String),
    Facts(Vec<(String, String)>),
    Items(Vec<String>),
    Table(Table),
}

impl Page {
    /// The page's name.
    pub(crate) fn title(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Title(text.into()));
    }

    /// Begins a part of the page.
    pub(crate) fn section(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Section(text.into()));
    }

    /// Adds a sentence or two.
    pub(crate) fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    /// Adds named facts, one a line.
    pub(crate) fn facts(&mut self, facts: Vec<(String, String)>) {
        self.blocks.push(Block::Facts(facts));
    }

    /// Adds sentences that stand side by side.
    pub(crate) fn items(&mut self, items: Vec<String>) {
        self.blocks.push(Block::Items(items));
    }

    /// Adds a table.
    pub(crate) fn table(&mut self, table: Table) {
        self.blocks.push(Block::Table(table));
    }

    /// Appends the page to the answer.
    pub(crate) fn print(&self, form: Form, printer: &mut Printer) -> anyhow::Result<()> {
        let page = match form {
            Form::Text => text::render(&self.blocks, printer.colour()),
            Form::Markdown => markdown::render(&self.blocks),
        };
        printer.answer(page)
    }
}
