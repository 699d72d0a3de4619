//! What every implementation of the ledger and the journal must do, run over SQLite on a file and over memory; then
//! what only one of them can show: durability, append-only triggers and corruption of SQLite, crashes of the memory.

mod append_only;
mod audit;
mod corruption;
mod crash;
mod durability;
mod equivalence;
mod intents;
mod journal;
mod ledger;
mod outbox;
mod sample;
mod store;
mod summary;
mod unpaid;
mod webhooks;
