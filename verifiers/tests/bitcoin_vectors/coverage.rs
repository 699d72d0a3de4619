//! What comes of every file of the Bitcoin vectors.

use super::kinds;
use crate::vector_coverage::Coverage;

#[test]
fn every_file_is_read_or_there_is_a_reason() {
    let coverage = Coverage {
        folder: "bitcoin",
        read: &[
            ("bitcoin_spv/testProofs.json", "bitcoin_vectors/proofs.rs", "bitcoin_spv/testProofs.json"),
            ("bitcoin_spv/testVectors.json", "bitcoin_vectors/proofs.rs", "bitcoin_spv/testVectors.json"),
            ("derived_merkle_forgeries.json", "bitcoin_vectors/proofs.rs", "derived_merkle_forgeries.json"),
            ("bip54_consensus_cleanup/test_vectors/txsize.json", "bitcoin_vectors/proofs.rs", "txsize.json"),
            ("bip54_consensus_cleanup/test_vectors/timestamps.json", "bitcoin_vectors/chains.rs", "timestamps.json"),
            ("bip54_consensus_cleanup/test_vectors/coinbases.json", "bitcoin_vectors/blocks.rs", "coinbases.json"),
            ("tbtc_v2/solidity/test/relay/headersWithRetarget", "bitcoin_vectors/chains.rs", "headersWithRetarget"),
            ("tbtc_v2/solidity/test/relay/longHeaders", "bitcoin_vectors/chains.rs", "longHeaders"),
            ("tbtc_v2/solidity/test/relay/headersReorg", "bitcoin_vectors/chains.rs", "headersReorgAndRetarget"),
            ("near_mainnet_headers/", "bitcoin_vectors/chains.rs", "near_mainnet_headers"),
            ("citrea/", "bitcoin_vectors/chains.rs", "files_under(\"citrea\""),
            ("btcd/netsync/testdata/", "bitcoin_vectors/chains.rs", "btcd/netsync/testdata"),
            ("btcd/blockchain/testdata/", "bitcoin_vectors/blocks.rs", "files_under(\"btcd\""),
            ("btcd/blockchain/testdata/reorgtest.hex", "bitcoin_vectors/rivals.rs", "reorgtest.hex"),
            ("bitcoin_core/test/functional/data/mainnet_alt.json", "bitcoin_vectors/rivals.rs", "mainnet_alt.json"),
            ("bitcoin_core/src/test/data/blockfilters.json", "bitcoin_vectors/blocks.rs", "blockfilters.json"),
            ("electrs_blocks/", "bitcoin_vectors/blocks.rs", "electrs_blocks"),
            ("rust_bitcoin/", "bitcoin_vectors/blocks.rs", "rust_bitcoin"),
        ],
        unread: &[
            ("MANIFEST.md", "the list itself"),
            ("core_regtest_zmq/", "notifications without their contents: those who follow a node test with them"),
            ("bip54_consensus_cleanup/bip-0054.md", "the proposal's text"),
            ("bip54_consensus_cleanup/test_vectors/sigops.json", "no proof of inclusion shows signature operations"),
            ("bitcoin_core/src/test/merkle_tests.cpp", "source code: what it tests is tested in our own words"),
            ("bitcoin_core/src/test/pow_tests.cpp", "source code: what it tests is tested in our own words"),
        ],
        kinds: kinds::KINDS,
        rare: &[],
    };
    coverage.check();
}
