//! Protobuf of messages from outside, in its canonical form only.
//!
//! Fields come in ascending order, a singular field at most once, scalars in their shortest form and never with their
//! default value, nothing unknown, nothing left over (what gogoproto and prost write; ADR-027). So one message has one
//! encoding. Nothing recurses: each message is read by its own code, and each length is checked before it is used.

mod reader;
mod writer;

pub(crate) use reader::{Field, Fields, packed_indices, read_varint};
pub(crate) use writer::{Writer, put_varint};

#[cfg(test)]
mod tests;
