//! Checkpoints under watch until the block at their height is known.
//!
//! They are one destination node's word: how many are under watch is bounded, and they are asked for by the slow look, where no
//! payout waits for an answer. Each destination has its own room, so that a flood on one hides nothing on another. A flood hides
//! nothing on its own either: that one had to be passed over is a finding.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use spandrel_core::ledger::Ledger;
use spandrel_verifiers::follow::BlockRef;
use spandrel_verifiers::{ChainId, UnixSeconds};
use spandrel_watchers::sentinel::{Finding, Judgement, Registered, SourceWord, judge_checkpoint, passed_over};

use super::Sentinel;
use super::payouts::STALLED;
use crate::Clock;

/// Most of one destination that are under watch.
const MOST: usize = 1_024;
/// Most of one destination that one look asks for.
const AT_ONCE: usize = 32;
/// Most of one destination that are remembered as fine.
const MOST_FINE: usize = 8_192;
/// Seconds that nodes are given to catch up with whoever signed: after a start they have old blocks before they have the newest.
const CATCHING_UP: u64 = 120;
/// Seconds after which what was not told again is final.
const FINAL: u64 = 3_600;

/// One under watch.
struct Sighted {
    since: UnixSeconds,
    /// Which look asked for it last.
    asked: u64,
    /// What was wrong with it then.
    found: Option<Finding>,
}

impl Sighted {
    fn has_paused(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.is_pausing)
    }
}

/// Those of one destination.
#[derive(Default)]
struct Sights {
    sighted: BTreeMap<Registered, Sighted>,
    /// What was judged, and when it was told last: until it is final it is told again, and takes no room from the rest.
    fine: BTreeMap<Registered, UnixSeconds>,
    /// That one was passed over, until guardians have seen it.
    flooded: Option<Finding>,
}

impl Sights {
    /// Of too many, what paused is passed over first: it was told. Then the highest: nothing is paid under them yet.
    fn sight(&mut self, destination: &ChainId, found: Vec<Registered>, now: UnixSeconds) {
        for registered in found {
            if let Some(told) = self.fine.get_mut(&registered) {
                *told = now;
                continue;
            }
            self.sighted.entry(registered).or_insert(Sighted { since: now, asked: 0, found: None });
            if self.sighted.len() > MOST {
                self.pass_over_one(destination, now);
            }
        }
        self.fine.retain(|_, told| now < told.saturating_add(FINAL));
    }

    fn pass_over_one(&mut self, destination: &ChainId, now: UnixSeconds) {
        let told = self.sighted.iter().filter(|(_, sighted)| sighted.has_paused());
        if let Some(oldest) = told.min_by_key(|(_, sighted)| sighted.since).map(|(registered, _)| *registered) {
            self.sighted.remove(&oldest);
        } else if let Some(highest) = self.sighted.keys().max_by_key(|one| one.height).copied() {
            self.sighted.remove(&highest);
            self.flooded.get_or_insert_with(|| passed_over(destination, &highest, MOST, now));
        }
    }

    fn take(&mut self, registered: Registered, judgement: Judgement, now: UnixSeconds) {
        let Some(sighted) = self.sighted.get_mut(&registered) else { return };
        match judgement {
            // What most nodes denied has happened: guardians look, and lift it.
            Judgement::Fine if sighted.has_paused() => {}
            Judgement::Fine => {
                self.sighted.remove(&registered);
                self.fine.insert(registered, now);
            }
            Judgement::NotYet => {}
            Judgement::Wrong(finding) => sighted.found = Some(finding),
        }
        while self.fine.len() > MOST_FINE {
            let Some(oldest) = self.fine.iter().min_by_key(|(_, told)| **told).map(|(one, _)| *one) else { return };
            self.fine.remove(&oldest);
        }
    }
}

/// Those under watch, by destination.
#[derive(Default)]
pub(super) struct Checkpoints {
    of: BTreeMap<ChainId, Sights>,
    looks: u64,
}

impl Checkpoints {
    fn sight(&mut self, destination: &ChainId, found: Vec<Registered>, now: UnixSeconds) {
        self.of.entry(destination.clone()).or_default().sight(destination, found, now);
    }

    /// Of each destination those that were not asked for the longest.
    fn next(&mut self) -> Vec<((ChainId, Registered), UnixSeconds)> {
        self.looks = self.looks.saturating_add(1);
        let (looks, mut next) = (self.looks, Vec::new());
        for (destination, sights) in &mut self.of {
            let mut waiting: Vec<_> = sights.sighted.iter_mut().collect();
            waiting.sort_by_key(|(_, sighted)| sighted.asked);
            next.extend(waiting.into_iter().take(AT_ONCE).map(|(registered, sighted)| {
                sighted.asked = looks;
                ((destination.clone(), *registered), sighted.since)
            }));
        }
        next
    }

    fn take(&mut self, judged: Vec<((ChainId, Registered), Judgement)>, now: UnixSeconds) -> Vec<Finding> {
        for ((destination, registered), judgement) in judged {
            if let Some(sights) = self.of.get_mut(&destination) {
                sights.take(registered, judgement, now);
            }
        }
        let sighted = self.of.values().flat_map(|sights| sights.sighted.values());
        sighted.filter_map(|sighted| sighted.found.clone()).collect()
    }

    /// Destinations of which one was passed over. What guardians have `lifted` is forgotten: the next one is other evidence.
    pub(super) fn floods(&mut self, lifted: &BTreeSet<String>) -> Vec<Finding> {
        for sights in self.of.values_mut() {
            sights.flooded = sights.flooded.take().filter(|finding| !lifted.contains(&finding.key()));
        }
        self.of.values().filter_map(|sights| sights.flooded.clone()).collect()
    }
}

impl<L: Ledger, C: Clock> Sentinel<L, C> {
    /// Those of chains that nobody watches are passed over: nothing is paid from them by this bridge's own word.
    pub(super) fn sight_checkpoints(&self, destination: &ChainId, mut found: Vec<Registered>) {
        let now = self.book.clock().now();
        found.retain(|registered| self.sources.keys().any(|chain| chain.hash() == registered.source));
        self.checkpoints().sight(destination, found, now);
    }

    pub(super) async fn judge_checkpoints(&self) -> Vec<Finding> {
        let now = self.book.clock().now();
        let next = self.checkpoints().next();
        if next.is_empty() {
            return Vec::new();
        }
        let heads = join_all(self.sources.values().map(|nodes| nodes.heads())).await;
        let heads: BTreeMap<&ChainId, Vec<BlockRef>> = self.sources.keys().zip(heads).collect();
        let heads = &heads;
        let judged = next.into_iter().map(|((destination, registered), since)| async move {
            let source = self.sources.iter().find(|(chain, _)| chain.hash() == registered.source);
            let Some((source, nodes)) = source else { return ((destination, registered), Judgement::Fine) };
            let heads = heads.get(source).map_or(&[][..], Vec::as_slice);
            // Nodes are not asked for what none of them can have yet.
            let there = match heads.iter().map(|head| head.height).max() {
                Some(best) if registered.height <= best => nodes.hashes_at(registered.height).await,
                Some(_) => vec![None],
                None => Vec::new(),
            };
            let is_late = now >= since.saturating_add(STALLED);
            let needed = self.depths.get(source).map_or(1, |policy| policy.required(registered.up_to));
            let may_be_behind = now < since.saturating_add(CATCHING_UP);
            let word = SourceWord { there: &there, heads, of: nodes.standings().len(), needed, may_be_behind };
            let judgement = judge_checkpoint(&destination, source, &registered, &word, since, is_late);
            ((destination, registered), judgement)
        });
        let judged = join_all(judged).await;
        self.checkpoints().take(judged, now)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use spandrel_verifiers::Checkpoint;
    use spandrel_watchers::sentinel::{Concern, Rule};

    use super::*;

    fn registered(height: u64) -> Registered {
        Registered { source: B256::ZERO, height, root: B256::ZERO, time: 0, up_to: Checkpoint::ANY_AMOUNT }
    }

    fn wrong(destination: &ChainId, height: u64) -> ((ChainId, Registered), Judgement) {
        let finding = Finding {
            rule: Rule::CheckpointForeign,
            subject: height.to_string(),
            concern: Concern::Chain(destination.clone()),
            is_pausing: true,
            what: String::new(),
        };
        ((destination.clone(), registered(height)), Judgement::Wrong(finding))
    }

    /// What is found by asking for all in their turns; `is_false` is the only one that is wrong.
    fn judge_all(checkpoints: &mut Checkpoints, is_false: u64, now: u64) -> Vec<Finding> {
        for _ in 0..=MOST / AT_ONCE {
            let judged = checkpoints.next().into_iter().map(|((destination, one), _)| {
                if one.height == is_false {
                    wrong(&destination, is_false)
                } else {
                    ((destination, one), Judgement::Fine)
                }
            });
            let judged = judged.collect();
            checkpoints.take(judged, now);
        }
        checkpoints.take(Vec::new(), now)
    }

    /// A node can tell of any number of them.
    #[test]
    fn what_is_under_watch_is_bounded_and_each_has_its_turn() {
        let (destination, mut checkpoints) = (ChainId::eip155(9), Checkpoints::default());
        let sighted = |checkpoints: &Checkpoints, destination: &ChainId| -> Vec<u64> {
            checkpoints.of[destination].sighted.keys().map(|one| one.height).collect()
        };
        checkpoints.sight(&destination, vec![registered(7)], 1);
        let invented = (0..3_000).map(|n| registered(u64::MAX - n));
        checkpoints.sight(&destination, invented.collect(), 2);
        assert_eq!(sighted(&checkpoints, &destination).len(), MOST);
        let turns: Vec<_> = (0..MOST / AT_ONCE).flat_map(|_| checkpoints.next()).collect();
        assert!(turns.len() == MOST && turns.iter().any(|((_, one), _)| one.height == 7));
        let two = vec![wrong(&destination, 7), wrong(&destination, u64::MAX - 2_999)];
        assert_eq!(checkpoints.take(two, 2).len(), 2);
        assert_eq!(checkpoints.take(Vec::new(), 2).len(), 2, "what was found stands between its turns");
        checkpoints.sight(&destination, vec![registered(8)], 3);
        assert!(sighted(&checkpoints, &destination).contains(&8), "what was told makes room");
        assert!(!sighted(&checkpoints, &destination).contains(&7));
        let other = ChainId::eip155(10);
        checkpoints.sight(&other, vec![registered(u64::MAX)], 3);
        assert!(sighted(&checkpoints, &other).contains(&u64::MAX), "a flood takes no other destination's room");
        assert!(checkpoints.next().iter().any(|((chain, _), _)| *chain == other), "nor its turn");
    }

    /// A stolen quorum registers as many true ones as are watched, and a false one above them, in blocks that are not final.
    #[test]
    fn however_many_true_ones_stand_before_it_a_false_one_is_found() {
        let (destination, mut checkpoints) = (ChainId::eip155(9), Checkpoints::default());
        let (most, none) = (u64::try_from(MOST).unwrap(), BTreeSet::new());
        let told: Vec<_> = (1..=most + 1).map(registered).collect();
        checkpoints.sight(&destination, told.clone(), 1);
        let flood = checkpoints.floods(&none);
        assert!(flood.len() == 1 && flood[0].is_pausing, "{flood:?}");
        assert_eq!(flood[0].concern, Concern::Chain(destination.clone()));
        assert!(judge_all(&mut checkpoints, most + 1, 1).is_empty(), "it was passed over");
        checkpoints.sight(&destination, told.clone(), 2);
        assert_eq!(judge_all(&mut checkpoints, most + 1, 2).len(), 1, "those that were judged make room");
        assert_eq!(checkpoints.floods(&none), flood, "it stands until it is seen");
        let lifted = BTreeSet::from([flood[0].key()]);
        checkpoints.sight(&destination, told, 3);
        assert!(checkpoints.floods(&lifted).is_empty());
        checkpoints.sight(&destination, (2 * most..4 * most).map(registered).collect(), 4);
        assert_ne!(checkpoints.floods(&lifted)[0].key(), flood[0].key(), "another flood is other evidence");
    }

    #[test]
    fn what_is_fine_is_remembered_while_it_is_told_and_bounded() {
        let (destination, mut checkpoints) = (ChainId::eip155(9), Checkpoints::default());
        checkpoints.sight(&destination, vec![registered(1)], 0);
        judge_all(&mut checkpoints, 0, 0);
        for now in [FINAL - 1, 2 * FINAL - 2] {
            checkpoints.sight(&destination, vec![registered(1)], now);
            assert!(checkpoints.next().is_empty(), "asked once");
        }
        checkpoints.sight(&destination, Vec::new(), 3 * FINAL);
        assert!(checkpoints.of[&destination].fine.is_empty(), "it is final");
        for n in 0..=MOST_FINE / MOST {
            let from = u64::try_from(n * MOST).unwrap();
            checkpoints.sight(&destination, (from..from + 1_024).map(registered).collect(), 4 * FINAL);
            judge_all(&mut checkpoints, u64::MAX, 4 * FINAL);
        }
        assert_eq!(checkpoints.of[&destination].fine.len(), MOST_FINE);
    }
}
