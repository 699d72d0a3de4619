//! Payouts under watch until they are fine for good.

use std::collections::BTreeMap;

use spandrel_core::ledger::Ledger;
use spandrel_core::{Standing, Transfer};
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};
use spandrel_watchers::sentinel::{Finding, Judgement, Known, PaidOut, PayoutLane, Reading, SeenStanding, judge};

use super::{Memory, Sentinel};
use crate::{Clock, EngineError};

/// By how many seconds the relayer's nodes may see a block later than those of whoever had a deposit paid.
const NODES_LAG: u64 = 5;
/// A chain of which nothing was read for so many seconds, though there is more, is stalled.
pub(super) const STALLED: u64 = 600;
/// Most payouts that wait for their deposits to be seen: those of deposits that nobody registered wait for ever.
const MOST_WAITING: usize = 1_000;

/// A payout under watch.
pub(super) struct Sighting {
    pub(super) payout: PaidOut,
    at: UnixSeconds,
    /// Whether its transfer was told that it is paid.
    pub(super) is_told: bool,
    /// Whether its transfer was told that the fast lane promised it.
    pub(super) is_promise_told: bool,
    /// The sources' best blocks, asked for after [`NODES_LAG`].
    heads: BTreeMap<ChainId, u64>,
}

impl<L: Ledger, C: Clock> Sentinel<L, C> {
    pub(super) fn sight(&self, memory: &mut Memory, chain: &ChainId, payouts: Vec<PaidOut>) {
        let at = self.book.clock().now();
        for payout in payouts {
            let key = (chain.clone(), payout.id);
            let sighting = memory.payouts.entry(key);
            let sighting = sighting.or_insert_with(|| {
                let heads = BTreeMap::new();
                Sighting { payout: payout.clone(), at, is_told: false, is_promise_told: false, heads }
            });
            if sighting.payout.paid.is_none() && payout.paid.is_some() {
                // A delayed payment that was executed is still of the lane that promised it.
                sighting.payout.paid = payout.paid;
            }
        }
    }

    /// Those that are fine for good are forgotten, once their transfers were told of them or while nothing is paid.
    pub(super) async fn judge_payouts(&self, memory: &mut Memory) -> Result<Vec<Finding>, EngineError> {
        self.note_reading(memory).await?;
        let (mut findings, mut fine, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for (key, sighting) in &mut memory.payouts {
            let known = self.known(sighting.payout.id).await?;
            let reading = match known {
                Known::Never => self.reading(sighting, &memory.read).await,
                Known::Seen { .. } => Reading::Past,
            };
            match judge(&key.0, &sighting.payout, &known, reading) {
                Judgement::Fine if sighting.is_told || sighting.payout.paid.is_none() => fine.push(key.clone()),
                Judgement::Fine if known == Known::Never => waiting.push((sighting.at, key.clone())),
                Judgement::Fine | Judgement::NotYet => {}
                Judgement::Wrong(finding) => findings.push(finding),
            }
        }
        for key in fine {
            memory.payouts.remove(&key);
        }
        let too_many = waiting.len().saturating_sub(MOST_WAITING);
        if too_many > 0 {
            tracing::warn!(too_many, "the oldest payouts of deposits that nobody has seen are forgotten, and not told");
            waiting.sort_unstable();
        }
        for (_, key) in waiting.into_iter().take(too_many) {
            memory.payouts.remove(&key);
        }
        Ok(findings)
    }

    async fn known(&self, id: DepositId) -> Result<Known, EngineError> {
        let Some(transfer) = self.book.ledger().transfer(id).await? else { return Ok(Known::Never) };
        let standing = self.standing(&transfer).await?;
        let deposit = transfer.deposit;
        let (source, recipient, amount) = (deposit.source_chain, deposit.recipient, deposit.amount);
        Ok(Known::Seen { source, recipient, amount, standing })
    }

    async fn standing(&self, transfer: &Transfer) -> Result<SeenStanding, EngineError> {
        Ok(match &transfer.standing {
            Standing::Mined { is_final: true, .. } => SeenStanding::Final,
            Standing::Mined { .. } => SeenStanding::Open,
            Standing::Gone { was, .. } => {
                let cursor = self.book.ledger().cursor(&transfer.deposit.source_chain).await?;
                let last_final = cursor.and_then(|cursor| cursor.finalized);
                match last_final.is_some_and(|block| block.height >= was.block.height) {
                    true => SeenStanding::Gone,
                    false => SeenStanding::Open,
                }
            }
        })
    }

    async fn note_reading(&self, memory: &mut Memory) -> Result<(), EngineError> {
        for chain in self.book.policy().sources.keys() {
            let cursor = self.book.ledger().cursor(chain).await?;
            let tip = cursor.and_then(|cursor| cursor.tip().map(|block| block.height));
            let now = self.book.clock().now();
            let read = memory.read.entry(chain.clone()).or_insert((tip, now));
            if read.0 != tip {
                *read = (tip, now);
            }
        }
        Ok(())
    }

    /// Whether every chain that the deposit may be on was read past what was there when its payout was seen.
    async fn reading(&self, sighting: &mut Sighting, read: &BTreeMap<ChainId, (Option<u64>, UnixSeconds)>) -> Reading {
        let now = self.book.clock().now();
        if now < sighting.at.saturating_add(NODES_LAG) {
            return Reading::Behind;
        }
        let mut reading = Reading::Past;
        for chain in self.book.policy().sources.keys() {
            if sighting.payout.lane == PayoutLane::Proof && chain.eip155_number().is_none() {
                continue;
            }
            if !sighting.heads.contains_key(chain)
                && let Some(source) = self.sources.get(chain)
                && let Some(head) = source.heads().await.iter().map(|block| block.height).max()
            {
                sighting.heads.insert(chain.clone(), head);
            }
            let (tip, since) = read.get(chain).copied().unwrap_or((None, now));
            let is_read = sighting.heads.get(chain).is_some_and(|head| tip.is_some_and(|tip| tip >= *head));
            if is_read {
                continue;
            }
            let is_stalled = now >= since.max(sighting.at).saturating_add(STALLED);
            match is_stalled {
                true if reading == Reading::Past => reading = Reading::Stalled,
                true => {}
                false => reading = Reading::Behind,
            }
        }
        reading
    }
}
