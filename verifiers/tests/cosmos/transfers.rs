//! ICS-20 transfers in each of their encodings, as the encoders of source chains write them.

use alloy_primitives::{Bytes, U256};
use spandrel_verifiers::cosmos::{Payload, Transfer};

use super::scene::packet;
use super::store::field;

/// How a payload may be written.
pub const ENCODINGS: [&str; 3] = ["application/json", "application/x-protobuf", "application/x-solidity-abi"];

/// A transfer with something in every field.
pub fn transfer() -> Transfer {
    let plain = Transfer::decode(&packet(5).payloads[0]).unwrap();
    Transfer { memo: "for whoever reads it".to_owned(), ..plain }
}

/// A payload of `value` in this encoding.
pub fn payload(encoding: &str, value: &[u8]) -> Payload {
    let like = packet(5).payloads.remove(0);
    Payload { encoding: encoding.to_owned(), value: Bytes::copy_from_slice(value), ..like }
}

/// `transfer` in this encoding.
pub fn write(encoding: &str, transfer: &Transfer) -> Vec<u8> {
    match encoding {
        "application/json" => json(transfer),
        "application/x-protobuf" => protobuf(transfer),
        _ => abi(transfer),
    }
}

fn json(Transfer { denom, amount, sender, receiver, memo }: &Transfer) -> Vec<u8> {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let (denom, sender, receiver, memo) = (quoted(denom), quoted(sender), quoted(receiver), quoted(memo));
    format!(r#"{{"denom":{denom},"amount":"{amount}","sender":{sender},"receiver":{receiver},"memo":{memo}}}"#).into()
}

fn protobuf(Transfer { denom, amount, sender, receiver, memo }: &Transfer) -> Vec<u8> {
    let texts = [denom, &amount.to_string(), sender, receiver, memo].map(|text| text.as_bytes().to_vec());
    texts.iter().zip(1..).flat_map(|(text, place)| field(place, text)).collect()
}

/// `abi.encode` of `(string denom, string sender, string receiver, uint256 amount, string memo)`.
fn abi(transfer: &Transfer) -> Vec<u8> {
    let word = |number: usize| U256::from(number).to_be_bytes::<32>();
    let texts = [&transfer.denom, &transfer.sender, &transfer.receiver, &transfer.memo];
    let (mut heads, mut tails) = (Vec::new(), Vec::new());
    for text in texts {
        heads.push(word(5 * 32 + tails.len()));
        tails.extend(word(text.len()));
        tails.extend(text.as_bytes());
        tails.resize(tails.len().next_multiple_of(32), 0);
    }
    heads.insert(3, transfer.amount.to_be_bytes());
    [word(32).to_vec(), heads.concat(), tails].concat()
}
