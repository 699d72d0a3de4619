//! Execution headers and receipts under alloy-consensus: the same verdict on valid and mutated bytes, or a written reason.

use alloy::consensus::{Eip658Value, Header as PeerHeader, ReceiptEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy_primitives::{B256, keccak256};
use alloy_rlp::Decodable;
use proptest::prelude::*;
use proptest::sample::Index;
use spandrel_verifiers::ethereum::{ExecutionHeader, Outcome, Receipt};

use crate::headers::{fields, header_of};
use crate::logs::log;
use crate::receipts::enveloped;

/// What is done to encoded bytes.
#[derive(Clone, Debug)]
enum Change {
    Nothing,
    Byte(Index, u8),
    Removed(Index),
    Added(Index, u8),
    Cut(Index),
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => Just(Change::Nothing),
        6 => (any::<Index>(), 1..=255_u8).prop_map(|(at, mask)| Change::Byte(at, mask)),
        1 => any::<Index>().prop_map(Change::Removed),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Added(at, byte)),
        1 => any::<Index>().prop_map(Change::Cut),
    ]
}

impl Change {
    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Nothing => {}
            Self::Byte(..) | Self::Removed(_) | Self::Cut(_) if bytes.is_empty() => {}
            Self::Byte(at, mask) => *at.get_mut(&mut bytes) ^= mask,
            Self::Removed(at) => drop(bytes.remove(at.index(bytes.len()))),
            Self::Added(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
        bytes
    }
}

/// All of the bytes as one of the peer's values.
fn whole<T, E>(bytes: &[u8], decode: impl Fn(&mut &[u8]) -> Result<T, E>) -> Option<T> {
    let mut rest = bytes;
    decode(&mut rest).ok().filter(|_| rest.is_empty())
}

/// The payloads of a list of strings.
fn payloads(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes;
    let Ok(alloy_rlp::PayloadView::List(items)) = alloy_rlp::Header::decode_raw(&mut rest) else { return Vec::new() };
    items.into_iter().filter_map(|mut item| alloy_rlp::Header::decode_bytes(&mut item, false).ok()).collect()
}

/// Why a header may be read here that the peer refuses: a number that no proof needs, wider than the 64 bits that the
/// peer's types have. Its hash names it like any other.
fn has_wide_number(header: &[u8]) -> bool {
    const NUMBERS: [usize; 6] = [9, 10, 15, 17, 18, 22];
    let items = payloads(header);
    NUMBERS.iter().filter_map(|place| items.get(*place)).any(|number| number.len() > 8)
}

/// Why a header may be refused here that the peer reads: a count of fields that no fork has, or more extra data than
/// any network allows.
fn is_of_no_fork(header: &PeerHeader, bytes: &[u8]) -> bool {
    ![15, 16, 17, 20, 21, 23].contains(&payloads(bytes).len()) || header.extra_data.len() > 160
}

fn assert_same_header(bytes: &[u8]) {
    match (ExecutionHeader::decode(bytes), whole(bytes, PeerHeader::decode)) {
        (Ok(ours), Some(peer)) => {
            assert_eq!(ours.hash, peer.hash_slow());
            assert_eq!(ours.hash, keccak256(bytes));
            let found = (ours.parent_hash, ours.state_root, ours.transactions_root, ours.receipts_root);
            assert_eq!(found, (peer.parent_hash, peer.state_root, peer.transactions_root, peer.receipts_root));
            assert_eq!((ours.number, ours.timestamp), (peer.number, peer.timestamp));
        }
        (Ok(_), None) => assert!(has_wide_number(bytes), "taken here alone"),
        (Err(error), Some(peer)) => assert!(is_of_no_fork(&peer, bytes), "{error}"),
        (Err(_), None) => {}
    }
}

/// Why a receipt may be refused here that the peer reads: a state root in place of a status in a typed receipt, which is
/// younger than statuses; or more topics than a log can have (Yellow Paper: LOG0 to LOG4).
fn is_of_no_chain(receipt: &ReceiptEnvelope) -> bool {
    let inner = receipt.as_receipt().unwrap();
    let has_root = matches!(inner.status, Eip658Value::PostState(_));
    let is_typed = !matches!(receipt, ReceiptEnvelope::Legacy(_));
    (is_typed && has_root) || inner.logs.iter().any(|log| log.topics().len() > 4)
}

fn assert_same_receipt(bytes: &[u8]) {
    match (Receipt::decode(bytes), whole(bytes, <ReceiptEnvelope>::decode_2718)) {
        (Ok(ours), Some(peer)) => {
            let inner = peer.as_receipt().unwrap();
            let outcome = match inner.status {
                Eip658Value::Eip658(true) => Outcome::Success,
                Eip658Value::Eip658(false) => Outcome::Failure,
                Eip658Value::PostState(root) => Outcome::StateRoot(root),
            };
            assert_eq!((ours.kind, ours.outcome), (peer.tx_type() as u8, outcome));
            assert_eq!(ours.cumulative_gas_used, inner.cumulative_gas_used);
            assert_eq!(&ours.logs_bloom, peer.logs_bloom());
            assert_eq!(ours.logs.len(), inner.logs.len());
            for (ours, peer) in ours.logs.iter().zip(&inner.logs) {
                assert_eq!(
                    (ours.emitter, &ours.topics[..], &ours.data),
                    (peer.address, peer.topics(), &peer.data.data)
                );
            }
        }
        (Ok(ours), None) => panic!("taken here alone: {ours:?}"),
        (Err(error), Some(peer)) => assert!(is_of_no_chain(&peer), "{error}"),
        (Err(_), None) => {}
    }
}

/// A receipt with logs of so many topics.
fn receipt(kind: u8, status: &[u8], topics: &[usize]) -> Vec<u8> {
    let logs = topics.iter().map(|count| log([9; 20].into(), &vec![B256::repeat_byte(3); *count], b"some data"));
    let gas = alloy_rlp::encode(21_000_u64);
    let bloom = alloy_rlp::encode(&[0xff_u8; 256][..]);
    let mut items = Vec::new();
    logs.for_each(|log| items.extend(log));
    let mut list = Vec::new();
    alloy_rlp::Header { list: true, payload_length: items.len() }.encode(&mut list);
    list.extend(items);
    enveloped(kind, &[alloy_rlp::encode(status), gas, bloom, list])
}

#[test]
fn headers_and_receipts_of_every_fork_are_read_alike() {
    for count in 0..=24 {
        let mut fields = fields(count.min(23));
        fields.extend((count > 23).then(|| vec![0x80]));
        assert_same_header(&header_of(&fields));
    }
    for kind in 0..=6 {
        for status in [&[][..], &[1], &[2], &[0], &[7; 32], &[7; 31]] {
            for topics in [&[][..], &[0, 4], &[5]] {
                assert_same_receipt(&receipt(kind, status, topics));
            }
        }
    }
}

/// Each integer of a header in every length, and with a leading zero.
#[test]
fn numbers_of_every_length_are_read_alike() {
    for place in [7, 8, 9, 10, 11, 15, 17, 18, 22] {
        for length in 0..=34 {
            for first in [0, 1, 0x80] {
                let mut number = vec![9_u8; length];
                number.iter_mut().take(1).for_each(|byte| *byte = first);
                let mut fields = fields(23);
                fields[place] = alloy_rlp::encode(&number[..]);
                assert_same_header(&header_of(&fields));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6_000))]

    #[test]
    fn mutated_headers_get_the_peers_verdict(
        count in prop::sample::select(vec![15_usize, 16, 17, 20, 21, 23]), changes in prop::collection::vec(changes(), 1..3),
    ) {
        let honest = header_of(&fields(count));
        assert_same_header(&changes.iter().fold(honest, |bytes, change| change.apply(bytes)));
    }

    #[test]
    fn mutated_receipts_get_the_peers_verdict(
        kind in 0..5_u8, is_root: bool, topics in prop::collection::vec(0..5_usize, 0..4),
        changes in prop::collection::vec(changes(), 1..3),
    ) {
        let status: &[u8] = if is_root && kind == 0 { &[7; 32] } else { &[1] };
        let honest = receipt(kind, status, &topics);
        assert_same_receipt(&changes.iter().fold(honest, |bytes, change| change.apply(bytes)));
    }
}
