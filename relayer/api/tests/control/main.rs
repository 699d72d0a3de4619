//! The control API over real HTTP, a real ledger on a file, and a relayer that pays.

#[path = "../answers/mod.rs"]
mod answers;
mod attacks;
#[path = "../busy/mod.rs"]
mod busy;
mod bytes;
#[path = "../certificates/mod.rs"]
mod certificates;
mod console;
mod load;
mod orders;
#[path = "../pages/mod.rs"]
mod pages;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../peers/mod.rs"]
mod peers;
mod policy;
mod time_and_size;
mod tls;
mod together;
#[path = "../untouched/mod.rs"]
mod untouched;
mod waiting;
mod world;
