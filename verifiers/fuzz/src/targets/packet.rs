//! IBC v2 packets and the transfers in them: what decodes is canonical to its last byte, and a transfer of either binary
//! encoding is the one writing of itself.

use spandrel_verifiers::cosmos::{Packet, Transfer};
use crate::cosmos::scene::packet;
use crate::cosmos::transfers::{ENCODINGS, payload, transfer, write};
use crate::patch::{Patch, patched};

fuzz_target!(|input: (u8, Vec<Patch>, Vec<Patch>)| {
    let (which, value_patches, patches) = input;
    let encoding = ENCODINGS[usize::from(which) % ENCODINGS.len()];
    let honest = write(encoding, &transfer());
    let value = patched(honest.clone(), &value_patches);
    let payload = payload(encoding, &value);
    if value == honest {
        assert_eq!(Transfer::decode(&payload), Ok(transfer()));
    }
    let packet = Packet { payloads: vec![payload], ..packet(5) };
    let bytes = patched(packet.encode(), &patches);
    let Ok(decoded) = Packet::decode(&bytes) else { return };
    assert_eq!(decoded.encode(), bytes);
    for payload in &decoded.payloads {
        let Ok(transfer) = Transfer::decode(payload) else { continue };
        assert!(!transfer.amount.is_zero() && !transfer.denom.is_empty());
        let again = write(&payload.encoding, &transfer);
        if payload.encoding == "application/json" {
            let like = spandrel_verifiers::cosmos::Payload { value: again.into(), ..payload.clone() };
            assert_eq!(Transfer::decode(&like), Ok(transfer));
        } else {
            assert_eq!(again, payload.value);
        }
    }
});
