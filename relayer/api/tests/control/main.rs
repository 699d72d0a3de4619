//! The control API over real HTTP, a real ledger on a file, and a relayer that pays.

#[path = "../answers/mod.rs"]
mod answers;
mod attacks;
mod bytes;
#[path = "../certificates/mod.rs"]
mod certificates;
mod console;
mod load;
mod orders;
#[path = "../pages/mod.rs"]
mod pages;
mod policy;
mod tls;
mod together;
#[path = "../untouched/mod.rs"]
mod untouched;
mod waiting;
mod world;
