//! Pages in GitHub's Markdown, as for `$GITHUB_STEP_SUMMARY`.

use std::fmt::Write as _;

use super::table::bar;
use super::text::cleaned;
use super::{Block, Cell, Table};

const BAR_WIDTH: usize = 20;

pub(super) fn render(blocks: &[Block]) -> String {
    let mut page = String::new();
    for block in blocks {
        // GitHub takes SVG out of its pages.
        if matches!(block, Block::Picture(_)) {
            continue;
        }
        if !page.is_empty() {
            page.push('\n');
        }
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
            Block::Picture(_) => {}
        }
    }
    page
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
    use super::{code, escaped};

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
