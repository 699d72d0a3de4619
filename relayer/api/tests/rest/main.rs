//! The REST API over real HTTP and a real ledger.

mod orders;
mod reads;
mod receiver;
mod streams;
mod webhooks;
mod world;
