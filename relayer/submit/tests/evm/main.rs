//! The EVM destination against a real anvil, the real contracts and the real SQLite journal.

mod answers;
mod chain;
mod claims;
mod closing;
mod crashes;
mod failures;
mod fees;
mod guardians;
mod ledger;
mod pauses;
mod refusals;
mod register;
mod reorgs;
mod silence;
mod stated;
mod untaken;
mod vault;
mod waiting;
mod witnesses;
mod world;
