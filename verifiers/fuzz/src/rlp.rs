//! RLP as it must be written: for re-encoding what was accepted.

use alloy_rlp::{Encodable, Header, PayloadView};

/// A list of items that are encoded already.
pub fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    let mut out = Vec::new();
    Header { list: true, payload_length: payload.len() }.encode(&mut out);
    out.extend(payload);
    out
}

/// One string.
pub fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    bytes.encode(&mut out);
    out
}

/// Decodes one item with everything in it, and encodes it again.
///
/// # Panics
/// When `bytes` is not RLP.
pub fn again(bytes: &[u8]) -> Vec<u8> {
    match Header::decode_raw(&mut &*bytes).expect("RLP") {
        PayloadView::String(found) => string(found),
        PayloadView::List(items) => list(&items.into_iter().map(again).collect::<Vec<_>>()),
    }
}
