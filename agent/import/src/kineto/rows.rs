//! Events to rows.

use perfagent_recording::table::{CopyKind, Payload, Timing};

use super::collect::Collector;
use super::event::{Args, Event};
use super::vocabulary::{self, Class};
use crate::trace::Small;
use crate::trace::{
    Annotation, AnnotationExtra, Call, Collective, Copy, Kernel, Mark, Memory, MemoryExtra,
    Operator, OperatorExtra, Sample, Stream, Times, Wait,
};
use crate::value::{Int, Json};
use crate::warning::Problem;

impl Collector {
    /// A complete event. True when it was kept, or counted among the problems.
    pub(super) fn complete(&mut self, event: &Event<'_>, class: Class, offset: u64) -> bool {
        let class = match class {
            // In 2021 steps were operators.
            Class::Operator | Class::Other if is_step(event) => Class::Annotation,
            Class::OnGpu | Class::Other | Class::Mark | Class::Sample | Class::Measured => {
                return false;
            }
            class => class,
        };
        let Some(times) = self.times(event, offset) else { return true };
        match class {
            Class::Kernel => self.kernel(event, times),
            Class::Copy | Class::Memset => self.copy(event, times, class),
            Class::Call => {
                let (thread, name) = (self.thread(event), self.text(&event.name.0));
                let correlation = event.args.correlation.0;
                if let Some(result) = event.args.result.0 {
                    self.trace.results.push(self.trace.calls.len(), result);
                }
                self.trace.calls.push(Call { times, thread, name, correlation });
            }
            Class::Operator => self.operator(event, times),
            Class::Annotation => self.annotation(event, times),
            Class::Wait => self.wait(event, times),
            Class::Collective => self.collective_event(event, times, offset),
            Class::OnGpu | Class::Other | Class::Mark | Class::Sample | Class::Measured => {
                return false;
            }
        }
        true
    }

    fn kernel(&mut self, event: &Event<'_>, times: Times) {
        let args = &event.args;
        let pid = self.pid(event.pid.0);
        let stream = self.stream(stream(pid, args));
        let small = |Int(value)| Small::new(value);
        let kernel = Kernel {
            times,
            stream,
            name: self.text(&event.name.0),
            correlation: args.correlation.0,
            grid: args.grid.0.map(Small::new),
            block: args.block.0.map(Small::new),
            registers: small(args.registers),
            static_shared: small(args.static_shared),
            dynamic_shared: small(args.dynamic_shared),
            graph: not_zero(args.graph),
            graph_node: not_zero(args.graph_node),
        };
        self.trace.kernels.push(kernel);
        if args.collective.0.is_empty() || args.told_apart.0.is_some() {
            return;
        }
        let elements = args.in_elements.0.max(args.out_elements.0);
        let size = vocabulary::size_of(&args.dtype.0);
        let bytes = elements.zip(size).and_then(|(elements, size)| elements.checked_mul(size));
        let collective = Collective {
            times,
            pid,
            thread: None,
            stream: Some(stream),
            op: self.text(vocabulary::collective(&args.collective.0)),
            dtype: self.text(&args.dtype.0),
            bytes,
            group: self.text(&args.group.0),
            group_size: args.group_size.0,
            sequence: args.group_sequence.0,
            source: self.text("kineto"),
            timing: Timing::Kernel,
            open: false,
            enqueued: None,
            // All kernels of one graph launch share a number, which would make one call of them.
            correlation: None,
        };
        self.trace.collectives.push(collective);
    }

    /// A collective that is no kernel, or of which its kernel cannot tell everything.
    fn collective_event(&mut self, event: &Event<'_>, times: Times, offset: u64) {
        let args = &event.args;
        let enqueued = args.enqueued.and_then(|at| self.nanos("enqueued at", at.0, offset));
        let pid = self.pid(event.pid.0);
        let is_on_thread = args.host_thread.0.is_none_or(|thread| thread >= 0);
        let thread = is_on_thread.then(|| self.thread(event));
        let stream = args.on_stream.0.map(|number| {
            let (device, context) = (args.on_device.0.unwrap_or(0), args.in_context.0);
            self.stream(Stream { pid, device, number, context })
        });
        let collective = Collective {
            times,
            pid,
            thread,
            stream,
            op: self.text(&args.collective.0),
            dtype: self.text(&args.dtype.0),
            bytes: args.message_bytes.0,
            group: self.text(&args.group.0),
            group_size: args.group_size.0,
            sequence: args.group_sequence.0,
            source: self.text(&args.source.0),
            timing: vocabulary::timing(&args.timing.0),
            open: is_set(args.open),
            enqueued,
            correlation: args.kernel_correlation.0,
        };
        self.trace.collectives.push(collective);
        self.trace.collective_events += 1;
    }

    fn copy(&mut self, event: &Event<'_>, times: Times, class: Class) {
        let args = &event.args;
        let kind = match class {
            Class::Memset => CopyKind::Memset,
            _ => vocabulary::copy_kind(&event.name.0),
        };
        let pid = self.pid(event.pid.0);
        let copy = Copy {
            times,
            stream: self.stream(stream(pid, args)),
            kind,
            bytes: args.bytes.0.unwrap_or(0),
            correlation: args.correlation.0,
            graph: not_zero(args.graph),
            graph_node: not_zero(args.graph_node),
        };
        self.trace.copies.push(copy);
    }

    fn operator(&mut self, event: &Event<'_>, times: Times) {
        let args = &event.args;
        let (thread, name) = (self.thread(event), self.text(&event.name.0));
        let (shapes, types) = (self.list(args.shapes), self.list(args.types));
        let extra = OperatorExtra { flops: args.flops.0, open: is_set(args.open) };
        if extra != OperatorExtra::default() {
            self.trace.operator_extras.push(self.trace.operators.len(), extra);
        }
        self.trace.operators.push(Operator {
            times,
            thread,
            name,
            shapes,
            types,
            depth: Small::new(args.depth.0),
            sequence: args.sequence.0.unwrap_or(-1),
        });
    }

    fn annotation(&mut self, event: &Event<'_>, times: Times) {
        let args = &event.args;
        let (thread, name) = (self.thread(event), self.text(&event.name.0));
        if let Some(depth) = args.depth.0 {
            let extra = AnnotationExtra {
                depth: Some(depth).filter(|&depth| depth >= 0),
                domain: self.text(&args.domain.0),
                category: self.text(&args.nvtx_category.0),
                color: args.color.0,
                payload: payload(args.payload),
                open: is_set(args.open),
            };
            self.trace.annotation_extras.push(self.trace.annotations.len(), extra);
        }
        self.trace.annotations.push(Annotation { times, thread, name });
    }

    fn wait(&mut self, event: &Event<'_>, times: Times) {
        let args = &event.args;
        let kind = match &*args.sync_kind.0 {
            "" => vocabulary::wait_kind(&event.name.0),
            kind => vocabulary::wait_kind(kind),
        };
        let wait = Wait {
            times,
            pid: self.pid(event.pid.0),
            kind,
            context: args.context.0.unwrap_or(0),
            stream: stream_number(args.stream),
            event: not_negative(args.wait_on_event),
            correlation: args.correlation.0,
            recorded_by: not_negative(args.recorded_by),
            recorded_on: stream_number(args.wait_on_stream),
        };
        self.trace.waits.push(wait);
    }

    /// A point in time. True when it was kept, or counted among the problems.
    pub(super) fn mark(&mut self, event: &Event<'_>, offset: u64) -> bool {
        let Some(Times { start: time, .. }) = self.times(event, offset) else { return true };
        let args = &event.args;
        let mark = Mark {
            time,
            thread: self.thread(event),
            domain: self.text(&args.domain.0),
            category: self.text(&args.nvtx_category.0),
            name: self.text(&event.name.0),
            payload: payload(args.payload),
        };
        self.trace.marks.push(mark);
        true
    }

    /// A reading of a counter. True when it was kept, or counted among the problems.
    pub(super) fn sample(&mut self, event: &Event<'_>, offset: u64) -> bool {
        let Some(Times { start: time, .. }) = self.times(event, offset) else { return true };
        let Some(value) = real(event.args.value) else {
            self.problems.add(Problem::Unreadable, offset, || "its `value` is none".to_owned());
            return true;
        };
        let (pid, label) = (self.pid(event.pid.0), self.text(&event.name.0));
        self.trace.samples.push(Sample { time, pid, label, value });
        true
    }

    /// A change of memory. True when it was kept, or counted among the problems.
    pub(super) fn memory(&mut self, event: &Event<'_>, offset: u64) -> bool {
        let Some(Times { start: time, .. }) = self.times(event, offset) else { return true };
        let args = &event.args;
        let on_device = args.device_type.0.is_some_and(|kind| kind != 0);
        let device = args.device_id.0.unwrap_or(0);
        let extra = MemoryExtra {
            device_bytes: args.device_bytes.0,
            source: self.text(&args.source.0),
            kind: self.text(&args.kind.0),
            site: self.text(&args.site.0),
            correlation: args.correlation.0,
        };
        if extra != MemoryExtra::default() {
            self.trace.memory_extras.push(self.trace.memory.len(), extra);
        }
        let memory = Memory {
            time,
            pid: self.pid(event.pid.0),
            device: on_device.then(|| i32::try_from(device).unwrap_or(i32::MAX)),
            bytes: args.allocation.0,
            address: args.address.0,
            allocated: args.total_allocated.0,
            reserved: args.total_reserved.0,
        };
        self.trace.memory.push(memory);
        true
    }
}

/// Whether an event is a step of the profiler that was written as an operator. Ours never are.
fn is_step(event: &Event<'_>) -> bool {
    event.name.0.starts_with("ProfilerStep") && event.args.depth.0.is_none()
}

fn stream(pid: u32, args: &Args<'_>) -> Stream {
    let (device, number) = (args.device.0.unwrap_or(0), args.stream.0.unwrap_or(0));
    Stream { pid, device, number, context: args.context.0 }
}

/// Writers put 0 where there is no graph.
fn not_zero(Int(value): Int) -> Option<i64> {
    value.filter(|&value| value != 0)
}

/// Writers put -1 where nothing is waited for.
fn not_negative(Int(value): Int) -> Option<i64> {
    value.filter(|&value| value >= 0)
}

/// Where there is no stream writers put -1, or the same in 32 bits without a sign.
fn stream_number(number: Int) -> Option<i64> {
    not_negative(number).filter(|&number| number != i64::from(u32::MAX))
}

fn is_set(Int(value): Int) -> bool {
    value.is_some_and(|value| value != 0)
}

/// The number of an NVTX event; one with a point or an exponent is no integer.
fn payload(written: Json<'_>) -> Payload {
    if let Ok(integer) = written.0.parse() {
        return Payload::Integer(integer);
    }
    real(written).map_or(Payload::None, Payload::Real)
}

/// A number, of which infinity is written as a text.
fn real(Json(written): Json<'_>) -> Option<f64> {
    written.trim_matches('"').parse().ok()
}
