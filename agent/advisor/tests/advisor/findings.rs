//! Findings about GPUs on reports made by hand.

use perfagent_advisor::{Fact, Verdict, advise};
use perfagent_analysis::report::{
    Basis, Breakdown, ClockRow, CollectiveRow, CopyRow, DeviceFacts, GapCause, GapRow, Gaps,
    HostWaitRow, IdleRow, KernelRow, Launch, Memory, RangeRow, Rank, ShortKernels, ThrottleRow,
};

use crate::{GIB, assert_close, report};

const WINDOW_NS: i64 = 1_000_000;

fn gap(cause: GapCause, count: i64, total_ns: i64) -> GapRow {
    GapRow {
        cause,
        count,
        total_ns,
        long: 0,
        long_ns: 0,
        before_short: 0,
        before_short_ns: 0,
        waited_ns: 0,
        long_waited_ns: 0,
        longest_start_ns: 500,
        longest_ns: 70,
    }
}

/// A rank on an A100 with a window of 1 ms and these gaps.
fn on_gpu(number: i64, causes: Vec<GapRow>) -> Rank {
    let device = DeviceFacts {
        id: 0,
        uuid: None,
        name: "NVIDIA A100-SXM4-80GB".into(),
        total_bytes: Some(80 * GIB),
        compute_capability: Some((8, 0)),
        ..DeviceFacts::default()
    };
    Rank {
        rank: Some(number),
        world_size: Some(2),
        pid: 100 + number,
        host: "node-1".into(),
        recording_path: "run.perfdb".into(),
        process_id: number + 1,
        basis: Basis::Gpu,
        devices: vec![device],
        idle_causes: vec![IdleRow { device: 0, stream: 7, ..IdleRow::default() }],
        launch: Launch { count: 100, ..Launch::default() },
        breakdown: Breakdown { window_ns: WINDOW_NS, ..Breakdown::default() },
        kernels: vec![kernel("other", "kernel", 100)],
        gaps: Some(Gaps {
            start_ns: 400,
            window_ns: WINDOW_NS,
            idle_ns: causes.iter().map(|row| row.total_ns).sum(),
            data_ns: 0,
            causes,
            short: ShortKernels { below_ns: 10_000, count: 80, total_ns: 90_000, of: 100 },
        }),
        ..Rank::default()
    }
}

fn kernel(category: &str, name: &str, total_ns: i64) -> KernelRow {
    let count = 10;
    let (name, category) = (name.into(), category.into());
    KernelRow { name, category, count, total_ns, mean_ns: 9_000.0, ..KernelRow::default() }
}

fn fact(ranks: Vec<Rank>, name: &str) -> Fact {
    advise(&report(ranks), None).facts.into_iter().find(|fact| fact.name == name).unwrap()
}

fn assert_gain(fact: &Fact, likely: f64, most: f64) {
    let gain = fact.gain.as_ref().unwrap();
    assert_close(Some(gain.likely_share_pct), likely);
    assert_close(Some(gain.most_share_pct), most);
    assert_close(gain.most_speedup, 1.0 / (1.0 - most / 100.0));
}

#[test]
fn late_launches_are_worth_what_is_not_long_and_not_the_gpus_own() {
    let late = GapRow { long: 1, long_ns: 100_000, ..gap(GapCause::LateLaunch, 101, 300_000) };
    let own = gap(GapCause::Turnaround, 10, 5_000);
    let late = fact(vec![on_gpu(0, vec![late, own])], "host_bound");
    assert_eq!(late.verdict, Verdict::Act);
    assert_close(late.value, 30.0);
    // 200 us in 100 gaps, of which each keeps the turnaround of 500 ns.
    assert_gain(&late, 15.0, 30.0);
    assert_eq!((late.evidence[0].start_ns, late.evidence[0].end_ns), (Some(500), Some(570)));
    assert!(late.advice.starts_with("Launch fewer and larger kernels"), "{}", late.advice);
}

#[test]
fn launches_that_are_not_recorded_are_unknown_and_not_on_time() {
    let unlinked = gap(GapCause::Unlinked, 10, 60_000);
    let some = fact(vec![on_gpu(0, vec![unlinked])], "host_bound");
    assert_eq!((some.verdict, some.gain), (Verdict::Unknown, None));
    assert!(some.advice.starts_with("Record again"), "{}", some.advice);
    let none = Rank { launch: Launch::default(), ..on_gpu(0, vec![unlinked]) };
    for name in ["host_bound", "synchronization"] {
        let fact = fact(vec![none.clone()], name);
        assert_eq!((fact.verdict, fact.value), (Verdict::Unknown, None), "{name}");
    }
    let asked = fact(vec![none], "host_bound").advice;
    assert!(asked.contains("idles 6.0 %") && asked.contains("--api"), "{asked}");
    // They cannot cost more than the GPU idles.
    let busy = vec![gap(GapCause::Unlinked, 10, 40_000)];
    let busy = Rank { launch: Launch::default(), ..on_gpu(0, busy) };
    assert_eq!(fact(vec![busy], "host_bound").verdict, Verdict::NothingToGain);
}

#[test]
fn waits_are_worth_what_the_host_lost_in_them() {
    let behind = GapRow { waited_ns: 30_000, ..gap(GapCause::Synchronization, 5, 80_000) };
    let wait = |name: &str, longest_start_ns, longest_ns| HostWaitRow {
        name: name.into(),
        count: 4,
        total_ns: 50_000,
        longest_start_ns,
        longest_ns,
    };
    let waits =
        vec![wait("cudaStreamSynchronize", 10, 20), wait("cudaMemcpyAsync (DtoH)", 700, 90)];
    let fact = fact(vec![Rank { host_waits: waits, ..on_gpu(0, vec![behind]) }], "synchronization");
    assert_eq!((fact.verdict, fact.rank), (Verdict::Act, Some(0)));
    assert_gain(&fact, 3.0, 8.0);
    assert_eq!(fact.evidence[0].count, 8);
    assert_eq!((fact.evidence[0].start_ns, fact.evidence[0].end_ns), (Some(700), Some(790)));
    assert!(fact.advice.contains("cudaMemcpyAsync (DtoH)"), "{}", fact.advice);
}

#[test]
fn what_the_host_does_long_after_a_wait_is_not_the_waits() {
    let behind = GapRow {
        long: 1,
        long_ns: 600_000,
        waited_ns: 30_000,
        long_waited_ns: 10_000,
        ..gap(GapCause::Synchronization, 5, 680_000)
    };
    let waited = fact(vec![on_gpu(0, vec![behind])], "synchronization");
    assert_gain(&waited, 3.0, 9.0);
    let late = fact(vec![on_gpu(0, vec![behind])], "host_bound");
    assert_gain(&late, 0.0, 59.0);
    assert!(late.advice.starts_with("Find what the host does"), "{}", late.advice);
}

#[test]
fn tiny_kernels_matter_only_when_the_gpu_waits_before_them() {
    let busy = fact(vec![on_gpu(0, Vec::new())], "tiny_kernels");
    assert_close(busy.value, 80.0);
    assert_eq!(busy.verdict, Verdict::NothingToGain);
    let before = |cause, before_short_ns| GapRow {
        before_short: 40,
        before_short_ns,
        ..gap(cause, 50, 2 * before_short_ns)
    };
    let causes = vec![before(GapCause::LateLaunch, 100_000), before(GapCause::Turnaround, 20_000)];
    let idle = fact(vec![on_gpu(0, causes)], "tiny_kernels");
    assert_eq!(idle.verdict, Verdict::Act);
    // Of 100 us 40 turnarounds of 800 ns remain; fused, nothing of 120 us does.
    assert_gain(&idle, 6.8, 12.0);
}

#[test]
fn products_on_ordinary_cores_count_where_there_are_others() {
    let sgemm = vec![kernel("matmul", "ampere_sgemm_128x64_nn", 400_000)];
    let unused =
        fact(vec![Rank { kernels: sgemm.clone(), ..on_gpu(0, Vec::new()) }], "tensor_cores");
    assert_eq!(unused.verdict, Verdict::Act);
    assert_gain(&unused, 20.0, 35.0);
    assert!(unused.advice.starts_with("Allow TF32"), "{}", unused.advice);
    for (name, capability, verdict) in [
        ("Quadro GP100", Some((6, 0)), Verdict::NothingToGain),
        ("NVIDIA GeForce GTX 1660", Some((7, 5)), Verdict::NothingToGain),
        ("Tesla T4", Some((7, 5)), Verdict::Act),
        ("AMD Instinct MI50", Some((9, 0)), Verdict::NothingToGain),
        ("AMD Instinct MI300X", Some((9, 4)), Verdict::Act),
        ("", Some((9, 4)), Verdict::Unknown),
        ("something", None, Verdict::Unknown),
    ] {
        let mut rank = Rank { kernels: sgemm.clone(), ..on_gpu(0, Vec::new()) };
        (rank.devices[0].name, rank.devices[0].compute_capability) = (name.into(), capability);
        assert_eq!(fact(vec![rank], "tensor_cores").verdict, verdict, "{name}");
    }
    let unnamed = vec![kernel("attention", "attn_fwd", 400_000)];
    let unnamed = Rank { kernels: unnamed, ..on_gpu(0, Vec::new()) };
    assert_eq!(fact(vec![unnamed], "tensor_cores").verdict, Verdict::Unknown);
}

#[test]
fn conversions_are_told_from_copies() {
    let kernels = vec![
        kernel("layout", "at::native::bfloat16_copy_kernel_cuda(x)", 60_000),
        kernel("layout", "elementwise_kernel<direct_copy_kernel_cuda>", 50_000),
        kernel("matmul", "nvjet_hsh", 300_000),
    ];
    let fact = fact(vec![Rank { kernels, ..on_gpu(0, Vec::new()) }], "dtype_casts");
    assert_eq!((fact.verdict, fact.evidence[0].count), (Verdict::Act, 20));
    assert_gain(&fact, 6.0, 11.0);
    assert!(fact.advice.starts_with("Keep one element type"), "{}", fact.advice);
}

#[test]
fn copies_alone_are_hidden_only_beside_computation() {
    let breakdown = Breakdown {
        window_ns: WINDOW_NS,
        exposed_copy_ns: 500_000,
        compute_ns: 100_000,
        ..Breakdown::default()
    };
    let copies = vec![CopyRow { kind: "HtoD".into(), count: 3, total_ns: 1, ..CopyRow::default() }];
    let rank = Rank { breakdown, copies, ..on_gpu(0, Vec::new()) };
    let fact = fact(vec![rank], "exposed_copies");
    assert_gain(&fact, 10.0, 50.0);
    assert!(fact.advice.starts_with("Copy the next inputs"), "{}", fact.advice);
}

fn with_collectives(number: i64, wait_ns: Option<i64>) -> Rank {
    let row =
        CollectiveRow { op: "all_reduce".into(), matched: 6, wait_ns, ..CollectiveRow::default() };
    Rank { collectives: vec![row], ..on_gpu(number, Vec::new()) }
}

#[test]
fn the_rank_that_nobody_waits_longer_for_is_the_straggler() {
    let waiting = vec![with_collectives(0, Some(200_000)), with_collectives(1, Some(40_000))];
    let fact = fact(waiting, "stragglers");
    assert_eq!((fact.verdict, fact.rank), (Verdict::Act, Some(0)));
    assert_gain(&fact, 12.0, 20.0);
    assert!(fact.advice.starts_with("Look at what rank 1 does"), "{}", fact.advice);
}

#[test]
fn without_a_common_clock_the_work_of_ranks_is_compared() {
    let busy = |number, compute_ns| Rank {
        breakdown: Breakdown {
            window_ns: WINDOW_NS,
            compute_ns,
            comm_ns: 1,
            ..Breakdown::default()
        },
        ..with_collectives(number, None)
    };
    let ranks = vec![busy(0, 500_000), busy(1, 600_000)];
    let by_work = fact(ranks.clone(), "stragglers");
    assert_gain(&by_work, 5.0, 10.0);
    assert!(by_work.advice.ends_with("by the work of each."), "{}", by_work.advice);
    assert_eq!(fact(ranks[..1].to_vec(), "stragglers").verdict, Verdict::Unknown);
}

#[test]
fn throttling_costs_what_the_clock_lost() {
    let throttled = |reason: &str, mean_mhz, total_ns| {
        let row = ThrottleRow {
            reason: reason.into(),
            total_ns,
            mean_mhz,
            longest_start_ns: 600,
            longest_ns: 50,
        };
        let clock = ClockRow {
            device: 0,
            samples: 9,
            mean_mhz: Some(1500.0),
            max_mhz: Some(2000.0),
            throttling: vec![row],
        };
        fact(vec![Rank { clocks: vec![clock], ..on_gpu(0, Vec::new()) }], "throttling")
    };
    let hot = throttled("hw_thermal", Some(1500.0), 400_000);
    assert_eq!(hot.verdict, Verdict::Act);
    assert_gain(&hot, 10.0, 10.0);
    assert!(hot.advice.contains("at 1500 of 2000 MHz"), "{}", hot.advice);
    let capped = throttled("power_cap", Some(1500.0), 400_000);
    assert_gain(&capped, 0.0, 10.0);
    let barely = throttled("power_cap", Some(1999.0), 400_000);
    assert_eq!(barely.verdict, Verdict::NothingToGain, "0.02 % of the time");
    let unsampled = throttled("hw_slowdown", None, 400_000);
    assert_eq!((unsampled.verdict, unsampled.gain), (Verdict::Act, None));
    assert_eq!(fact(vec![on_gpu(0, Vec::new())], "throttling").verdict, Verdict::Unknown);
}

#[test]
fn memory_that_no_tensor_uses_matters_by_the_size_of_the_gpu() {
    let holding = |reserved, allocated| {
        let memory = Memory {
            peak_reserved_bytes: Some(reserved),
            peak_allocated_bytes: Some(allocated),
            ..Memory::default()
        };
        fact(vec![Rank { memory, ..on_gpu(0, Vec::new()) }], "memory_fragmentation")
    };
    let much = holding(40 * GIB, 30 * GIB);
    assert_eq!((much.verdict, much.gain.is_none()), (Verdict::Act, true));
    assert_close(much.value, (10 * GIB) as f64);
    assert_eq!(holding(4 * GIB, 3 * GIB).verdict, Verdict::NothingToGain, "1.25 % of the GPU");
    assert_eq!(holding(70 * GIB, 60 * GIB).verdict, Verdict::NothingToGain, "14 % of what is held");
}

#[test]
fn products_of_unaligned_rows_are_told_by_their_names() {
    let of = |name: &str| {
        let kernels = vec![kernel("matmul", name, 400_000)];
        fact(vec![Rank { kernels, ..on_gpu(0, Vec::new()) }], "unaligned_products")
    };
    let unaligned = of("cutlass_75_tensorop_bf16_s1688gemm_bf16_128x128_tn_align1");
    assert_eq!((unaligned.verdict, unaligned.evidence[0].count), (Verdict::Act, 10));
    assert_close(unaligned.value, 40.0);
    assert_gain(&unaligned, 20.0, 40.0 * 6.5 / 7.5);
    for name in [
        "cutlass_80_tensorop_bf16_s16816gemm_bf16_128x128_64x3_nt_align8",
        // Not on tensor cores: another finding.
        "cutlass_80_simt_sgemm_128x64_8x5_nn_align1",
        "nvjet_tst_128x256_64x4_1x2_h_bz_coopA_NTT",
    ] {
        assert_eq!(of(name).verdict, Verdict::NothingToGain, "{name}");
    }
    let host = Rank { gaps: None, basis: Basis::Operators, ..on_gpu(0, Vec::new()) };
    assert_eq!(fact(vec![host], "unaligned_products").verdict, Verdict::Unknown);
}

#[test]
fn facts_are_ranked_by_the_likely_gain() {
    let late = gap(GapCause::LateLaunch, 1, 100_000);
    let behind = GapRow { waited_ns: 200_000, ..gap(GapCause::Synchronization, 1, 400_000) };
    let memory = Memory {
        peak_reserved_bytes: Some(40 * GIB),
        peak_allocated_bytes: Some(20 * GIB),
        ..Memory::default()
    };
    let rank = Rank { memory, world_size: Some(1), ..on_gpu(0, vec![late, behind]) };
    let advice = advise(&report(vec![rank]), None);
    let mut places: Vec<_> =
        advice.facts.iter().filter_map(|fact| Some((fact.place?, &*fact.name))).collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            (1, "synchronization"),
            (2, "host_bound"),
            (3, "memory_headroom"),
            (4, "memory_fragmentation")
        ]
    );
    assert_eq!(
        advice.summary,
        "Most to gain: synchronization, 1.25 to 1.67 times as fast; host bound, 1.11 times as fast; memory headroom \
         (4 to act on, 7 with nothing to gain, 2 unknown)."
    );
}

#[test]
fn the_hosts_side_of_a_gpus_run_is_no_run_without_a_gpu() {
    let host = Rank { gaps: None, basis: Basis::Operators, ..on_gpu(0, Vec::new()) };
    for name in ["host_bound", "tensor_cores", "dtype_casts", "communication"] {
        assert_eq!(fact(vec![host.clone()], name).verdict, Verdict::Unknown, "{name}");
    }
    let none = Rank { devices: Vec::new(), ..host.clone() };
    assert_eq!(fact(vec![none.clone()], "host_bound").verdict, Verdict::NothingToGain);
    let range = RangeRow { name: "gloo:all_reduce".into(), ..RangeRow::default() };
    let untimed = Rank { ranges: vec![range], ..none };
    assert_eq!(fact(vec![untimed], "communication").verdict, Verdict::Unknown);
}
