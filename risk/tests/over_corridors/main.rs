//! Limits over corridors, by value, by party and by depth, as sentences: each is an attack that its rule stops.

#[path = "../common/mod.rs"]
mod common;
mod depth;
mod exposure;
mod free_at;
mod netting;
mod order;
mod pace;
mod prices;
mod value;
mod windows;
