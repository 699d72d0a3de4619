//! The control API over real HTTP, a real ledger on a file, and a relayer that pays.

mod attacks;
mod console;
mod load;
mod orders;
mod together;
mod waiting;
mod world;
