//! What comes of every file of the Solana vectors.

use crate::kinds;
use crate::vector_coverage::Coverage;

#[test]
fn every_file_is_read_or_there_is_a_reason() {
    let source = "source code: what it tests is tested in our own words";
    let coverage = Coverage {
        folder: "solana",
        read: &[
            ("derived_testnet_", "solana/vectors.rs", "files(\"solana\", \"_votes.json\")"),
            ("testnet-417955322/shreds.json.gz", "solana/vectors.rs", "shreds.json.gz"),
            ("testnet-417955322/manifest.bin.gz", "solana/vectors.rs", "manifest.bin.gz"),
            ("testnet-417955322/accounts.json.gz", "solana/vectors.rs", "accounts.json.gz"),
            ("sig_shreds/", "solana/vectors.rs", "solana/sig_shreds"),
            ("firedancer/src/ballet/shred/", "solana/vectors.rs", "\".ar\""),
            ("firedancer/src/ballet/txn/", "solana/vectors.rs", "/txn/"),
            ("firedancer/src/ballet/lthash/", "solana/vectors.rs", "test_lthash.c"),
            ("firedancer/src/ballet/ed25519/", "solana/signatures.rs", "malleability"),
            ("firedancer/src/choreo/eqvoc/", "solana/vectors.rs", "/eqvoc/fixtures/"),
            ("firedancer/src/choreo/tower/", "solana/vectors.rs", "vote_acc_"),
            ("mithril/fixtures/gossip/", "solana/vectors.rs", "push_vote_message.bin"),
            ("test_validator_devnet/", "solana/vectors.rs", "solana/test_validator_devnet"),
        ],
        unread: &[
            ("MANIFEST.md", "the list itself"),
            ("sig_shreds/v2/tests/replay/fixtures/index.zon", "a list of the folders beside it"),
            ("mithril/fixtures/hash/", "accounts of the delta hash, which SIMD-0223 took out of bank hashes"),
            ("firedancer/src/ballet/bmtree/", "a tree with prefixes of one byte, which no shred has"),
            ("firedancer/src/choreo/votor/", source),
        ],
        kinds: kinds::KINDS,
    };
    coverage.check();
}
