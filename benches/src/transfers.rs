//! Lives of transfers with really signed verdicts, and risk states with a day's history.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use bitcoin::secp256k1::{All, Message, Secp256k1, SecretKey};
use spandrel_core::submission::Progress;
use spandrel_core::{Context, Destination, EffectId, Input, Policy, Transfer, TxRef, apply, step};
use spandrel_risk::{
    AssetRules, Bucket, Corridor, CorridorRules, DepthRule, ExposureRule, Lane, Limit, Limits, Price, PriceRule,
    RiskEvent, RiskPolicy, RiskState,
};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::ethereum::{DepositEvidence, Inclusion};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{
    AssetId, ChainId, Checkpoint, Deposit, Evidence, LanePreference, SignedVerdict, Verdict, VerdictDomain,
};

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
        let checkpoint = Checkpoint {
            chain: deposit.source_chain.clone(),
            height: 10,
            root: block.hash,
            time: NOW,
            up_to: Checkpoint::ANY_AMOUNT,
        };
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

/// Every limit that there is, wide enough for everything here, but real numbers: by amount and value, over corridors, by
/// party and size, netted, a share of what stands locked, by depth.
pub fn full_risk_policy(deposit: &Deposit) -> RiskPolicy {
    let mut policy = RiskPolicy::default();
    let wide = Limit::Amount(U256::from(10).pow(U256::from(30)));
    let bucket = Bucket { capacity: wide, refill_seconds: 3_600 };
    let price = PriceRule { unit: U256::from(10), floor: U256::from(3), fresh_for: 60, stale_after: 600, widest: 100 };
    let back = way_back(deposit);
    for (about, other) in [(deposit, &back), (&back, deposit)] {
        let rules = AssetRules {
            window: wide,
            notional: Some(wide),
            price: Some(price),
            sender: bucket,
            recipient: bucket,
            most_of_p99: Limit::Amount(U256::from(1_000)),
            usual: U256::ONE,
            exposure: Some(ExposureRule { share: 5_000, returned_as: BTreeSet::from([other.asset.clone()]) }),
        };
        policy.wide.assets.insert(about.asset.clone(), rules);
        policy.wide.destinations.insert(about.destination_chain.clone(), wide);
        for (corridor, limits) in risk_policy(about).limits {
            let is_netted = corridor.lane == Lane::LightClient;
            let netted_with = is_netted.then(|| Corridor::of(other, corridor.lane));
            policy.wide.corridors.insert(corridor.clone(), CorridorRules { notional: wide, netted_with });
            policy.limits.insert(corridor, limits);
        }
        let depth = DepthRule { block_cost: U256::from(10).pow(U256::from(25)), least: 1 };
        policy.wide.depths.insert(about.source_chain.clone(), depth);
    }
    policy
}

/// As much, of what stands for it on its destination, back to where it came from.
fn way_back(deposit: &Deposit) -> Deposit {
    Deposit {
        source_chain: deposit.destination_chain.clone(),
        asset: AssetId::slip44(&deposit.destination_chain, 60),
        destination_chain: deposit.source_chain.clone(),
        ..deposit.clone()
    }
}

/// The state after `count` transfers of a hundred senders that were proven, paid, charged and closed, ten thousand a day,
/// one in ten of which came back; and deposit number `count` was proven. The fast lane's last twenty payouts, to another
/// destination, are open.
pub fn long_risk_history(policy: &RiskPolicy, count: u64) -> RiskState {
    let mut state = RiskState::default();
    for nonce in 0..=count {
        let at = NOW.saturating_sub((count - nonce) * 86_400 / 10_000);
        let about = history_deposit(nonce);
        let back = way_back(&about);
        if nonce % 100 == 0 || nonce == count {
            for asset in [&about.asset, &back.asset] {
                let price = Price { value: U256::from(5), confidence: U256::ZERO, published_at: at };
                state.apply(&RiskEvent::Priced { asset: asset.clone(), price }, at);
            }
        }
        prove(&mut state, &about, at);
        if nonce == count {
            break;
        }
        pay(policy, &mut state, &about, Lane::LightClient, at);
        close(&mut state, &about, at);
        if nonce % 10 == 0 {
            prove(&mut state, &back, at);
            pay(policy, &mut state, &back, Lane::LightClient, at);
            close(&mut state, &back, at);
        }
        if nonce + 20 >= count {
            let elsewhere = Deposit { destination_chain: ChainId::eip155(31_339), ..about };
            pay(policy, &mut state, &elsewhere, Lane::Fast, at);
        }
    }
    state
}

fn prove(state: &mut RiskState, about: &Deposit, at: u64) {
    let (source, asset, amount) = (about.source_chain.clone(), about.asset.clone(), about.amount);
    state.apply(&RiskEvent::Proven { id: about.id(), source, asset, amount }, at);
}

fn pay(policy: &RiskPolicy, state: &mut RiskState, about: &Deposit, lane: Lane, at: u64) {
    let (id, charge) = (about.id(), policy.wide.charge(state, about, at));
    state.apply(&RiskEvent::cleared(id, about, lane), at);
    state.apply(&RiskEvent::Charged { id, charge }, at);
    state.apply(&RiskEvent::Paid { id }, at);
}

fn close(state: &mut RiskState, about: &Deposit, at: u64) {
    state.apply(&RiskEvent::Closed { id: about.id(), expiry: at + 3_600 }, at);
}

/// Deposit number `nonce` of a long history, from one of a hundred senders, for either lane.
pub fn history_deposit(nonce: u64) -> Deposit {
    Deposit { sender: B256::from(U256::from(nonce % 100)), lane: LanePreference::Any, ..deposit(nonce) }
}

/// The state after `count` deposits were proven and paid in the last day, and deposit number `count` was proven only.
pub fn risk_history(count: u64) -> RiskState {
    let mut state = RiskState::default();
    for nonce in 0..=count {
        let (about, at) = (deposit(nonce), NOW - 80_000 + 80_000 * nonce / (count + 1));
        prove(&mut state, &about, at);
        if nonce < count {
            let id = about.id();
            state.apply(&RiskEvent::cleared(id, &about, Lane::LightClient), at);
            state.apply(&RiskEvent::Paid { id }, at);
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use spandrel_core::Status;
    use spandrel_risk::{Decision, Position, Tank, WideLimits, assess};

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
        assert!(state.p99(&next.asset).is_some());
        for lane in [Lane::Fast, Lane::LightClient] {
            let position = Position::new(&state, next.id(), &next, lane, NOW).with_confirmations(1);
            assert_eq!(position.decide(&policy, NOW), Decision::Allow, "{lane}");
            let closed = Position::new(&state, next.id(), &next, lane, NOW);
            assert_ne!(closed.decide(&policy, NOW), Decision::Allow, "the checks compute");
        }
        let used = |tank| state.notional_used(&tank, NOW);
        let back = Corridor::of(&way_back(&next), Lane::LightClient);
        assert!(!used(Tank::Paid(back)).is_zero(), "there is something to net with");
        let corridor = Corridor::of(&next, Lane::Fast);
        let Limit::Amount(left) = policy.exposure_cap(&state, &corridor) else { panic!("no cap") };
        let locked: U256 = (0..300).filter(|n| n % 10 != 0).map(|n| deposit(n).amount).sum();
        assert!(left < locked / U256::from(2), "a share of what is locked, less what others have open: {left}");
    }

    /// Every field is named here: a rule that is added does not compile until it is in the policy that is measured.
    #[test]
    fn no_rule_of_the_full_policy_is_off() {
        let policy = full_risk_policy(&deposit(0));
        let is_on = |limit: &Limit| matches!(limit, Limit::Amount(amount) if !amount.is_zero());
        let RiskPolicy { limits, wide } = &policy;
        for Limits { per_transfer, exposure_cap, window, large_from, large_delay, dust } in limits.values() {
            assert!([per_transfer, exposure_cap, window, large_from].into_iter().all(is_on));
            assert!(*large_delay > 0 && !dust.is_zero());
        }
        let WideLimits { assets, destinations, corridors, depths } = wide;
        for rules in assets.values() {
            let AssetRules { window, notional, price, sender, recipient, most_of_p99, usual, exposure } = rules;
            assert!([window, most_of_p99, &sender.capacity, &recipient.capacity].into_iter().all(is_on));
            assert!(notional.as_ref().is_some_and(is_on) && price.is_some_and(|price| !price.floor.is_zero()));
            assert!(!usual.is_zero());
            let ExposureRule { share, returned_as } = exposure.as_ref().expect("a share");
            assert!(*share > 0 && *share < ExposureRule::WHOLE && !returned_as.is_empty());
        }
        for (corridor, CorridorRules { notional, netted_with }) in corridors {
            assert!(is_on(notional) && netted_with.is_some() == (corridor.lane == Lane::LightClient));
        }
        assert!(destinations.values().all(is_on));
        let asked: Vec<_> = limits.keys().collect();
        assert!(asked.iter().all(|asked| assets.contains_key(&asked.asset)));
        assert!(asked.iter().all(|asked| destinations.contains_key(&asked.destination)));
        assert!(asked.iter().all(|asked| depths.contains_key(&asked.source) && corridors.contains_key(asked)));
        assert_eq!(asked.len(), 4, "both lanes, both ways");
    }

    #[test]
    fn the_deposit_after_the_history_may_move() {
        let (state, next) = (risk_history(5), deposit(5));
        assert_eq!(assess(&risk_policy(&next), &state, &next, Lane::LightClient, NOW, NOW), Decision::Allow);
    }
}
