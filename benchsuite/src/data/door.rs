//! The door to readers of other people's formats: a panic in there is a damaged file out here.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local!(static INSIDE: Cell<bool> = const { Cell::new(false) });

/// Runs `work`; an unwind out of it becomes its text, and nothing of it reaches standard error. What `work` was changing
/// must not be used afterwards.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !INSIDE.get() {
                before(info);
            }
        }));
    });
    let outside = INSIDE.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(outside);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        text.unwrap_or_else(|| "the reader gave up".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_panic_becomes_its_text_and_a_result_stays_one() {
        assert_eq!(guarded(|| 7), Ok(7));
        let index = std::hint::black_box(9);
        let text = guarded(|| [0_u8; 4].get(index).copied().expect("no such byte")).unwrap_err();
        assert_eq!(text, "no such byte");
        let text = guarded(|| assert_eq!(index, 8, "lengths")).unwrap_err();
        assert!(text.contains("lengths"), "{text}");
    }
}
