//! The list of all tables, which is there once.

/// Calls the macro `$then` with what stands in the braces, and then with every table of a recording in memory, in the order of the
/// file: whether its rows are kept as they are (`rows`) or packed (`events`), its name, and the type of a row.
macro_rules! tables {
    ($then:ident {$($with:tt)*}) => {
        $then! {
            {$($with)*}
            rows meta: Meta,
            rows hosts: Host,
            rows gpus: Gpu,
            rows processes: Process,
            rows libraries: Library,
            rows threads: Thread,
            rows devices: Device,
            rows streams: Stream,
            rows contexts: Context,
            events kernels: Kernel,
            events copies: Copy,
            events api_calls: ApiCall,
            events synchronizations: Synchronization,
            events kernel_counters: KernelCounter,
            events ranges: Range,
            events marks: Mark,
            events operators: Operator,
            events collectives: Collective,
            rows collective_tests: CollectiveTest,
            events memory: MemoryEvent,
            rows counters: Counter,
            events counter_samples: CounterSample,
            rows clock_anchors: ClockAnchor,
            events overheads: Overhead,
            rows losses: Loss,
            rows notes: Note,
        }
    };
}

pub(crate) use tables;
