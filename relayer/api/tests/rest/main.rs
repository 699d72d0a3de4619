//! The REST API over real HTTP and a real ledger.

mod orders;
mod reads;
mod streams;
mod world;
