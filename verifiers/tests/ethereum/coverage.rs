//! What comes of every file of the Ethereum vectors.

use crate::kinds;
use crate::vector_coverage::Coverage;

/// Which tests read which files.
const READ: &[(&str, &str, &str)] = &[
    ("pyspec_light_client_sync_minimal/", "ethereum/pyspec.rs", "steps.yaml"),
    ("helios_mainnet_2023/bootstrap.json", "ethereum/mainnet.rs", "ethereum/helios_mainnet_2023"),
    ("helios_mainnet_2023/updates.json", "ethereum/mainnet.rs", "updates.json"),
    ("helios_mainnet_2023/finality.json", "ethereum/mainnet.rs", "finality.json"),
    ("helios_mainnet_2023/optimistic.json", "ethereum/mainnet.rs", "optimistic.json"),
    ("helios_execution/rpc/block.json", "ethereum/recorded.rs", "rpc/block.json"),
    ("helios_execution/rpc/account.json", "ethereum/recorded.rs", "rpc/account.json"),
    ("helios_execution/rpc/proof.json", "ethereum/recorded.rs", "rpc/proof.json"),
    ("helios_execution/rpc/block_miner_account.json", "ethereum/recorded.rs", "block_miner_account.json"),
    ("helios_execution/rpc/block_miner_proof.json", "ethereum/recorded.rs", "block_miner_proof.json"),
    ("helios_execution/rpc/receipts.json", "ethereum/receipts.rs", "rpc/receipts.json"),
    ("helios_execution/verifiable_api/receipt.json", "ethereum/receipts.rs", "verifiable_api/receipt.json"),
    ("helios_execution/verifiable_api/logs.json", "ethereum/receipts.rs", "verifiable_api/logs.json"),
    ("helios_execution/verifiable_api/access_list", "ethereum/recorded.rs", "verifiable_api/access_list.json"),
    ("portal_state_mainnet/validation/", "ethereum/tries.rs", "validation"),
    ("portal_state_mainnet/hive/", "ethereum/tries.rs", "hive"),
    ("portal_blocks_receipts_mainnet/block_data/", "ethereum/receipts.rs", "block_data"),
    ("portal_blocks_receipts_mainnet/receipts/", "ethereum/receipts.rs", "join(\"receipts\")"),
    ("portal_header_proofs/1", "ethereum/headers.rs", "portal_header_proofs"),
    ("portal_header_proofs/2", "ethereum/headers.rs", "portal_header_proofs"),
    ("portal_header_proofs/block_proofs_", "ethereum/history.rs", "block_proofs_bellatrix"),
    ("portal_header_proofs/beacon_data/historical_summaries", "ethereum/history.rs", "historical_summaries_at"),
    ("portal_header_proofs/beacon_data/22162263/block_roots.ssz", "ethereum/history.rs", "block_roots.ssz"),
    ("argument_mainnet_deneb/", "ethereum/mainnet.rs", "argument_mainnet_deneb"),
    ("axelar_mainnet_capella/contracts/", "ethereum/mainnet.rs", "axelar_mainnet_capella/contracts"),
    (
        "axelar_mainnet_capella/contracts/light-client/testdata/instantiate",
        "ethereum/recorded.rs",
        "content[\"bootstrap\"]",
    ),
    ("axelar_mainnet_capella/contracts/light-client/testdata/receipt_log", "ethereum/receipts.rs", "receipt_log"),
    ("axelar_mainnet_capella/contracts/light-client/testdata/verification/", "ethereum/axelar.rs", "verification"),
    ("axelar_mainnet_capella/prover/", "ethereum/axelar.rs", "axelar_mainnet_capella/prover"),
    ("datachain/crates/consensus/data/mainnet_light_client_update", "ethereum/mainnet.rs", "slot_5841038.json"),
    ("datachain/crates/consensus/data/mainnet_signing_root", "ethereum/mainnet.rs", "mainnet_signing_root"),
    ("datachain/crates/consensus/data/mainnet_sync_committee", "ethereum/mainnet.rs", "mainnet_sync_committee"),
    ("datachain/crates/light-client-verifier/", "ethereum/mainnet.rs", "datachain/crates/light-client-verifier"),
    ("eureka_electra_fulu/", "ethereum/devnets.rs", "ethereum/eureka_electra_fulu"),
    ("snowbridge/relayer/chain/ethereum/testdata/header", "ethereum/recorded.rs", "header11408438.json"),
    ("snowbridge/relayer/chain/ethereum/testdata/receipts", "ethereum/receipts.rs", "receipts11408438.json"),
    (
        "snowbridge/relayer/relays/testutil/fixtures/header_at",
        "ethereum/history.rs",
        "relayer/relays/testutil/fixtures",
    ),
    ("snowbridge/relayer/relays/testutil/fixtures/sync", "ethereum/recorded.rs", "sync_committee_update_0"),
    ("ethereum_tests/TrieTests/", "ethereum/tries.rs", "ethereum_tests/TrieTests"),
    ("ethereum_tests/RLPTests/", "ethereum/headers.rs", "ethereum_tests/RLPTests"),
    ("derived_mpt_forgeries.json", "ethereum/tries.rs", "derived_mpt_forgeries.json"),
    ("lodestar_devnet/", "ethereum/devnets.rs", "ethereum/lodestar_devnet"),
    ("lodestar_devnet/mock_fulu/genesis.json", "ethereum/devnets.rs", "genesis.json"),
    ("lodestar_devnet/mock_fulu/spec.json", "ethereum/devnets.rs", "spec.json"),
    ("lodestar_devnet/paired_electra/genesis.json", "ethereum/devnets.rs", "genesis.json"),
    ("lodestar_devnet/paired_electra/spec.json", "ethereum/devnets.rs", "spec.json"),
    (
        "argument_mainnet_deneb/committee-change/LightClientBootstrapDeneb.ssz",
        "ethereum/mainnet.rs",
        "LightClientBootstrapDeneb",
    ),
    (
        "argument_mainnet_deneb/committee-change/LightClientUpdateDeneb.ssz",
        "ethereum/mainnet.rs",
        "LightClientUpdateDeneb",
    ),
    (
        "argument_mainnet_deneb/committee-change/LightClientUpdateNewPeriodDeneb.ssz",
        "ethereum/mainnet.rs",
        "LightClientUpdateNewPeriodDeneb",
    ),
    (
        "argument_mainnet_deneb/committee-change/BeaconBlockHeaderDeneb.ssz",
        "ethereum/mainnet.rs",
        "BeaconBlockHeaderDeneb",
    ),
    (
        "argument_mainnet_deneb/committee-change/LightClientHeaderDeneb.ssz",
        "ethereum/mainnet.rs",
        "LightClientHeaderDeneb",
    ),
    (
        "argument_mainnet_deneb/committee-change/ExecutionPayloadHeaderDeneb.ssz",
        "ethereum/mainnet.rs",
        "ExecutionPayloadHeaderDeneb",
    ),
    ("argument_mainnet_deneb/committee-change/SyncCommitteeDeneb.ssz", "ethereum/mainnet.rs", "SyncCommitteeDeneb"),
    ("argument_mainnet_deneb/committee-change/base-data/BootstrapDeneb.json", "ethereum/mainnet.rs", "BootstrapDeneb"),
    ("argument_mainnet_deneb/committee-change/base-data/UpdateDeneb.json", "ethereum/mainnet.rs", "UpdateDeneb"),
    (
        "argument_mainnet_deneb/committee-change/base-data/UpdateNewPeriodDeneb.json",
        "ethereum/mainnet.rs",
        "UpdateNewPeriodDeneb",
    ),
    (
        "argument_mainnet_deneb/inclusion/LightClientBootstrapDeneb.ssz",
        "ethereum/mainnet.rs",
        "LightClientBootstrapDeneb",
    ),
    (
        "argument_mainnet_deneb/inclusion/LightClientFinalityUpdateDeneb.ssz",
        "ethereum/mainnet.rs",
        "LightClientFinalityUpdateDeneb",
    ),
    ("argument_mainnet_deneb/inclusion/LightClientUpdateDeneb.ssz", "ethereum/mainnet.rs", "LightClientUpdateDeneb"),
    ("argument_mainnet_deneb/inclusion/base-data/EthGetProof.json", "ethereum/mainnet.rs", "EthGetProof"),
    ("axelar_mainnet_capella/contracts/light-client/testdata/bootstrap.json", "ethereum/mainnet.rs", "bootstrap.json"),
    ("axelar_mainnet_capella/contracts/light-client/testdata/862.json", "ethereum/mainnet.rs", "\"862\""),
    ("axelar_mainnet_capella/contracts/light-client/testdata/863.json", "ethereum/mainnet.rs", "\"863\""),
    ("axelar_mainnet_capella/contracts/light-client/testdata/864.json", "ethereum/mainnet.rs", "\"864\""),
    ("axelar_mainnet_capella/contracts/light-client/testdata/767.json", "ethereum/mainnet.rs", "767.json"),
    (
        "axelar_mainnet_capella/contracts/light-client/testdata/topic_inclusion.json",
        "ethereum/receipts.rs",
        "topic_inclusion",
    ),
    (
        "axelar_mainnet_capella/contracts/light-client/testdata/legacy_receipt.json",
        "ethereum/receipts.rs",
        "legacy_receipt",
    ),
    ("axelar_mainnet_capella/contracts/light-client/testdata/receipt_proof.json", "ethereum/tries.rs", "receipt_proof"),
    ("axelar_mainnet_capella/contracts/light-client/testdata/tx_proof.json", "ethereum/tries.rs", "tx_proof"),
    ("axelar_mainnet_capella/prover/src/prover/testdata/block_roots.json", "ethereum/axelar.rs", "block_roots.json"),
    (
        "axelar_mainnet_capella/prover/src/prover/testdata/execution_blocks/receipts/18615160.json",
        "ethereum/receipts.rs",
        "18615160",
    ),
    (
        "axelar_mainnet_capella/prover/src/prover/testdata/state_prover/block_proof_0x7d6b5bbdd7de",
        "ethereum/receipts.rs",
        "0x7d6b5bbdd7de",
    ),
    (
        "datachain/crates/light-client-verifier/data/bellatrix/initial_state.json",
        "ethereum/mainnet.rs",
        "initial_state",
    ),
    (
        "datachain/crates/light-client-verifier/data/bellatrix/light_client_update_period_5.json",
        "ethereum/mainnet.rs",
        "light_client_update_period_",
    ),
    (
        "datachain/crates/light-client-verifier/data/bellatrix/light_client_update_period_6.json",
        "ethereum/mainnet.rs",
        "light_client_update_period_",
    ),
    (
        "datachain/crates/light-client-verifier/data/bellatrix/light_client_update_period_7.json",
        "ethereum/mainnet.rs",
        "light_client_update_period_",
    ),
    (
        "datachain/crates/light-client-verifier/data/bellatrix/light_client_update_period_8.json",
        "ethereum/mainnet.rs",
        "light_client_update_period_",
    ),
    (
        "datachain/crates/light-client-verifier/data/bellatrix/light_client_update_period_9.json",
        "ethereum/mainnet.rs",
        "light_client_update_period_",
    ),
    (
        "datachain/crates/light-client-verifier/data/bellatrix/finality_update_period_6.json",
        "ethereum/mainnet.rs",
        "finality_update_period_",
    ),
    (
        "datachain/crates/light-client-verifier/data/bellatrix/finality_update_period_7.json",
        "ethereum/mainnet.rs",
        "finality_update_period_",
    ),
    (
        "datachain/crates/light-client-verifier/data/bellatrix/finality_update_period_8.json",
        "ethereum/mainnet.rs",
        "finality_update_period_",
    ),
    (
        "datachain/crates/light-client-verifier/data/bellatrix/finality_update_period_9.json",
        "ethereum/mainnet.rs",
        "finality_update_period_",
    ),
    ("ethereum_tests/TrieTests/trieanyorder.json", "ethereum/tries.rs", "trieanyorder.json"),
    ("ethereum_tests/TrieTests/trieanyorder_secureTrie.json", "ethereum/tries.rs", "trieanyorder_secureTrie.json"),
    ("ethereum_tests/TrieTests/trietest.json", "ethereum/tries.rs", "trietest.json"),
    ("ethereum_tests/TrieTests/trietest_secureTrie.json", "ethereum/tries.rs", "trietest_secureTrie.json"),
    (
        "ethereum_tests/TrieTests/hex_encoded_securetrie_test.json",
        "ethereum/tries.rs",
        "hex_encoded_securetrie_test.json",
    ),
];

/// What tests read of the vectors of a chain, or of signatures.
pub fn read(folder: &str) -> &'static [(&'static str, &'static str, &'static str)] {
    if folder == "ethereum" { READ } else { &[] }
}

#[test]
fn every_file_is_read_or_there_is_a_reason() {
    let body = "a whole beacon block: bodies are not hashed here";
    let answer = "a node's answer to a question that no proof needs";
    let status = "a node's word on itself, no evidence";
    let twin = "the same value stands, encoded the other way, in a file that is read";
    let coverage = Coverage {
        folder: "ethereum",
        read: READ,
        unread: &[
            ("MANIFEST.md", "the list itself"),
            ("helios_mainnet_2023/blocks/", body),
            ("helios_execution/rpc/access_list.json", answer),
            ("helios_execution/rpc/block_hashes.json", answer),
            ("helios_execution/rpc/chain_id.txt", answer),
            ("helios_execution/rpc/fee_history.json", answer),
            ("helios_execution/rpc/filter_id_", answer),
            ("helios_execution/rpc/logs.json", "the logs stand in receipts.json, where they are proven"),
            ("helios_execution/rpc/receipt.json", "the receipt stands in receipts.json, where it is proven"),
            ("helios_execution/rpc/transaction.json", "transactions are proven as bytes, not rebuilt"),
            ("helios_execution/rpc/tx_hashes.json", answer),
            ("portal_state_mainnet/serialization/", "keys and frames of Portal's network, no proof of their own"),
            ("portal_header_proofs/beacon_data/README.md", "a text"),
            ("portal_header_proofs/beacon_data/", body),
            (
                "argument_mainnet_deneb/committee-change/SyncAggregateDeneb.ssz",
                "its bytes end LightClientUpdateDeneb.ssz",
            ),
            ("argument_mainnet_deneb/inclusion/base-data/BootstrapDeneb.json", twin),
            ("argument_mainnet_deneb/inclusion/base-data/UpdateDeneb.json", twin),
            ("datachain/crates/consensus/data/mainnet_block_", body),
            (
                "datachain/crates/consensus/data/mainnet_header_",
                "the header of that block, in no chain and signed by none",
            ),
            ("datachain/crates/consensus/data/mainnet_context.json", "another client's settings"),
            ("snowbridge/relayer/relays/testutil/fixtures/block_by_slot", body),
            ("snowbridge/relayer/chain/ethereum/testdata/encodedProof", "a proof of work (ethash) of 2020"),
            (
                "snowbridge/relayer/chain/ethereum/testdata/transactions",
                "transactions are proven as bytes, not rebuilt",
            ),
            ("ethereum_tests/TrieTests/trietestnextprev.json", "walks from key to key: proofs know no next key"),
            ("lodestar_devnet/mock_fulu/block_finalized.json", body),
            ("lodestar_devnet/mock_fulu/header_finalized.json", "a later header, which nothing recorded names"),
            ("lodestar_devnet/mock_fulu/finality_checkpoints.json", status),
            ("lodestar_devnet/mock_fulu/syncing.json", status),
            ("lodestar_devnet/mock_fulu/version.json", status),
            ("lodestar_devnet/paired_electra/block_finalized.json", body),
            ("lodestar_devnet/paired_electra/header_finalized.json", "the header is that of the finality update"),
            ("lodestar_devnet/paired_electra/finality_checkpoints.json", status),
            ("lodestar_devnet/paired_electra/syncing.json", status),
            ("lodestar_devnet/paired_electra/version.json", status),
        ],
        kinds: kinds::KINDS,
        rare: &["content of Portal's beacon chain", "nodes of a trie by themselves", "inputs of a prover in CBOR"],
    };
    coverage.check();
}
