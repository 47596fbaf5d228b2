//! Which launch a call belongs to: NCCL launches the kernel of a plan, and right after that, on the same thread, tells
//! of the collectives, sends and receives in it.
//!
//! From version 5 on the launch is announced, and the launch of one of NCCL's kernels that the thread makes meanwhile is
//! the plan's (or, see `launch`, CUPTI is given the plan's number). Before, the legacy group that opens after the launch
//! stands for the plan, with the correlation id of the thread's last launch of one of NCCL's kernels.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::pool::Handle;
use crate::cupti::launch;

/// What was launched last on a thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Unique in the process; 0 for none.
    pub(super) number: u64,
    /// The correlation id of the launch, where it is known already; 0 else.
    pub(super) correlation: u32,
    /// Whether CUPTI records the kernel so that it can be found.
    pub(super) kernel: bool,
    context: Handle,
    /// Version 5 on: the group of API calls. Before: the legacy group.
    group: Handle,
}

const NONE: Plan =
    Plan { number: 0, correlation: 0, kernel: false, context: Handle(0), group: Handle(0) };

thread_local! {
    static LAST: Cell<Plan> = const { Cell::new(NONE) };
    /// The number that CUPTI was given on this thread and not yet asked to forget; 0 for none.
    static PUSHED: Cell<u64> = const { Cell::new(0) };
}

/// A number that no other plan has.
pub(super) fn new_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A launch begins. Returns the plan's number.
pub(super) fn launch_begins(context: Handle, group: Handle) -> u64 {
    let number = new_number();
    // A launch whose end was not told must not claim what follows.
    if PUSHED.replace(0) != 0 {
        launch::pop();
    }
    // Nor may what was launched before be taken for its own.
    launch::take();
    let kernel = launch::push(number);
    if kernel {
        PUSHED.set(number);
    }
    LAST.set(Plan { number, correlation: 0, kernel, context, group });
    number
}

/// The launch of this plan ends.
pub(super) fn launch_ends(number: u64) {
    if number == 0 {
        return;
    }
    if PUSHED.get() == number {
        PUSHED.set(0);
        return launch::pop();
    }
    let (last, correlation) = (LAST.get(), launch::take());
    if last.number == number {
        LAST.set(Plan { correlation, kernel: correlation != 0, ..last });
    }
}

/// A legacy group opens, before version 5.
pub(super) fn group_begins(context: Handle, group: Handle) {
    let correlation = launch::take();
    LAST.set(Plan { number: 0, correlation, kernel: correlation != 0, context, group });
}

/// A legacy group closes: what comes later belongs to another launch.
pub(super) fn group_ends(context: Handle) {
    if LAST.get().context == context {
        LAST.set(NONE);
    }
}

/// The program's calls begin: what was launched before belongs to none of them.
pub(super) fn calls_begin() {
    launch::take();
}

/// The plan of a call of the program that NCCL told no more of. It may not have announced the launch either.
pub(super) fn of_untold_call(context: Handle, group: Handle) -> Plan {
    let announced = of_call(context, Some(group));
    if announced.kernel {
        return announced;
    }
    let correlation = launch::take();
    if correlation == 0 {
        return announced;
    }
    let plan = Plan { number: new_number(), correlation, kernel: true, context, group };
    LAST.set(plan);
    plan
}

/// The plan of a call that NCCL times itself: nobody else is of it.
pub(super) fn of_timed_call() -> Plan {
    Plan { number: new_number(), kernel: true, ..NONE }
}

/// The plan of a call on this communicator. `group` is the call's own group, where it is known.
pub(super) fn of_call(context: Handle, group: Option<Handle>) -> Plan {
    let last = LAST.get();
    let is_same = last.context == context
        && group.is_none_or(|group| group.0 == 0 || last.group.0 == 0 || group == last.group);
    if is_same { last } else { NONE }
}
