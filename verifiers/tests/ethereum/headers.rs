//! Execution headers of every fork, and RLP as the official tests have it.

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Encodable;
use serde::Deserialize;
use serde_json::Value;
use spandrel_verifiers::ethereum::ExecutionHeader;

use crate::chain::rlp_list;
use crate::support::{Tally, hex_bytes, readable, vectors};

/// The RLP header inside a portal `header with proof`: `{header: ByteList, proof: ByteList}`.
fn portal_header(content: &[u8]) -> &[u8] {
    let offset = |at: usize| u32::from_le_bytes(content[at..at + 4].try_into().unwrap()) as usize;
    &content[offset(0)..offset(4)]
}

#[test]
fn mainnet_headers_of_every_fork_hash_to_their_block() {
    let Some(folder) = vectors("ethereum") else { return };
    let mut tally = Tally::new("portal headers");
    #[derive(Deserialize)]
    struct WithProof {
        content_key: Bytes,
        content_value: Bytes,
    }
    let mut headers = Vec::new();
    for (_, content) in readable::<WithProof>(folder.join("portal_header_proofs")) {
        let rlp = portal_header(&content.content_value).to_vec();
        // Key: a selector, then the block hash.
        headers.push((rlp, B256::from_slice(&content.content_key[1..])));
    }
    #[derive(Deserialize)]
    struct Block {
        header: Bytes,
    }
    for (_, block) in readable::<Block>(folder.join("portal_blocks_receipts_mainnet/block_data")) {
        let header = block.header.to_vec();
        let hash = keccak256(&header);
        headers.push((header, hash));
    }
    for (rlp, hash) in &headers {
        let header = ExecutionHeader::decode(rlp).unwrap();
        assert_eq!(header.hash, *hash);
        assert!(header.number > 1_000_000 && header.timestamp > 1_400_000_000);
        tally.pass();
        let mut longer = rlp.clone();
        longer.push(0);
        tally.refuse(ExecutionHeader::decode(&longer), "header");
        tally.refuse(ExecutionHeader::decode(&rlp[..rlp.len() - 1]), "header");
    }
}

/// Headers are the only place where RLP enters whole; the official invalid encodings must be refused there. What the
/// reader itself says of all of the cases is tested beside it.
#[test]
fn invalid_rlp_is_refused_and_never_taken_for_a_header() {
    let Some(folder) = vectors("ethereum/ethereum_tests/RLPTests") else { return };
    let mut tally = Tally::new("ethereum/tests RLPTests");
    let random = readable::<Value>(folder.join("RandomRLPTests"));
    for (_, cases) in readable(&folder).into_iter().chain(random).filter(|(_, cases)| are_rlp(cases)) {
        run_rlp(&cases, &mut tally);
    }
}

/// Whether these are cases of RLP: bytes, and what is in them.
pub fn are_rlp(cases: &Value) -> bool {
    let is_case = |case: &Value| case["out"].is_string() && !case["in"].is_null();
    cases.as_object().is_some_and(|cases| !cases.is_empty() && cases.values().all(is_case))
}

/// Refuses encodings of anything but a header. Returns how many of them are valid.
pub fn run_rlp(cases: &Value, tally: &mut Tally) -> usize {
    let mut valid = 0;
    for case in cases.as_object().unwrap().values() {
        let encoded = hex_bytes(case["out"].as_str().unwrap());
        let refused = ExecutionHeader::decode(&encoded);
        match case["in"].as_str() {
            Some("INVALID") => tally.refuse_any(refused),
            _ => {
                assert!(refused.is_err(), "valid RLP of something else");
                valid += 1;
            }
        }
    }
    valid
}

/// The first `count` fields of a header, well-formed.
pub fn fields(count: usize) -> Vec<Vec<u8>> {
    let lengths: [Option<usize>; 23] = [
        Some(32),
        Some(32),
        Some(20),
        Some(32),
        Some(32),
        Some(32),
        Some(256),
        None,
        None,
        None,
        None,
        None,
        Some(5),
        Some(32),
        Some(8),
        None,
        Some(32),
        None,
        None,
        Some(32),
        Some(32),
        Some(32),
        None,
    ];
    let encode = |length: &Option<usize>| match length {
        Some(length) => alloy_rlp::encode(&vec![7_u8; *length][..]),
        None => alloy_rlp::encode(1_234_u64),
    };
    lengths[..count].iter().map(encode).collect()
}

pub fn header_of(fields: &[Vec<u8>]) -> Vec<u8> {
    struct Raw<'a>(&'a [u8]);
    impl Encodable for Raw<'_> {
        fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
            out.put_slice(self.0);
        }
    }
    let raw: Vec<_> = fields.iter().map(|field| Raw(field)).collect();
    rlp_list(&raw.iter().map(|item| item as &dyn Encodable).collect::<Vec<_>>())
}

#[test]
fn only_the_field_counts_of_known_forks_are_headers() {
    let known = [15, 16, 17, 20, 21, 23];
    for count in 0..=23 {
        let header = ExecutionHeader::decode(&header_of(&fields(count)));
        assert_eq!(header.is_ok(), known.contains(&count), "{count} fields");
    }
    let mut more = fields(23);
    more.push(vec![0x80]);
    assert_eq!(ExecutionHeader::decode(&header_of(&more)).unwrap_err().field, "header");
}

#[test]
fn a_field_of_the_wrong_shape_is_refused_by_name() {
    let refused = |index: usize, encoded: &[u8]| {
        let mut fields = fields(21);
        fields[index] = encoded.to_vec();
        ExecutionHeader::decode(&header_of(&fields)).unwrap_err().field
    };
    assert_eq!(refused(3, &[0x80]), "header.state_root");
    assert_eq!(refused(5, &alloy_rlp::encode(&[1_u8; 33][..])), "header.receipts_root");
    assert_eq!(refused(8, &[0x82, 0, 1]), "header.number");
    assert_eq!(refused(8, &[0xc0]), "header.number");
    assert_eq!(refused(11, &alloy_rlp::encode(&[1_u8; 9][..])), "header.timestamp");
    assert_eq!(refused(12, &alloy_rlp::encode(&vec![1_u8; 161][..])), "header.extra_data");
    assert_eq!(refused(12, &alloy_rlp::encode(&vec![1_u8; 5000][..])), "header");
    assert_eq!(refused(20, &alloy_rlp::encode(&[1_u8; 31][..])), "header.requests_hash");
}

#[test]
fn a_header_is_opened_by_its_hash_and_its_ancestors_by_theirs() {
    let header = |parent: B256, number: u64| {
        let mut fields = fields(21);
        fields[0] = alloy_rlp::encode(parent);
        fields[8] = alloy_rlp::encode(number);
        header_of(&fields)
    };
    let first = header(B256::repeat_byte(9), 100);
    let second = header(keccak256(&first), 101);
    let third = header(keccak256(&second), 102);
    let head = ExecutionHeader::open(keccak256(&third), &third).unwrap();
    assert_eq!(ExecutionHeader::open(keccak256(&second), &third).unwrap_err().field, "header");
    let found = head.ancestors(&[&second, &first]).unwrap();
    assert_eq!(found.iter().map(|header| header.number).collect::<Vec<_>>(), [101, 100]);
    assert_eq!(head.ancestors::<&[u8]>(&[]).unwrap(), []);
    // One left out, another block, and a child whose number does not follow.
    assert_eq!(head.ancestors(&[&first]).unwrap_err().field, "ancestors[0].header");
    assert_eq!(head.ancestors(&[&second, &second]).unwrap_err().field, "ancestors[1].header");
    let odd = header(keccak256(&second), 103);
    let odd = ExecutionHeader::open(keccak256(&odd), &odd).unwrap();
    assert_eq!(odd.ancestors(&[&second]).unwrap_err().field, "ancestors[0].header.number");
}
