//! A page in Markdown.

/// What a page holds, in its order.
#[derive(Clone, Debug)]
pub(super) struct Page {
    verdict: String,
    parts: Vec<String>,
}

impl Page {
    pub(super) fn new(verdict: String) -> Self {
        Self { verdict, parts: Vec::new() }
    }

    pub(super) fn verdict(&self) -> &str {
        &self.verdict
    }

    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        self.parts.push(text.into());
        self
    }

    /// A table: its head, the first column to the left and the others to the right, and its rows.
    pub(super) fn table(mut self, head: &[&str], rows: &[Vec<String>]) -> Self {
        let line = |cells: &[&str]| format!("| {} |", cells.join(" | "));
        let sides: Vec<&str> =
            (0..head.len()).map(|column| if column == 0 { "---" } else { "---:" }).collect();
        let mut lines = vec![line(head), format!("|{}|", sides.join("|"))];
        lines.extend(
            rows.iter().map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>())),
        );
        self.parts.push(lines.join("\n"));
        self
    }

    /// What was measured elsewhere: sentences, each with its place.
    pub(super) fn measured(mut self, sources: &[(&str, &str)]) -> Self {
        let lines: Vec<String> =
            sources.iter().map(|(fact, place)| format!("* {fact} ({place})")).collect();
        self.parts.push(format!("## Measured elsewhere\n\n{}", lines.join("\n")));
        self
    }

    pub(super) fn markdown(&self, title: &str) -> String {
        let parts = self.parts.join("\n\n");
        format!("# “{title}”\n\n**Verdict.** {}\n\n{parts}\n", self.verdict)
    }
}
