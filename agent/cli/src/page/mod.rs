//! A page of figures before it has a format: headings, facts, tables, pictures. Written once, shown as text, as
//! Markdown or as HTML.

mod html;
mod markdown;
mod table;
mod text;

pub(crate) use table::{Cell, Table};
pub(crate) use text::{cleaned, kernel, padded, shortened};

use crate::picture::Picture;
use crate::printer::Printer;

/// How a page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For a terminal.
    Text,
    /// For a pull request or a CI summary.
    Markdown,
    /// For a browser, in one file; the only form with pictures.
    Html,
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
    Picture(Picture),
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

    /// Adds a picture of the figures of this part of the page.
    pub(crate) fn picture(&mut self, picture: Picture) {
        self.blocks.push(Block::Picture(picture));
    }

    /// The page in a form that knows no colour of a terminal.
    pub(crate) fn render(&self, form: Form) -> String {
        match form {
            Form::Text => text::render(&self.blocks, false),
            Form::Markdown => markdown::render(&self.blocks),
            Form::Html => html::render(&self.blocks),
        }
    }

    /// The page in Markdown of at most `limit` bytes; what is left out is told.
    pub(crate) fn markdown_within(&self, limit: usize) -> String {
        markdown::render_within(&self.blocks, limit)
    }

    /// Appends the page to the answer.
    pub(crate) fn print(&self, form: Form, printer: &mut Printer) -> anyhow::Result<()> {
        let page = match form {
            Form::Text => text::render(&self.blocks, printer.colour()),
            Form::Markdown | Form::Html => self.render(form),
        };
        printer.answer(page)
    }
}
