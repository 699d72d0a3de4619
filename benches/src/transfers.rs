//! Lives of transfers with really signed verdicts, and risk states with a day's history.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use bitcoin::secp256k1::{All, Message, Secp256k1, SecretKey};
use spandrel_core::submission::Progress;
use spandrel_core::{Context, Destination, EffectId, Input, Policy, Transfer, TxRef, apply, step};
use spandrel_risk::{
    AssetRules, Bucket, Corridor, CorridorRules, DepthRule, Lane, Limit, Limits, Price, PriceRule, RiskEvent,
    RiskPolicy, RiskState,
};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::ethereum::{DepositEvidence, Inclusion};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{Checkpoint, Deposit, Evidence, SignedVerdict, Verdict, VerdictDomain};

use crate::deposits::deposit;

/// When everything happens, Unix seconds.
pub const NOW: u64 = 1_700_000_000;
const EPOCH: u64 = 1;

struct Verifier {
    secp: Secp256k1<All>,
    key: SecretKey,
    address: Address,
}

impl Verifier {
    fn new(seed: u8) -> Self {
        let secp = Secp256k1::new();
        let key = SecretKey::from_slice(&[seed; 32]).expect("a small number is a key");
        let public = key.public_key(&secp).serialize_uncompressed();
        let address = Address::from_slice(&keccak256(&public[1..])[12..]);
        Self { secp, key, address }
    }

    fn sign(&self, digest: B256) -> Signature {
        let compact = self.secp.sign_ecdsa(&Message::from_digest(digest.0), &self.key).serialize_compact();
        let both = [false, true].map(|parity| Signature::from_bytes_and_parity(&compact, parity));
        let is_ours = |signature: &Signature| {
            signature.recover_address_from_prehash(&digest).is_ok_and(|address| address == self.address)
        };
        both.into_iter().find(is_ours).expect("one of two parities is right")
    }
}

/// A transfer's inputs in order, from the first sight of its deposit to its final payout on the light-client lane.
#[derive(Debug)]
pub struct Life {
    /// Under which policy.
    pub policy: Policy,
    /// What happens to it.
    pub inputs: Vec<Input>,
}

impl Life {
    /// A deposit proven by two of three verifiers, each with two signatures.
    ///
    /// # Panics
    /// Never: policy and signatures are made here.
    pub fn new() -> Self {
        let verifiers: Vec<_> = (1..=3).map(Verifier::new).collect();
        let members: BTreeSet<_> = verifiers.iter().map(|verifier| verifier.address).collect();
        let set = SignerSet::new(EPOCH, 2, members).expect("two of three");
        let inbox = Address::repeat_byte(7);
        let domain = VerdictDomain { chain_number: 31_338, inbox, registry: Address::repeat_byte(8) };
        let deposit = Deposit { destination_bridge: inbox.into_word(), ..deposit(0) };
        let signers = set.clone();
        let destination = Destination { domain, fast_lane: Address::repeat_byte(6), signers };
        let policy = Policy {
            sources: BTreeMap::from([(deposit.source_chain.clone(), deposit.source_bridge)]),
            destinations: BTreeMap::from([(deposit.destination_chain.clone(), destination)]),
            verifiers: set,
            risk: risk_policy(&deposit),
            pause_ttl: 3_600,
        };
        let header = Bytes::from_static(b"header");
        let block = BlockRef { height: 10, hash: keccak256(&header), time: NOW };
        let seen = SeenDeposit { deposit: deposit.clone(), block, transaction: B256::repeat_byte(1), position: 0 };
        let checkpoint = Checkpoint { chain: deposit.source_chain.clone(), height: 10, root: block.hash, time: NOW };
        let verdicts = verifiers[..2].iter().map(|verifier| {
            let verdict = Verdict { deposit_id: deposit.id(), checkpoint: checkpoint.clone(), epoch: EPOCH };
            SignedVerdict {
                signature: verifier.sign(verdict.digest(&domain)),
                checkpoint_signature: verifier.sign(checkpoint.digest(domain.chain_number, domain.registry, EPOCH)),
                verdict,
            }
        });
        let verdicts = verdicts.collect();
        let payout = EffectId::of_payout(deposit.id(), Some(Lane::LightClient), 1, &deposit.destination_chain);
        let tx = TxRef { chain: deposit.destination_chain.clone(), hash: B256::repeat_byte(3), gas_used: Some(90_000) };
        let (account_proof, storage_proof) = (Vec::new(), Vec::new());
        let inclusion = Inclusion { header, account_proof, storage_proof, deposit };
        let evidence = Evidence::Ethereum(Box::new(DepositEvidence { finality: None, inclusion }));
        let inputs = vec![
            Input::Seen(seen),
            Input::SourceFinal(block),
            Input::EvidenceBuilt(evidence),
            Input::Verdicts(verdicts),
            Input::Progress(payout, Progress::Broadcast { tx: tx.clone() }),
            Input::Progress(payout, Progress::Included { tx: tx.clone() }),
            Input::Progress(payout, Progress::Finalized { tx }),
        ];
        Self { policy, inputs }
    }

    /// Steps and folds the first `count` inputs; returns the transfer and the risk state after them.
    ///
    /// # Panics
    /// When an input is refused or does not fold.
    pub fn live(&self, count: usize) -> (Option<Transfer>, RiskState) {
        let (mut transfer, mut risk) = (None, RiskState::default());
        for input in self.inputs.iter().take(count) {
            let context = Context { policy: &self.policy, risk: &risk, now: NOW };
            let output = step(transfer.as_ref(), input, &context).expect("an honest input");
            if !output.events.is_empty() {
                transfer = Some(apply(transfer.take(), &output, NOW).expect("an output folds"));
            }
            for event in &output.risk {
                risk.apply(event, NOW);
            }
        }
        (transfer, risk)
    }
}

impl Default for Life {
    fn default() -> Self {
        Self::new()
    }
}

/// Limits wide enough for everything here, but real numbers, so that every check computes.
pub fn risk_policy(deposit: &Deposit) -> RiskPolicy {
    let wide = Limit::Amount(U256::from(10).pow(U256::from(30)));
    let limits = Limits {
        per_transfer: wide,
        exposure_cap: wide,
        window: wide,
        large_from: wide,
        large_delay: 3_600,
        dust: U256::from(10),
    };
    let lanes = [Lane::Fast, Lane::LightClient];
    RiskPolicy::of_corridors(lanes.into_iter().map(|lane| (Corridor::of(deposit, lane), limits)).collect())
}

/// Limits of every kind, wide enough for everything here, but real numbers.
pub fn full_risk_policy(deposit: &Deposit) -> RiskPolicy {
    let mut policy = risk_policy(deposit);
    let wide = Limit::Amount(U256::from(10).pow(U256::from(30)));
    let bucket = Bucket { capacity: wide, refill_seconds: 3_600 };
    let price = PriceRule { unit: U256::from(10), floor: U256::from(3), fresh_for: 60, stale_after: 600, widest: 100 };
    let rules = AssetRules {
        window: wide,
        notional: Some(wide),
        price: Some(price),
        sender: bucket,
        recipient: bucket,
        most_of_p99: Limit::Amount(U256::from(1_000)),
        usual: U256::ZERO,
        exposure: None,
    };
    policy.wide.assets.insert(deposit.asset.clone(), rules);
    policy.wide.destinations.insert(deposit.destination_chain.clone(), wide);
    for corridor in policy.limits.keys() {
        policy.wide.corridors.insert(corridor.clone(), CorridorRules { notional: wide, netted_with: None });
    }
    let depth = DepthRule { block_cost: U256::from(10).pow(U256::from(25)), least: 1 };
    policy.wide.depths.insert(deposit.source_chain.clone(), depth);
    policy
}

/// The state after `count` transfers of a hundred senders that were proven, paid, charged and closed, ten thousand a day,
/// and deposit number `count` was proven.
pub fn long_risk_history(policy: &RiskPolicy, count: u64) -> RiskState {
    let mut state = RiskState::default();
    for nonce in 0..=count {
        let at = NOW.saturating_sub((count - nonce) * 86_400 / 10_000);
        let about = history_deposit(nonce);
        let (id, lane) = (about.id(), Lane::LightClient);
        let (source, asset, amount) = (about.source_chain.clone(), about.asset.clone(), about.amount);
        if nonce % 100 == 0 || nonce == count {
            let price = Price { value: U256::from(5), confidence: U256::ZERO, published_at: at };
            state.apply(&RiskEvent::Priced { asset: asset.clone(), price }, at);
        }
        state.apply(&RiskEvent::Proven { id, source: source.clone(), asset: asset.clone(), amount }, at);
        if nonce < count {
            let destination = about.destination_chain.clone();
            let charge = policy.wide.charge(&state, &about, at);
            state.apply(&RiskEvent::Cleared { id, source, destination, asset, amount, lane }, at);
            state.apply(&RiskEvent::Charged { id, charge }, at);
            state.apply(&RiskEvent::Closed { id, expiry: at + 3_600 }, at);
        }
    }
    state
}

/// Deposit number `nonce` of a long history, from one of a hundred senders.
pub fn history_deposit(nonce: u64) -> Deposit {
    Deposit { sender: B256::from(U256::from(nonce % 100)), ..deposit(nonce) }
}

/// The state after `count` deposits were proven and paid in the last day, and deposit number `count` was proven only.
pub fn risk_history(count: u64) -> RiskState {
    let mut state = RiskState::default();
    for nonce in 0..=count {
        let Deposit { source_chain: source, destination_chain: destination, asset, amount, .. } = deposit(nonce);
        let (id, at) = (deposit(nonce).id(), NOW - 80_000 + 80_000 * nonce / (count + 1));
        state.apply(&RiskEvent::Proven { id, source: source.clone(), asset: asset.clone(), amount }, at);
        if nonce < count {
            let lane = Lane::LightClient;
            state.apply(&RiskEvent::Cleared { id, source, destination, asset, amount, lane }, at);
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use spandrel_core::Status;
    use spandrel_risk::{Decision, Position, assess};

    #[test]
    fn a_life_ends_with_a_final_payout() {
        let life = Life::new();
        let (transfer, _) = life.live(life.inputs.len());
        assert!(matches!(transfer.unwrap().status, Status::Final { .. }));
    }

    #[test]
    fn the_deposit_after_a_long_history_may_move_under_limits_of_every_kind() {
        let policy = full_risk_policy(&deposit(0));
        let (state, next) = (long_risk_history(&policy, 300), history_deposit(300));
        let position = Position::new(&state, next.id(), &next, Lane::LightClient, NOW).with_confirmations(1);
        assert_eq!(position.decide(&policy, NOW), Decision::Allow);
        assert!(state.p99(&next.asset).is_some());
        let closed = Position::new(&state, next.id(), &next, Lane::LightClient, NOW);
        assert_ne!(closed.decide(&policy, NOW), Decision::Allow, "the checks compute");
    }

    #[test]
    fn the_deposit_after_the_history_may_move() {
        let (state, next) = (risk_history(5), deposit(5));
        assert_eq!(assess(&risk_policy(&next), &state, &next, Lane::LightClient, NOW, NOW), Decision::Allow);
    }
}
