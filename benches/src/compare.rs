//! The figures printed at the end of a bench.
//!
//! Criterion times one side after the other; on a machine that is busy with other things that compares two different
//! minutes. So both sides are run here once more, in turns, and the fastest round of each counts: the work is the same
//! every time, and whatever else runs can only add to it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Least time that one side runs in one round.
const ROUND: Duration = Duration::from_millis(8);
const ROUNDS: usize = 60;
/// Rounds of two that should be equal.
const ROUNDS_OF_EQUALS: usize = 400;

/// What two threads are to reach over one, whatever the work.
pub const TWO_THREADS: f64 = 1.8;

/// Prints `ratio NAME MEASURED TARGET`: the peer's time divided by ours, above 1 where ours is faster. Without a target
/// (`None`) the last word is `-`.
pub fn print_ratio<P, O>(
    name: &str,
    target: impl Into<Option<f64>>,
    mut peer: impl FnMut() -> P,
    mut ours: impl FnMut() -> O,
) {
    let target = target.into().map_or("-".to_owned(), |target| format!("{target:.2}"));
    println!("ratio {name} {:.2} {target}", quotient(&mut peer, &mut ours));
}

/// The time of `one` divided by that of `other`, both run in turns.
fn quotient<A, B>(one: &mut impl FnMut() -> A, other: &mut impl FnMut() -> B) -> f64 {
    let (one, other) = in_turns(ROUNDS, one, other);
    one / other
}

/// Seconds of either in its fastest round.
fn in_turns<A, B>(rounds: usize, one: &mut impl FnMut() -> A, other: &mut impl FnMut() -> B) -> (f64, f64) {
    let (of_one, of_other) = (iterations(one), iterations(other));
    let rounds: Vec<_> = (0..rounds).map(|_| (seconds(of_one, one), seconds(of_other, other))).collect();
    let (one, other): (Vec<f64>, Vec<f64>) = rounds.into_iter().unzip();
    (least(&one), least(&other))
}

/// Prints `ratio NAME_on_2_threads MEASURED TARGET`: the time of `work` on one thread divided by that on two. The work
/// must spread itself with rayon. A round is run within its pool: how long a thread outside takes to hand its work over
/// and to be woken again is the scheduler's time, not the work's.
///
/// # Panics
/// When the system gives no threads.
pub fn print_thread_ratio<R>(name: &str, work: impl Fn() -> R + Sync) {
    let pools = [pool(1), pool(2)];
    let counts = pools.each_ref().map(|pool| pool.install(|| iterations(&mut &work)));
    let round = |at: usize| pools[at].install(|| seconds(counts[at], &mut &work));
    let rounds: Vec<_> = (0..ROUNDS).map(|_| (round(0), round(1))).collect();
    let (one, two): (Vec<f64>, Vec<f64>) = rounds.into_iter().unzip();
    println!("ratio {name}_on_2_threads {:.2} {TWO_THREADS:.2}", least(&one) / least(&two));
}

/// Prints `bound NAME MEASURED AT_MOST`: the time of `with_one_bad` divided by that of `honest`, the same work without a
/// bad item. Of more rounds than other figures: most of these should be nearly equal.
pub fn print_bound<H, B>(name: &str, at_most: f64, mut honest: impl FnMut() -> H, mut with_one_bad: impl FnMut() -> B) {
    let (bad, good) = in_turns(ROUNDS_OF_EQUALS, &mut with_one_bad, &mut honest);
    println!("bound {name} {:.2} {at_most:.2}", bad / good);
}

/// Prints `rate NAME PER_SECOND`, `units` being done by each call of `work`.
pub fn print_rate<R>(name: &str, units: usize, mut work: impl FnMut() -> R) {
    let count = iterations(&mut work);
    let rounds: Vec<_> = (0..ROUNDS).map(|_| seconds(count, &mut work)).collect();
    println!("rate {name} {:.0}", units as f64 / least(&rounds));
}

/// Prints `rate NAME PER_SECOND` for both, and `ratio NAME MEASURED TARGET` of the first one's time over the second's. All
/// three are of the same rounds, and of more of them than other figures: for two that should be equal.
pub fn print_flatness<R>(
    rates: [&str; 2],
    name: &str,
    target: f64,
    mut one: impl FnMut() -> R,
    mut other: impl FnMut() -> R,
) {
    let (one, other) = in_turns(ROUNDS_OF_EQUALS, &mut one, &mut other);
    for (rate, seconds) in rates.into_iter().zip([one, other]) {
        println!("rate {rate} {:.0}", 1.0 / seconds);
    }
    println!("ratio {name} {:.2} {target:.2}", one / other);
}

/// Prints `ratio NAME MEASURED 1.00`: how often `work` is done in a second, divided by `target`.
pub fn print_rate_ratio<R>(name: &str, target: f64, mut work: impl FnMut() -> R) {
    let count = iterations(&mut work);
    let rounds: Vec<_> = (0..ROUNDS).map(|_| seconds(count, &mut work)).collect();
    println!("ratio {name} {:.2} 1.00", 1.0 / least(&rounds) / target);
}

/// Prints `memory NAME BYTES`.
pub fn print_memory(name: &str, bytes: usize) {
    println!("memory {name} {bytes}");
}

/// A pool of `threads` threads.
fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
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

fn least(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disturbed_rounds_do_not_count() {
        assert_eq!(least(&[2.0, 900.0, 1.5, 2.5]), 1.5);
    }

    #[test]
    fn a_round_lasts_long_enough_to_be_timed() {
        let mut work = || (0..1_000_u64).map(black_box).sum::<u64>();
        let count = iterations(&mut work);
        assert!(count > 1);
    }
}
