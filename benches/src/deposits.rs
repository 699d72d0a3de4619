//! Ethereum deposits with everything that proves them: one finality update, one state, a storage proof each.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Encodable;
use spandrel_verifiers::ethereum::containers::{ExecutionPayloadHeader, LightClientData};
use spandrel_verifiers::ethereum::{DepositEvidence, EthereumVerifier, Inclusion, LightClientStore, deposit_slot};
use spandrel_verifiers::{AssetId, ChainId, Deposit, LanePreference};

use crate::committee::{SyncNetwork, payload};
use crate::storage::prove;

const OUTBOX: Address = Address::repeat_byte(0x0b);
/// Other accounts in the state.
const BYSTANDERS: u64 = 2_000;

/// A verifier with its trusted state, and evidence that verifies under it.
#[derive(Debug)]
pub struct DepositBatch {
    /// The verifier.
    pub verifier: EthereumVerifier,
    /// What it trusts.
    pub trusted: LightClientStore,
    /// Unix seconds.
    pub now: u64,
    /// One item a deposit, all with the same finality update.
    pub evidence: Vec<DepositEvidence>,
}

/// Deposit number `nonce` from `eip155:31337` to `eip155:31338`.
///
/// # Panics
/// Never: the asset is spelled right.
pub fn deposit(nonce: u64) -> Deposit {
    let source_chain = ChainId::eip155(31_337);
    Deposit {
        version: Deposit::VERSION,
        asset: AssetId::slip44(&source_chain, 60),
        source_chain,
        source_bridge: OUTBOX.into_word(),
        source_key: U256::from(nonce).into(),
        amount: U256::from(1_000_000 + nonce),
        destination_chain: ChainId::eip155(31_338),
        destination_bridge: B256::repeat_byte(7),
        recipient: B256::repeat_byte(8),
        sender: B256::repeat_byte(9),
        lane: LanePreference::LightClient,
        expiry: 1_900_000_000,
    }
}

impl DepositBatch {
    /// `count` deposits in one block, proven final by 512 signatures.
    ///
    /// # Panics
    /// Never: the network is made here.
    pub fn of(count: u64) -> Self {
        let network = SyncNetwork::new();
        let deposits: Vec<_> = (0..count).map(deposit).collect();
        let key = |nonce: B256| keccak256(deposit_slot(nonce));
        let word = |deposit: &Deposit| alloy_rlp::encode(U256::from_be_bytes(deposit.id().0.0));
        let storage = deposits.iter().map(|deposit| (key(deposit.source_key), word(deposit))).collect();
        let keys: Vec<_> = deposits.iter().map(|deposit| key(deposit.source_key)).collect();
        let (storage_root, storage_proofs) = prove(&storage, &keys);
        let account = |storage_root: B256| rlp_list(&[&1_u64, &7_u64, &storage_root, &keccak256("code")]);
        let bystander = |n: u64| (keccak256(n.to_be_bytes()), account(B256::ZERO));
        let outbox = (keccak256(OUTBOX), account(storage_root));
        let accounts = (0..BYSTANDERS).map(bystander).chain([outbox]).collect();
        let (state_root, account_proofs) = prove(&accounts, &[keccak256(OUTBOX)]);
        let payload = ExecutionPayloadHeader { state_root, ..payload(64) };
        let header = header_rlp(&payload);
        let payload = ExecutionPayloadHeader { block_hash: keccak256(&header), ..payload };
        let (update, _) = network.finality_update(payload, network.keys.len());
        let finality = Some(Bytes::from(update.encode_ssz()));
        let evidence = deposits.into_iter().zip(storage_proofs).map(|(deposit, storage_proof)| {
            let account_proof = account_proofs.concat();
            let inclusion = Inclusion { header: header.clone(), account_proof, storage_proof, deposit };
            DepositEvidence { finality: finality.clone(), inclusion }
        });
        let evidence = evidence.collect();
        let verifier = EthereumVerifier::new(network.config.clone(), OUTBOX).expect("a valid network");
        Self { verifier, trusted: network.store(), now: network.now(), evidence }
    }
}

fn rlp_list(items: &[&dyn Encodable]) -> Vec<u8> {
    let mut fields = Vec::new();
    items.iter().for_each(|item| item.encode(&mut fields));
    let mut out = Vec::new();
    alloy_rlp::Header { list: true, payload_length: fields.len() }.encode(&mut out);
    out.extend(fields);
    out
}

/// RLP of a Prague header with the payload's roots, number and time.
fn header_rlp(payload: &ExecutionPayloadHeader) -> Bytes {
    let zero = B256::ZERO;
    let (extra_data, nonce) = (&payload.extra_data, [0_u8; 8]);
    rlp_list(&[
        &payload.parent_hash,
        &zero,
        &payload.fee_recipient,
        &payload.state_root,
        &payload.transactions_root,
        &payload.receipts_root,
        &payload.logs_bloom,
        &0_u64,
        &payload.block_number,
        &payload.gas_limit,
        &payload.gas_used,
        &payload.timestamp,
        extra_data,
        &payload.prev_randao,
        &nonce,
        &payload.base_fee_per_gas,
        &payload.withdrawals_root,
        &0_u64,
        &0_u64,
        &zero,
        &zero,
    ])
    .into()
}
