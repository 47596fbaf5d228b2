//! Requests and when they arrive.

use crate::options::{Lengths, ServingJob};

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Nanoseconds after the start of serving.
    pub arrival_ns: u64,
    /// Token ids.
    pub prompt: Vec<i64>,
    /// Tokens to generate; no end is looked for, as weights are random.
    pub output: usize,
    /// For what is drawn when it is sampled.
    seed: u64,
}

impl Request {
    /// The same, there at the start.
    #[cfg(test)]
    pub(crate) fn at_once(&self) -> Self {
        Self { arrival_ns: 0, ..self.clone() }
    }

    /// A number of 0..1 for the token at this place of the output: the same whatever is served beside it.
    pub(crate) fn uniform(&self, place: usize) -> f64 {
        fastrand::Rng::with_seed(mixed(self.seed, place as u64)).f64()
    }
}

/// The requests of a job, in the order of their arrival. Number n is the same however many there are.
pub(crate) fn requests(job: &ServingJob) -> Vec<Request> {
    let mut gaps = fastrand::Rng::with_seed(mixed(job.seed, u64::MAX));
    let mut arrival = 0.0;
    let mut one = |number: usize| {
        // Of a Poisson process the gaps are exponential: the inverse of their distribution function, of 1 - u in (0, 1].
        arrival += job.rate.map_or(0.0, |rate| -(1.0 - gaps.f64()).ln() / rate);
        request(job, number as u64, (arrival * 1e9) as u64)
    };
    (0..job.requests).map(&mut one).collect()
}

/// Requests to warm up with, all there at once.
pub(crate) fn warmup(job: &ServingJob) -> Vec<Request> {
    (0..job.warmup).map(|number| request(job, u64::MAX / 2 + number as u64, 0)).collect()
}

fn request(job: &ServingJob, number: u64, arrival_ns: u64) -> Request {
    let seed = mixed(job.seed, number);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut length = |of: Lengths| random.i64(of.least..=of.most) as usize;
    let (prompt, output) = (length(job.prompt), length(job.output));
    let prompt = (0..prompt).map(|_| random.i64(0..job.shape.vocab)).collect();
    Request { arrival_ns, prompt, output, seed: random.u64(..) }
}

/// A seed of two numbers, by the finalizer of `SplitMix64` (Steele et al. 2014): near seeds give unrelated ones.
fn mixed(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::tests::job;
    use super::*;

    #[test]
    fn arrivals_are_a_poisson_process() {
        let rate = 50.0;
        let all = requests(&job("llama --rate 50 --requests 20000 --prompt 1 --output 1"));
        let times: Vec<f64> = all.iter().map(|request| request.arrival_ns as f64 / 1e9).collect();
        assert!(times.is_sorted());
        let gaps: Vec<f64> = std::iter::once(&0.0)
            .chain(&times)
            .zip(&times)
            .map(|(before, after)| after - before)
            .collect();
        let count = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count).sqrt();
        // Exponential gaps have a deviation as large as their mean; of 20,000 the mean is within 0.7 % of it (one sigma).
        assert!((mean * rate - 1.0).abs() < 0.03, "{mean}");
        assert!((deviation / mean - 1.0).abs() < 0.03, "{deviation}");
        // Of any window as many arrive as are expected, with the variance of a Poisson distribution.
        let mut windows = vec![0_f64; (times[times.len() - 1] as usize).max(1)];
        for time in &times {
            if let Some(window) = windows.get_mut(*time as usize) {
                *window += 1.0;
            }
        }
        let mean = windows.iter().sum::<f64>() / windows.len() as f64;
        let variance =
            windows.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / windows.len() as f64;
        assert!((variance / mean - 1.0).abs() < 0.25, "{variance} of {mean}");
    }

    #[test]
    fn requests_follow_from_the_seed() {
        let of = |options: &str| {
            let all = requests(&job(&format!("llama {options}")));
            all.into_iter().map(|r| (r.arrival_ns, r.prompt, r.output, r.seed)).collect::<Vec<_>>()
        };
        let options = "--prompt 3..9 --output 2..5 --rate 7 --requests 40";
        assert_eq!(of(options), of(options));
        let other = of(&format!("{options} --seed 2"));
        assert!(of(options).iter().zip(&other).all(|(a, b)| a.0 != b.0 && a.1 != b.1));
        let fewer = of("--prompt 3..9 --output 2..5 --rate 7 --requests 10");
        assert_eq!(of(options)[..10], fewer);
        let lengths: Vec<_> = of(options).iter().map(|r| r.1.len()).collect();
        assert_eq!((lengths.iter().min(), lengths.iter().max()), (Some(&3), Some(&9)));
        assert!(of("--rate inf --requests 3").iter().all(|request| request.0 == 0));
        let warm: Vec<_> =
            warmup(&job(&format!("llama {options}"))).into_iter().map(|r| r.prompt).collect();
        assert!(of(options).iter().all(|request| !warm.contains(&request.1)));
    }

    #[test]
    fn numbers_to_draw_with_are_even() {
        let request = requests(&job("llama --requests 1")).remove(0);
        let mean = (0..4000).map(|place| request.uniform(place)).sum::<f64>() / 4000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert!((request.uniform(3) - request.uniform(3)).abs() < f64::MIN_POSITIVE);
    }
}
