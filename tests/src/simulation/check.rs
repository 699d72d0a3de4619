//! What must hold, always and at the end (architecture.md, 4).

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::U512;
use spandrel_core::journal::{Journal, JournaledTx};
use spandrel_core::ledger::{Ledger, TransferFilter};
use spandrel_core::{Effect, EffectId, Executor, Standing, Status, Transfer};
use spandrel_risk::{Lane, Reason, RiskState, WINDOW_SECONDS};
use spandrel_store::Memory;
use spandrel_verifiers::{ChainId, DepositId};

use super::halts::Halts;
use super::keys::{self, EXPOSURE_CAP, FAST_CAP, PROVEN_CAP, WINDOWS};
use super::relayer::{Relayer, now};
use super::rules::{Payment, units};
use super::source::{Order, SourceChain};
use super::submitter::{ACCOUNT, NOTHING, input_of};
use super::universe::Universe;

/// What is wrong, in words.
pub type Finding = Result<(), String>;

/// The second bookkeeper: folds what is stored by itself, and knows what is true.
#[derive(Debug, Default)]
pub struct Checker {
    /// Every deposit that was ever really made.
    pub real: BTreeMap<DepositId, Order>,
    /// Deposits that were final when their chain broke its own finality: no bridge can know of that before it happens.
    pub lost: BTreeSet<DepositId>,
    /// What must hold of halts.
    pub halts: Halts,
    folded: BTreeMap<DepositId, Transfer>,
    risk: RiskState,
    risk_sequence: u64,
    writes: u64,
    last_tx: i64,
}

/// As things stood before a step.
#[derive(Debug)]
pub struct Stand {
    /// What is paused.
    pub risk: RiskState,
    /// Chains whose halt is stored.
    pub halted: Vec<ChainId>,
    /// The time.
    pub at: u64,
}

pub(super) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Finding {
    if holds { Ok(()) } else { Err(what()) }
}

/// Whether its newest signed form does what was journaled.
fn carries(tx: &JournaledTx) -> bool {
    input_of(tx).is_some_and(|input| input != NOTHING)
}

pub(super) fn stored<T, E: ToString>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("the ledger does not read: {}", error.to_string()))
}

impl Checker {
    /// After every step.
    pub fn always(&mut self, relayer: &Relayer, universe: &Universe) -> Finding {
        self.payments(universe)?;
        let writes = stored(relayer.ledger.writes())?;
        if std::mem::replace(&mut self.writes, writes) == writes {
            return Ok(());
        }
        self.halts.hold(&relayer.ledger)?;
        let transfers = stored(now(relayer.ledger.transfers(&TransferFilter::default())))?;
        for transfer in &transfers {
            self.folds(&relayer.ledger, transfer)?;
        }
        self.risk_folds(relayer)?;
        universe.sources.iter().try_for_each(|chain| cursor_passed_nothing(&relayer.ledger, chain, &transfers))
    }

    /// Every payment is of a real deposit, once, within the caps; what is paid by proof is final in the truth.
    fn payments(&self, universe: &Universe) -> Finding {
        let state = universe.destination.latest();
        let mut paid = BTreeSet::new();
        for payment in &state.payments {
            let id = payment.id;
            ensure(paid.insert(id), || format!("{id} was paid twice"))?;
            let Some(order) = self.real.get(&id) else { return Err(format!("{id} was paid and never made")) };
            let chain = universe.sources.iter().find(|chain| chain.id == payment.source);
            let Some(chain) = chain else { return Err(format!("{id} is from nowhere")) };
            ensure(units(order.deposit.amount) == payment.amount, || format!("{id}: another amount was paid"))?;
            let cap = if payment.lane == Lane::Fast { FAST_CAP } else { PROVEN_CAP };
            ensure(payment.amount <= cap, || format!("{id}: {} over the transfer cap {cap}", payment.amount))?;
            ensure(!payment.is_proven || chain.is_final(id) || self.lost.contains(&id), || {
                format!("{id} was proven and is not final")
            })?;
        }
        universe.sources.iter().try_for_each(|chain| self.released_is_locked(universe, chain))
    }

    fn released_is_locked(&self, universe: &Universe, chain: &SourceChain) -> Finding {
        let state = universe.destination.latest();
        let exposure = state.exposure(&chain.id);
        ensure(exposure <= EXPOSURE_CAP, || format!("exposure {exposure} over {EXPOSURE_CAP} from {}", chain.id))?;
        let payments = || state.payments.iter().filter(|payment| payment.source == chain.id);
        let released: u64 = payments().map(|payment| payment.amount).sum();
        for (lane, window) in [Lane::Fast, Lane::LightClient].into_iter().zip(WINDOWS) {
            let used = most_of_a_day(payments().filter(|payment| payment.lane == lane));
            ensure(used <= window, || {
                format!("{used} paid in a day by the {lane} lane from {}, over {window}", chain.id)
            })?;
        }
        let vanished = || payments().filter(|payment| chain.mined(payment.id).is_none());
        let gone: u64 = vanished().map(|payment| payment.amount).sum();
        let avoidable = vanished().filter(|payment| !self.lost.contains(&payment.id));
        let short: u64 = avoidable.map(|payment| payment.amount).sum();
        let here = chain.standing().iter().filter_map(|(id, _)| self.real.get(id));
        let locked: u64 = here.map(|order| units(order.deposit.amount)).sum();
        ensure(short <= EXPOSURE_CAP, || format!("shortfall {short} over {EXPOSURE_CAP} from {}", chain.id))?;
        ensure(released - gone <= locked, || format!("released {released} - {gone} over locked {locked}"))
    }

    /// Events fold to the projection.
    fn folds(&mut self, ledger: &Memory, transfer: &Transfer) -> Finding {
        let id = transfer.id;
        let from = self.folded.get(&id).map_or(0, |folded| folded.sequence);
        if from == transfer.sequence {
            return ensure(self.folded.get(&id) == Some(transfer), || format!("{id} changed without an event"));
        }
        let events = stored(now(ledger.events(id)))?;
        ensure(events.len() as u64 == transfer.sequence, || format!("{id}: events and sequence differ"))?;
        let mut folded = self.folded.remove(&id);
        for event in events.into_iter().skip(from as usize) {
            let next = Transfer::fold(folded, id, &event.body, event.at);
            folded = Some(next.map_err(|error| format!("{id} does not fold: {error}"))?);
        }
        ensure(folded.as_ref() == Some(transfer), || format!("{id} does not fold to {}", summary(transfer)))?;
        self.folded.extend(folded.map(|folded| (id, folded)));
        Ok(())
    }

    /// The risk log folds to the book's risk state, and that stays within the cap.
    fn risk_folds(&mut self, relayer: &Relayer) -> Finding {
        for event in stored(now(relayer.ledger.risk_events(self.risk_sequence)))? {
            ensure(event.sequence == self.risk_sequence, || "a gap in the risk log".to_owned())?;
            self.risk.apply(&event.body, event.at);
            self.risk_sequence += 1;
        }
        ensure(now(relayer.book.read_risk(|risk| *risk == self.risk)), || {
            "the risk log does not fold to the risk state".to_owned()
        })?;
        for source in keys::sources() {
            let exposure = self.risk.exposure(&source, &keys::asset(&source), &keys::destination());
            ensure(exposure <= U512::from(EXPOSURE_CAP), || format!("risk exposure {exposure} from {source}"))?;
        }
        Ok(())
    }

    /// What the submitter opened in a step that began as it `stand`s: nothing that a pause covers.
    pub fn nothing_sent_under(&mut self, ledger: &Memory, stand: &Stand) -> Finding {
        let open = stored(now(ledger.open_txs(&keys::destination(), ACCOUNT)))?;
        let last = self.last_tx;
        for tx in open.into_iter().filter(|tx| tx.number > last) {
            self.require_open(ledger, &tx, stand, "sent")?;
            self.last_tx = self.last_tx.max(tx.number);
        }
        Ok(())
    }

    /// How often each open transaction that carries something was signed.
    pub fn signed(&self, ledger: &Memory) -> Result<BTreeMap<i64, usize>, String> {
        let open = stored(now(ledger.open_txs(&keys::destination(), ACCOUNT)))?;
        Ok(open.into_iter().filter(carries).map(|tx| (tx.number, tx.attempts.len())).collect())
    }

    /// What was signed since `before` in a step that began as it `stand`s: nothing that a pause covers.
    pub fn nothing_signed_under(&self, ledger: &Memory, before: &BTreeMap<i64, usize>, stand: &Stand) -> Finding {
        let open = stored(now(ledger.open_txs(&keys::destination(), ACCOUNT)))?;
        let is_new = |tx: &JournaledTx| before.get(&tx.number).is_none_or(|signed| tx.attempts.len() > *signed);
        for tx in open.iter().filter(|tx| carries(tx) && is_new(tx)) {
            self.require_open(ledger, tx, stand, "signed")?;
        }
        Ok(())
    }

    fn require_open(&self, ledger: &Memory, tx: &JournaledTx, stand: &Stand, what: &str) -> Finding {
        for effect in &tx.tx.effects {
            let Some(leased) = stored(now(ledger.effect(*effect)))? else { continue };
            let transfer = stored(now(ledger.transfer(leased.deposit)))?;
            if let (Some(lane), Some(transfer)) = (leased.effect.lane(), transfer) {
                let scope = stand.risk.paused_by(&transfer.deposit, lane, stand.at);
                ensure(scope.is_none(), || format!("{} was {what} under a pause of {scope:?}", transfer.id))?;
            }
        }
        Ok(())
    }

    /// What was given to a node in a step that began as it `stand`s: nothing of a halted chain, but pauses and what closes a fast
    /// lane.
    pub fn nothing_of_a_halted_chain(&self, ledger: &Memory, broadcast: &[Vec<EffectId>], stand: &Stand) -> Finding {
        for effect in broadcast.iter().flatten().filter(|_| !stand.halted.is_empty()) {
            let Some(leased) = stored(now(ledger.effect(*effect)))? else { continue };
            let Some(transfer) = stored(now(ledger.transfer(leased.deposit)))? else { continue };
            let is_halted = stand.halted.contains(&transfer.deposit.source_chain);
            let is_safe = leased.effect.closes_fast_lane() || matches!(leased.effect, Effect::Pause { .. });
            ensure(!is_halted || is_safe, || {
                format!("{} of {} was broadcast while its chain is halted", leased.effect.step(), transfer.id)
            })?;
        }
        Ok(())
    }

    /// Whether nothing is under way: every deposit is final and known, and no transfer will move by itself.
    pub fn is_quiet(&self, relayer: &Relayer, universe: &Universe) -> Result<bool, String> {
        let is_known = |id: &DepositId| self.folded.contains_key(id);
        let are_final = universe.sources.iter().all(|chain| {
            chain.standing().iter().all(|(id, block)| is_known(id) && block.height <= chain.final_height())
        });
        let waits = |transfer: &Transfer| match &transfer.status {
            // Until it expires: then it ends at its next tick.
            Status::Held { reason, .. } => {
                let is_patient = matches!(reason, Reason::PerTransferCap { .. } | Reason::Window { .. });
                is_patient && transfer.deposit.expiry >= universe.now
            }
            Status::Reorged { .. } | Status::Shortfall { .. } => transfer.deposit.expiry < universe.now,
            status => status.is_terminal(),
        };
        let open = stored(now(relayer.ledger.open_txs(&keys::destination(), ACCOUNT)))?;
        let are_closed = overdue_and_open(universe).is_none();
        Ok(are_final
            && are_closed
            && open.is_empty()
            && self.folded.values().all(waits)
            && self.left_to_do(relayer)?.is_none())
    }

    /// Once the world was quiet for long enough, and before anything expires: what could be paid is paid.
    pub fn everything_payable_is_paid(&self, relayer: &Relayer, universe: &Universe) -> Finding {
        let state = universe.destination.finalized();
        for (id, order) in &self.real {
            let chain = universe.sources.iter().find(|chain| chain.id == order.deposit.source_chain);
            if !chain.is_some_and(|chain| chain.is_final(*id)) {
                continue;
            }
            let transfer = stored(now(relayer.ledger.transfer(*id)))?;
            let Some(transfer) = transfer else { return Err(format!("{id} is final and was forgotten")) };
            let has_reason = match &transfer.status {
                Status::Final { .. } | Status::Settled { .. } => {
                    state.payment(*id).is_some_and(|payment| payment.is_proven)
                }
                Status::Held { reason, .. } => matches!(reason, Reason::PerTransferCap { .. } | Reason::Window { .. }),
                Status::Rejected { reason } => match reason {
                    Reason::Expired { .. } => order.deposit.expiry < universe.now,
                    Reason::Dust { .. } | Reason::Mismatch { .. } => true,
                    _ => false,
                },
                _ => false,
            };
            ensure(has_reason, || format!("{id} is final and payable, but {}", summary(&transfer)))?;
        }
        Ok(())
    }

    /// After every expiry: all transfers ended or say why not, and nobody has anything left to do for one that ended.
    pub fn everything_ended(&self, relayer: &Relayer, universe: &Universe) -> Finding {
        let transfers = stored(now(relayer.ledger.transfers(&TransferFilter::default())))?;
        for transfer in &transfers {
            let status = &transfer.status;
            let is_aside = matches!(status, Status::Reorged { .. } | Status::Shortfall { .. });
            let paid = universe.destination.finalized().payment(transfer.id);
            ensure(status.is_terminal() || is_aside, || format!("{} ended as {}", transfer.id, summary(transfer)))?;
            let is_paid = matches!(status, Status::Final { .. } | Status::Settled { .. } | Status::Shortfall { .. });
            ensure(paid.is_some() == is_paid, || format!("{} is {} and paid: {paid:?}", transfer.id, status.name()))?;
        }
        let overdue = overdue_and_open(universe);
        ensure(overdue.is_none(), || format!("{overdue:?} is overdue, and its fast lane is open"))?;
        let left = self.left_to_do(relayer)?;
        ensure(left.is_none(), || left.unwrap_or_default())
    }

    /// Work in the outbox for a transfer that ended.
    fn left_to_do(&self, relayer: &Relayer) -> Result<Option<String>, String> {
        let snapshot = stored(relayer.ledger.snapshot())?;
        let mut executors = vec![Executor::Verifiers, Executor::Signers];
        executors.push(Executor::Destination { chain: keys::destination() });
        executors.extend(keys::sources().map(|chain| Executor::Evidence { chain }));
        for executor in executors {
            let far = u64::from(u32::MAX) * 4;
            for left in stored(now(snapshot.lease(&executor, far, far, u32::MAX)))? {
                // It looks at its payout again when that is overdue.
                let waits = matches!(left.effect, Effect::CloseOverdue { .. });
                if !waits && self.folded.get(&left.deposit).is_none_or(|transfer| transfer.status.is_terminal()) {
                    return Ok(Some(format!("{} ended, and {} is left to do", left.deposit, left.effect.step())));
                }
            }
        }
        Ok(None)
    }

    /// How deposits were paid, for the tally.
    pub fn lanes(universe: &Universe) -> impl Iterator<Item = Lane> + '_ {
        universe.destination.latest().payments.iter().map(|payment| payment.lane)
    }
}

/// The most that was paid within 24 hours.
fn most_of_a_day<'a>(payments: impl Iterator<Item = &'a Payment>) -> u64 {
    let all: Vec<&Payment> = payments.collect();
    let up_to = |end: u64| all.iter().filter(move |payment| payment.at <= end && end - payment.at < WINDOW_SECONDS);
    all.iter().map(|last| up_to(last.at).map(|payment| payment.amount).sum()).max().unwrap_or_default()
}

/// A fast payout that was not proven in time, and whose lane did not close for it.
fn overdue_and_open(universe: &Universe) -> Option<DepositId> {
    let state = universe.destination.finalized();
    let is_overdue = |payment: &&Payment| !payment.is_proven && payment.deadline < universe.now;
    let mut overdue = state.payments.iter().filter(is_overdue);
    overdue.find(|payment| !state.closed.contains(&payment.source)).map(|payment| payment.id)
}

/// What a reader of a failure wants to know first.
fn summary(transfer: &Transfer) -> String {
    let Transfer { status, deposit, fast_refused, issued, payout, sequence, .. } = transfer;
    let (amount, expiry, is_final) = (deposit.amount, deposit.expiry, transfer.is_source_final());
    format!(
        "{} ({status:?}): amount {amount}, expiry {expiry}, final {is_final}, fast refused {fast_refused:?}, \
         issued {issued:?}, payout {payout:?}, sequence {sequence}",
        status.name()
    )
}

/// Every deposit on the cursor's branch is stored and stands where the branch has it, and none stands elsewhere.
fn cursor_passed_nothing(ledger: &Memory, chain: &SourceChain, transfers: &[Transfer]) -> Finding {
    let Some(cursor) = stored(now(ledger.cursor(&chain.id)))? else { return Ok(()) };
    let tip = cursor.tip().and_then(|tip| chain.block(tip.hash));
    let Some(tip) = tip else { return Err(format!("the cursor of {} stands on no block", chain.id)) };
    for (id, _) in tip.branch.iter() {
        ensure(transfers.iter().any(|transfer| transfer.id == *id), || format!("the cursor passed {id} unstored"))?;
    }
    for transfer in transfers.iter().filter(|transfer| transfer.deposit.source_chain == chain.id) {
        if transfer.status.is_terminal() {
            continue;
        }
        let found = match &transfer.standing {
            Standing::Mined { seen, .. } => Some(&seen.block),
            Standing::Gone { .. } => None,
        };
        let expected = tip.branch.iter().find(|(id, _)| *id == transfer.id).map(|(_, block)| block);
        ensure(found == expected, || {
            format!("{} stands in {found:?}, the cursor has it in {expected:?}", transfer.id)
        })?;
    }
    Ok(())
}
