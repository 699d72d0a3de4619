//! Execution headers of every fork, and RLP as the official tests have it.

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Encodable;
use serde::Deserialize;
use serde_json::Value;
use spandrel_verifiers::ethereum::ExecutionHeader;

use crate::chain::rlp_list;
use crate::support::{Tally, bytes, files, hex_bytes, vectors, yaml};

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
    for file in files(folder.join("portal_header_proofs")).iter().filter(|path| path.is_file()) {
        let content: WithProof = yaml(file);
        let rlp = portal_header(&content.content_value).to_vec();
        // Key: a selector, then the block hash.
        headers.push((rlp, B256::from_slice(&content.content_key[1..])));
    }
    for file in files(folder.join("portal_blocks_receipts_mainnet/block_data")) {
        #[derive(Deserialize)]
        struct Block {
            header: Bytes,
        }
        let header = yaml::<Block>(file).header.to_vec();
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

#[test]
fn a_block_proof_of_deneb_and_capella_opens_the_execution_block_hash() {
    // execution block hash -> beacon block root: gindex 25 below the body, 8 + 4 below the header, then block_hash.
    let Some(folder) = vectors("ethereum/portal_header_proofs") else { return };
    let mut tally = Tally::new("portal block proofs");
    #[derive(Deserialize)]
    struct Proof {
        execution_block_header: B256,
        execution_block_proof: Vec<B256>,
        beacon_block_root: B256,
    }
    use spandrel_verifiers::ethereum::Gindex;
    use spandrel_verifiers::ethereum::ssz::verify_branch;
    for name in ["block_proofs_capella", "block_proofs_deneb"] {
        for file in files(folder.join(name)) {
            let proof: Proof = yaml(&file);
            // body_root is leaf 4 of 8; the payload leaf 9 of 16; block_hash leaf 12 of 16 (Capella) or 32 (Deneb).
            let payload = (8 + 4) * 16 + 9;
            let depth = proof.execution_block_proof.len() - 7;
            let index = Gindex::new((payload << depth) + 12);
            let (leaf, branch) = (proof.execution_block_header, &proof.execution_block_proof);
            verify_branch("execution_block_proof", leaf, branch, index, proof.beacon_block_root).unwrap();
            tally.pass();
            let sibling = Gindex::new((payload << depth) + 13);
            tally.refuse(
                verify_branch("execution_block_proof", leaf, branch, sibling, proof.beacon_block_root),
                "execution_block_proof",
            );
        }
    }
}

/// Headers are the only place where RLP enters whole; the official invalid encodings must be refused there.
#[test]
fn invalid_rlp_is_refused_and_never_taken_for_a_header() {
    let Some(folder) = vectors("ethereum/ethereum_tests/RLPTests") else { return };
    let mut tally = Tally::new("ethereum/tests RLPTests");
    for name in ["invalidRLPTest.json", "rlptest.json", "RandomRLPTests/example.json"] {
        let cases: Value = serde_json::from_slice(&bytes(folder.join(name))).unwrap();
        for (_, case) in cases.as_object().unwrap() {
            let encoded = hex_bytes(case["out"].as_str().unwrap());
            tally.refuse_any(ExecutionHeader::decode(&encoded));
        }
    }
}

/// The first `count` fields of a header, well-formed.
fn fields(count: usize) -> Vec<Vec<u8>> {
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

fn header_of(fields: &[Vec<u8>]) -> Vec<u8> {
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
