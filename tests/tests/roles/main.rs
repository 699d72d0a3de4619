//! Every role in a process of its own, over a real NATS server: relayer, watcher and API over one ledger, verifiers and
//! signers with nothing but their keys and nodes. Skipped where there is no server: `SPANDREL_NATS` names it, and `make
//! test` sets that.

mod collector;
mod lies;
mod members;
mod silence;
mod spread;
mod together;
