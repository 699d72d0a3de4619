//! Criterion benches beside peers' crates
