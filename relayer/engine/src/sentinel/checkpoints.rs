//! Checkpoints under watch until the block at their height is known.
//!
//! They are one destination node's word: how many are under watch is bounded, and they are asked for by the slow look, where no
//! payout waits for an answer.

use std::collections::BTreeMap;

use futures::future::join_all;
use spandrel_core::ledger::Ledger;
use spandrel_verifiers::{ChainId, UnixSeconds};
use spandrel_watchers::sentinel::{Finding, Judgement, Registered, judge_checkpoint};

use super::Sentinel;
use super::payouts::STALLED;
use crate::Clock;

/// Most under watch.
const MOST: usize = 1_024;
/// Most that one look asks for.
const AT_ONCE: usize = 32;

/// Which checkpoint, on which destination.
type Key = (ChainId, Registered);

/// One under watch.
struct Sighted {
    since: UnixSeconds,
    /// Which look asked for it last.
    asked: u64,
    /// What was wrong with it then.
    found: Option<Finding>,
}

/// Those under watch.
#[derive(Default)]
pub(super) struct Checkpoints {
    sighted: BTreeMap<Key, Sighted>,
    looks: u64,
}

impl Checkpoints {
    /// Of too many, what was found wrong is passed over first: it was told. Then the highest: nothing is paid under them yet.
    fn sight(&mut self, destination: &ChainId, found: Vec<Registered>, now: UnixSeconds) {
        for registered in found {
            let sighted = Sighted { since: now, asked: 0, found: None };
            self.sighted.entry((destination.clone(), registered)).or_insert(sighted);
        }
        while self.sighted.len() > MOST {
            let told = self.sighted.iter().filter(|(_, sighted)| sighted.found.is_some());
            let oldest = told.min_by_key(|(_, sighted)| sighted.since);
            let highest = || self.sighted.iter().max_by_key(|((_, registered), _)| registered.height);
            let Some(key) = oldest.or_else(highest).map(|(key, _)| key.clone()) else { return };
            tracing::warn!(destination = %key.0, height = key.1.height, "more checkpoints than are watched: one is passed over");
            self.sighted.remove(&key);
        }
    }

    /// Those that were not asked for the longest.
    fn next(&mut self) -> Vec<(Key, UnixSeconds)> {
        self.looks = self.looks.saturating_add(1);
        let mut waiting: Vec<_> = self.sighted.iter_mut().collect();
        waiting.sort_by_key(|(_, sighted)| sighted.asked);
        let next = waiting.into_iter().take(AT_ONCE).map(|(key, sighted)| {
            sighted.asked = self.looks;
            (key.clone(), sighted.since)
        });
        next.collect()
    }

    fn take(&mut self, judged: Vec<(Key, Judgement)>) -> Vec<Finding> {
        for (key, judgement) in judged {
            let Some(sighted) = self.sighted.get_mut(&key) else { continue };
            match judgement {
                Judgement::Fine => drop(self.sighted.remove(&key)),
                Judgement::NotYet => {}
                Judgement::Wrong(finding) => sighted.found = Some(finding),
            }
        }
        self.sighted.values().filter_map(|sighted| sighted.found.clone()).collect()
    }
}

impl<L: Ledger, C: Clock> Sentinel<L, C> {
    pub(super) fn sight_checkpoints(&self, destination: &ChainId, found: Vec<Registered>) {
        let now = self.book.clock().now();
        self.checkpoints().sight(destination, found, now);
    }

    /// Those of chains that nobody watches are passed over: nothing is paid from them by this bridge's own word.
    pub(super) async fn judge_checkpoints(&self) -> Vec<Finding> {
        let now = self.book.clock().now();
        let next = self.checkpoints().next();
        if next.is_empty() {
            return Vec::new();
        }
        // Nodes are not asked for what none of them can have yet.
        let heads = join_all(self.sources.values().map(|nodes| nodes.highest())).await;
        let heads: BTreeMap<&ChainId, Option<u64>> = self.sources.keys().zip(heads).collect();
        let heads = &heads;
        let judged = next.into_iter().map(|((destination, registered), since)| async move {
            let source = self.sources.iter().find(|(chain, _)| chain.hash() == registered.source);
            let Some((source, nodes)) = source else { return ((destination, registered), Judgement::Fine) };
            let told = match heads.get(source).copied().flatten() {
                Some(head) if registered.height <= head => nodes.hashes_at(registered.height).await,
                Some(_) => vec![None],
                None => Vec::new(),
            };
            let is_late = now >= since.saturating_add(STALLED);
            let of = nodes.standings().len();
            let judgement = judge_checkpoint(&destination, source, &registered, &told, of, is_late);
            ((destination, registered), judgement)
        });
        let judged = join_all(judged).await;
        self.checkpoints().take(judged)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use spandrel_watchers::sentinel::{Concern, Rule};

    use super::*;

    fn registered(height: u64) -> Registered {
        Registered { source: B256::ZERO, height, root: B256::ZERO }
    }

    /// A node can tell of any number of them.
    #[test]
    fn what_is_under_watch_is_bounded_and_each_has_its_turn() {
        let (destination, mut checkpoints) = (ChainId::eip155(9), Checkpoints::default());
        checkpoints.sight(&destination, vec![registered(7)], 1);
        let invented = (0..3_000).map(|n| registered(u64::MAX - n));
        checkpoints.sight(&destination, invented.collect(), 2);
        assert_eq!(checkpoints.sighted.len(), MOST);
        let turns: Vec<_> = (0..MOST / AT_ONCE).flat_map(|_| checkpoints.next()).collect();
        assert!(turns.len() == MOST && turns.iter().any(|((_, one), _)| one.height == 7));
        let wrong = |height: u64| {
            let finding = Finding {
                rule: Rule::CheckpointForeign,
                subject: height.to_string(),
                concern: Concern::Chain(destination.clone()),
                is_pausing: true,
                what: String::new(),
            };
            ((destination.clone(), registered(height)), Judgement::Wrong(finding))
        };
        assert_eq!(checkpoints.take(vec![wrong(7), wrong(u64::MAX - 2_999)]).len(), 2);
        assert_eq!(checkpoints.take(Vec::new()).len(), 2, "what was found stands between its turns");
        checkpoints.sight(&destination, vec![registered(8)], 3);
        assert!(checkpoints.sighted.contains_key(&(destination.clone(), registered(8))), "what was told makes room");
        assert!(!checkpoints.sighted.contains_key(&(destination, registered(7))));
    }
}
