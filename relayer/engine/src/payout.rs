//! Paying on a destination: due effects go to the submitter, its progress goes to the book.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::lock::Mutex;
use spandrel_core::ledger::{EffectEnd, LeasedEffect, Ledger};
use spandrel_core::submission::{DueEffect, Lasting, Progress, Submitter};
use spandrel_core::{Effect, EffectId, Executor, Input};
use spandrel_verifiers::{ChainId, DepositId};

use crate::gate::{Gate, retry, wait};
use crate::{Book, Change, Clock, EngineError, Step};

const LEASE_SECONDS: u64 = 60;
/// When an effect that was sent is looked at again, should nothing have been heard of it.
const FOLLOWED_SECONDS: u64 = 300;
/// When the destination is asked again at the latest, whatever one node said.
const ASKED_AGAIN_SECONDS: u64 = 3_600;

/// Submits on one destination.
pub struct PayoutDesk<S, L, C> {
    chain: ChainId,
    submitter: S,
    book: Arc<Book<L, C>>,
    batch: u32,
    /// Progress that was told and could not be stored yet: the submitter tells it only once.
    unsaved: Mutex<Vec<(EffectId, Progress)>>,
}

impl<S: Submitter, L: Ledger, C: Clock> PayoutDesk<S, L, C> {
    /// A desk for `chain` that submits at most `batch` effects at once.
    pub fn new(chain: ChainId, submitter: S, book: Arc<Book<L, C>>, batch: u32) -> Self {
        Self { chain, submitter, book, batch, unsaved: Mutex::default() }
    }

    /// The submitter.
    pub fn submitter(&self) -> &S {
        &self.submitter
    }

    /// Submits what is due. Answers how many effects were taken.
    pub async fn submit_once(&self) -> Result<usize, EngineError> {
        let now = self.book.clock().now();
        let executor = Executor::Destination { chain: self.chain.clone() };
        let leased = self.book.ledger().lease(&executor, now, now + LEASE_SECONDS, self.batch).await?;
        let taken = leased.len();
        let mut change = Change::default();
        let (mut pauses, mut others, mut free) = (Vec::new(), Vec::new(), Vec::new());
        for item in leased {
            match Gate::of(&self.book, &item).await? {
                Gate::Pause => pauses.push(item),
                Gate::Open(_) => others.push(item),
                Gate::Free => free.push(item),
                Gate::Later(reason) => change = change.ending(item.id, wait(now, item.attempt, reason)),
                Gate::Never(reason) => change = self.give_up(change, &item, reason).await?,
            }
        }
        // First, and by itself: nothing that fails beside it keeps a pause from the chain. Last, what hurries least.
        for part in [pauses, others, free] {
            change = self.submit(change, part, now).await;
        }
        self.book.record(change).await?;
        Ok(taken)
    }

    /// Hands items to the submitter, and settles their leases by what it says.
    async fn submit(&self, mut change: Change, items: Vec<LeasedEffect>, now: u64) -> Change {
        if items.is_empty() {
            return change;
        }
        let owners: Vec<_> = items.iter().map(|item| (item.id, item.deposit, item.attempt)).collect();
        let is_pause = |item: &&LeasedEffect| matches!(item.effect, Effect::Pause { .. });
        let pauses: BTreeSet<EffectId> = items.iter().filter(is_pause).map(|item| item.id).collect();
        let due: Vec<_> = items.into_iter().map(|item| DueEffect { id: item.id, effect: item.effect }).collect();
        let spans = owners.iter().map(|(_, deposit, attempt)| {
            tracing::info_span!("submit", %deposit, chain = %self.chain, attempt, error = tracing::field::Empty)
        });
        let spans: Vec<tracing::Span> = spans.collect();
        match self.submitter.submit(&due, &*self.book).await {
            Ok(progress) => {
                let refused = progress.iter().filter_map(|(id, told)| match told {
                    Progress::Refused { reason, lasting: Lasting::ForNow } if pauses.contains(id) => Some(reason),
                    _ => None,
                });
                refused.for_each(|reason| tracing::warn!(chain = %self.chain, reason, "a pause is refused for now"));
                settle_leases(change, &owners, progress, now)
            }
            Err(error) => {
                tracing::warn!(chain = %self.chain, %error, "submission did not work, will be tried again");
                spans.iter().for_each(|span| {
                    span.record("error", tracing::field::display(&error));
                });
                for (id, _, attempt) in &owners {
                    change = change.ending(*id, retry(now, *attempt, error.to_string()));
                }
                change
            }
        }
    }

    /// Ends an effect that is not wanted any more. A payout that was never sent is reported as refused for ever in the
    /// same commit, so that the other lane may open; one that was sent is followed to its end.
    async fn give_up(&self, change: Change, item: &LeasedEffect, reason: String) -> Result<Change, EngineError> {
        let is_payout = item.effect.lane().is_some();
        if is_payout && self.submitter.is_sent(item.id).await? {
            let run_at = self.book.clock().now() + FOLLOWED_SECONDS;
            return Ok(change.ending(item.id, EffectEnd::Later { run_at, reason }));
        }
        let mut change = change.ending(item.id, EffectEnd::Done);
        if is_payout {
            let refused = Progress::Refused { reason, lasting: Lasting::ForEver };
            change.steps.push(Step::One(item.deposit, Input::Progress(item.id, refused)));
        }
        Ok(change)
    }

    /// Follows open transactions. Answers how many effects moved.
    pub async fn follow_once(&self) -> Result<usize, EngineError> {
        let mut unsaved = self.unsaved.lock().await;
        if unsaved.is_empty() {
            *unsaved = self.submitter.follow(&*self.book).await?;
        }
        let mut change = Change::default();
        let mut ends = BTreeMap::new();
        for (effect, progress) in unsaved.iter() {
            let Some(owner) = self.book.ledger().effect(*effect).await? else {
                tracing::warn!(effect = %effect.0, "progress of an effect that is not in the outbox");
                continue;
            };
            if !owner.is_done
                && let Some(end) = end_after(progress, self.book.clock().now(), owner.attempt)
            {
                ends.insert(*effect, end);
            }
            if let Progress::Refused { .. } | Progress::PaidElsewhere { .. } = progress {
                // Its own transaction failed in the end: it stands in no block, though it may have before a reorg.
                change.steps.push(Step::One(owner.deposit, Input::Progress(*effect, Progress::Reorged)));
            }
            change.steps.push(Step::One(owner.deposit, Input::Progress(*effect, progress.clone())));
        }
        change.ended = ends.into_iter().collect();
        self.book.record(change).await?;
        Ok(std::mem::take(&mut *unsaved).len())
    }
}

/// What becomes of an effect after this progress. One that was sent stays in the outbox until it is final or refused
/// for ever: should the submitter lose it, it is submitted again, which changes nothing if it is still under way.
fn end_after(progress: &Progress, now: u64, attempt: u32) -> Option<EffectEnd> {
    match progress {
        Progress::Finalized { .. } | Progress::PaidElsewhere { .. } => Some(EffectEnd::Done),
        Progress::Refused { lasting: Lasting::ForNow, reason } => Some(retry(now, attempt, reason.clone())),
        Progress::Refused { .. } => Some(EffectEnd::Done),
        Progress::Reverted => Some(retry(now, 0, "its transaction reverted, to be sent again by itself")),
        Progress::Promised { until, .. } if *until < now => Some(retry(now, attempt, "promised, and not paid yet")),
        Progress::NotYet { until } | Progress::Promised { until, .. } => Some(EffectEnd::Later {
            run_at: until.saturating_add(1).clamp(now + 1, now + ASKED_AGAIN_SECONDS),
            reason: format!("not before {until}"),
        }),
        Progress::Broadcast { .. } | Progress::Included { .. } | Progress::Reorged => None,
    }
}

fn settle_leases(
    mut change: Change,
    owners: &[(EffectId, DepositId, u32)],
    progress: Vec<(EffectId, Progress)>,
    now: u64,
) -> Change {
    for (id, deposit, attempt) in owners {
        let said: Vec<&Progress> = progress.iter().filter(|(effect, _)| effect == id).map(|(_, p)| p).collect();
        let end = match said.last() {
            None => retry(now, *attempt, "the submitter did not take it"),
            Some(last) => end_after(last, now, *attempt).unwrap_or_else(|| EffectEnd::Later {
                run_at: now + FOLLOWED_SECONDS,
                reason: "sent, and followed to its end".to_owned(),
            }),
        };
        change = change.ending(*id, end);
        for item in said {
            change.steps.push(Step::One(*deposit, Input::Progress(*id, item.clone())));
        }
    }
    change
}
