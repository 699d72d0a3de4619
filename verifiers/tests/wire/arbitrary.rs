//! Evidence of every chain with arbitrary content, within the limits of the format.

use alloy_primitives::{B256, Bytes, Signature, U256};
use proptest::prelude::*;
use spandrel_verifiers::{AssetId, ChainId, Deposit, Evidence, LanePreference, bitcoin, cosmos, ethereum, solana};

/// Evidence of any chain.
pub fn evidence() -> impl Strategy<Value = Evidence> {
    prop_oneof![
        bitcoin_inclusion().prop_map(Evidence::from),
        ethereum_evidence().prop_map(Evidence::from),
        cosmos_evidence().prop_map(Evidence::from),
        solana_evidence().prop_map(Evidence::from),
    ]
}

fn hash() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::new)
}

fn bytes(limit: usize) -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..limit).prop_map(Bytes::from)
}

fn chain() -> impl Strategy<Value = ChainId> {
    "[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}".prop_map(|text| ChainId::parse(&text).unwrap())
}

fn asset() -> impl Strategy<Value = AssetId> {
    (chain(), "[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}")
        .prop_map(|(chain, asset)| AssetId::parse(&format!("{chain}/{asset}")).unwrap())
}

fn lane() -> impl Strategy<Value = LanePreference> {
    (0_u8..3).prop_map(|lane| LanePreference::try_from(lane).unwrap())
}

fn deposit() -> impl Strategy<Value = Deposit> {
    let ends = (chain(), hash(), hash(), chain(), hash(), hash(), hash());
    let paid = (any::<u8>(), asset(), any::<[u8; 32]>(), lane(), any::<u64>());
    (ends, paid).prop_map(|(ends, (version, asset, amount, lane, expiry))| Deposit {
        version,
        source_chain: ends.0,
        source_bridge: ends.1,
        source_key: ends.2,
        asset,
        amount: U256::from_be_bytes(amount),
        destination_chain: ends.3,
        destination_bridge: ends.4,
        recipient: ends.5,
        sender: ends.6,
        lane,
        expiry,
    })
}

fn bitcoin_inclusion() -> impl Strategy<Value = bitcoin::Inclusion> {
    let terms = (chain(), hash(), hash(), lane(), any::<u64>(), hash(), any::<u16>());
    let path = || prop::collection::vec(hash(), 0..=bitcoin::MAX_DEPTH);
    let places = (any::<u64>(), any::<u32>(), any::<u32>());
    (places, prop::collection::vec(any::<u8>(), 80), bytes(400), path(), bytes(400), path(), terms).prop_map(
        |((height, index, output), header, transaction, path, coinbase, coinbase_path, terms)| bitcoin::Inclusion {
            height,
            header: header.into(),
            transaction,
            index,
            path,
            coinbase,
            coinbase_path,
            output,
            terms: bitcoin::DepositTerms {
                destination_chain: terms.0,
                destination_bridge: terms.1,
                recipient: terms.2,
                lane: terms.3,
                expiry: terms.4,
                refund_key: terms.5,
                refund_delay: terms.6,
            },
        },
    )
}

fn ethereum_evidence() -> impl Strategy<Value = ethereum::DepositEvidence> {
    let nodes = || prop::collection::vec(bytes(600), 0..8);
    (prop::option::of(bytes(600)), bytes(700), nodes(), nodes(), deposit()).prop_map(
        |(finality, header, account_proof, storage_proof, deposit)| ethereum::DepositEvidence {
            finality,
            inclusion: ethereum::Inclusion { header, account_proof, storage_proof, deposit },
        },
    )
}

fn cosmos_evidence() -> impl Strategy<Value = cosmos::DepositEvidence> {
    let headers = prop::collection::vec(bytes(600), 0..=cosmos::MAX_HEADERS);
    (headers, any::<u64>(), hash(), bytes(300), bytes(600)).prop_map(|(headers, height, app_hash, packet, proof)| {
        cosmos::DepositEvidence { headers, inclusion: cosmos::Inclusion { height, app_hash, packet, proof } }
    })
}

fn solana_evidence() -> impl Strategy<Value = solana::DepositEvidence> {
    let shreds = || prop::collection::vec(bytes(600), 0..6);
    let chained = shreds().prop_map(|tail| solana::BlockPath::Chained { tail });
    let roots = prop::collection::vec(hash(), 0..6);
    let double = (any::<u64>(), hash(), roots).prop_map(|(parent_slot, parent_block_id, fec_set_roots)| {
        solana::BlockPath::DoubleMerkle { parent_slot, parent_block_id, fec_set_roots }
    });
    let shreds = (prop::option::of(bytes(600)), shreds(), prop_oneof![chained, double])
        .prop_map(|(before, batch, block)| solana::ShredProof { before, batch, block });
    let place = (any::<u64>(), hash(), any::<u32>(), any::<u32>(), any::<u32>());
    let parent = prop::collection::vec(bytes(600), 0..=2);
    let inclusion =
        (place, shreds, parent).prop_map(|((slot, block_id, entry, transaction, instruction), shreds, parent)| {
            solana::Inclusion { slot, block_id, shreds, entry, transaction, instruction, parent }
        });
    let signature = (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<bool>())
        .prop_map(|(r, s, parity)| Signature::new(U256::from_be_bytes(r), U256::from_be_bytes(s), parity));
    let execution = (any::<u64>(), prop::collection::vec(signature, 0..4))
        .prop_map(|(time, signatures)| solana::ExecutionAttestation { time, signatures });
    (inclusion, execution).prop_map(|(inclusion, execution)| solana::DepositEvidence { inclusion, execution })
}
