//! The contracts on the destination, as far as a payout can tell: nullifier, caps, exposure, pauses, quorums.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{B256, Signature, U256, keccak256};
use spandrel_core::submission::Lasting;
use spandrel_core::{Effect, FastAttestation};
use spandrel_risk::{Lane, Scope, WINDOW_SECONDS};
use spandrel_verifiers::attestation::{SignerSet, recover};
use spandrel_verifiers::{ChainId, Deposit, DepositId, Evidence, LanePreference, SignedCheckpoint, merkle};

use super::keys::{self, EXPOSURE_CAP, FAST_CAP, PROVEN_CAP, Set, WINDOWS};
use super::source::SourceChain;
use super::universe::Breakage;

/// A payment that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// Of which deposit.
    pub id: DepositId,
    /// By which lane.
    pub lane: Lane,
    /// From where.
    pub source: ChainId,
    /// Base units.
    pub amount: u64,
    /// Whether its proof landed; always on the light-client lane.
    pub is_proven: bool,
    /// When it was made.
    pub at: u64,
    /// When its proof must have landed.
    pub deadline: u64,
}

/// What the contracts store.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Everything paid, in order.
    pub payments: Vec<Payment>,
    /// Next nonce of the relayer's account.
    pub nonce: u64,
    /// Scopes paused by transactions, and until when.
    pub pauses: BTreeMap<Scope, u64>,
    /// Sources whose fast lanes closed themselves.
    pub closed: BTreeSet<ChainId>,
}

/// An amount of this world in base units.
pub fn units(amount: U256) -> u64 {
    amount.try_into().unwrap_or(u64::MAX)
}

/// Why a call reverts.
#[derive(Clone, Debug, PartialEq)]
pub struct Revert {
    /// The contract's error.
    pub reason: &'static str,
    /// For how long.
    pub lasting: Lasting,
}

fn never(reason: &'static str) -> Revert {
    Revert { reason, lasting: Lasting::ForEver }
}

fn not_so(reason: &'static str) -> Revert {
    Revert { reason, lasting: Lasting::WithThisProof }
}

fn not_now(reason: &'static str) -> Revert {
    Revert { reason, lasting: Lasting::ForNow }
}

/// Seconds for which a checkpoint can be used, from its block time. Bitcoin's can always: evidence there is of the
/// deposit's own block.
const MAX_AGE: u64 = 250;

/// Seconds within which a fast payout must be proven.
const SETTLE_WITHIN: u64 = 600;

/// The code of the contracts.
#[derive(Debug)]
pub struct Rules {
    breakage: Option<Breakage>,
    /// Whether they bound what is paid in a day: where not, the relayer alone does.
    has_windows: bool,
    sets: [SignerSet; 2],
    /// Quorums checked before, by what was signed and by whom.
    checked: RefCell<BTreeMap<B256, bool>>,
}

/// What a call sees besides the contracts' state.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// Block time.
    pub time: u64,
    /// What hashes commit to.
    pub sources: &'a [SourceChain; 2],
    /// Scopes paused by guardians.
    pub guarded: &'a BTreeMap<Scope, u64>,
    /// The verifier set, and until when the one before it counts.
    pub verifiers: (u64, u64),
    /// Whether this is no simulation, and hostile recipients show it.
    pub is_hostile: bool,
}

impl State {
    /// The payment of a deposit, if there is one.
    pub fn payment(&self, id: DepositId) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.id == id)
    }

    /// Sum of the fast payments from `source` whose proofs have not landed.
    pub fn exposure(&self, source: &ChainId) -> u64 {
        let open = |payment: &&Payment| payment.source == *source && !payment.is_proven;
        self.payments.iter().filter(open).map(|payment| payment.amount).sum()
    }
}

impl Rules {
    /// The contracts, with windows of their own or without, less what is broken.
    pub fn new(breakage: Option<Breakage>, has_windows: bool) -> Self {
        let sets = [Set::Verifiers.members(keys::EPOCH), Set::Signers.members(keys::EPOCH)];
        Self { breakage, has_windows, sets, checked: RefCell::default() }
    }

    /// Whether a batch passes over `effect`: it was claimed before.
    pub fn is_passed_over(&self, state: &State, effect: &Effect) -> bool {
        let paid = |deposit: &Deposit| state.payment(deposit.id()).is_some();
        let is_claimed = match effect {
            Effect::PayFast { deposit, .. } | Effect::PayProven { deposit, .. } => paid(deposit),
            _ => false,
        };
        is_claimed && self.breakage != Some(Breakage::NoNullifier)
    }

    /// Carries `effect` out on `state`, or reverts and leaves it as it was.
    pub fn call(&self, state: &mut State, effect: &Effect, scene: Scene<'_>) -> Result<(), Revert> {
        match effect {
            Effect::PayFast { deposit, attestation } => {
                let id = self.require_claimable(state, deposit, Lane::Fast, scene)?;
                self.require_attested(id, attestation, scene.time)?;
                self.pay(state, id, deposit, Lane::Fast, scene)
            }
            Effect::PayProven { deposit, evidence, checkpoint } => {
                let id = self.require_claimable(state, deposit, Lane::LightClient, scene)?;
                self.require_proven(id, evidence, checkpoint, scene)?;
                self.pay(state, id, deposit, Lane::LightClient, scene)
            }
            Effect::Settle { deposit, evidence, checkpoint } => {
                let id = deposit.id();
                self.require_proven(id, evidence, checkpoint, scene)?;
                let owed = state.payments.iter_mut().find(|payment| payment.id == id && payment.lane == Lane::Fast);
                let Some(payment) = owed else { return Err(not_now("NotPaidFast")) };
                if std::mem::replace(&mut payment.is_proven, true) {
                    return Err(never("NothingOwed"));
                }
                Ok(())
            }
            Effect::CloseOverdue { deposit } => {
                let Some(payment) = state.payment(deposit.id()) else { return Err(never("NothingOwed")) };
                if payment.is_proven {
                    return Err(never("NothingOwed"));
                }
                if scene.time <= payment.deadline {
                    return Err(not_now("NotOverdue"));
                }
                state.closed.insert(deposit.source_chain.clone());
                Ok(())
            }
            Effect::Pause { scope, ttl, .. } => {
                let scope = match scope {
                    Scope::Lane { lane, .. } => Scope::Lane { lane: *lane, source: None },
                    other => other.clone(),
                };
                let until = state.pauses.entry(scope).or_default();
                *until = (*until).max(scene.time + ttl);
                Ok(())
            }
            _ => Err(never("not done on a destination")),
        }
    }

    fn require_claimable(
        &self,
        state: &State,
        deposit: &Deposit,
        lane: Lane,
        scene: Scene<'_>,
    ) -> Result<DepositId, Revert> {
        let id = deposit.id();
        if state.payment(id).is_some() && self.breakage != Some(Breakage::NoNullifier) {
            return Err(not_now("AlreadyClaimed"));
        }
        if deposit.destination_chain != keys::destination() {
            return Err(never("WrongDestinationChain"));
        }
        if deposit.destination_bridge != keys::domain().inbox.into_word() {
            return Err(never("WrongDestinationBridge"));
        }
        if scene.time > deposit.expiry {
            return Err(never("DepositExpired"));
        }
        if deposit.source_bridge != keys::source_bridge(&deposit.source_chain) {
            return Err(not_now("WrongSourceBridge"));
        }
        if lane == Lane::Fast && deposit.lane == LanePreference::LightClient {
            return Err(never("LaneNotAllowed"));
        }
        let paused = state.pauses.iter().chain(scene.guarded);
        if paused.into_iter().any(|(scope, until)| scene.time <= *until && scope.covers(deposit, lane)) {
            return Err(not_now("ScopePaused"));
        }
        Ok(id)
    }

    fn pay(
        &self,
        state: &mut State,
        id: DepositId,
        deposit: &Deposit,
        lane: Lane,
        scene: Scene<'_>,
    ) -> Result<(), Revert> {
        if scene.is_hostile && keys::is_hostile(deposit) {
            return Err(not_now("the recipient reverts"));
        }
        let amount = units(deposit.amount);
        let is_capped = self.breakage != Some(Breakage::NoExposureCap);
        let cap = if lane == Lane::Fast { FAST_CAP } else { PROVEN_CAP };
        if amount > cap && (is_capped || lane == Lane::LightClient) {
            return Err(not_now("OverTransferCap"));
        }
        let source = deposit.source_chain.clone();
        if lane == Lane::Fast && state.closed.contains(&source) {
            return Err(not_now("FastLaneIsClosed"));
        }
        if lane == Lane::Fast && is_capped && state.exposure(&source).saturating_add(amount) > EXPOSURE_CAP {
            return Err(not_now("OverExposure"));
        }
        let is_of_this_day = |at: u64| scene.time.saturating_sub(at) < WINDOW_SECONDS;
        let same = |payment: &&Payment| payment.lane == lane && payment.source == source && is_of_this_day(payment.at);
        let used: u64 = state.payments.iter().filter(same).map(|payment| payment.amount).sum();
        let window = WINDOWS[usize::from(lane == Lane::LightClient)];
        if is_capped && self.has_windows && used.saturating_add(amount) > window {
            return Err(not_now("OverWindow"));
        }
        let (is_proven, at) = (lane == Lane::LightClient, scene.time);
        state.payments.push(Payment { id, lane, source, amount, is_proven, at, deadline: at + SETTLE_WITHIN });
        Ok(())
    }

    fn require_attested(&self, id: DepositId, attestation: &FastAttestation, time: u64) -> Result<(), Revert> {
        let batch = &attestation.batch;
        if time > batch.expiry {
            return Err(not_so("BatchExpired"));
        }
        let digest = batch.digest(keys::DESTINATION, keys::fast_lane());
        if batch.epoch != keys::EPOCH || !self.is_quorum(Set::Signers, digest, &attestation.signatures) {
            return Err(not_so("NotASigner"));
        }
        let (count, index) = (batch.count as usize, attestation.index as usize);
        merkle::verify(batch.root, count, index, id, &attestation.path).map_err(|_| never("RootMismatch"))
    }

    fn require_proven(
        &self,
        id: DepositId,
        evidence: &Evidence,
        signed: &SignedCheckpoint,
        scene: Scene<'_>,
    ) -> Result<(), Revert> {
        let domain = keys::domain();
        let checkpoint = &signed.checkpoint;
        let digest = checkpoint.digest(domain.chain_number, domain.registry, signed.epoch);
        let (epoch, until) = scene.verifiers;
        let is_valid = signed.epoch == epoch || (signed.epoch + 1 == epoch && scene.time <= until);
        if !is_valid {
            return Err(not_so("EpochExpired"));
        }
        if !self.is_quorum(Set::Verifiers, digest, &signed.signatures) {
            return Err(not_so("NotASigner"));
        }
        if matches!(evidence, Evidence::Ethereum(_)) && scene.time > checkpoint.time + MAX_AGE {
            return Err(not_so("CheckpointTooOld"));
        }
        let chain = scene.sources.iter().find(|chain| chain.id == checkpoint.chain);
        let proven = chain.and_then(|chain| chain.proves(evidence));
        let is_under = proven.is_some_and(|(found, block)| {
            found == id && block.hash == checkpoint.root && block.height == checkpoint.height
        });
        if is_under { Ok(()) } else { Err(never("DepositMismatch")) }
    }

    fn is_quorum(&self, set: Set, digest: B256, signatures: &[Signature]) -> bool {
        let mut key = digest.to_vec();
        key.extend(signatures.iter().flat_map(Signature::as_bytes));
        *self.checked.borrow_mut().entry(keccak256(key)).or_insert_with(|| {
            let members = &self.sets[set as usize];
            let signers: Option<Vec<_>> = signatures.iter().map(|signature| recover(digest, signature).ok()).collect();
            signers.is_some_and(|signers| {
                signers.len() == members.threshold
                    && signers.is_sorted_by(|one, next| one < next)
                    && signers.iter().all(|signer| members.members.contains(signer))
            })
        })
    }
}
