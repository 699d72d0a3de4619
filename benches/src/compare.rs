//! The figures printed at the end of a bench.
//!
//! Criterion times one side after the other; on a machine that is busy with other things that compares two different
//! minutes. So both sides are run here once more, in turns, and each round is compared with itself.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Least time that one side runs in one round.
const ROUND: Duration = Duration::from_millis(8);
/// An odd number, so that there is a middle one.
const ROUNDS: usize = 61;

/// Prints `ratio NAME MEASURED`: the peer's time divided by ours, above 1 where ours is faster; the median of the
/// rounds.
pub fn print_ratio<P, O>(name: &str, mut peer: impl FnMut() -> P, mut ours: impl FnMut() -> O) {
    let (of_peer, of_ours) = (iterations(&mut peer), iterations(&mut ours));
    let round = |_| seconds(of_peer, &mut peer) / seconds(of_ours, &mut ours);
    println!("ratio {name} {:.2}", median((0..ROUNDS).map(round).collect()));
}

/// Prints `rate NAME PER_SECOND`, `units` being done by each call of `work`; the median of the rounds.
pub fn print_rate<R>(name: &str, units: usize, mut work: impl FnMut() -> R) {
    let count = iterations(&mut work);
    let round = |_| units as f64 / seconds(count, &mut work);
    println!("rate {name} {:.0}", median((0..ROUNDS).map(round).collect()));
}

/// How many calls of `work` fill a round.
fn iterations<R>(work: &mut impl FnMut() -> R) -> u32 {
    let mut count = 1;
    while seconds(count, work) * f64::from(count) < ROUND.as_secs_f64() {
        count *= 2;
    }
    count
}

/// Seconds that one of `count` calls takes.
fn seconds<R>(count: u32, work: &mut impl FnMut() -> R) -> f64 {
    let started = Instant::now();
    for _ in 0..count {
        black_box(work());
    }
    started.elapsed().as_secs_f64() / f64::from(count)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_disturbed_round_does_not_move_the_median() {
        assert_eq!(median(vec![2.0, 900.0, 1.5, 2.5, 1.0]), 2.0);
    }
}
