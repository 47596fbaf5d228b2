//! Calls that may hang, watched from outside: a thread says what it calls before and after, and whoever must not wait
//! for it looks.
//!
//! A call into a driver that hangs cannot be ended, only abandoned together with its thread. So the sampling threads
//! are never joined; the recorder looks at their slots on its way round, and what did not return in time becomes a
//! gap with a name.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use perfagent_recording::{Span, Timestamp};

use crate::clock::Clock;

/// How long most calls may take before they count as hanging. Healthy ones take micro- to milliseconds.
pub(crate) const PROMPT: Span = Span::from_nanos(1_000_000_000);
/// How long starting the library and first touching a GPU may take: without persistence mode the driver initialises
/// each GPU then, which takes seconds.
pub(crate) const STARTING: Span = Span::from_nanos(20_000_000_000);

/// A call under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The function as its library names it.
    pub(crate) name: &'static str,
    /// The GPU that it asks.
    pub(crate) gpu: Option<u32>,
    pub(crate) since: Timestamp,
    allowed: Span,
}

/// What one thread is calling, if it is.
type Slot = Arc<Mutex<Option<Call>>>;

fn locked(slot: &Slot) -> MutexGuard<'_, Option<Call>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One thread's end of a slot.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    clock: Clock,
    slot: Slot,
}

impl Caller {
    /// Calls `function`, which should return promptly.
    pub(crate) fn call<T>(
        &self,
        name: &'static str,
        gpu: Option<u32>,
        function: impl FnOnce() -> T,
    ) -> T {
        self.call_within(PROMPT, name, gpu, function)
    }

    /// Calls `function`, which should return within `allowed`.
    pub(crate) fn call_within<T>(
        &self,
        allowed: Span,
        name: &'static str,
        gpu: Option<u32>,
        function: impl FnOnce() -> T,
    ) -> T {
        *locked(&self.slot) = Some(Call { name, gpu, since: self.clock.now(), allowed });
        let value = function();
        *locked(&self.slot) = None;
        value
    }
}

/// A call that did not return in time, and when it did at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hang {
    pub(crate) call: Call,
    /// When it was seen to have returned; `None` while it has not.
    pub(crate) end: Option<Timestamp>,
}

/// The watcher's end of all slots.
#[derive(Debug)]
pub(crate) struct Watch {
    clock: Clock,
    slots: Vec<(Slot, Option<Call>)>,
}

impl Watch {
    /// Watches nobody yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, slots: Vec::new() }
    }

    /// A slot for one more thread.
    pub(crate) fn caller(&mut self) -> Caller {
        let slot = Slot::default();
        self.slots.push((Arc::clone(&slot), None));
        Caller { clock: self.clock, slot }
    }

    /// The calls that were found hanging since the last look, and those that have returned since.
    pub(crate) fn look(&mut self) -> Vec<Hang> {
        let now = self.clock.now();
        let mut hangs = Vec::new();
        for (slot, hung) in &mut self.slots {
            let open = *locked(slot);
            if let Some(call) = hung.take_if(|call| open != Some(*call)) {
                hangs.push(Hang { call, end: Some(now) });
            }
            if let Some(call) = open
                && hung.is_none()
                && now - call.since > call.allowed
            {
                *hung = Some(call);
                hangs.push(Hang { call, end: None });
            }
        }
        hangs
    }

    /// Whether some call hangs.
    pub(crate) fn is_any_hung(&self) -> bool {
        self.slots.iter().any(|(_, hung)| hung.is_some())
    }

    /// The calls that nobody will wait for any more: those that hang, and those that have been under way since before
    /// `waited_since`.
    pub(crate) fn abandon(&mut self, waited_since: Option<Timestamp>) -> Vec<Hang> {
        let now = self.clock.now();
        let mut hangs = Vec::new();
        for (slot, hung) in &mut self.slots {
            let open = *locked(slot);
            let stuck = open.filter(|call| {
                *hung == Some(*call) || waited_since.is_some_and(|since| call.since <= since)
            });
            // One that hung and has come back belongs here as well.
            if let Some(call) = stuck.or(*hung) {
                hangs.push(Hang { call, end: Some(now) });
            }
            *hung = None;
        }
        hangs
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_call_that_overstays_is_found_and_seen_to_return() {
        let mut watch = Watch::new(Clock::measure());
        let caller = watch.caller();
        assert_eq!(caller.call("quick", None, || 7), 7);
        assert_eq!(watch.look(), []);
        let (go, gone) = sync_channel::<()>(0);
        let (begun, begins) = sync_channel::<()>(0);
        let thread = std::thread::spawn(move || {
            caller.call_within(Span::ZERO, "slow", Some(3), || {
                begun.send(()).unwrap();
                let _ = gone.recv();
            });
        });
        begins.recv().unwrap();
        let hangs = watch.look();
        assert_eq!(hangs.len(), 1);
        assert_eq!((hangs[0].call.name, hangs[0].call.gpu, hangs[0].end), ("slow", Some(3), None));
        assert!(watch.is_any_hung());
        assert_eq!(watch.look(), [], "it is told once");
        drop(go);
        thread.join().unwrap();
        let returned = watch.look();
        assert_eq!(returned.len(), 1);
        assert!(returned[0].end.is_some_and(|end| end > returned[0].call.since));
        assert!(!watch.is_any_hung());
        assert_eq!(watch.abandon(Some(Timestamp::MAX)), []);
    }

    #[test]
    fn what_is_abandoned_need_not_have_overstayed() {
        let mut watch = Watch::new(Clock::measure());
        let (early, _late) = (watch.caller(), watch.caller());
        let (begun, begins) = sync_channel::<()>(0);
        // Left behind with the thread, as a hanging driver would be.
        std::thread::spawn(move || {
            early.call("never", None, || {
                begun.send(()).unwrap();
                loop {
                    std::thread::park();
                }
            });
        });
        begins.recv().unwrap();
        assert_eq!(watch.abandon(None), [], "it has not overstayed");
        let left = watch.abandon(Some(Timestamp::MAX));
        assert_eq!(left.iter().map(|hang| hang.call.name).collect::<Vec<_>>(), ["never"]);
    }
}
