//! Beacon states and block bodies of every fork, by description.
//!
//! Source: ethereum/consensus-specs `specs/*/beacon-chain.md` and `presets/`.

mod parts;

use spandrel_verifiers::ethereum::{Fork, Form};

use crate::schema::{Type, bytes, list, vector};
use parts::{Rules, U64, block_header, checkpoint, eth1_data, hash, key, pending_of_key, signature, signed, validator};

use Type::{BitVector, Container, Number};

/// `BeaconBlockBody`.
pub fn body(form: Form) -> Type {
    let rules = Rules::of(form);
    let is_electra = form.fork >= Fork::Electra;
    let header = signed(block_header());
    let proposers = Container(vec![("signed_header_1", header.clone()), ("signed_header_2", header)]);
    let deposit = Container(vec![("proof", vector(hash(), 33)), ("data", Container(pending_of_key()))]);
    let exit = signed(Container(vec![("epoch", U64), ("validator_index", U64)]));
    let change = vec![("validator_index", U64), ("from_bls_pubkey", key()), ("to_execution_address", bytes(20))];
    let aggregate = vec![
        ("sync_committee_bits", BitVector(form.preset.committee_size())),
        ("sync_committee_signature", signature()),
    ];
    let changes = vec![("bls_to_execution_changes", rules.list(signed(Container(change)), 16))];
    let of_payload =
        rules.until(Fork::Fulu, rules.since(Fork::Bellatrix, vec![("execution_payload", rules.payload())]));
    let since_gloas = vec![
        ("signed_execution_payload_bid", signed(rules.bid())),
        ("payload_attestations", rules.list(rules.payload_attestation(), 4)),
        ("parent_execution_requests", rules.requests()),
    ];
    let blobs = rules.since(Fork::Deneb, vec![("blob_kzg_commitments", rules.commitments())]);
    let requests = rules.since(Fork::Electra, vec![("execution_requests", rules.requests())]);
    let fields = vec![
        ("randao_reveal", signature()),
        ("eth1_data", eth1_data()),
        ("graffiti", hash()),
        ("proposer_slashings", rules.list(proposers, 16)),
        ("attester_slashings", rules.list(rules.attester_slashing(), if is_electra { 1 } else { 2 })),
        ("attestations", rules.list(rules.attestation(), if is_electra { 8 } else { 128 })),
        ("deposits", rules.list(deposit, 16)),
        ("voluntary_exits", rules.list(exit, 16)),
        ("sync_aggregate", Container(aggregate)),
    ];
    rules.container(
        [
            fields,
            of_payload,
            rules.since(Fork::Capella, changes),
            rules.until(Fork::Fulu, blobs),
            rules.until(Fork::Fulu, requests),
            rules.since(Fork::Gloas, since_gloas),
        ]
        .concat(),
    )
}

/// `BeaconState`.
pub fn state(form: Form) -> Type {
    let rules = Rules::of(form);
    let (slots, registry) = (rules.slots_per_epoch(), 1 << 40);
    let history = || vector(hash(), rules.either(64, 8192));
    let fork = vec![("previous_version", bytes(4)), ("current_version", bytes(4)), ("epoch", U64)];
    let summary = Container(vec![("block_summary_root", hash()), ("state_summary_root", hash())]);
    let fields = vec![
        ("genesis_time", U64),
        ("genesis_validators_root", hash()),
        ("slot", U64),
        ("fork", Container(fork)),
        ("latest_block_header", block_header()),
        ("block_roots", history()),
        ("state_roots", history()),
        ("historical_roots", list(hash(), 1 << 24)),
        ("eth1_data", eth1_data()),
        ("eth1_data_votes", list(eth1_data(), (rules.either(4, 64) * slots) as u64)),
        ("eth1_deposit_index", U64),
        ("validators", rules.list(validator(), registry)),
        ("balances", rules.list(U64, registry)),
        ("randao_mixes", vector(hash(), rules.either(64, 65_536))),
        ("slashings", vector(U64, rules.either(64, 8192))),
        ("previous_epoch_participation", rules.list(Number(1), registry)),
        ("current_epoch_participation", rules.list(Number(1), registry)),
        ("justification_bits", BitVector(4)),
        ("previous_justified_checkpoint", checkpoint()),
        ("current_justified_checkpoint", checkpoint()),
        ("finalized_checkpoint", checkpoint()),
        ("inactivity_scores", rules.list(U64, registry)),
        ("current_sync_committee", rules.committee()),
        ("next_sync_committee", rules.committee()),
    ];
    let payload = match form.fork {
        Fork::Altair => Vec::new(),
        Fork::Gloas => vec![("latest_block_hash", hash())],
        _ => vec![("latest_execution_payload_header", rules.payload_header())],
    };
    let withdrawals = vec![
        ("next_withdrawal_index", U64),
        ("next_withdrawal_validator_index", U64),
        ("historical_summaries", list(summary, 1 << 24)),
    ];
    rules.container(
        [
            fields,
            payload,
            rules.since(Fork::Capella, withdrawals),
            rules.since(Fork::Electra, rules.queues()),
            rules.since(Fork::Fulu, vec![("proposer_lookahead", vector(U64, 2 * slots))]),
            rules.since(Fork::Gloas, rules.builders()),
        ]
        .concat(),
    )
}
