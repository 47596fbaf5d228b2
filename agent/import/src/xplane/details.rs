//! What GPU operations say of themselves: `regs:32 static_shared:0 dynamic_shared:0 grid:8,1,1 block:256,1,1 occ_pct:50`,
//! `kind_src:pinned kind_dst:device size:4096 dest:0 async:1`.

use perfagent_recording::table::CopyKind;

use crate::copy_kind;

/// The value of `key` in such a text.
fn value<'a>(details: &'a str, key: &str) -> Option<&'a str> {
    details.split_ascii_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix(':'))
}

pub(super) fn number<T: std::str::FromStr>(details: &str, key: &str) -> Option<T> {
    value(details, key)?.parse().ok()
}

/// The sizes along x, y and z.
pub(super) fn sizes(details: &str, key: &str) -> [Option<i64>; 3] {
    let mut sizes =
        value(details, key).unwrap_or_default().split(',').map(|size| size.parse().ok());
    [(); 3].map(|()| sizes.next().flatten())
}

/// The kind of a copy by its name.
pub(super) fn copy_kind(name: &str) -> CopyKind {
    copy_kind::of(name.strip_prefix("Memcpy").unwrap_or(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{number, sizes};

    #[test]
    fn details_of_operations() {
        let kernel = "regs:32 static_shared:8 dynamic_shared:0 grid:8,2,1 block:256,1,1 occ_pct:50";
        assert_eq!(number(kernel, "regs"), Some(32));
        assert_eq!(sizes(kernel, "grid"), [Some(8), Some(2), Some(1)]);
        assert_eq!(number::<i64>("kind_src:pinned size:4096 dest:0", "size"), Some(4096));
        assert_eq!(
            (number::<i64>("", "size"), sizes("grid:8,x", "grid")),
            (None, [Some(8), None, None])
        );
    }
}
