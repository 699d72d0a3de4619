//! The Ethereum watcher against a real anvil, the beacon companion and recordings of a real Lodestar.

mod consensus;
mod contradictions;
mod evidence;
mod follow;
mod lies;
mod lodestar;
mod pool;
mod prices;
mod recordings;
mod rig;
