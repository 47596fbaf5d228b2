//! Pages for a browser: one file that fetches nothing and runs nothing, and is XML as well as HTML.

use super::text::{cleaned, show};
use super::{Block, Cell, Table};
use crate::markup::Markup;
use crate::picture::{Figures, Picture, patterns};

const STYLE: &str = include_str!("style.css");
/// Nothing is loaded and no script runs, whatever a name might bring about.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// Longest name that a hint shows in full, in characters.
const HINT: usize = 8192;

pub(super) fn render(blocks: &[Block]) -> String {
    let mut markup = Markup::default();
    markup.raw("<!DOCTYPE html>\n");
    let language: &[(&str, &dyn std::fmt::Display)] =
        &[("xmlns", &"http://www.w3.org/1999/xhtml"), ("lang", &"en")];
    markup.element("html", language, |markup| {
        markup.line();
        write_head(markup, blocks);
        markup.line();
        markup.element("body", &[], |markup| {
            markup.line();
            patterns(markup);
            write_body(markup, blocks);
        });
        markup.line();
    });
    markup.line();
    markup.finish()
}

fn write_head(markup: &mut Markup, blocks: &[Block]) {
    let titles = blocks.iter().filter_map(|block| match block {
        Block::Title(text) => Some(text.as_str()),
        _ => None,
    });
    let title = titles.into_iter().next().unwrap_or("perfagent");
    markup.element("head", &[], |markup| {
        markup.empty("meta", &[("charset", &"utf-8")]);
        let meta: [(&str, &str); 3] = [
            ("viewport", "width=device-width, initial-scale=1"),
            ("color-scheme", "light dark"),
            ("generator", concat!("perfagent ", env!("CARGO_PKG_VERSION"))),
        ];
        for (name, content) in meta {
            markup.empty("meta", &[("name", &name), ("content", &content)]);
        }
        let policy: [(&str, &dyn std::fmt::Display); 2] =
            [("http-equiv", &"Content-Security-Policy"), ("content", &POLICY)];
        markup.empty("meta", &policy);
        markup.words("title", &[], title);
        markup.element("style", &[], |markup| {
            markup.line();
            markup.raw(STYLE);
        });
    });
}

fn write_body(markup: &mut Markup, blocks: &[Block]) {
    // What comes before the first section stands at the top, then the list of the sections.
    let is_section = |block: &Block| matches!(block, Block::Section(_));
    let begin = blocks.iter().position(is_section).unwrap_or(blocks.len());
    let (top, rest) = blocks.split_at(begin);
    let mut pictures = 0;
    markup.element("header", &[], |markup| write_blocks(markup, top, &mut pictures));
    markup.line();
    let sections: Vec<&[Block]> = rest.chunk_by(|_, next| !is_section(next)).collect();
    if sections.len() > 2 {
        write_contents(markup, &sections);
    }
    markup.element("main", &[], |markup| {
        for (number, section) in sections.into_iter().enumerate() {
            markup.line();
            markup.element("section", &[("id", &format_args!("s{}", number + 1))], |markup| {
                write_blocks(markup, section, &mut pictures);
            });
        }
        markup.line();
    });
    markup.line();
}

fn write_contents(markup: &mut Markup, sections: &[&[Block]]) {
    markup.element("nav", &[("aria-label", &"Sections")], |markup| {
        markup.element("ul", &[], |markup| {
            for (number, section) in sections.iter().enumerate() {
                if let Some(Block::Section(text)) = section.first() {
                    markup.element("li", &[], |markup| {
                        let place = format!("#s{}", number + 1);
                        markup.words("a", &[("href", &place)], text);
                    });
                }
            }
        });
    });
    markup.line();
}

fn write_blocks(markup: &mut Markup, blocks: &[Block], pictures: &mut usize) {
    for block in blocks {
        markup.line();
        match block {
            Block::Title(text) => markup.words("h1", &[], text),
            Block::Section(text) => markup.words("h2", &[], text),
            Block::Paragraph(text) => markup.words("p", &[], text),
            Block::Facts(facts) => markup.element("dl", &[], |markup| {
                for (name, value) in facts {
                    markup.words("dt", &[], name);
                    markup.words("dd", &[], value);
                }
            }),
            Block::Items(items) => markup.element("ul", &[("class", &"items")], |markup| {
                for item in items {
                    markup.words("li", &[], item);
                }
            }),
            Block::Table(table) => write_table(markup, table),
            Block::Picture(picture) => {
                *pictures += 1;
                write_picture(markup, picture, *pictures);
            }
        }
    }
    markup.line();
}

/// A table that scrolls by itself where it is wider than the page.
fn write_scrolled(markup: &mut Markup, content: impl FnOnce(&mut Markup)) {
    markup.element("div", &[("class", &"wide"), ("tabindex", &"0")], |markup| {
        markup.element("table", &[], content);
    });
}

fn write_table(markup: &mut Markup, table: &Table) {
    write_scrolled(markup, |markup| {
        markup.element("thead", &[], |markup| {
            markup.element("tr", &[], |markup| {
                for (column, heading) in table.headings.iter().enumerate() {
                    write_heading(markup, heading, table.is_right_aligned(column));
                }
            });
        });
        markup.element("tbody", &[], |markup| {
            for row in &table.rows {
                markup.line();
                markup.element("tr", &[], |markup| {
                    for cell in row {
                        write_cell(markup, cell);
                    }
                });
            }
        });
    });
}

fn write_heading(markup: &mut Markup, text: &str, is_right: bool) {
    match (text.is_empty(), is_right) {
        // A heading must not be empty.
        (true, _) => markup.element("td", &[], |_| {}),
        (false, true) => markup.words("th", &[("scope", &"col"), ("class", &"r")], text),
        (false, false) => markup.words("th", &[("scope", &"col")], text),
    }
}

fn write_cell(markup: &mut Markup, cell: &Cell) {
    match cell {
        Cell::Figure(text) => markup.words("td", &[], text),
        Cell::Text(text) => markup.words("td", &[("class", &"t")], text),
        Cell::Name(name) | Cell::Kernel(name, _) => {
            let shown = show(cell);
            if shown == cleaned(name) {
                markup.words("td", &[("class", &"n")], shown);
            } else {
                let whole: String = name.chars().take(HINT).collect();
                markup.words("td", &[("class", &"n"), ("title", &whole)], shown);
            }
        }
        Cell::Bar(share) => markup.element("td", &[("class", &"b")], |markup| {
            let width = format!("width:{:.1}%", share * 100.0);
            markup.element("i", &[("style", &width)], |_| {});
        }),
    }
}

fn write_picture(markup: &mut Markup, picture: &Picture, number: usize) {
    markup.element("figure", &[], |markup| {
        markup.element("figcaption", &[], |markup| {
            markup.words("b", &[], picture.title());
            markup.text(" ");
            markup.text(picture.description());
        });
        picture.draw(number, markup);
        markup.element("details", &[], |markup| {
            markup.words("summary", &[], "Exact figures of this picture");
            write_figures(markup, &picture.figures());
        });
    });
}

fn write_figures(markup: &mut Markup, figures: &Figures) {
    write_scrolled(markup, |markup| {
        markup.element("thead", &[], |markup| {
            markup.element("tr", &[], |markup| {
                for (column, heading) in figures.headings.iter().enumerate() {
                    write_heading(markup, heading, column > 0);
                }
            });
        });
        markup.element("tbody", &[], |markup| {
            for row in &figures.rows {
                markup.line();
                markup.element("tr", &[], |markup| {
                    for (column, text) in row.iter().enumerate() {
                        if column == 0 {
                            markup.words("td", &[("class", &"t")], text);
                        } else {
                            markup.words("td", &[], text);
                        }
                    }
                });
            }
        });
    });
}
