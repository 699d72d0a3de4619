//! What comes of every file of the Cosmos vectors.

use crate::kinds;
use crate::vector_coverage::Coverage;

/// Which tests read which files of the chain.
const READ: &[(&str, &str, &str)] = &[
    ("tendermint_rs_mbt/", "cosmos/single_step.rs", "cosmos/tendermint_rs_mbt"),
    ("tendermint_rs_bisection/", "cosmos/bisection.rs", "cosmos/tendermint_rs_bisection"),
    ("tendermint_rs_rpc/", "cosmos/recorded.rs", "cosmos/tendermint_rs_rpc"),
    ("ics23_testdata/testdata/iavl/", "cosmos/ics23_vectors.rs", "\"iavl\""),
    ("ics23_testdata/testdata/tendermint/", "cosmos/ics23_vectors.rs", "\"tendermint\""),
    ("ics23_testdata/testdata/smt/", "cosmos/ics23_vectors.rs", "\"smt\""),
    ("ics23_testdata/testdata/TestCheckAgainstSpecData", "cosmos/ics23_vectors.rs", "TestCheckAgainstSpecData"),
    ("ics23_testdata/testdata/TestExistenceProofData", "cosmos/ics23_vectors.rs", "TestExistenceProofData"),
    ("ics23_testdata/testdata/TestLeafOpData", "cosmos/ics23_vectors.rs", "TestLeafOpData"),
    ("ics23_testdata/testdata/TestCheckLeafData", "cosmos/ics23_vectors.rs", "TestCheckLeafData"),
    ("ics23_testdata/testdata/TestInnerOpData", "cosmos/ics23_vectors.rs", "TestInnerOpData"),
    ("ics23_testdata/testdata/TestDoHashData", "cosmos/ics23_vectors.rs", "TestDoHashData"),
    ("ics23_testdata/testdata/TestEmptyBranchData", "cosmos/ics23_vectors.rs", "TestEmptyBranchData"),
    ("ics23_testdata/go/testdata/fuzz/", "cosmos/ics23_vectors.rs", "go/testdata/fuzz"),
    ("union_tendermint/lib/tendermint-verifier/", "cosmos/recorded.rs", "lib/tendermint-verifier/src/test"),
    ("celestia_lumina/", "cosmos/signed.rs", "cosmos/celestia_lumina"),
    ("celestia_mocha4/", "cosmos/signed.rs", "cosmos/celestia_mocha4"),
    ("hermes/", "cosmos/recorded.rs", "cosmos/hermes"),
    ("cometbft_iavl_devnet/", "cosmos/recorded.rs", "cosmos/cometbft_iavl_devnet"),
    ("cometbft_iavl_devnet/status.json", "cosmos/recorded.rs", "sync_info"),
    ("bsc_dragonberry.json", "cosmos/bsc.rs", "bsc_dragonberry.json"),
];

/// Which tests read which files of signatures.
const OF_SIGNATURES: &[(&str, &str, &str)] = &[
    ("zip215_small_order.json", "cosmos/signatures.rs", "zip215_small_order.json"),
    ("ed25519_speccheck/cases.json", "cosmos/signatures.rs", "ed25519_speccheck/cases.json"),
    ("ed25519_speccheck/scripts/cases.json", "solana/signatures.rs", "crypto/ed25519_speccheck"),
    ("wycheproof/testvectors_v1/ed25519_test.json", "solana/signatures.rs", "ed25519_test.json"),
    ("wycheproof/testvectors_v1/ecdsa_secp256k1_sha256_p1363", "cosmos/signatures.rs", "sha256_p1363_test"),
    ("wycheproof/testvectors_v1/ecdsa_secp256k1_sha256_test", "cosmos/signatures.rs", "ecdsa_secp256k1_sha256_test"),
    ("wycheproof/testvectors_v1/ecdsa_secp256k1_sha256_bitcoin", "cosmos/signatures.rs", "sha256_bitcoin_test"),
    ("wycheproof/testvectors_v1/bls_", "ethereum/bls.rs", "content[\"algorithm\"] != \"BLS\""),
    ("eth_bls12_381_v0.1.1/verify/", "ethereum/bls.rs", "suite.each(\"verify\""),
    ("eth_bls12_381_v0.1.1/fast_aggregate_verify/", "ethereum/bls.rs", "\"fast_aggregate_verify\""),
    ("eth_bls12_381_v0.1.1/batch_verify/", "ethereum/bls.rs", "\"batch_verify\""),
    ("eth_bls12_381_v0.1.1/sign/", "ethereum/bls.rs", "\"sign\""),
    ("eth_bls12_381_v0.1.1/aggregate/", "ethereum/bls.rs", "\"aggregate\""),
    ("eth_bls12_381_v0.1.1/aggregate_verify/", "ethereum/bls.rs", "\"aggregate_verify\""),
    ("eth_bls12_381_v0.1.1/hash_to_G2/", "ethereum/bls.rs", "\"hash_to_G2\""),
    ("eth_bls12_381_v0.1.1/deserialization_G1/", "ethereum/bls.rs", "deserialization_G1"),
    ("eth_bls12_381_v0.1.1/deserialization_G2/", "ethereum/bls.rs", "deserialization_G2"),
];

/// What tests read of the vectors of a chain, or of signatures.
pub fn read(folder: &str) -> &'static [(&'static str, &'static str, &'static str)] {
    if folder == "cosmos" { READ } else { OF_SIGNATURES }
}

#[test]
fn every_file_is_read_or_there_is_a_reason() {
    let coverage = Coverage {
        folder: "cosmos",
        read: READ,
        unread: &[
            ("MANIFEST.md", "the list itself"),
            ("bsc_source/", "source code: its inputs stand in bsc_dragonberry.json"),
        ],
        kinds: kinds::KINDS,
        rare: &[
            "a client with a header or a proof for it",
            "a proof without knowledge about a client",
            "a header by itself",
        ],
    };
    coverage.check();
}

/// What no chain has to itself.
#[test]
fn every_file_of_signatures_is_read_or_there_is_a_reason() {
    let coverage = Coverage {
        folder: "crypto",
        read: OF_SIGNATURES,
        unread: &[
            ("MANIFEST.md", "the list itself"),
            ("ed25519_speccheck/README.md", "a table of other libraries' verdicts"),
        ],
        kinds: kinds::OF_SIGNATURES,
        rare: &[],
    };
    coverage.check();
}
