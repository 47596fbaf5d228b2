//! Continuous batching with scheduling by iterations (Orca, Yu et al. 2022): every iteration takes waiting requests into
//! free slots (one prefill pass), then decodes one token for all that are in flight; a sequence leaves when it is complete.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::decoder::Decoder;
use super::request::Request;
use super::sampler::Sampler;
use super::tally::Tally;
use crate::failure::Result;
use crate::launch::pause;
use crate::marks;

/// How requests are taken in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Slots of the cache.
    pub batch: usize,
    /// Tokens of a prefill pass, padding included; a longer prompt has one of its own.
    pub prefill_tokens: usize,
    /// How tokens are chosen.
    pub sampler: Sampler,
}

/// What became of a request. Times are nanoseconds after the start of serving.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The beginning of the pass that took it in.
    pub admitted_ns: u64,
    /// When each token of the output was on the host.
    pub token_ns: Vec<u64>,
    /// The output.
    pub tokens: Vec<i64>,
}

/// A sequence in a slot of the cache.
struct Running {
    /// The number of its request.
    request: usize,
    /// Its tokens in the cache.
    cached: i64,
    /// From its first pass to its last token, in a recording.
    _mark: Option<marks::Open>,
}

/// What has been served.
#[derive(Debug)]
pub(crate) struct Served {
    /// In the order of the requests.
    pub answers: Vec<Answer>,
    /// Of all passes.
    pub tally: Tally,
}

/// Serves requests, which are in the order of their arrival, in real time. Without `marked` a recording shows no
/// iterations. `on_end` is told how many are complete.
pub(crate) fn serve(
    decoder: &Decoder,
    requests: &[Request],
    policy: &Policy,
    marked: bool,
    on_end: &mut dyn FnMut(usize),
) -> Result<Served> {
    let mut server = Server {
        decoder,
        requests,
        policy,
        marked,
        start: Instant::now(),
        running: Vec::with_capacity(policy.batch),
        answers: vec![Answer::default(); requests.len()],
        tally: Tally::default(),
    };
    let mut waiting = VecDeque::new();
    let (mut arrived, mut completed, mut iteration) = (0, 0, 0);
    while completed < requests.len() {
        let now = server.now();
        while let Some(request) = requests.get(arrived).filter(|r| r.arrival_ns <= now) {
            waiting.push_back((arrived, request.prompt.len()));
            arrived += 1;
        }
        if waiting.is_empty() && server.running.is_empty() {
            let _wait = marked.then(|| marks::span(c"arrival_wait", arrived as u64));
            let next = requests.get(arrived).map_or(now, |request| request.arrival_ns);
            pause(Duration::from_nanos(next.saturating_sub(now)));
            continue;
        }
        let _step = marked.then(|| marks::span(c"step", iteration));
        iteration += 1;
        let before = completed;
        completed += server.take_in(&mut waiting)?;
        completed += server.decode()?;
        if completed > before {
            on_end(completed);
        }
    }
    Ok(Served { answers: server.answers, tally: server.tally })
}

struct Server<'a> {
    decoder: &'a Decoder,
    requests: &'a [Request],
    policy: &'a Policy,
    marked: bool,
    start: Instant,
    /// By slot.
    running: Vec<Running>,
    answers: Vec<Answer>,
    tally: Tally,
}

impl Server<'_> {
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Takes waiting requests (number, tokens of the prompt) into free slots, first come first served, and gives each its
    /// first token. How many were complete with it.
    fn take_in(&mut self, waiting: &mut VecDeque<(usize, usize)>) -> Result<usize> {
        let free = self.policy.batch - self.running.len();
        let lengths = waiting.iter().map(|(_, tokens)| *tokens);
        let count = admitted(lengths, free, self.policy.prefill_tokens);
        if count == 0 {
            return Ok(0);
        }
        let begin = self.now();
        let span = self.marked.then(|| marks::span(c"prefill", count as u64));
        let first = self.running.len();
        let mut prompts: Vec<&[i64]> = Vec::with_capacity(count);
        for (request, _) in waiting.drain(..count) {
            let prompt = &self.requests[request].prompt;
            prompts.push(prompt);
            self.answers[request].admitted_ns = begin;
            let mark = self.marked.then(|| marks::request(request as u64));
            self.running.push(Running { request, cached: prompt.len() as i64, _mark: mark });
        }
        let pass = self.decoder.prefill(first as i64, &prompts)?;
        self.answer(first, &pass.logits)?;
        drop(span);
        let lengths: Vec<i64> = prompts.iter().map(|prompt| prompt.len() as i64).collect();
        self.tally.prefill(&lengths, begin..self.now());
        self.end_complete()
    }

    /// One token of every sequence in flight. How many were complete with it.
    fn decode(&mut self) -> Result<usize> {
        if self.running.is_empty() {
            return Ok(0);
        }
        let begin = self.now();
        let span = self.marked.then(|| marks::span(c"decode", self.running.len() as u64));
        let last = |running: &Running| self.answers[running.request].tokens.last().copied();
        let tokens: Vec<i64> = self.running.iter().filter_map(last).collect();
        let lengths: Vec<i64> = self.running.iter().map(|running| running.cached).collect();
        let pass = self.decoder.decode(&tokens, &lengths)?;
        for running in &mut self.running {
            running.cached += 1;
        }
        self.answer(0, &pass.logits)?;
        drop(span);
        self.tally.decode(&lengths, pass.experts, begin..self.now());
        self.end_complete()
    }

    /// Gives the sequences in the slots from `first` on their next token.
    fn answer(&mut self, first: usize, logits: &tch::Tensor) -> Result<()> {
        let running = &self.running[first..];
        let uniform: Vec<f64> = running
            .iter()
            .map(|r| self.requests[r.request].uniform(self.answers[r.request].tokens.len()))
            .collect();
        let tokens = self.policy.sampler.choose(logits, &uniform)?;
        let now = self.now();
        for (running, token) in running.iter().zip(tokens) {
            let answer = &mut self.answers[running.request];
            answer.tokens.push(token);
            answer.token_ns.push(now);
        }
        Ok(())
    }

    /// Lets the sequences go that have all their tokens; others take their slots, so that those in use have no gap.
    fn end_complete(&mut self) -> Result<usize> {
        let mut ended = 0;
        for slot in (0..self.running.len()).rev() {
            let request = self.running[slot].request;
            if self.answers[request].tokens.len() < self.requests[request].output {
                continue;
            }
            let last = self.running.len() - 1;
            self.decoder.replace(slot as i64, last as i64, self.running[last].cached)?;
            drop(self.running.swap_remove(slot));
            ended += 1;
        }
        Ok(ended)
    }
}

/// How many waiting prompts of these lengths one pass takes, of `free` slots and `most` tokens with padding.
fn admitted(lengths: impl Iterator<Item = usize>, free: usize, most: usize) -> usize {
    let mut longest = 0;
    let mut fits = |(at, length): (usize, usize)| {
        longest = longest.max(length);
        at == 0 || (at + 1) * longest <= most
    };
    lengths.take(free).enumerate().take_while(|(at, length)| fits((*at, *length))).count()
}

#[cfg(test)]
mod tests;
