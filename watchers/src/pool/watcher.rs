//! A watcher over several endpoints: one reads, the others are asked whether they see the same.

use std::future::Future;
use std::sync::Arc;

use futures::future::{join_all, select_all};
use spandrel_verifiers::follow::{ChainEvent, Cursor, FollowError, ReadBatch, Watcher};
use spandrel_verifiers::{ChainId, Contradiction};
use tokio::time::Instant;

use super::cut;
use super::endpoints::{Endpoint, Endpoints, Named, none_answered};
use super::vote::{Claim, Sight, Tally, Vote, Witness, vote};

/// A [`Watcher`] over several of the same chain.
///
/// It guarantees, beside what its watchers guarantee one by one: nothing is reported that fewer than `quorum` endpoints
/// have seen, and nothing while an endpoint that answers sees something else; but for two signed updates that contradict
/// each other. Endpoints that lag shorten what is reported; they do not stop it while a quorum has seen it.
pub struct PooledWatcher<W> {
    endpoints: Arc<Endpoints<W>>,
    quorum: usize,
    chain: ChainId,
}

impl<W: Watcher + Witness> PooledWatcher<W> {
    /// Watchers in order of preference. With a quorum of one the others only stand in, but for a halt: that is held while
    /// one of them contradicts it.
    ///
    /// # Errors
    /// `Permanent` when the quorum cannot be reached.
    pub fn new(chain: ChainId, watchers: Vec<Named<W>>, quorum: usize) -> Result<Self, FollowError> {
        let endpoints = Endpoints::new(watchers)?;
        if !(1..=endpoints.count()).contains(&quorum) {
            return Err(FollowError::Permanent {
                field: "quorum".to_owned(),
                expected: format!("1 to {}, the number of endpoints", endpoints.count()),
                found: quorum.to_string(),
            });
        }
        Ok(Self { endpoints: Arc::new(endpoints), quorum, chain })
    }

    /// The endpoints, to be asked for what proves itself, or for how they stand.
    pub fn endpoints(&self) -> &Arc<Endpoints<W>> {
        &self.endpoints
    }

    /// What of `batch`, read by `reader`, a quorum has seen.
    async fn agreed(&self, reader: &Endpoint<W>, cursor: &Cursor, batch: ReadBatch) -> Result<ReadBatch, FollowError> {
        if is_signed(&batch) || (self.quorum == 1 && !is_halting(&batch)) {
            return Ok(batch);
        }
        let claim = Claim::of(cursor, &batch);
        let (votes, tally) = self.poll(reader, &claim).await?;
        if self.quorum == 1 {
            // Nobody who answers has what is said to be gone: one that lies stops no chain by itself.
            return Ok(batch);
        }
        let sights = || votes.iter().filter_map(|vote| if let Vote::Agree(sight) = vote { Some(*sight) } else { None });
        let is_quorum = |sees: fn(&Sight) -> bool| sights().filter(sees).count() + 1 >= self.quorum;
        let is_gone_agreed = claim.gone.is_none() || is_quorum(|sight| sight.sees_gone);
        // Below blocks that are agreed on, or were before, the final block is agreed on with them.
        let is_final_agreed = !claim.blocks.is_empty() || is_quorum(|sight| sight.sees_final);
        let mut heights: Vec<u64> = sights().filter_map(|sight| sight.up_to).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        let height = heights.get(self.quorum - 2).copied().unwrap_or(claim.base);
        let seen = match is_gone_agreed {
            true => cut::to(cursor, &claim, batch, height, is_final_agreed),
            false => nothing_new(cursor),
        };
        match seen.events.is_empty() {
            true if tally.missing > 0 => Err(self.held(reader, format!("{} must agree: {tally}", self.quorum))),
            true => Ok(nothing_new(cursor)),
            false => Ok(seen),
        }
    }

    /// The cursor of the first endpoint that answers, once a quorum has its block.
    async fn stood_on<'a, F>(&'a self, stand: impl Fn(&'a W) -> F + Send + Sync) -> Result<Cursor, FollowError>
    where
        F: Future<Output = Result<Cursor, FollowError>> + Send,
    {
        let mut errors = Vec::new();
        for endpoint in self.endpoints.iter() {
            match endpoint.ask(&stand).await {
                Some(Ok(cursor)) if self.quorum == 1 => return Ok(cursor),
                Some(Ok(cursor)) => {
                    let claim = Claim { base: 0, blocks: cursor.recent.clone(), last_final: None, gone: None };
                    let (_, tally) = self.poll(endpoint, &claim).await?;
                    if tally.agree >= self.quorum {
                        return Ok(cursor);
                    }
                    return Err(self.held(endpoint, format!("{} must agree: {tally}", self.quorum)));
                }
                Some(Err(error)) => errors.push(error),
                None => {}
            }
        }
        Err(none_answered(self.endpoints.count(), errors))
    }

    /// Asks everyone but the reader. One that disagrees holds what was read.
    async fn poll(&self, reader: &Endpoint<W>, claim: &Claim) -> Result<(Vec<Vote>, Tally), FollowError> {
        let others = self.endpoints.iter().filter(|endpoint| !std::ptr::eq(*endpoint, reader));
        let votes = join_all(others.map(|endpoint| self.vote_of(endpoint, claim))).await;
        let tally = Tally::of(&votes);
        let dissent = votes.iter().find_map(|vote| if let Vote::Disagree(what) = vote { Some(what) } else { None });
        match dissent {
            Some(what) => Err(self.held(reader, format!("{what}; {tally}"))),
            None => Ok((votes, tally)),
        }
    }

    async fn vote_of(&self, endpoint: &Endpoint<W>, claim: &Claim) -> Vote {
        let vote = match endpoint.ask(|witness| vote(witness, claim)).await {
            Some(Ok(vote)) => vote,
            Some(Err(_)) | None => Vote::Missing,
        };
        match &vote {
            Vote::Agree(_) => endpoint.meter.agreed(),
            Vote::Disagree(what) => {
                tracing::warn!(chain = %self.chain, endpoint = endpoint.name(), what, "an endpoint disagrees");
                endpoint.meter.disagreed(Instant::now());
            }
            Vote::Missing => endpoint.meter.was_missing(),
            Vote::Abstain => endpoint.meter.abstained(),
        }
        vote
    }

    fn held(&self, reader: &Endpoint<W>, reason: String) -> FollowError {
        let reason = format!("what {} read is held: {reason}", reader.name());
        FollowError::Transient { endpoint: format!("endpoints of {}", self.chain), reason }
    }
}

fn is_halting(batch: &ReadBatch) -> bool {
    batch.events.iter().any(|event| matches!(event, ChainEvent::Halted { .. }))
}

/// Two updates that a committee signed need nobody else's word. A branch of more work does: others may have seen more.
fn is_signed(batch: &ReadBatch) -> bool {
    batch.events.iter().any(|event| match event {
        ChainEvent::Halted { evidence: Some(two), .. } => matches!(**two, Contradiction::Ethereum(_)),
        _ => false,
    })
}

fn nothing_new(cursor: &Cursor) -> ReadBatch {
    ReadBatch { events: Vec::new(), next: cursor.clone() }
}

impl<W: Watcher + Witness> Watcher for PooledWatcher<W> {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    async fn genesis(&self) -> Result<Cursor, FollowError> {
        self.stood_on(|watcher| watcher.genesis()).await
    }

    async fn cursor_at(&self, height: u64) -> Result<Cursor, FollowError> {
        self.stood_on(move |watcher| watcher.cursor_at(height)).await
    }

    /// Reads from the first endpoint that answers and has something new.
    async fn read(&self, cursor: &Cursor) -> Result<ReadBatch, FollowError> {
        let (mut errors, mut is_any_up_to_date) = (Vec::new(), false);
        for endpoint in self.endpoints.iter() {
            match endpoint.ask(|watcher| watcher.read(cursor)).await {
                Some(Ok(batch)) if batch.events.is_empty() && batch.next == *cursor => is_any_up_to_date = true,
                Some(Ok(batch)) => return self.agreed(endpoint, cursor, batch).await,
                Some(Err(error)) => errors.push(error),
                None => {}
            }
        }
        if is_any_up_to_date { Ok(nothing_new(cursor)) } else { Err(none_answered(self.endpoints.count(), errors)) }
    }

    /// Returns when any of them says that the chain may have moved.
    async fn wait(&self) {
        select_all(self.endpoints.iter().map(|endpoint| Box::pin(endpoint.client().wait()))).await;
    }
}
