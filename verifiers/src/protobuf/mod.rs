//! Protobuf in its canonical form only: what the evidence format and the messages of Cosmos chains are read and written
//! with.
//!
//! Fields come in ascending order, a singular field at most once, scalars in their shortest form and never with their
//! default value, nothing unknown, nothing left over (what gogoproto and prost write; ADR-027). So one message has one
//! encoding. Nothing recurses: each message is read by its own code, and each length and count is checked against its
//! limit before anything is copied.

mod reader;
mod varint;
mod writer;

pub(crate) use reader::{Message, Reader, WHOLE, packed_indices};
pub(crate) use varint::{put_varint, read_varint};
pub(crate) use writer::Writer;

#[cfg(test)]
mod tests;
