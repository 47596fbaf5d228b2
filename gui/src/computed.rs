//! Figures that take long, worked out on a thread: the window shows the old ones until the new ones
//! are there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam::channel::{Receiver, TryRecvError, bounded};

use crate::view::notice;

/// Said when a computation ended without a value, which is a mistake of ours.
const FAILED: &str = "Some figures could not be worked out: a mistake in perfagent, described on standard error. Please report it; other views go on.";

/// Computations under way in this process.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// How many computations are under way in this process: what a test waits for.
#[must_use]
pub fn running() -> usize {
    RUNNING.load(Ordering::Acquire)
}

/// One more computation, until it is dropped (also when the computation panics).
struct Counted;

impl Counted {
    fn new() -> Self {
        RUNNING.fetch_add(1, Ordering::AcqRel);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The value that belongs to a key. At most one thread works on it: while keys change faster than
/// values come, only the newest key is begun next.
pub struct Computed<K, T> {
    /// Without a key once it is of something that is not any more.
    value: Option<(Option<K>, T)>,
    coming: Option<(K, Receiver<T>)>,
    /// The key whose computation ended without a value.
    failed: Option<K>,
}

impl<K, T> Default for Computed<K, T> {
    fn default() -> Self {
        Self { value: None, coming: None, failed: None }
    }
}

impl<K: Clone + PartialEq, T: Send + 'static> Computed<K, T> {
    /// The newest value there is: that of `key`, or while `work` makes it, the one before.
    pub fn get(
        &mut self,
        key: &K,
        ctx: &egui::Context,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<&T> {
        if self.take() {
            notice::warn(ctx, FAILED);
        }
        let there = self.value.as_ref().is_some_and(|(of, _)| of.as_ref() == Some(key));
        if !there && self.coming.is_none() && self.failed.as_ref() != Some(key) {
            self.start(key.clone(), ctx.clone(), work);
        }
        self.value.as_ref().map(|(_, value)| value)
    }

    /// What the values are made of has changed: they are worked out anew, and until then the old one is shown.
    pub fn outdate(&mut self) {
        if let Some((of, _)) = &mut self.value {
            *of = None;
        }
        (self.coming, self.failed) = (None, None);
    }

    /// True while a value is being worked out: what is shown belongs to an older key, if to any.
    #[must_use]
    pub const fn stale(&self) -> bool {
        self.coming.is_some()
    }

    /// The value as it is, whatever its key.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref().map(|(_, value)| value)
    }

    /// The value, if it is that of `key`.
    #[must_use]
    pub fn value_of(&self, key: &K) -> Option<&T> {
        self.value.as_ref().filter(|(of, _)| of.as_ref() == Some(key)).map(|(_, value)| value)
    }

    /// Takes what has come; `true` when it is only known now that nothing will.
    fn take(&mut self) -> bool {
        let Some((key, receiver)) = &self.coming else { return false };
        let answer = receiver.try_recv();
        let has_failed = matches!(answer, Err(TryRecvError::Disconnected));
        match answer {
            Ok(value) => self.value = Some((Some(key.clone()), value)),
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => self.failed = Some(key.clone()),
        }
        self.coming = None;
        has_failed
    }

    fn start(&mut self, key: K, ctx: egui::Context, work: impl FnOnce() -> T + Send + 'static) {
        let (sender, receiver) = bounded(1);
        let counted = Counted::new();
        let worker = move || {
            // Dropped in reverse order: the value is sent before the count says that it is there.
            let repaint = Repaint(ctx);
            let counted = counted;
            let _ = sender.send(work());
            drop(sender);
            drop(counted);
            drop(repaint);
        };
        // Without a thread the channel closes at once, which counts as a failed computation.
        let _ = thread::Builder::new().name("figures".into()).spawn(worker);
        self.coming = Some((key, receiver));
    }
}

/// Asks for a frame when the computation is over, however it ended.
struct Repaint(egui::Context);

impl Drop for Repaint {
    fn drop(&mut self) {
        self.0.request_repaint();
    }
}

#[cfg(test)]
mod tests {
    use super::Computed;
    use crate::view::notice;

    fn wait<T: Send + 'static>(
        computed: &mut Computed<i32, T>,
        key: i32,
        work: fn() -> T,
    ) -> egui::Context {
        let ctx = egui::Context::default();
        while {
            computed.get(&key, &ctx, work);
            computed.stale()
        } {
            std::thread::yield_now();
        }
        ctx
    }

    #[test]
    fn the_value_comes_and_the_old_one_stays_until_then() {
        let mut computed = Computed::default();
        wait(&mut computed, 1, || "one");
        assert_eq!(computed.value(), Some(&"one"));
        let ctx = egui::Context::default();
        let (gate, go) = crossbeam::channel::bounded::<()>(0);
        let shown = computed.get(&2, &ctx, move || {
            let _ = go.recv();
            "two"
        });
        assert_eq!(shown, Some(&"one"));
        assert!(computed.stale());
        drop(gate);
        wait(&mut computed, 2, || unreachable!("the value of this key is on its way"));
        assert_eq!(computed.value(), Some(&"two"));
    }

    #[test]
    fn a_computation_that_panics_is_not_begun_again() {
        let mut computed: Computed<i32, i32> = Computed::default();
        let ctx = wait(&mut computed, 1, || panic!("planned"));
        assert_eq!(computed.value(), None);
        let said = notice::current(&ctx);
        assert!(said.len() == 1 && said[0].warning, "{said:?}");
        let ctx = wait(&mut computed, 1, || unreachable!("it failed before"));
        assert!(notice::current(&ctx).is_empty());
    }
}
