//! Any names and any figures make a page that is whole.

use perfagent_analysis::Report;
use perfagent_analysis::report::{
    Basis, Breakdown, CategoryShare, CollectiveRow, CollectiveTestRow, CopyRow, DurationBucket,
    IdleRow, KernelCounterRow, KernelCounters, KernelRow, LaunchStatistics, Memory, MemoryPoint,
    MetricRow, QueueRow, Rank, RecordingFacts, RooflineRow, Step, StepSummary, TimeSeries,
};
use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};

use crate::page::Form;

/// Names as programs give them, and as nobody should.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        any::<String>(),
        Just("</td></table><script>alert(1)</script>".to_owned()),
        Just("\" onmouseover=\"x' <!-- ]]> &amp; &#0; &".to_owned()),
        Just("\u{0}\u{1b}[2J\u{fffe}\u{ffff}\u{202e}\u{85}\u{2028}".to_owned()),
        Just("void f<std::array<char*, 1ul> >(int)".repeat(300)),
    ]
}

/// Times and sizes; sums of them over a few ranks have room.
fn figure() -> impl Strategy<Value = i64> {
    prop_oneof![0_i64..100, 0_i64..1_000_000_000_000, Just(1_i64 << 56), Just(-5)]
}

fn fraction() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..1e6_f64, any::<f64>()]
}

fn breakdown() -> impl Strategy<Value = Breakdown> {
    let categories = prop::collection::vec((name(), 0_i64..1_000_000), 0..10);
    (categories, figure(), figure(), figure(), figure()).prop_map(
        |(all, comm, copy, data, idle)| {
            let categories: Vec<_> = all
                .into_iter()
                .map(|(category, total_ns)| CategoryShare { category, total_ns })
                .collect();
            let compute_ns = categories.iter().map(|share| share.total_ns).sum();
            Breakdown {
                window_ns: compute_ns + comm + copy + data + idle,
                compute_ns,
                categories,
                exposed_comm_ns: comm,
                exposed_copy_ns: copy,
                data_ns: data,
                idle_ns: idle,
                comm_ns: comm,
            }
        },
    )
}

prop_compose! {
    fn kernel()(
        name in name(), category in name(), count in 1_i64..1000, total_ns in figure(), max_ns in figure(),
        p50_ns in prop::option::of(any::<i64>()), p99_ns in prop::option::of(figure()),
        histogram in prop::collection::vec((any::<i64>(), figure(), any::<i64>()), 0..9)
    ) -> KernelRow {
        let mean_ns = total_ns as f64 / count as f64;
        let bucket = |(from_ns, until_ns, count)| DurationBucket { from_ns, until_ns, count: count / 100 };
        let histogram = histogram.into_iter().map(bucket).collect();
        KernelRow { name, category, count, total_ns, mean_ns, max_ns, p50_ns, p99_ns, histogram, ..KernelRow::default() }
    }
}

/// A level over time, with no regard to what one can be.
fn series<T: std::fmt::Debug>(
    level: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<TimeSeries<T>>> {
    let levels = (prop::collection::vec(fraction(), 0..9), prop::collection::vec(level, 0..9));
    let times = (any::<i64>(), figure(), prop_oneof![figure(), any::<i64>()]);
    prop::option::of((times, levels).prop_map(
        |((start_ns, length_ns, stretch_ns), (mean, max))| TimeSeries {
            start_ns,
            length_ns,
            stretch_ns,
            mean,
            max,
        },
    ))
}

prop_compose! {
    fn queue()(
        stream in any::<i64>(), max in figure(), mean in prop::option::of(fraction()), window_ns in figure(),
        length_over_time in series(any::<i64>())
    ) -> QueueRow {
        QueueRow { stream, max, mean, window_ns, length_over_time, launches: 1, ..QueueRow::default() }
    }
}

prop_compose! {
    fn copy()(kind in name(), bytes in figure(), gbps_over_time in series(fraction())) -> CopyRow {
        CopyRow { kind, bytes, gbps_over_time, ..CopyRow::default() }
    }
}

prop_compose! {
    fn counter()(
        name in name(), operators in prop::collection::vec(name(), 0..4), ranges in figure(), flops in prop::option::of(figure()),
        dram_bytes in prop::option::of(figure()), intensity in prop::option::of(fraction()),
        metrics in prop::collection::vec((name(), prop::option::of(fraction()), fraction()), 0..4)
    ) -> KernelCounterRow {
        let metrics = metrics.into_iter().map(|(name, mean, max)| MetricRow { name, ranges, mean, max, ..MetricRow::default() });
        KernelCounterRow {
            name, ranges, flops, dram_bytes, intensity, top_operator: operators.first().cloned(),
            bottom_operator: operators.last().cloned(), operators, metrics: metrics.collect(),
        }
    }
}

prop_compose! {
    fn collective()(
        op in name(), dtype in prop::option::of(name()), bytes in prop::option::of(figure()), total_ns in figure(),
        busbw in prop::option::of(fraction()), wait_ns in prop::option::of(figure()), transfer_ns in prop::option::of(figure())
    ) -> CollectiveRow {
        CollectiveRow {
            op, dtype, bytes, total_ns, wait_ns, transfer_ns, count: 3, matched: 3, busbw_gbps: busbw,
            transfer_busbw_gbps: busbw, ..CollectiveRow::default()
        }
    }
}

prop_compose! {
    fn point()(name in name(), shapes in name(), tflops in fraction(), intensity in prop::option::of(fraction())) -> RooflineRow {
        RooflineRow { name, shapes, tflops, intensity, count: 1, ..RooflineRow::default() }
    }
}

prop_compose! {
    fn test_row()(op in name(), bytes in figure(), busbw_gbps in fraction(), in_place: bool) -> CollectiveTestRow {
        CollectiveTestRow { op, bytes, busbw_gbps, in_place, ..CollectiveTestRow::default() }
    }
}

prop_compose! {
    fn rank()(
        rank in prop::option::of(any::<i64>()), host in name(), span_ns in figure(), breakdown in breakdown(),
        training in breakdown(), kernels in prop::collection::vec(kernel(), 0..20),
        collectives in prop::collection::vec(collective(), 0..5), roofline in prop::collection::vec(point(), 0..12),
        steps in prop::collection::vec((any::<i64>(), figure()), 0..300),
        curve in prop::collection::vec((any::<i64>(), figure(), prop::option::of(figure())), 0..20),
        idle in prop::collection::vec((any::<i64>(), figure(), figure()), 0..30),
        (queue, copies, counters) in (
            prop::collection::vec(queue(), 0..9), prop::collection::vec(copy(), 0..9), prop::collection::vec(counter(), 0..9)
        )
    ) -> Rank {
        Rank {
            rank, host, span_ns, breakdown, training, kernels, collectives, roofline, queue, copies,
            kernel_counters: Some(KernelCounters { rows: counters, ..KernelCounters::default() }),
            launch_statistics: LaunchStatistics { launches: 1, ..LaunchStatistics::default() },
            basis: Basis::Gpu,
            step: StepSummary { count: steps.len() as i64, ..StepSummary::default() },
            steps: steps
                .into_iter()
                .map(|(index, duration_ns)| Step { index, duration_ns, ..Step::default() })
                .collect(),
            memory: Memory {
                curve: curve
                    .into_iter()
                    .map(|(time_ns, allocated_bytes, reserved_bytes)| MemoryPoint { time_ns, allocated_bytes, reserved_bytes })
                    .collect(),
                ..Memory::default()
            },
            idle_causes: idle
                .into_iter()
                .map(|(stream, host_wait_ns, other_ns)| IdleRow { device: 0, stream, host_wait_ns, kernel_wait_ns: 0, other_ns })
                .collect(),
            ..Rank::default()
        }
    }
}

fn report(
    path: String,
    warnings: Vec<String>,
    ranks: Vec<Rank>,
    tests: Vec<CollectiveTestRow>,
) -> Report {
    Report {
        schema: String::new(),
        recording: RecordingFacts {
            alignment: Vec::new(),
            path,
            source: String::new(),
            duration_ns: 0,
            hosts: Vec::new(),
            lost: perfagent_analysis::report::Lost::default(),
            losses: Vec::new(),
            files: Vec::new(),
        },
        ranks,
        warnings,
        collective_tests: tests,
    }
}

/// Only the elements that the renderer writes.
const KNOWN: [&str; 41] = [
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "main",
    "nav",
    "section",
    "h1",
    "h2",
    "p",
    "dl",
    "dt",
    "dd",
    "ul",
    "li",
    "a",
    "div",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "i",
    "b",
    "figure",
    "figcaption",
    "details",
    "summary",
    "svg",
    "desc",
    "defs",
    "pattern",
    "rect",
    "path",
    "circle",
    "text",
    "g",
];

/// What a name becomes: characters that no page can hold are replaced.
fn shown(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            _ if character.is_control() => ' ',
            '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                '\u{fffd}'
            }
            _ => character,
        })
        .collect()
}

fn words(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_report_is_a_whole_page(
        path in name(),
        warnings in prop::collection::vec(name(), 0..3),
        ranks in prop::collection::vec(rank(), 0..7),
        tests in prop::collection::vec(test_row(), 0..9),
    ) {
        let report = report(path, warnings, ranks, tests);
        let page = super::page(&report, &[]).render(Form::Html);
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let document = Document::parse_with_options(&page, options)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        let named = |name: &'static str| document.descendants().filter(move |node| node.has_tag_name(name));
        for node in document.descendants().filter(Node::is_element) {
            prop_assert!(KNOWN.contains(&node.tag_name().name()), "{:?}", node.tag_name());
            for attribute in node.attributes() {
                let is_place = ["x", "y", "cx", "cy", "r", "width", "height"].contains(&attribute.name());
                prop_assert!(!attribute.name().starts_with("on"));
                if is_place {
                    let place: f64 = attribute.value().parse().unwrap();
                    prop_assert!(place.is_finite() && (-20.0..=2_500.0).contains(&place), "{attribute:?}");
                }
                if attribute.name() == "d" {
                    prop_assert!(!attribute.value().contains(['N', 'i']), "{attribute:?}");
                }
            }
        }
        let title = named("h1").next().map(words);
        prop_assert_eq!(title, Some(shown(&format!("perfagent report of {}", report.recording.path))));
        let items: Vec<_> = named("li").filter(|item| !item.descendants().any(|node| node.has_tag_name("a"))).map(words).collect();
        prop_assert_eq!(items, report.warnings.iter().map(|text| shown(text)).collect::<Vec<_>>());
        // The exact figures under the pictures are those of the report.
        let cells: Vec<_> = named("details").flat_map(|details| details.descendants()).filter(|node| node.has_tag_name("td")).map(words).collect();
        for row in perfagent_analysis::total::kernels(&report.ranks).iter().take(super::TOP_OPERATIONS) {
            prop_assert!(cells.contains(&row.total_ns.to_string()), "{}", row.total_ns);
        }
        if let [rank] = report.ranks.as_slice()
            && rank.breakdown.window_ns > 0
            && (rank.span_ns > 0 || !rank.steps.is_empty())
        {
            prop_assert!(cells.contains(&rank.breakdown.idle_ns.to_string()) || rank.training.window_ns > 0 || rank.breakdown.idle_ns <= 0);
        }
    }
}

/// A page of many ranks stays small enough to be sent around.
#[test]
fn sixty_four_ranks_fit_into_a_megabyte() {
    let long =
        "void cutlass::Kernel<cutlass_80_tensorop_bf16_s16816gemm_relu_128x256>(Params)".repeat(20);
    let rank = |number: i64| Rank {
        rank: Some(number),
        host: format!("node-{}", number / 8),
        span_ns: 1_000_000_000,
        breakdown: Breakdown {
            window_ns: 1_000_000_000,
            compute_ns: 700_000_000 - number,
            categories: (0..9)
                .map(|kind| CategoryShare {
                    category: format!("category {kind}"),
                    total_ns: 70_000_000,
                })
                .collect(),
            exposed_comm_ns: 200_000_000,
            idle_ns: 100_000_000 + number,
            ..Breakdown::default()
        },
        kernels: (0..200)
            .map(|kernel| KernelRow {
                name: format!("{long}{kernel}"),
                category: "matmul".into(),
                total_ns: 1_000_000,
                count: 9,
                ..KernelRow::default()
            })
            .collect(),
        steps: (0..1000)
            .map(|index| Step {
                index,
                duration_ns: 1_000_000 + (index * 7919 + number * 31) % 1000,
                ..Step::default()
            })
            .collect(),
        step: StepSummary { count: 1000, ..StepSummary::default() },
        idle_causes: (0..12)
            .map(|stream| IdleRow {
                device: 0,
                stream,
                host_wait_ns: 5,
                kernel_wait_ns: 6,
                other_ns: 7,
            })
            .collect(),
        ..Rank::default()
    };
    let report = report("run".into(), Vec::new(), (0..64).map(rank).collect(), Vec::new());
    let page = super::page(&report, &[]).render(Form::Html);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    println!("{} bytes", page.len());
}
