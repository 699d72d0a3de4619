//! Effects become contract calls; journaled calls become effects' expectations again. Pure.

use alloy::sol_types::{SolCall, SolValue};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use spandrel_contracts::{
    CheckpointRegistry, FastLane, Inbox, PauseController, RiskGuard, lane, proof, solidity_deposit,
};
use spandrel_core::submission::DueEffect;
use spandrel_core::{Effect, EffectId, FastAttestation};
use spandrel_signer::signatures_blob;
use spandrel_verifiers::{ChainId, Deposit, DepositId, Evidence, SignedCheckpoint, UnixSeconds};

use super::config::{Contracts, Proofs};
use super::refusal::Refusal;
use super::{scope, stated};

/// A call of a contract, without value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// Contract.
    pub to: Address,
    /// Calldata.
    pub input: Bytes,
}

/// A call that must come first, unless the chain says that it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prerequisite {
    pub call: Call,
    pub unless: Unless,
}

impl Prerequisite {
    /// Whether it brings about what `other` does, and more: the same root for a larger amount.
    pub(super) fn outdoes(&self, other: &Self) -> bool {
        let stored = |unless: &Unless| match *unless {
            Unless::Stored { chain, height, root, time, up_to } => Some(((chain, height, root, time), up_to)),
            Unless::Attested { .. } | Unless::Never => None,
        };
        let (Some((own, own_up_to)), Some((block, up_to))) = (stored(&self.unless), stored(&other.unless)) else {
            return false;
        };
        self.call.to == other.call.to && own == block && own_up_to > up_to
    }
}

/// When a prerequisite need not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unless {
    /// The batch is attested under this epoch until this time or later.
    Attested { root: B256, epoch: u64, expiry: u64 },
    /// The registry holds this root, for this amount or more.
    Stored { chain: B256, height: u64, root: B256, time: u64, up_to: u64 },
    /// It is always sent.
    Never,
}

/// One effect as an action on the contracts.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub effect: EffectId,
    pub prerequisites: Vec<Prerequisite>,
    pub action: Action,
    /// Whether its last transaction reverted: it is sent by itself.
    pub is_alone: bool,
    /// Whether it cost all the failed transactions that one effect may cost: it is simulated, and not sent.
    pub is_spent: bool,
}

/// What is done for an effect.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// One item of `Inbox.claimEach`.
    Claim(Inbox::ClaimItem),
    /// `Inbox.settle`.
    Settle(Inbox::ClaimItem),
    /// `Inbox.proveDelayed`.
    Reprove(Inbox::ClaimItem),
    /// Nothing is sent: the chain is asked whether the deposit is paid, and once it expired, whether it never was.
    ConfirmUnpaid(Inbox::Deposit),
    /// `RiskGuard.closeOverdue`.
    CloseOverdue(Inbox::Deposit),
    /// `Inbox.contradict`: what was paid, and what is proven.
    Contradict { paid: Box<Inbox::Deposit>, proven: Inbox::ClaimItem },
    /// `CheckpointRegistry.submit`, for its own sake.
    Register { call: Call, unless: Unless },
    /// `PauseController.pause`.
    Pause { scope: B256, ttl: u64 },
    /// `PauseController.pauseSigned` or `freezeSigned`: this calldata, which is taken once under this digest. Where the
    /// contract does not take it, the same by an account that may pause, if this one may.
    Stated { input: Bytes, digest: B256, otherwise: Box<(Vec<Prerequisite>, Action)> },
}

/// What a journaled call was to bring about, per effect in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Claimed(DepositId),
    Settled(DepositId),
    Closed(DepositId),
    Paused(B256),
    Stated,
    Registered { chain: B256, height: u64 },
}

/// The work behind a due effect on the chain `here` at `now`; refused when it is none for it.
pub(super) fn work(due: &DueEffect, here: &ChainId, contracts: &Contracts, now: UnixSeconds) -> Result<Work, Refusal> {
    let (prerequisites, action) = match &due.effect {
        Effect::PayFast { deposit, attestation } => {
            (vec![attest(attestation, proofs(contracts)?)], Action::Claim(fast_item(deposit, attestation)))
        }
        Effect::PayProven { deposit, evidence, checkpoint } => {
            (vec![store(checkpoint, proofs(contracts)?.registry)], Action::Claim(proven_item(deposit, evidence)?))
        }
        Effect::Settle { deposit, evidence, checkpoint } => {
            (vec![store(checkpoint, proofs(contracts)?.registry)], Action::Settle(proven_item(deposit, evidence)?))
        }
        Effect::ConfirmUnpaid { deposit } | Effect::ConfirmPaid { deposit } => {
            proofs(contracts)?;
            (Vec::new(), Action::ConfirmUnpaid(solidity_deposit(deposit)))
        }
        Effect::CloseOverdue { deposit } => {
            proofs(contracts)?;
            (Vec::new(), Action::CloseOverdue(solidity_deposit(deposit)))
        }
        Effect::Contradict { paid, by } => {
            let proven = proven_item(&by.deposit, &by.evidence)?;
            (
                vec![store(&by.checkpoint, proofs(contracts)?.registry)],
                Action::Contradict { paid: Box::new(solidity_deposit(paid)), proven },
            )
        }
        Effect::RegisterCheckpoint { registry, checkpoint } => {
            let Prerequisite { call, unless } = store(checkpoint, *registry);
            (Vec::new(), Action::Register { call, unless })
        }
        Effect::Pause { scope, ttl, stated } => {
            let own = scope::pause(scope, *ttl, here, contracts.pauses)?;
            match stated.as_ref().and_then(|stated| stated::call(stated, now)) {
                Some((input, digest)) => (Vec::new(), Action::Stated { input, digest, otherwise: Box::new(own) }),
                None => own,
            }
        }
        Effect::BuildEvidence { .. }
        | Effect::RequestVerdicts { .. }
        | Effect::RequestAttestation { .. }
        | Effect::Reobserve { .. } => {
            return Err(Refusal::for_ever(format!("{} is not done on a destination", due.effect.step())));
        }
    };
    Ok(Work { effect: due.id, prerequisites, action, is_alone: false, is_spent: false })
}

impl Work {
    /// The deposit that is, or was, paid.
    pub(super) fn deposit(&self) -> Option<DepositId> {
        match &self.action {
            Action::Claim(item) | Action::Settle(item) | Action::Reprove(item) => Some(deposit_id(&item.deposit)),
            Action::ConfirmUnpaid(deposit) | Action::CloseOverdue(deposit) => Some(deposit_id(deposit)),
            Action::Contradict { paid, .. } => Some(deposit_id(paid)),
            Action::Register { .. } | Action::Pause { .. } | Action::Stated { .. } => None,
        }
    }

    /// What it can be grouped with: claims of the fast lane or of the others. `None` goes alone.
    fn kind(&self) -> Option<bool> {
        match &self.action {
            Action::Claim(item) if !self.is_alone => Some(item.lane == lane::FAST),
            _ => None,
        }
    }
}

/// Groups: claims of the fast lane together, claims of the light-client lanes together, at most `items` each; a
/// settlement, a pause, or a claim whose last transaction reverted alone. Order within a group is kept.
pub(super) fn group(works: Vec<Work>, items: usize) -> Vec<Vec<Work>> {
    let mut groups: Vec<Vec<Work>> = Vec::new();
    for work in works {
        let fits = |group: &Vec<Work>| {
            work.kind().is_some()
                && group.len() < items
                && group.first().is_some_and(|first| first.kind() == work.kind())
        };
        match groups.iter_mut().rev().find(|group| fits(group)) {
            Some(group) => group.push(work),
            None => groups.push(vec![work]),
        }
    }
    groups
}

/// Gas that an item may use beyond what it used in its simulation, so that none runs out of it for another: a recipient of
/// native coin is a stranger's code, which may use all of `NativeTransfer.GAS` on-chain and next to none in a simulation.
/// It is a limit; what is not used is not paid.
pub(super) fn spare_gas(group: &[Work]) -> u64 {
    let claims = group.iter().filter(|work| matches!(work.action, Action::Claim(_))).count();
    u64::try_from(claims).unwrap_or(u64::MAX).saturating_mul(NATIVE_TRANSFER_GAS)
}

/// `NativeTransfer.GAS`, and what each call on the way keeps back of it (EIP-150).
const NATIVE_TRANSFER_GAS: u64 = 105_000;

/// The one call that carries a group out. Claims go as items of `claimEach`, one alone as well: each fails for itself.
pub(super) fn call(group: &[Work], contracts: &Contracts, guard: Address) -> Option<Call> {
    let (to, input) = match &group.first()?.action {
        Action::Claim(_) => {
            let items = group.iter().filter_map(|work| match &work.action {
                Action::Claim(item) => Some(item.clone()),
                _ => None,
            });
            (contracts.inbox, Inbox::claimEachCall { items: items.collect() }.abi_encode())
        }
        Action::Settle(Inbox::ClaimItem { lane, deposit, proof }) => {
            let settle = Inbox::settleCall { deposit: deposit.clone(), lane: *lane, proof: proof.clone() };
            (contracts.inbox, settle.abi_encode())
        }
        Action::Reprove(Inbox::ClaimItem { lane, deposit, proof }) => {
            let prove = Inbox::proveDelayedCall { deposit: deposit.clone(), lane: *lane, proof: proof.clone() };
            (contracts.inbox, prove.abi_encode())
        }
        Action::ConfirmUnpaid(_) => return None,
        Action::CloseOverdue(deposit) => {
            (guard, RiskGuard::closeOverdueCall { deposit: deposit.clone().into() }.abi_encode())
        }
        Action::Contradict { paid, proven: Inbox::ClaimItem { lane, deposit, proof } } => {
            let (paid, proven, proof) = ((**paid).clone(), deposit.clone(), proof.clone());
            (contracts.inbox, Inbox::contradictCall { paid, proven, lane: *lane, proof }.abi_encode())
        }
        Action::Pause { scope, ttl } => {
            (contracts.pauses, PauseController::pauseCall { scope: *scope, ttl: *ttl }.abi_encode())
        }
        Action::Stated { input, .. } => return Some(Call { to: contracts.pauses, input: input.clone() }),
        Action::Register { call, .. } => return Some(call.clone()),
    };
    Some(Call { to, input: input.into() })
}

/// The prerequisites of a group, each once, in order.
pub(super) fn prerequisites(group: &[Work]) -> Vec<Prerequisite> {
    let mut all: Vec<Prerequisite> = Vec::new();
    for prerequisite in group.iter().flat_map(|work| &work.prerequisites) {
        if !all.contains(prerequisite) {
            all.push(prerequisite.clone());
        }
    }
    all
}

/// Pays a delayed deposit whose time has come.
pub(super) fn execute_delayed(deposit: &Inbox::Deposit, contracts: &Contracts) -> Call {
    let input = Inbox::executeDelayedCall { deposit: deposit.clone() }.abi_encode();
    Call { to: contracts.inbox, input: input.into() }
}

/// The deposit whose delayed payment a call executes, if it does.
pub(super) fn executed(input: &[u8]) -> Option<DepositId> {
    Inbox::executeDelayedCall::abi_decode(input).ok().map(|call| deposit_id(&call.deposit))
}

/// What a call was to bring about; empty for a prerequisite or a call this program never makes.
pub(super) fn expectations(input: &[u8]) -> Vec<Expected> {
    let claimed = |items: &[Inbox::ClaimItem]| -> Vec<Expected> {
        items.iter().map(|item| Expected::Claimed(deposit_id(&item.deposit))).collect()
    };
    if let Ok(each) = Inbox::claimEachCall::abi_decode(input) {
        return claimed(&each.items);
    }
    // Journals written before claims were sent one by one.
    if let Ok(batch) = Inbox::claimBatchCall::abi_decode(input) {
        return claimed(&batch.items);
    }
    if let Ok(settle) = Inbox::settleCall::abi_decode(input) {
        return vec![Expected::Settled(deposit_id(&settle.deposit))];
    }
    if let Ok(close) = RiskGuard::closeOverdueCall::abi_decode(input) {
        return vec![Expected::Closed(DepositId(keccak256(close.deposit.abi_encode())))];
    }
    if let Ok(contradict) = Inbox::contradictCall::abi_decode(input) {
        return vec![Expected::Closed(deposit_id(&contradict.paid))];
    }
    if let Ok(submit) = CheckpointRegistry::submitCall::abi_decode(input) {
        return vec![Expected::Registered { chain: submit.sourceChain, height: submit.height }];
    }
    if stated::is_statement(input) {
        return vec![Expected::Stated];
    }
    match PauseController::pauseCall::abi_decode(input) {
        Ok(pause) => vec![Expected::Paused(pause.scope)],
        Err(_) => Vec::new(),
    }
}

fn deposit_id(deposit: &Inbox::Deposit) -> DepositId {
    DepositId(keccak256(deposit.abi_encode()))
}

fn fast_item(deposit: &Deposit, attestation: &FastAttestation) -> Inbox::ClaimItem {
    let proof = proof::fast(attestation.batch.root, attestation.index, &attestation.path);
    Inbox::ClaimItem { lane: lane::FAST, deposit: solidity_deposit(deposit), proof }
}

fn proven_item(deposit: &Deposit, evidence: &Evidence) -> Result<Inbox::ClaimItem, Refusal> {
    let refused = |error: proof::EncodeError| Refusal::for_ever(error.to_string());
    let lane = lane::of(evidence).map_err(refused)?;
    let proof = proof::encode(evidence, deposit).map_err(refused)?;
    Ok(Inbox::ClaimItem { lane, deposit: solidity_deposit(deposit), proof })
}

/// Nothing but pauses is brought where nothing is paid.
fn proofs(contracts: &Contracts) -> Result<&Proofs, Refusal> {
    contracts.proofs.as_ref().ok_or_else(|| Refusal::for_ever("only pauses are brought to this chain"))
}

fn attest(attestation: &FastAttestation, proofs: &Proofs) -> Prerequisite {
    let batch = &attestation.batch;
    let attest = FastLane::attestBatchCall {
        root: batch.root,
        count: batch.count,
        epoch: batch.epoch,
        expiry: batch.expiry,
        signatures: signatures_blob(&attestation.signatures),
    };
    Prerequisite {
        call: Call { to: proofs.fast_lane, input: attest.abi_encode().into() },
        unless: Unless::Attested { root: batch.root, epoch: batch.epoch, expiry: batch.expiry },
    }
}

fn store(signed: &SignedCheckpoint, registry: Address) -> Prerequisite {
    let checkpoint = &signed.checkpoint;
    let (chain, height, root, time) = (checkpoint.chain.hash(), checkpoint.height, checkpoint.root, checkpoint.time);
    let up_to = checkpoint.up_to;
    let submit = CheckpointRegistry::submitCall {
        sourceChain: chain,
        height,
        root,
        time,
        upTo: up_to,
        epoch: signed.epoch,
        signatures: signatures_blob(&signed.signatures),
    };
    Prerequisite {
        call: Call { to: registry, input: submit.abi_encode().into() },
        unless: Unless::Stored { chain, height, root, time, up_to },
    }
}
