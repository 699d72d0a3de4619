//! Many messages hashed together have the hashes that they have alone, by every way of this machine.

use alloy_primitives::keccak256;
use bitcoin::hashes::{Hash, sha256, sha256d};
use spandrel_lanes::{
    Path, keccak256_each, restrict_to, sha256_each, sha256_pairs, sha256d_each, sha256d_pairs,
};

fuzz_target!(|messages: Vec<Vec<u8>>| {
    let pairs: Vec<[u8; 64]> = messages.concat().as_chunks().0.to_vec();
    for way in Path::ALL.into_iter().filter(|path| path.is_available()).map(Some).chain([None]) {
        restrict_to(way);
        let (once, twice, keccak) = (sha256_each(&messages), sha256d_each(&messages), keccak256_each(&messages));
        assert!([once.len(), twice.len(), keccak.len()] == [messages.len(); 3]);
        for (at, message) in messages.iter().enumerate() {
            assert_eq!(once[at], sha256::Hash::hash(message).to_byte_array());
            assert_eq!(twice[at], sha256d::Hash::hash(message).to_byte_array());
            assert_eq!(keccak[at], keccak256(message).0);
        }
        let (once, twice) = (sha256_pairs(&pairs), sha256d_pairs(&pairs));
        for (at, pair) in pairs.iter().enumerate() {
            assert_eq!(once[at], sha256::Hash::hash(pair).to_byte_array());
            assert_eq!(twice[at], sha256d::Hash::hash(pair).to_byte_array());
        }
    }
});
