//! What an NCCL program does, scene by scene.

use std::ffi::{CStr, c_int};
use std::ptr;
use std::thread;

use super::descriptor::{COLL, Call, GROUP, PROXY_OP, PROXY_STEP};
use super::host::{Communicator, Plugin};
use crate::cupti::open_externals;
use crate::launch::nccl_launch;

/// The communicator's name and number.
const IDENTITY: (&CStr, u64) = (c"dp", 0x1234_5678_9abc_def0);

const ALL_REDUCE: Call =
    Call { func: c"AllReduce", dtype: c"ncclFloat32", count: 1024, sequence: 0, peer: -1 };
/// As NCCL rewrites an all-gather: bytes, whatever the program passed.
const ALL_GATHER: Call = Call { func: c"AllGather", dtype: c"ncclInt8", count: 4096, ..ALL_REDUCE };
const REDUCE_SCATTER: Call =
    Call { func: c"ReduceScatter", dtype: c"ncclBfloat16", count: 100, ..ALL_REDUCE };
const BROADCAST: Call =
    Call { func: c"Broadcast", dtype: c"ncclFloat32", count: 256, ..ALL_REDUCE };
const UNKNOWN: Call = Call { dtype: c"ncclFloat4e2m1", sequence: 1, ..ALL_REDUCE };
const SEND: Call = Call { func: c"Send", dtype: c"ncclFloat64", count: 3, sequence: 0, peer: 1 };
const RECV: Call = Call { func: c"Recv", peer: 3, ..SEND };

/// Plays the scenario `name`; 0, 1 without a plugin, 2 without such a scenario.
pub(super) fn play(speaks: u32, name: &str) -> c_int {
    let Some(plugin) = Plugin::load(speaks) else { return 1 };
    let rank = std::env::var("FAKE_NCCL_RANK").ok().and_then(|rank| rank.parse().ok()).unwrap_or(0);
    let make = |ranks| plugin.communicator(IDENTITY, ranks, rank).expect("the plugin accepts it");
    match name {
        "calls" => with(make(4), |of| {
            of.run(&[ALL_REDUCE], 4000);
            of.run(&[ALL_GATHER], 5000);
            of.run(&[REDUCE_SCATTER], 6000);
            of.run(&[UNKNOWN], 7000);
            of.run(&[SEND, RECV], 8000);
        }),
        "threads" => thread::scope(|scope| {
            for _ in 0..4 {
                let of = make(4);
                scope.spawn(move || {
                    with(of, |of| {
                        for sequence in 0..500 {
                            of.run(&[Call { sequence, ..ALL_REDUCE }], 1000);
                        }
                    });
                });
            }
        }),
        "late" => with(make(4), late),
        "capture" => with(make(4), |of| {
            of.capture(&[ALL_REDUCE, SEND]);
            of.run(&[Call { sequence: 7, ..ALL_REDUCE }], 3000);
        }),
        "host-function" => with(make(4), |of| of.run_with_host_function(&[ALL_REDUCE], 3000)),
        "alone" => with(make(1), |_| {
            nccl_launch(1000, false);
        }),
        "untold" => with(make(4), |of| {
            of.run(&[ALL_REDUCE], 4000);
            of.run_untold(&[BROADCAST], 5000, true);
            of.run_untold(&[BROADCAST], 6000, false);
            of.run(&[Call { sequence: 1, ..ALL_REDUCE }], 7000);
        }),
        "proxy" => with(make(4), proxy),
        "full" => with(make(4), full),
        "strays" => with(make(4), |of| with(make(4), |other| strays(of, other))),
        "again" => {
            for sequence in 0..3 {
                let plugin = Plugin::load(speaks).expect("it is there");
                let of = plugin.communicator(IDENTITY, 4, rank).expect("the plugin accepts it");
                with(of, |of| of.run(&[Call { sequence, ..ALL_REDUCE }], 1000));
                plugin.unload();
            }
        }
        "ranks" => with(make(2), |of| ranks(of, rank)),
        "cost" => with(make(4), cost),
        _ => return 2,
    }
    assert_eq!(open_externals(), 0, "every region was closed");
    plugin.unload();
    0
}

fn with(of: Communicator<'_>, play: impl FnOnce(&Communicator<'_>)) {
    play(&of);
    of.finalize();
}

/// Events change state and end after they have ended, and a communicator that is gone has an event.
fn late(of: &Communicator<'_>) {
    let group = of.start(of.describe(GROUP, ptr::null_mut()));
    of.plugin.stop(group);
    of.plugin.state(group, 22);
    of.plugin.stop(group);
    // The number of an event that never was, and something that is no number of the plugin's at all.
    of.plugin.state(ptr::without_provenance_mut(0x7_0000_3fff), 22);
    of.plugin.stop(ptr::without_provenance_mut(usize::MAX));
    let gone = of.plugin.communicator(IDENTITY, 4, 0).expect("the plugin accepts it");
    let stale = Communicator { context: gone.context, ..copy(of) };
    gone.finalize();
    stale.run(&[ALL_REDUCE], 1000);
    of.run(&[Call { sequence: 5, ..ALL_REDUCE }], 2000);
}

fn copy<'a>(of: &Communicator<'a>) -> Communicator<'a> {
    Communicator { ..*of }
}

/// Proxy events although nobody asked for them.
fn proxy(of: &Communicator<'_>) {
    for _ in 0..100 {
        let proxy = of.start(of.describe(PROXY_OP, ptr::null_mut()));
        let step = of.start(of.describe(PROXY_STEP, proxy));
        of.plugin.state(step, 9);
        of.plugin.stop(step);
        of.plugin.stop(proxy);
    }
    // A kind that no version knows.
    of.plugin.stop(of.start(of.describe(1 << 5, ptr::null_mut())));
    of.run(&[ALL_REDUCE], 2000);
}

/// Collectives without a launch of their own: after a group has closed, and after another communicator's launch.
fn strays(of: &Communicator<'_>, other: &Communicator<'_>) {
    let stray = |of: &Communicator<'_>| {
        let call = Call { sequence: 77, ..ALL_REDUCE };
        let none = ptr::null_mut();
        of.plugin.stop(of.start(of.describe(COLL, none).coll(
            of.plugin.version,
            &call,
            IDENTITY,
            none,
        )));
    };
    of.run(&[ALL_REDUCE], 1000);
    stray(of);
    of.run_with_host_function(&[ALL_REDUCE], 1000);
    stray(other);
}

/// More events open than anybody has room for.
fn full(of: &Communicator<'_>) {
    let describe = || {
        let call = Call { sequence: 1, ..ALL_REDUCE };
        of.describe(COLL, ptr::null_mut()).coll(of.plugin.version, &call, IDENTITY, ptr::null_mut())
    };
    let open: Vec<_> = (0..17_000).map(|_| of.start(describe())).collect();
    for handle in open {
        of.plugin.stop(handle);
    }
    of.run(&[Call { sequence: 9, ..ALL_REDUCE }], 2000);
}

/// Two ranks: the second starts each collective later, and both end together.
#[expect(clippy::disallowed_methods, reason = "the ranks meet at instants of a common clock")]
fn ranks(of: &Communicator<'_>, rank: i32) {
    for sequence in 0..5 {
        of.run(&[Call { sequence, ..ALL_REDUCE }], 5_000_000 - rank as u64 * 1_000_000);
        thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// What one collective costs the program, all its events together.
#[expect(clippy::print_stdout, reason = "it is a measurement for a person")]
fn cost(of: &Communicator<'_>) {
    let mut spent: Vec<u64> = (0..200)
        .map(|_| {
            let start = std::time::Instant::now();
            for sequence in 0..100 {
                of.run(&[Call { sequence, ..ALL_REDUCE }], 1000);
            }
            start.elapsed().as_nanos() as u64 / 100
        })
        .collect();
    spent.sort_unstable();
    println!("{} ns a collective", spent[spent.len() / 2]);
}
