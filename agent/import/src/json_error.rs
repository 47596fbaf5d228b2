//! What `serde_json` says of a piece of a text.

/// Whether more text might mend what `serde_json` says of `piece`: it stopped at the very end of it. Of a
/// number that is cut off it does not say so itself.
pub(crate) fn is_cut(error: &serde_json::Error, piece: &[u8]) -> bool {
    error.is_eof() || place(error, piece) >= piece.len()
}

/// Where in `piece` reading stopped.
fn place(error: &serde_json::Error, piece: &[u8]) -> usize {
    let lines = piece.split_inclusive(|&byte| byte == b'\n').take(error.line().saturating_sub(1));
    lines.map(<[u8]>::len).sum::<usize>() + error.column()
}

/// What `serde_json` says, without its line and column: they count from where the reading began.
pub(crate) fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
