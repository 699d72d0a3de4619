//! Dual control: each rule with the attack that it stops.

mod alone;
mod always;
mod authentic;
mod configured;
mod files;
mod frozen;
mod looser;
mod replayed;
mod together;
mod typed_data;
mod wide;
mod world;
