//! The control API over real HTTP, a real ledger on a file, and a relayer that pays.

mod console;
mod load;
mod orders;
mod world;
