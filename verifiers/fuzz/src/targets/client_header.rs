//! Headers, commits and validator sets: what decodes encodes to what decodes to the same, and is within its bounds.

use alloy_primitives::{B256, FixedBytes};
use spandrel_verifiers::cosmos::{
    BlockId, ClientHeader, Commit, CommitSig, Header, MAX_TOTAL_POWER, Misbehaviour, PublicKey, SignedHeader, Timestamp,
    Validator, ValidatorSet, Vote,
};
use crate::patch::{Patch, patched};

fn honest() -> ClientHeader {
    let time = Timestamp::new(1_700_000_000, 5).expect("a time");
    let keys = [PublicKey::Ed25519([1; 32]), PublicKey::Secp256k1(FixedBytes::repeat_byte(2))];
    let set = ValidatorSet::new(keys.map(|key| Validator::new(key, 10)).to_vec()).expect("two validators");
    let hash = Some(B256::repeat_byte(3));
    let block_id = BlockId { hash, parts_total: 1, parts_hash: hash };
    let vote = |validator: &Validator| Vote {
        validator: *validator.address(),
        timestamp: time,
        signature: FixedBytes::repeat_byte(4),
    };
    let [one, other] = [0, 1].map(|seat| vote(&set.validators()[seat]));
    let header = Header {
        block_version: 11,
        app_version: 1,
        chain_id: "fuzz-1".to_owned(),
        height: 7,
        time,
        last_block_id: block_id,
        last_commit_hash: hash,
        data_hash: None,
        validators_hash: set.hash(),
        next_validators_hash: set.hash(),
        consensus_hash: hash,
        app_hash: vec![5; 32].into(),
        last_results_hash: hash,
        evidence_hash: hash,
        proposer_address: one.validator,
    };
    let signatures = vec![CommitSig::ForBlock(one), CommitSig::ForNil(other), CommitSig::Absent];
    let commit = Commit { height: 7, round: 1, block_id, signatures };
    let signed_header = SignedHeader { header, commit };
    ClientHeader { signed_header, validators: set.clone(), revision: 1, trusted_height: 5, trusted_validators: set }
}

fuzz_target!(|patches: Vec<Patch>| {
    let bytes = patched(honest().encode().to_vec(), &patches);
    if let Ok(header) = ClientHeader::decode(&bytes) {
        assert_eq!(ClientHeader::decode(&header.encode()).as_ref(), Ok(&header));
        assert!(header.validators.total_power() <= MAX_TOTAL_POWER);
        let both = Misbehaviour { header_1: header.clone(), header_2: header };
        assert_eq!(Misbehaviour::decode(&both.encode()), Ok(both));
    }
    if let Ok(set) = ValidatorSet::decode(&bytes) {
        assert_eq!(ValidatorSet::decode(&set.encode()), Ok(set));
    }
    let SignedHeader { header, commit } = honest().signed_header;
    if let Ok(header) = Header::decode(&patched(header.encode(), &patches)) {
        assert_eq!(Header::decode(&header.encode()), Ok(header));
    }
    if let Ok(commit) = Commit::decode(&patched(commit.encode(), &patches)) {
        assert_eq!(Commit::decode(&commit.encode()), Ok(commit));
    }
});
