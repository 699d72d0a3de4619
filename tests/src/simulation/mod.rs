//! The whole relayer's real code in a seeded, single-threaded simulation: engine, core, risk and the ledger in memory,
//! between fake chains, with real keys.
//!
//! Everything a seed does follows from the seed: one source of chance, one clock that the world moves, no waiting. So
//! a seed that fails once fails always; [`run`] repeats it, and prints what happened when asked to.

mod bus;
mod check;
mod clock;
mod destination;
mod dice;
mod guardians;
mod halts;
mod keys;
mod ledger;
mod members;
mod node;
mod plan;
mod relayer;
mod rules;
mod sentinel;
mod source;
mod submitter;
mod universe;
mod world;

pub use spandrel_store::CrashPoint;
pub use universe::Breakage;
pub use world::Tally;

use world::World;

/// A seed that broke a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, step {step}: {what} (repeat with SPANDREL_SEED={seed})")]
pub struct Violation {
    /// Which seed.
    pub seed: u64,
    /// After which step.
    pub step: u64,
    /// Which rule, and how.
    pub what: String,
}

/// Runs one seed, with a rule taken out if `breakage` says so. Answers how often what happened, or what was violated.
pub fn run(seed: u64, breakage: Option<Breakage>, is_traced: bool) -> Result<Tally, Violation> {
    let world = World::new(seed, breakage, is_traced).map_err(|what| Violation { seed, step: 0, what })?;
    world.run().map_err(|(step, what)| Violation { seed, step, what })
}

/// Runs one seed with a single crash, at the `nth` write. Answers how often what happened: no `crash` if there were fewer.
pub fn run_dying_at(seed: u64, nth: u64, point: CrashPoint) -> Result<Tally, Violation> {
    let world = World::new(seed, None, false).and_then(|world| world.dying_at(nth, point));
    let world = world.map_err(|what| Violation { seed, step: 0, what })?;
    world.run().map_err(|(step, what)| Violation { seed, step, what })
}
