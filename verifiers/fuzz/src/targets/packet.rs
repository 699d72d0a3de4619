//! IBC v2 packets: what decodes is canonical to its last byte, and transfers of any encoding are bounded.

use spandrel_verifiers::cosmos::{Packet, Payload, Transfer};
use crate::patch::{Patch, patched};

const JSON: &str = r#"{"denom":"uatom","amount":"1000","sender":"a","receiver":"0x00","memo":""}"#;

fuzz_target!(|input: (u8, Vec<Patch>, Vec<Patch>)| {
    let (encoding, value_patches, patches) = input;
    let encodings = ["application/json", "application/x-protobuf", "application/x-solidity-abi"];
    let packet = Packet {
        sequence: 1,
        source_client: "07-tendermint-0".to_owned(),
        destination_client: "07-tendermint-1".to_owned(),
        timeout: 100,
        payloads: vec![Payload {
            source_port: "transfer".to_owned(),
            destination_port: "transfer".to_owned(),
            version: "ics20-1".to_owned(),
            encoding: encodings[usize::from(encoding) % encodings.len()].to_owned(),
            value: patched(JSON.as_bytes().to_vec(), &value_patches).into(),
        }],
    };
    let bytes = patched(packet.encode(), &patches);
    let Ok(decoded) = Packet::decode(&bytes) else { return };
    assert_eq!(decoded.encode(), bytes);
    for payload in &decoded.payloads {
        if let Ok(transfer) = Transfer::decode(payload) {
            assert!(!transfer.amount.is_zero() && !transfer.denom.is_empty());
        }
    }
});
