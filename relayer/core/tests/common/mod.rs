//! A small bridge for the tests: real keys, real signatures, one transfer and its log.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{
    BatchTerms, Blocked, Context, Contradiction, Destination, Effect, EffectId, Event, FastAttestation, Input, Output,
    Policy, Refusal, Status, Transfer, TxRef, apply, may_broadcast, step,
};
use spandrel_risk::{Corridor, Lane, Limit, Limits, RiskEvent, RiskPolicy, RiskState, Scope};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::ethereum::{DepositEvidence, Inclusion};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::merkle::BatchTree;
use spandrel_verifiers::{
    AssetId, ChainId, Checkpoint, Deposit, DepositId, Evidence, LanePreference, SignedCheckpoint, SignedVerdict,
    Verdict, VerdictDomain,
};

pub const NOW: u64 = 1_700_000_000;
pub const EXPIRY: u64 = NOW + 100_000;
pub const EPOCH: u64 = 3;

static VERIFIERS: LazyLock<Vec<PrivateKeySigner>> = LazyLock::new(|| keys(0x10));
static SIGNERS: LazyLock<Vec<PrivateKeySigner>> = LazyLock::new(|| keys(0x20));

/// Three keys, by ascending address, and after them one that is in no set.
fn keys(from: u8) -> Vec<PrivateKeySigner> {
    let mut keys: Vec<_> = (0..3).map(|n| key(from + n)).collect();
    keys.sort_by_key(|key| key.address());
    keys.push(key(from + 9));
    keys
}

fn key(byte: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()
}

fn set(keys: &[PrivateKeySigner]) -> SignerSet {
    let members: BTreeSet<Address> = keys[..3].iter().map(|key| key.address()).collect();
    SignerSet::new(EPOCH, 2, members).unwrap()
}

pub fn source() -> ChainId {
    ChainId::eip155(1)
}

pub fn destination() -> ChainId {
    ChainId::eip155(9)
}

pub fn domain() -> VerdictDomain {
    VerdictDomain { chain_number: 9, inbox: Address::repeat_byte(7), registry: Address::repeat_byte(8) }
}

pub fn deposit() -> Deposit {
    Deposit {
        version: 1,
        source_chain: source(),
        source_bridge: B256::repeat_byte(2),
        source_key: B256::ZERO,
        asset: AssetId::parse("eip155:1/slip44:60").unwrap(),
        amount: U256::from(5),
        destination_chain: destination(),
        destination_bridge: Address::repeat_byte(7).into_word(),
        recipient: B256::repeat_byte(0xaa),
        sender: B256::repeat_byte(0xbb),
        lane: LanePreference::Any,
        expiry: EXPIRY,
    }
}

pub fn slow_deposit() -> Deposit {
    Deposit { lane: LanePreference::LightClient, ..deposit() }
}

pub fn open() -> Limits {
    Limits {
        per_transfer: Limit::Unlimited,
        exposure_cap: Limit::Unlimited,
        window: Limit::Unlimited,
        large_from: Limit::Unlimited,
        large_delay: 0,
        dust: U256::ZERO,
    }
}

pub fn policy(fast: Limits, proven: Limits) -> Policy {
    let corridor = |lane| Corridor::of(&deposit(), lane);
    let limits = BTreeMap::from([(corridor(Lane::Fast), fast), (corridor(Lane::LightClient), proven)]);
    let destination_config =
        Destination { domain: domain(), fast_lane: Address::repeat_byte(6), signers: set(&SIGNERS) };
    let policy = Policy {
        sources: BTreeMap::from([(source(), B256::repeat_byte(2))]),
        destinations: BTreeMap::from([(destination(), destination_config)]),
        verifiers: set(&VERIFIERS),
        risk: RiskPolicy::of_corridors(limits),
        pause_ttl: 3_600,
    };
    policy.validate().unwrap();
    policy
}

/// Block `n`: height `n`, on branch `b`.
pub fn block(n: u64, branch: u8) -> BlockRef {
    BlockRef { height: n, hash: keccak256([n as u8, branch]), time: NOW }
}

pub fn seen(deposit: &Deposit, block: BlockRef) -> SeenDeposit {
    SeenDeposit { deposit: deposit.clone(), block, transaction: B256::repeat_byte(1), position: 0 }
}

/// Evidence of `deposit` under an execution block whose header is `header`.
pub fn evidence(deposit: &Deposit, header: &'static str) -> Evidence {
    let inclusion = Inclusion {
        header: Bytes::from_static(header.as_bytes()),
        account_proof: vec![],
        storage_proof: vec![],
        deposit: deposit.clone(),
    };
    Evidence::Ethereum(Box::new(DepositEvidence { finality: None, inclusion }))
}

pub fn checkpoint(header: &str) -> Checkpoint {
    Checkpoint { chain: source(), height: 10, root: keccak256(header), time: NOW, up_to: Checkpoint::ANY_AMOUNT }
}

fn sign(key: &PrivateKeySigner, digest: B256) -> Signature {
    key.sign_hash_sync(&digest).unwrap()
}

/// A verdict by verifier `n` (3 is a stranger) for `domain`.
pub fn verdict_for(
    n: usize,
    id: DepositId,
    checkpoint: &Checkpoint,
    epoch: u64,
    domain: &VerdictDomain,
) -> SignedVerdict {
    let verdict = Verdict { deposit_id: id, checkpoint: checkpoint.clone(), epoch };
    let checkpoint_digest = checkpoint.digest(domain.chain_number, domain.registry, epoch);
    SignedVerdict {
        signature: sign(&VERIFIERS[n], verdict.digest(domain)),
        checkpoint_signature: sign(&VERIFIERS[n], checkpoint_digest),
        verdict,
    }
}

pub fn verdict(n: usize, deposit: &Deposit, header: &str) -> SignedVerdict {
    verdict_for(n, deposit.id(), &checkpoint(header), EPOCH, &domain())
}

pub fn verdicts(by: &[usize], deposit: &Deposit, header: &str) -> Input {
    Input::Verdicts(by.iter().map(|n| verdict(*n, deposit, header)).collect())
}

/// What an attestation is made of; each attack changes one field.
pub struct Attesting {
    pub chain: u64,
    pub contract: Address,
    pub epoch: u64,
    pub expiry: u64,
    pub by: Vec<usize>,
}

impl Default for Attesting {
    fn default() -> Self {
        Self { chain: 9, contract: Address::repeat_byte(6), epoch: EPOCH, expiry: NOW + 50_000, by: vec![0, 1] }
    }
}

impl Attesting {
    /// An attestation of `deposit` as the second of three.
    pub fn of(&self, deposit: &Deposit) -> FastAttestation {
        let ids = [DepositId(B256::repeat_byte(1)), deposit.id(), DepositId(B256::repeat_byte(2))];
        let tree = BatchTree::new(&ids).unwrap();
        let batch = BatchTerms { root: tree.root(), count: 3, epoch: self.epoch, expiry: self.expiry };
        let digest = batch.digest(self.chain, self.contract);
        let signatures = self.by.iter().map(|n| sign(&SIGNERS[*n], digest)).collect();
        FastAttestation { batch, signatures, index: 1, path: tree.path(1) }
    }
}

pub fn tx(n: u8) -> TxRef {
    TxRef { chain: destination(), hash: B256::repeat_byte(n), gas_used: Some(21_000) }
}

pub fn pay_id(deposit: &Deposit, lane: Lane) -> EffectId {
    pay_id_under(deposit, lane, 1)
}

/// Under the deposit's `proof`th checkpoint.
pub fn pay_id_under(deposit: &Deposit, lane: Lane, proof: u32) -> EffectId {
    EffectId::of_payout(deposit.id(), Some(lane), proof, &deposit.destination_chain)
}

pub fn settle_id(deposit: &Deposit) -> EffectId {
    settle_id_under(deposit, 1)
}

pub fn settle_id_under(deposit: &Deposit, proof: u32) -> EffectId {
    EffectId::of_payout(deposit.id(), None, proof, &deposit.destination_chain)
}

pub fn confirmation_id(deposit: &Deposit) -> EffectId {
    EffectId::of_confirmation(deposit.id(), &deposit.destination_chain)
}

/// A ledger of one transfer: every output is folded, every risk event applied.
#[derive(Debug)]
pub struct House {
    pub policy: Policy,
    pub deposit: Deposit,
    pub risk: RiskState,
    pub risk_log: Vec<RiskEvent>,
    pub transfer: Option<Transfer>,
    pub log: Vec<(Event, u64)>,
    pub now: u64,
}

impl House {
    pub fn new(deposit: Deposit) -> Self {
        Self::under(policy(open(), open()), deposit)
    }

    pub fn under(policy: Policy, deposit: Deposit) -> Self {
        let risk = RiskState::default();
        Self { policy, deposit, risk, risk_log: vec![], transfer: None, log: vec![], now: NOW }
    }

    pub fn context(&self) -> Context<'_> {
        Context { policy: &self.policy, risk: &self.risk, now: self.now }
    }

    /// Steps, stores, and answers what came out.
    pub fn try_tell(&mut self, input: &Input) -> Result<Output, Refusal> {
        let output = step(self.transfer.as_ref(), input, &self.context())?;
        if !output.events.is_empty() {
            self.transfer = Some(apply(self.transfer.take(), &output, self.now).unwrap());
        }
        self.log.extend(output.events.iter().map(|event| (event.clone(), self.now)));
        for event in &output.risk {
            self.risk.apply(event, self.now);
            self.risk_log.push(event.clone());
        }
        Ok(output)
    }

    pub fn tell(&mut self, input: Input) -> Output {
        self.try_tell(&input).unwrap()
    }

    pub fn transfer(&self) -> &Transfer {
        self.transfer.as_ref().unwrap()
    }

    pub fn status(&self) -> &Status {
        &self.transfer().status
    }

    pub fn see(&mut self, n: u64, branch: u8) -> Output {
        let seen = seen(&self.deposit, block(n, branch));
        self.tell(Input::Seen(seen))
    }

    pub fn reorg(&mut self, n: u64, branch: u8) -> Output {
        self.tell(Input::SourceReorged { ancestor: block(n - 1, 0), dropped: vec![block(n, branch).hash] })
    }

    pub fn finalize(&mut self, n: u64) -> Output {
        self.tell(Input::SourceFinal(block(n, 0)))
    }

    pub fn attest(&mut self) -> Output {
        let attestation = Attesting::default().of(&self.deposit);
        self.tell(Input::Attested(attestation))
    }

    /// From a final block to the quorum's verdicts.
    pub fn prove(&mut self) -> Output {
        self.prove_under("header")
    }

    /// Proves it again under another header, with what comes before.
    pub fn prove_under(&mut self, header: &'static str) -> Output {
        let deposit = self.deposit.clone();
        self.finalize(20);
        self.tell(Input::EvidenceBuilt(evidence(&deposit, header)));
        self.tell(verdicts(&[0, 1], &deposit, header))
    }

    /// The destination's answer to whether it was paid after its expiry.
    pub fn confirm(&mut self, progress: Progress) -> Output {
        let id = confirmation_id(&self.deposit);
        self.tell(Input::Progress(id, progress))
    }

    pub fn progress(&mut self, lane: Lane, progress: Progress) -> Output {
        let id = pay_id(&self.deposit, lane);
        self.tell(Input::Progress(id, progress))
    }

    pub fn settle(&mut self, progress: Progress) -> Output {
        let id = settle_id(&self.deposit);
        self.tell(Input::Progress(id, progress))
    }

    pub fn pause(&mut self, scope: Scope) {
        let until = self.now + 600;
        self.risk.apply(&RiskEvent::Paused { scope, until, reason: "test".to_owned() }, self.now);
    }

    pub fn may(&self, effect: &Effect) -> Result<(), Blocked> {
        may_broadcast(self.transfer(), effect, &self.context())
    }

    /// What of the lane's window is used.
    pub fn window(&self, lane: Lane) -> U256 {
        self.window_at(lane, self.now)
    }

    pub fn window_at(&self, lane: Lane, at: u64) -> U256 {
        self.risk.window_used(&Corridor::of(&self.deposit, lane), at).to()
    }

    pub fn exposure(&self) -> U256 {
        let deposit = &self.deposit;
        self.risk.exposure(&deposit.source_chain, &deposit.asset, &deposit.destination_chain).to()
    }
}

/// Another deposit, proven where `deposit` stood.
pub fn contradiction(deposit: &Deposit) -> Contradiction {
    let other = Deposit { amount: U256::from(6), ..deposit.clone() };
    let checkpoint = SignedCheckpoint { checkpoint: checkpoint("other"), epoch: EPOCH, signatures: vec![] };
    Contradiction { evidence: evidence(&other, "other"), deposit: other, checkpoint }
}

/// What the destination says when nobody had an expired deposit paid.
pub fn unpaid() -> Progress {
    Progress::Refused { reason: "DepositExpired".into(), lasting: Lasting::ForEver }
}

/// The effects' steps, in order.
pub fn steps(output: &Output) -> Vec<&'static str> {
    output.effects.iter().map(|asked| asked.effect.step()).collect()
}

/// The events' names, in order.
pub fn names(output: &Output) -> Vec<&'static str> {
    output.events.iter().map(Event::name).collect()
}

/// The risk events' names, in order, but for the decisions and what clearances are charged beside their windows.
pub fn risks(output: &Output) -> Vec<&'static str> {
    let name = |event: &RiskEvent| match event {
        RiskEvent::Charged { .. } | RiskEvent::Decided { .. } => None,
        RiskEvent::Proven { .. } => Some("proven"),
        RiskEvent::Cleared { .. } => Some("cleared"),
        RiskEvent::Returned { .. } => Some("returned"),
        RiskEvent::Settled { .. } => Some("settled"),
        RiskEvent::Shortfall { .. } => Some("shortfall"),
        RiskEvent::Closed { .. } => Some("closed"),
        RiskEvent::Reopened { .. } => Some("reopened"),
        RiskEvent::Paid { .. } => Some("paid"),
        RiskEvent::Paused { .. } => Some("paused"),
        RiskEvent::Resumed { .. } => Some("resumed"),
        RiskEvent::Priced { .. } => Some("priced"),
    };
    output.risk.iter().filter_map(name).collect()
}
