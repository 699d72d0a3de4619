//! Cosmos verification against recorded and official vectors, other implementations, and attacks.

mod attacks;
mod bisection;
#[path = "../both_forms/mod.rs"]
mod both_forms;
mod bsc;
mod chain;
mod clients;
mod coverage;
mod differential;
mod edge;
mod evidence;
mod files;
mod ics23_batches;
mod ics23_peer;
mod ics23_vectors;
mod json;
mod kinds;
mod misbehaviour;
mod recorded;
mod scene;
mod signatures;
mod signed;
mod single_step;
mod store;
mod support;
#[path = "../vector_coverage/mod.rs"]
mod vector_coverage;
mod written;
