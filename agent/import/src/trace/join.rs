//! Two traces that were read side by side become one, as if the second had been read behind the first.

use super::Trace;

/// The pids, threads and streams of the second trace by their numbers in the first.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    pub(crate) pids: Vec<u32>,
    pub(crate) threads: Vec<u32>,
    pub(crate) streams: Vec<u32>,
}

impl Trace {
    /// Takes the rows and names of `other` in. `joined` has a number for everything that they refer to.
    pub(crate) fn join(&mut self, mut other: Self, joined: &Joined) {
        let texts = self.texts.join(&other.texts);
        let pid = |pid: &mut u32| *pid = joined.pids[*pid as usize];
        let thread = |thread: &mut u32| *thread = joined.threads[*thread as usize];
        let stream = |stream: &mut u32| *stream = joined.streams[*stream as usize];
        let text = |text: &mut _| *text = texts.of(*text);

        for row in &mut other.kernels {
            stream(&mut row.stream);
            text(&mut row.name);
        }
        for row in &mut other.copies {
            stream(&mut row.stream);
        }
        for row in &mut other.calls {
            thread(&mut row.thread);
            text(&mut row.name);
        }
        for row in &mut other.waits {
            pid(&mut row.pid);
        }
        for row in &mut other.operators {
            thread(&mut row.thread);
            [&mut row.name, &mut row.shapes, &mut row.types].into_iter().for_each(text);
        }
        for row in &mut other.annotations {
            thread(&mut row.thread);
            text(&mut row.name);
        }
        other.annotation_extras.for_each(|extra| {
            [&mut extra.domain, &mut extra.category].into_iter().for_each(text);
        });
        for row in &mut other.marks {
            thread(&mut row.thread);
            [&mut row.domain, &mut row.category, &mut row.name].into_iter().for_each(text);
        }
        for row in &mut other.collectives {
            pid(&mut row.pid);
            row.thread.iter_mut().for_each(thread);
            row.stream.iter_mut().for_each(stream);
            [&mut row.op, &mut row.dtype, &mut row.group, &mut row.source]
                .into_iter()
                .for_each(text);
        }
        for row in &mut other.memory {
            pid(&mut row.pid);
        }
        other.memory_extras.for_each(|extra| {
            [&mut extra.source, &mut extra.kind, &mut extra.site].into_iter().for_each(text);
        });
        for row in &mut other.samples {
            pid(&mut row.pid);
            text(&mut row.label);
        }
        for row in &mut other.measured {
            pid(&mut row.pid);
            text(&mut row.name);
        }
        for (metric, _) in &mut other.metrics {
            text(metric);
        }

        self.results.join(self.calls.len(), other.results);
        self.operator_extras.join(self.operators.len(), other.operator_extras);
        self.annotation_extras.join(self.annotations.len(), other.annotation_extras);
        self.memory_extras.join(self.memory.len(), other.memory_extras);
        self.kernels.append(&mut other.kernels);
        self.copies.append(&mut other.copies);
        self.calls.append(&mut other.calls);
        self.waits.append(&mut other.waits);
        self.operators.append(&mut other.operators);
        self.annotations.append(&mut other.annotations);
        self.marks.append(&mut other.marks);
        self.collectives.append(&mut other.collectives);
        self.collective_events += other.collective_events;
        self.memory.append(&mut other.memory);
        self.samples.append(&mut other.samples);
        self.measured.append(&mut other.measured);
        self.metrics.append(&mut other.metrics);
        self.names.extend(other.names);
        self.pid = self.pid.or(other.pid);
    }
}
