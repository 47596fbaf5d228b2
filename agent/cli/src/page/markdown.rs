//! Pages in GitHub's Markdown, as for `$GITHUB_STEP_SUMMARY`.

use std::fmt::Write as _;

use super::table::bar;
use super::text::cleaned;
use super::{Block, Cell, Table};

const BAR_WIDTH: usize = 20;

pub(super) fn render(blocks: &[Block]) -> String {
    let mut page = String::new();
    for block in blocks {
        if let Some(text) = show_block(block) {
            separate(&mut page);
            page.push_str(&text);
        }
    }
    page
}

/// What is said of what was left out; sections beyond these are counted.
const MOST_SECTIONS: usize = 8;
/// Bytes for saying it.
const RESERVE: usize = 2_000;

/// The page in at most `limit` bytes. What does not fit is left out from the end, rows of a table before all of it, and told.
pub(super) fn render_within(blocks: &[Block], limit: usize) -> String {
    let whole = render(blocks);
    if whole.len() <= limit {
        return whole;
    }
    let room = limit.saturating_sub(RESERVE);
    let mut page = String::new();
    let (mut is_full, mut rows, mut sections) = (false, 0, Vec::new());
    for block in blocks {
        if is_full {
            match block {
                Block::Section(text) => sections.push(escaped(text)),
                Block::Table(table) => rows += table.rows.len(),
                _ => {}
            }
            continue;
        }
        let Some(text) = show_block(block) else { continue };
        if page.len() + text.len() < room {
            separate(&mut page);
            page.push_str(&text);
            continue;
        }
        is_full = true;
        match block {
            Block::Table(table) => {
                // Headings take two lines.
                let kept = text.lines().scan(page.len() + 1, |length, line| {
                    *length += line.len() + 1;
                    (*length < room).then_some(line)
                });
                let kept: Vec<&str> = kept.collect();
                let shown = kept.len().saturating_sub(2);
                rows += table.rows.len() - shown;
                if shown > 0 {
                    separate(&mut page);
                    for line in kept {
                        let _ = writeln!(page, "{line}");
                    }
                }
            }
            Block::Section(text) => sections.push(escaped(text)),
            _ => {}
        }
    }
    let mut left_out = Vec::new();
    if rows > 0 {
        left_out.push(format!("{rows} rows of tables"));
    }
    let beyond = sections.len().saturating_sub(MOST_SECTIONS);
    sections.truncate(MOST_SECTIONS);
    left_out.extend(
        sections.iter().map(|name| format!("\"{}\"", name.chars().take(120).collect::<String>())),
    );
    if beyond > 0 {
        left_out.push(format!("{beyond} more sections"));
    }
    separate(&mut page);
    let _ = writeln!(
        page,
        "Shortened to {limit} bytes, the most that is taken here. Left out: {}.",
        if left_out.is_empty() { "text at the end".to_owned() } else { left_out.join(", ") }
    );
    page
}

fn separate(page: &mut String) {
    if !page.is_empty() {
        page.push('\n');
    }
}

/// A block on lines of its own; nothing of a picture, as GitHub takes SVG out of its pages.
fn show_block(block: &Block) -> Option<String> {
    let mut page = String::new();
    match block {
        Block::Title(text) => {
            let _ = writeln!(page, "# {}", escaped(text));
        }
        Block::Section(text) => {
            let _ = writeln!(page, "## {}", escaped(text));
        }
        Block::Paragraph(text) => {
            let _ = writeln!(page, "{}", escaped(text));
        }
        Block::Facts(facts) => {
            for (name, value) in facts {
                let _ = writeln!(page, "- **{}**: {}", escaped(name), escaped(value));
            }
        }
        Block::Items(items) => {
            for item in items {
                let _ = writeln!(page, "- {}", escaped(item));
            }
        }
        Block::Table(table) => write_table(&mut page, table),
        Block::Picture(_) => return None,
    }
    Some(page)
}

fn write_table(page: &mut String, table: &Table) {
    let _ = writeln!(page, "| {} |", table.headings.join(" | "));
    page.push('|');
    for column in 0..table.headings.len() {
        page.push_str(if table.is_right_aligned(column) { "---:|" } else { "---|" });
    }
    page.push('\n');
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(show).collect();
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
}

fn show(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) | Cell::Figure(text) => escaped(text),
        Cell::Name(name) | Cell::Kernel(name, _) => code(name),
        Cell::Bar(share) => code(&bar(*share, BAR_WIDTH)),
    }
}

/// Words as they are, whatever Markdown would make of them.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in cleaned(text).chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '<' | '>' | '|' | '[' | ']' | '#') {
            plain.push('\\');
        }
        plain.push(character);
    }
    plain
}

/// A name in code type. The fence is longer than any run of backticks in it; a bar would end the cell
/// even there.
fn code(name: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    let name = cleaned(name).replace('|', "\\|");
    let longest = name.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{name}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{RESERVE, code, escaped, render, render_within};
    use crate::page::{Block, Cell, Table};

    fn page(rows: usize, sections: usize) -> Vec<Block> {
        let mut blocks = vec![Block::Title("t".to_owned())];
        for section in 0..sections {
            blocks.push(Block::Section(format!("part {section}")));
            let mut table = Table::new(["name", "figure"]);
            for row in 0..rows {
                table.row([Cell::name(format!("name {row}")), Cell::figure("1")]);
            }
            blocks.push(Block::Table(table));
        }
        blocks
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        let blocks = page(3, 2);
        assert_eq!(render_within(&blocks, 1 << 20), render(&blocks));
    }

    #[test]
    fn what_is_left_out_is_told() {
        let cut = render_within(&page(100, 3), 4_000);
        let last = cut.lines().last().unwrap();
        let rows = cut.lines().filter(|line| line.starts_with("| `name")).count();
        assert!(rows > 10, "{cut}");
        assert!(last.contains(&format!("{} rows of tables", 300 - rows)), "{last}");
        assert!(last.ends_with("of tables, \"part 2\"."), "{last}");
    }

    proptest! {
        #[test]
        fn a_page_is_never_too_long(rows in 0_usize..200, sections in 0_usize..40, limit in RESERVE..20_000) {
            prop_assert!(render_within(&page(rows, sections), limit).len() <= limit);
        }
    }

    #[test]
    fn names_stay_in_their_cell() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("x``y"), "``` x``y ```");
        assert_eq!(code(""), "");
    }

    #[test]
    fn words_are_not_markup() {
        assert_eq!(escaped("a_b <c>\n|"), "a\\_b \\<c\\> \\|");
    }
}
