//! Load on the transfer API of a real process, beside transfers that go on.

mod bridge;
mod generator;
mod streams;

pub use bridge::{Anonymous, Order, Served};
pub use generator::{Answers, Generator, Request};
pub use streams::{Followed, follow, turned_away};
