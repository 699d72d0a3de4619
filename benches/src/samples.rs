//! Times of one side of a comparison, and the line that is printed at the end.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Seconds per iteration, a sample each time Criterion asks for some iterations.
#[derive(Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Runs `work` `iterations` times and returns how long they took: what `Bencher::iter_custom` asks for.
    pub fn time<R>(&mut self, iterations: u64, mut work: impl FnMut() -> R) -> Duration {
        let started = Instant::now();
        for _ in 0..iterations {
            black_box(work());
        }
        let elapsed = started.elapsed();
        self.0.push(elapsed.as_secs_f64() / iterations.max(1) as f64);
        elapsed
    }

    /// The fastest sample in seconds, which other load on the machine disturbs least; `None` when nothing ran.
    pub fn best(&self) -> Option<f64> {
        self.0.iter().copied().min_by(f64::total_cmp)
    }
}

/// Prints `ratio NAME MEASURED`: the peer's time divided by ours, above 1 where ours is faster. Prints nothing when a
/// filter left one side out.
pub fn print_ratio(name: &str, peer: &Samples, ours: &Samples) {
    if let Some((peer, ours)) = peer.best().zip(ours.best()) {
        println!("ratio {name} {:.2}", peer / ours);
    }
}

/// Prints `rate NAME PER_SECOND`, `units` being done in each iteration.
pub fn print_rate(name: &str, units: usize, ours: &Samples) {
    if let Some(ours) = ours.best() {
        println!("rate {name} {:.0}", units as f64 / ours);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_disturbed_sample_counts() {
        assert_eq!(Samples(vec![3.0, 1.5, 2.0]).best(), Some(1.5));
        assert_eq!(Samples::default().best(), None);
        let mut samples = Samples::default();
        let mut runs = 0;
        samples.time(7, || runs += 1);
        assert_eq!((runs, samples.0.len()), (7, 1));
    }
}
