//! One file a target. To add one: write `NAME.rs` with a `fuzz_target!`, and put its name below.

targets!(
    bitcoin_batch,
    bitcoin_chain,
    bitcoin_header,
    bitcoin_inclusion,
    bitcoin_transaction,
    block_evidence,
    caip,
    client_header,
    contradiction_bytes,
    evidence_bytes,
    evidence_file,
    evidence_json,
    execution_header,
    hash_lanes,
    ics23_proof,
    light_block,
    light_client_json,
    light_client_ssz,
    misbehaviour,
    packet,
    proof_file,
    proof_ops,
    receipt,
    solana_bitmap,
    solana_certificate,
    solana_entries,
    solana_memo,
    solana_shred,
    solana_vote,
    solana_vote_account,
    trie_batch,
    trie_leaf,
    trie_proof,
    trust_bytes,
);

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::frame::{is_every_file, run_on_scraps};

    #[test]
    fn every_file_is_a_target() {
        assert!(is_every_file(env!("CARGO_MANIFEST_DIR"), ALL));
    }

    #[test]
    fn every_target_takes_what_is_no_input() {
        run_on_scraps(ALL);
    }
}
