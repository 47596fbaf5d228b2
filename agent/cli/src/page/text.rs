//! Pages for a terminal or a log. Colour only makes headings stand out.

use std::fmt::Write as _;

use super::table::bar;
use super::{Block, Cell, Table};

/// Longest name in a table; a C++ kernel name is easily ten times as long.
pub(super) const NAME_WIDTH: usize = 48;
/// Longest name of a kernel, once it is brief.
pub(super) const KERNEL_WIDTH: usize = 60;
const BAR_WIDTH: usize = 24;
const INDENT: &str = "  ";
/// Sentences are broken before this column; tables are as wide as they are.
const PAGE_WIDTH: usize = 100;

pub(super) fn render(blocks: &[Block], colour: bool) -> String {
    let mut page = String::new();
    let mut before: Option<&Block> = None;
    for block in blocks {
        if matches!((before, block), (Some(Block::Table(_) | Block::Paragraph(_)), Block::Table(_)))
        {
            page.push('\n');
        }
        if !matches!(block, Block::Picture(_)) {
            before = Some(block);
        }
        match block {
            Block::Title(text) => {
                let _ = writeln!(page, "{}", strong(&cleaned(text), colour));
            }
            Block::Section(text) => {
                let _ = writeln!(page, "\n{}", strong(&cleaned(text), colour));
            }
            Block::Paragraph(text) => {
                write_wrapped(&mut page, INDENT, text);
            }
            Block::Facts(facts) => {
                let width = facts.iter().map(|(name, _)| length(name)).max().unwrap_or(0);
                for (name, value) in facts {
                    let _ = writeln!(
                        page,
                        "{INDENT}{}  {}",
                        padded(name, width, false),
                        cleaned(value)
                    );
                }
            }
            Block::Items(items) => {
                for item in items {
                    write_wrapped(&mut page, "  - ", item);
                }
            }
            Block::Table(table) => write_table(&mut page, table),
            // A terminal shows none.
            Block::Picture(_) => {}
        }
    }
    page
}

/// Writes words after `lead`, further lines below the first.
fn write_wrapped(page: &mut String, lead: &str, text: &str) {
    page.push_str(lead);
    let mut column = length(lead);
    for (position, word) in cleaned(text).split_whitespace().enumerate() {
        if position > 0 && column + 1 + length(word) > PAGE_WIDTH {
            page.push('\n');
            page.extend(std::iter::repeat_n(' ', length(lead)));
            column = length(lead);
        } else if position > 0 {
            page.push(' ');
            column += 1;
        }
        page.push_str(word);
        column += length(word);
    }
    page.push('\n');
}

fn write_table(page: &mut String, table: &Table) {
    let shown: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(show).collect()).collect();
    let widths: Vec<usize> = (0..table.headings.len())
        .map(|column| {
            let cells = shown.iter().map(|row| length(&row[column]));
            cells.chain([length(table.headings[column])]).max().unwrap_or(0)
        })
        .collect();
    let mut write_row = |cells: &[&str]| {
        let mut line = String::from(INDENT);
        for (column, cell) in cells.iter().enumerate() {
            if column > 0 {
                line.push_str("  ");
            }
            line.push_str(&padded(cell, widths[column], table.is_right_aligned(column)));
        }
        page.push_str(line.trim_end());
        page.push('\n');
    };
    write_row(&table.headings);
    for row in &shown {
        write_row(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

pub(super) fn show(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) | Cell::Figure(text) => cleaned(text),
        Cell::Name(name) => shortened(&cleaned(name), NAME_WIDTH),
        Cell::Kernel(name, width) => kernel(&cleaned(name), *width),
        Cell::Bar(share) => bar(*share, BAR_WIDTH),
    }
}

/// A C++ kernel's name says what it computes at its beginning, once what surrounds it is gone.
pub(crate) fn kernel(name: &str, width: usize) -> String {
    let brief = perfagent_analysis::brief_kernel_name(name);
    if brief.contains('<') && length(&brief) > width {
        return brief.chars().take(width.saturating_sub(1)).chain(['…']).collect();
    }
    shortened(&brief, width)
}

fn strong(text: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// `text` with blanks up to `width` characters.
pub(crate) fn padded(text: &str, width: usize, right: bool) -> String {
    if right { format!("{text:>width$}") } else { format!("{text:<width$}") }
}

/// `text` without characters that would move the cursor, break the line or start an escape sequence.
pub(crate) fn cleaned(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// `text` in at most `width` characters. What is left out is in the middle: names differ at both ends.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let (head, tail) = (kept - kept / 2, kept / 2);
    let end = &characters[characters.len() - tail..];
    characters[..head].iter().chain(['…'].iter()).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::{cleaned, kernel, shortened, write_wrapped};

    #[test]
    fn sentences_are_broken_between_words() {
        let mut page = String::new();
        write_wrapped(&mut page, "  - ", &["word"; 25].join(" "));
        let lines: Vec<_> = page.lines().collect();
        assert_eq!(lines.iter().map(|line| line.len()).collect::<Vec<_>>(), [98, 33]);
        assert!(lines[1].starts_with("    word"));
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shortened("abcdefghij", 10), "abcdefghij");
        assert_eq!(shortened("abcdefghijk", 10), "abcde…hijk");
        assert_eq!(shortened("äöüäöüäöü", 4), "äö…ü");
    }

    #[test]
    fn kernels_show_what_they_compute() {
        let name = "void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>, std::array<char*, \
                    1ul> >(int, at::native::FillFunctor<float>, std::array<char*, 1ul>)";
        assert_eq!(
            kernel(name, super::KERNEL_WIDTH),
            "vectorized_elementwise_kernel<4, FillFunctor<float>, array<…"
        );
        let name = "sm80_xmma_gemm_f32f32_f32f32_f32_nn_n_tilesize256x128x8_stage3_warpsize4x2x1_execute_kernel__5x_cublas";
        assert_eq!(
            kernel(name, super::KERNEL_WIDTH),
            "sm80_xmma_gemm_f32f32_f32f32_f…2x1_execute_kernel__5x_cublas"
        );
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(cleaned("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
