//! Samples: everything about deposit `n` follows from `n`.

use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use spandrel_core::journal::{Attempt, NewTx, TxState};
use spandrel_core::ledger::{Commit, CursorMove, EffectEnd, Halt, NewEffect, TransferChange};
use spandrel_core::{
    BatchTerms, Effect, EffectId, Event, Executor, FastAttestation, Standing, Status, Transfer, Turn, TxRef,
};
use spandrel_risk::control::{Act, ControlEvent, Outcome, SignedStatement, Statement};
use spandrel_risk::{Lane, RiskEvent, Scope};
use spandrel_verifiers::bitcoin::{self, DepositTerms};
use spandrel_verifiers::follow::{BlockRef, Cursor, SeenDeposit};
use spandrel_verifiers::{
    AssetId, ChainId, Checkpoint, Deposit, Evidence, LanePreference, SignedCheckpoint, SignedVerdict, UnixSeconds,
    Verdict, ethereum,
};

/// A time after everything else in the tests.
pub const LATER: UnixSeconds = 5_000;

/// How many deposits there are.
pub const MANY: u64 = 6;

pub fn ethereum() -> ChainId {
    ChainId::eip155(31337)
}

pub fn bitcoin() -> ChainId {
    ChainId::parse("bip122:0f9188f13cb7b2c71f2a335e3a4fc328").unwrap()
}

pub fn destination() -> ChainId {
    ChainId::eip155(31338)
}

pub fn chains() -> [ChainId; 3] {
    [ethereum(), bitcoin(), destination()]
}

pub fn signers() -> [Address; 2] {
    [Address::repeat_byte(0xa1), Address::repeat_byte(0xb2)]
}

/// Even ones come from Ethereum, odd ones from Bitcoin.
pub fn deposit(n: u64) -> Deposit {
    let source_chain = if n.is_multiple_of(2) { ethereum() } else { bitcoin() };
    let asset = AssetId::parse(&format!("{source_chain}/slip44:0")).unwrap();
    Deposit {
        version: Deposit::VERSION,
        source_chain,
        source_bridge: B256::repeat_byte(1),
        source_key: U256::from(n).into(),
        asset,
        amount: U256::MAX - U256::from(n),
        destination_chain: destination(),
        destination_bridge: B256::repeat_byte(2),
        recipient: B256::repeat_byte(3),
        sender: B256::repeat_byte(4),
        lane: LanePreference::Any,
        expiry: u64::MAX,
    }
}

pub fn block(height: u64) -> BlockRef {
    BlockRef { height, hash: keccak256(height.to_be_bytes()), time: height * 12 }
}

pub fn seen(n: u64) -> SeenDeposit {
    SeenDeposit { deposit: deposit(n), block: block(n), transaction: B256::repeat_byte(9), position: 1 }
}

pub fn tx_ref(n: u64) -> TxRef {
    TxRef { chain: destination(), hash: keccak256(n.to_le_bytes()), gas_used: Some(n) }
}

/// What happens to deposit `n` with sequence `sequence`, and the status after it: 0 seen, 1 to 3 on the way,
/// 4 paid, more: seen again.
pub fn event(n: u64, sequence: u64) -> (Event, Status) {
    let (lane, tx) = (Lane::LightClient, tx_ref(n));
    match sequence {
        1 => (Event::Cleared { lane }, Status::Cleared { lane }),
        2 => (Event::Submitted { lane, tx: tx.clone() }, Status::Submitted { lane, tx }),
        3 => (Event::Executed { lane, tx: tx.clone() }, Status::Executed { lane, tx }),
        4 => (Event::PayoutFinal { lane, tx: tx.clone() }, Status::Final { tx }),
        _ => (Event::Observed { seen: seen(n) }, Status::Observed),
    }
}

/// Transfer `n` after `sequence` events, of which the first was stored at `created_at`.
pub fn transfer(n: u64, sequence: u64, created_at: UnixSeconds) -> Transfer {
    let born = Transfer::fold(None, deposit(n).id(), &event(n, 0).0, created_at).unwrap();
    Transfer {
        standing: Standing::Mined { seen: seen(n), is_final: sequence > 1 },
        status: event(n, sequence.saturating_sub(1)).1,
        sequence,
        updated_at: created_at + sequence,
        ..born
    }
}

/// `count` more events after `expected` ones.
pub fn change(n: u64, expected: u64, count: u64) -> TransferChange {
    TransferChange {
        expected_sequence: expected,
        events: (expected..expected + count).map(|sequence| event(n, sequence).0).collect(),
        after: transfer(n, expected + count, 100 + n),
    }
}

/// A commit of one change.
pub fn transfer_commit(n: u64, expected: u64, count: u64) -> Commit {
    Commit { now: 100 + n, transfers: vec![change(n, expected, count)], ..Commit::default() }
}

pub fn cursor(height: u64) -> Cursor {
    Cursor { recent: vec![block(height - 1), block(height)], finalized: Some(block(height - 1)) }
}

/// A move from one height to another; 0 is nowhere.
pub fn cursor_move(chain: ChainId, from: u64, to: u64) -> CursorMove {
    CursorMove { chain, expected: (from > 0).then(|| cursor(from)), next: cursor(to) }
}

pub fn risk(n: u64) -> RiskEvent {
    let Deposit { source_chain: source, asset, amount, .. } = deposit(n);
    match n % 4 {
        0 => RiskEvent::Proven { id: deposit(n).id(), source, asset, amount },
        1 => RiskEvent::Settled { id: deposit(n).id() },
        2 => RiskEvent::Closed { id: deposit(n).id(), expiry: deposit(n).expiry },
        _ => {
            let scope = Scope::Lane { lane: Lane::Fast, source: Some(source) };
            RiskEvent::Paused { scope, until: n, reason: "a drill".to_owned() }
        }
    }
}

/// The effects of deposit `n`: its payout, its settlement stand-in (a pause), its attestation.
pub fn effects(n: u64) -> [NewEffect; 3] {
    let to = || Executor::Destination { chain: destination() };
    [
        effect(n, to(), Effect::Pause { scope: Scope::Global, ttl: n, stated: None }, 0),
        effect(n, Executor::Evidence { chain: bitcoin() }, Effect::BuildEvidence { seen: seen(n), at: block(9) }, 0),
        effect(n, Executor::Signers, Effect::RequestAttestation { seen: seen(n) }, 0),
    ]
}

pub fn effect(n: u64, executor: Executor, effect: Effect, run_at: UnixSeconds) -> NewEffect {
    let deposit = deposit(n).id();
    NewEffect { id: effect.id(deposit, &executor, Turn::default()), deposit, executor, effect, run_at }
}

/// The first effect of deposit `n`, due at `run_at`.
pub fn due(n: u64, run_at: UnixSeconds) -> NewEffect {
    let [first, ..] = effects(n);
    NewEffect { run_at, ..first }
}

pub fn payer() -> Executor {
    Executor::Destination { chain: destination() }
}

/// What guardians did, the `n`th time.
pub fn control(n: u64) -> ControlEvent {
    let act = Act::Pause { scope: Scope::Global, seconds: 60 + n };
    let guardian = Address::repeat_byte(0xc1);
    let statement = Statement { act, reason: "a drill".to_owned(), guardian, nonce: n, expiry: 500 };
    let signed = SignedStatement { statement, signature: Bytes::from(vec![27; 65]) };
    ControlEvent::Taken {
        digest: B256::repeat_byte(0xc2),
        signer: guardian,
        person: "ada".to_owned(),
        signed: Box::new(signed),
    }
}

/// A guardian's pause and what it does, onto a control log of `expected` and a risk log of two.
pub fn control_commit(expected: u64) -> Commit {
    let outcome = Outcome::Paused { scope: Scope::Global, until: 160 };
    let done = ControlEvent::Done { proposal: None, outcome, by: "ada: a drill".to_owned(), before: None };
    Commit {
        now: 101,
        expected_control_sequence: expected,
        expected_risk_sequence: 2,
        risk: done.risk().into_iter().collect(),
        control: vec![control(expected), done],
        ..Commit::default()
    }
}

/// A commit of effects.
pub fn effect_commit(effects: impl IntoIterator<Item = NewEffect>) -> Commit {
    Commit { now: 1, effects: effects.into_iter().collect(), ..Commit::default() }
}

/// A commit of ends.
pub fn end_commit(ended: impl IntoIterator<Item = (EffectId, EffectEnd)>) -> Commit {
    Commit { now: 1, ended: ended.into_iter().collect(), ..Commit::default() }
}

pub fn retry(run_at: UnixSeconds) -> EffectEnd {
    EffectEnd::Retry { run_at, error: "the node did not answer".to_owned() }
}

/// A transaction of the first signer that carries the first effects of `deposits`.
pub fn new_tx(deposits: impl IntoIterator<Item = u64>, chain_nonce: u64) -> NewTx {
    NewTx {
        chain: destination(),
        signer: Address::repeat_byte(0xa1),
        effects: deposits.into_iter().map(|n| due(n, 0).id).collect(),
        to: Address::repeat_byte(0xcc),
        input: Bytes::from_static(&[0, 1, 2, 0xff]),
        gas_limit: 300_000,
        chain_nonce,
    }
}

pub fn attempt(k: u8) -> Attempt {
    Attempt {
        hash: B256::repeat_byte(k),
        raw: Bytes::from(vec![2, k]),
        max_fee_per_gas: u128::MAX - u128::from(k),
        max_priority_fee_per_gas: u128::from(k),
        at: 7,
    }
}

pub fn included(k: u8, success: bool) -> TxState {
    let (hash, block) = (B256::repeat_byte(k), B256::repeat_byte(0xbb));
    TxState::Included { hash, height: 12, block, success, gas_used: 21_000, fee: U256::MAX }
}

pub fn final_state(k: u8, success: bool) -> TxState {
    TxState::Final { hash: B256::repeat_byte(k), success }
}

pub fn terms(n: u64) -> DepositTerms {
    DepositTerms {
        destination_chain: destination(),
        destination_bridge: B256::repeat_byte(2),
        recipient: U256::from(n).into(),
        lane: LanePreference::Fast,
        expiry: n,
        refund_key: B256::repeat_byte(5),
        refund_delay: 1008,
    }
}

pub fn script(n: u8) -> Bytes {
    let mut script = vec![0x51, 0x20];
    script.extend([n; 32]);
    script.into()
}

/// A commit that touches everything there is.
pub fn everything(n: u64) -> Commit {
    Commit {
        now: 100 + n,
        cursor: Some(cursor_move(ethereum(), n, n + 1)),
        transfers: vec![change(n, 0, 2)],
        expected_control_sequence: 0,
        control: vec![],
        expected_risk_sequence: 2 * n,
        risk: vec![risk(n), risk(n + 1)],
        effects: effects(n).to_vec(),
        ended: Vec::new(),
        halt: Some(Halt::told(bitcoin(), format!("block {n} was replaced"))),
        acknowledged: None,
    }
}

fn signature(n: u64) -> Signature {
    Signature::new(U256::MAX - U256::from(n), U256::from(n), n.is_multiple_of(2))
}

pub fn evidence() -> [Evidence; 2] {
    let bytes = |n: u8| Bytes::from(vec![n; 40]);
    let bitcoin = bitcoin::Inclusion {
        height: u64::MAX,
        header: bytes(1),
        transaction: bytes(2),
        index: u32::MAX,
        path: vec![B256::repeat_byte(3), B256::ZERO],
        coinbase: bytes(4),
        coinbase_path: Vec::new(),
        output: 7,
        terms: terms(1),
    };
    let inclusion = ethereum::Inclusion {
        header: bytes(5),
        account_proof: vec![bytes(6), Bytes::new()],
        storage_proof: Vec::new(),
        deposit: deposit(0),
    };
    let ethereum = ethereum::DepositEvidence { finality: Some(bytes(7)), inclusion };
    [Evidence::Bitcoin(Box::new(bitcoin)), Evidence::Ethereum(Box::new(ethereum))]
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        chain: bitcoin(),
        height: u64::MAX,
        root: B256::repeat_byte(8),
        time: u64::MAX,
        up_to: Checkpoint::ANY_AMOUNT,
    }
}

pub fn signed_checkpoint() -> SignedCheckpoint {
    SignedCheckpoint { checkpoint: checkpoint(), epoch: u64::MAX, signatures: vec![signature(1), signature(2)] }
}

pub fn signed_verdict() -> SignedVerdict {
    let verdict = Verdict { deposit_id: deposit(0).id(), checkpoint: checkpoint(), epoch: 1 };
    SignedVerdict { verdict, signature: signature(3), checkpoint_signature: signature(4) }
}

pub fn attestation() -> FastAttestation {
    let batch = BatchTerms { root: B256::repeat_byte(9), count: u32::MAX, epoch: u64::MAX, expiry: u64::MAX };
    FastAttestation { batch, signatures: vec![signature(5)], index: 3, path: vec![B256::repeat_byte(1)] }
}
