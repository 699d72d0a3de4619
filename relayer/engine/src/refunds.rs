//! Opening refunds: a deposit that expired unpaid is taken back under a checkpoint of its destination, later than its expiry,
//! in the registry beside the vault; one that was dropped on its destination, under one later than that. Where payouts the
//! other way bring none, verifiers are asked for one.
//!
//! A checkpoint is asked for only while a deposit waits for it: one above dust, that is not taken back yet. However many wait,
//! one is registered for a source and a destination, and none in the hour after: its effect has an id of the clock's hour, and
//! the one before counts too, also after a restart. So strangers who deposit to have the relayer spend gas have it spend no more
//! than that.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_primitives::Address;
use spandrel_core::ledger::{Ledger, NewEffect};
use spandrel_core::refund::{Unpaid, Waiting};
use spandrel_core::{Effect, EffectId, Executor};
use spandrel_risk::{Corridor, Lane};
use spandrel_verifiers::attestation::Collector;
use spandrel_verifiers::{ChainId, Checkpoint, DepositId, SignedCheckpoint, UnixSeconds};
use spandrel_watchers::refund::{FinalBlocks, Newest, RefundView};
use tokio_util::sync::CancellationToken;

use crate::{BlockRequest, Book, Bus, Change, CheckpointVote, Clock, EngineError, Message, repeat};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(15);
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
/// Seconds after it could be taken back in which a deposit is looked after.
const LOOKED_AFTER: u64 = 90 * DAY;
/// Seconds for which the same block is asked for.
const ASKED_FOR: u64 = 600;
/// Most deposits of one source and destination that a node is asked for in one look.
const MOST_ASKED: usize = 32;

/// A source whose vault pays back.
pub struct Refunding {
    /// EVM chain number.
    pub number: u64,
    /// The registry there.
    pub registry: Address,
    /// What is read there, by each of its nodes. One that says that a deposit waits is enough: the others may lie.
    pub views: Vec<Box<dyn RefundView>>,
}

/// The relayer's side of refunds.
pub struct RefundDesk<L, C, B> {
    book: Arc<Book<L, C>>,
    bus: B,
    sources: BTreeMap<ChainId, Refunding>,
    /// By destination: those whose blocks verifiers prove.
    destinations: BTreeMap<ChainId, Box<dyn FinalBlocks>>,
    asked: Mutex<BTreeMap<(ChainId, ChainId), Pending>>,
    taken_back: Mutex<TakenBack>,
    /// By source and destination.
    registered: Mutex<BTreeMap<(ChainId, ChainId), Registered>>,
}

/// What this ledger had registered: to which hour of the clock it was looked for, and the newest of it.
type Registered = (u64, Option<Checkpoint>);

/// Deposits that were taken back by the word of a node, on a day since the epoch. Nodes are asked anew on the next, as a reorg
/// may undo a refund.
#[derive(Default)]
struct TakenBack {
    day: u64,
    known: BTreeSet<(usize, DepositId)>,
}

/// A checkpoint that verifiers were asked for.
struct Pending {
    since: UnixSeconds,
    checkpoint: Checkpoint,
    request: Arc<BlockRequest>,
    votes: Collector,
}

impl<L: Ledger + Unpaid, C: Clock, B: Bus> RefundDesk<L, C, B> {
    /// A desk for these sources and destinations.
    pub fn new(
        book: Arc<Book<L, C>>,
        bus: B,
        sources: BTreeMap<ChainId, Refunding>,
        destinations: BTreeMap<ChainId, Box<dyn FinalBlocks>>,
    ) -> Self {
        let (asked, taken_back, registered) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { book, bus, sources, destinations, asked, taken_back, registered }
    }

    /// Looks four times a minute until told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), EngineError> {
        let clock = self.book.clock().clone();
        let step = || async { self.look_once().await.map(|()| false) };
        repeat("refunds", clock.clone(), stop, step, || clock.sleep(EVERY)).await
    }

    /// Asks for the checkpoints that deposits wait for. A chain that does not answer keeps no other waiting.
    pub async fn look_once(&self) -> Result<(), EngineError> {
        for (source, refunding) in &self.sources {
            for destination in self.destinations.keys().filter(|destination| *destination != source) {
                if !self.may_register(source, destination).await? {
                    continue;
                }
                match self.longest_waiting(source, refunding, destination).await? {
                    Some(waiting) => self.ask(source, refunding, destination, waiting.since).await?,
                    None => drop(lock(&self.asked).remove(&(source.clone(), destination.clone()))),
                }
            }
        }
        Ok(())
    }

    /// Whether none was registered in this hour of the clock or the one before.
    async fn may_register(&self, source: &ChainId, destination: &ChainId) -> Result<bool, EngineError> {
        let hour = self.book.clock().now() / HOUR;
        for hour in [hour, hour.saturating_sub(1)] {
            let id = EffectId::of_registration(source, destination, hour);
            if self.book.ledger().effect(id).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The newest checkpoint that this ledger had registered, whether or not it is stored there.
    async fn registered(
        &self,
        source: &ChainId,
        refunding: &Refunding,
        destination: &ChainId,
    ) -> Result<Option<Checkpoint>, EngineError> {
        let (pair, hour) = ((source.clone(), destination.clone()), self.book.clock().now() / HOUR);
        let (looked, mut newest) = lock(&self.registered).get(&pair).cloned().unwrap_or_default();
        for hour in (looked.max(hour.saturating_sub(LOOKED_AFTER / HOUR))..=hour).rev() {
            let stored = self.book.ledger().effect(EffectId::of_registration(source, destination, hour)).await?;
            if let Some(Effect::RegisterCheckpoint { registry, checkpoint }) = stored.map(|stored| stored.effect)
                && registry == refunding.registry
            {
                newest = Some(checkpoint.checkpoint);
                break;
            }
        }
        lock(&self.registered).insert(pair, (hour, newest.clone()));
        Ok(newest)
    }

    /// The first of those that are not taken back, and under no checkpoint could be, by the word of any node.
    async fn longest_waiting(
        &self,
        source: &ChainId,
        refunding: &Refunding,
        destination: &ChainId,
    ) -> Result<Option<Waiting>, EngineError> {
        let own = self.registered(source, refunding, destination).await?;
        for (node, view) in refunding.views.iter().enumerate() {
            let newest = match view.newest(destination, own.as_ref()).await {
                Ok(newest) if newest.max_age == 0 => continue,
                Ok(newest) if newest.is_never_usable() => {
                    let Newest { max_age, hold, .. } = newest;
                    tracing::warn!(%source, %destination, max_age, hold, "checkpoints are too old before they refund anything");
                    continue;
                }
                Ok(newest) => newest,
                Err(error) => {
                    tracing::info!(%source, %destination, %error, "a node does not tell what refunds wait for");
                    continue;
                }
            };
            let now = self.book.clock().now();
            // What runs out within the half of its time is renewed, so that a depositor has the other half.
            let is_fresh = now <= newest.time.saturating_add(newest.max_age / 2);
            let since = if is_fresh { newest.time } else { now.saturating_sub(LOOKED_AFTER) };
            let unpaid = self.unpaid(source, destination, since..=now.saturating_sub(1)).await?;
            let asked: Vec<Waiting> = {
                let taken_back = self.taken_back(now);
                let is_open = |waiting: &Waiting| !taken_back.known.contains(&(node, waiting.deposit.id()));
                unpaid.into_iter().filter(is_open).take(MOST_ASKED).collect()
            };
            for waiting in asked {
                let id = waiting.deposit.id();
                match view.is_refunded(id).await {
                    Ok(false) => return Ok(Some(waiting)),
                    Ok(true) => drop(self.taken_back(now).known.insert((node, id))),
                    Err(error) => {
                        tracing::info!(%source, %destination, %error, "a node does not tell what was taken back");
                        break;
                    }
                }
            }
        }
        Ok(None)
    }

    /// Deposits that were not paid and could be taken back from a second of this time on, the first first; no dust.
    async fn unpaid(
        &self,
        source: &ChainId,
        destination: &ChainId,
        time: RangeInclusive<UnixSeconds>,
    ) -> Result<Vec<Waiting>, EngineError> {
        let limits = self.book.risk_now().limits;
        let is_looked_after = |Waiting { deposit, .. }: &Waiting| {
            let corridor = Corridor::of(deposit, Lane::LightClient);
            // What is not served any more has no limits, and is owed all the same.
            let is_dust = limits.limits(&corridor).is_some_and(|limits| deposit.amount < limits.dust);
            deposit.destination_chain == *destination && !is_dust
        };
        let mut unpaid = self.book.ledger().unpaid(source, time).await?;
        unpaid.retain(is_looked_after);
        unpaid.sort_by_key(|waiting| waiting.since);
        Ok(unpaid)
    }

    fn taken_back(&self, now: UnixSeconds) -> MutexGuard<'_, TakenBack> {
        let mut taken_back = lock(&self.taken_back);
        if taken_back.day != now / DAY {
            *taken_back = TakenBack { day: now / DAY, known: BTreeSet::new() };
        }
        taken_back
    }

    /// Asks for the newest final block, if it is later than `since`; for the same one for a while.
    async fn ask(
        &self,
        source: &ChainId,
        refunding: &Refunding,
        destination: &ChainId,
        since: UnixSeconds,
    ) -> Result<(), EngineError> {
        let pair = (source.clone(), destination.clone());
        let now = self.book.clock().now();
        let known = {
            let mut asked = lock(&self.asked);
            asked.retain(|_, asked| now < asked.since.saturating_add(ASKED_FOR));
            asked.get(&pair).map(|asked| asked.request.clone())
        };
        let request = match known {
            Some(request) => request,
            None => {
                let Some(blocks) = self.destinations.get(destination) else { return Ok(()) };
                let (checkpoint, evidence) = match blocks.newest_final().await {
                    Ok(newest) => newest,
                    Err(error) => {
                        tracing::info!(%destination, %error, "no final block to ask for");
                        return Ok(());
                    }
                };
                if checkpoint.time <= since {
                    return Ok(());
                }
                let (chain, registered_on) = (destination.clone(), source.clone());
                let request = Arc::new(BlockRequest { chain, registered_on, evidence });
                let set = self.book.policy().verifiers.clone();
                let digest = checkpoint.digest(refunding.number, refunding.registry, set.epoch);
                let votes = Collector::new(digest, set);
                let asked = Pending { since: now, checkpoint, request: request.clone(), votes };
                lock(&self.asked).insert(pair, asked);
                request
            }
        };
        if let Err(error) = self.bus.publish(Message::Block(request)).await {
            tracing::info!(%source, %destination, %error, "verifiers are not asked");
        }
        Ok(())
    }

    /// Takes a verifier's signature; a quorum of them is stored to be registered.
    pub async fn take(&self, vote: &CheckpointVote) -> Result<(), EngineError> {
        let pair = (vote.registered_on.clone(), vote.checkpoint.chain.clone());
        let quorum = {
            let mut asked = lock(&self.asked);
            let Some(asked) = asked.get_mut(&pair).filter(|asked| asked.checkpoint == vote.checkpoint) else {
                return Ok(());
            };
            if let Err(error) = asked.votes.add(vote.signature) {
                tracing::warn!(%error, "signature over a checkpoint dropped");
                return Ok(());
            }
            asked.votes.quorum()
        };
        let (Some(signatures), Some(refunding)) = (quorum, self.sources.get(&pair.0)) else { return Ok(()) };
        if !self.may_register(&pair.0, &pair.1).await? {
            return Ok(());
        }
        let now = self.book.clock().now();
        let signatures = signatures.into_iter().map(|(_, signature)| signature).collect();
        let epoch = self.book.policy().verifiers.epoch;
        let checkpoint = SignedCheckpoint { checkpoint: vote.checkpoint.clone(), epoch, signatures };
        let effect = NewEffect {
            id: EffectId::of_registration(&pair.0, &pair.1, now / HOUR),
            deposit: DepositId(pair.1.hash()),
            executor: Executor::Destination { chain: pair.0.clone() },
            effect: Effect::RegisterCheckpoint { registry: refunding.registry, checkpoint },
            run_at: 0,
        };
        tracing::info!(source = %pair.0, destination = %pair.1, height = vote.checkpoint.height, "refunds are opened");
        self.book.record(Change { effects: vec![effect], ..Change::default() }).await?;
        lock(&self.asked).remove(&pair);
        Ok(())
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
