//! The sentinels' loop: reads chains and ledger, asks the rules, and pauses what a finding is about.
//!
//! A pause is stored like a guardian's, with what was found as its reason, and goes to the chains in the same commit. The
//! log of these reasons is the memory of the loop, over restarts too: a finding that paused pauses again only
//! when its pause has run out and nobody has lifted it. What guardians have lifted, together with all that had been found
//! in the same scope by then, stays lifted until there is other evidence, which is another finding. What stands is told in
//! the ledger, too, for processes that decide and have no sentinels.

mod blind;
mod checkpoints;
mod closed;
mod freezes;
mod marks;
mod paid;
mod payouts;
mod slow;
mod told;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_primitives::keccak256;
use futures::future::join_all;
use futures::lock::Mutex as AsyncMutex;
use spandrel_core::ledger::{Commit, Ledger, Recorded, each_risk_event};
use spandrel_core::watch::{Watch, Watchbook};
use spandrel_risk::{Lane, RiskEvent, RiskState, Scope};
use spandrel_verifiers::bitcoin::ConfirmationPolicy;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};
use spandrel_watchers::sentinel::{Concern, DestinationView, Finding, Pace, SourceView, VaultView};
use tokio_util::sync::CancellationToken;

use crate::{Book, Clock, EngineError, repeat};
use blind::Unseen;
use checkpoints::Checkpoints;
use freezes::Freezes;
pub use marks::standing_findings;
use marks::{Marks, reason_of};
use payouts::Sighting;
use slow::Sight;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Most findings of one rule about one thing that stand at a time: more say nothing new, and each that pauses is written down.
const MOST_ALIKE: usize = 16;
/// Between two looks at what changes slowly.
const SLOWLY: Duration = Duration::from_secs(15);

/// What stands, for whoever looks on. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Alarms(Arc<Mutex<Watched>>);

#[derive(Debug, Default)]
struct Watched {
    standing: Vec<Finding>,
    looked_at: Option<UnixSeconds>,
}

impl Alarms {
    /// Findings that nobody has lifted.
    pub fn standing(&self) -> Vec<Finding> {
        self.watched().standing.clone()
    }

    /// When the sentinels saw everything last, or were set up, Unix seconds; `None` where there are none.
    pub fn looked_at(&self) -> Option<UnixSeconds> {
        self.watched().looked_at
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sentinels over one ledger.
pub struct Sentinel<L, C> {
    book: Arc<Book<L, C>>,
    destinations: Vec<Box<dyn DestinationView>>,
    sources: BTreeMap<ChainId, Arc<dyn SourceView>>,
    vaults: Vec<Box<dyn VaultView>>,
    alarms: Alarms,
    /// Sources of which more blocks are asked for more value.
    depths: BTreeMap<ChainId, ConfirmationPolicy>,
    /// When this process began: what it did not do while it was down is not held against it.
    began_at: UnixSeconds,
    memory: AsyncMutex<Memory>,
    /// Checkpoints whose block is not known to be the source's.
    checkpoints: Mutex<Checkpoints>,
    /// Freezes that chains do not keep.
    freezes: Mutex<Freezes>,
    /// What the last slow look found.
    slow: Mutex<Sight>,
}

/// What is remembered between two looks.
#[derive(Default)]
struct Memory {
    marks: Marks,
    /// Payouts that are not known to be fine for good, by destination and deposit.
    payouts: BTreeMap<(ChainId, DepositId), Sighting>,
    /// How far each source was read, and since when.
    read: BTreeMap<ChainId, (Option<u64>, UnixSeconds)>,
    /// What the fast lane cleared.
    pace: Pace,
    /// Since when the nodes of a source have disagreed for too long.
    disputes: BTreeMap<ChainId, UnixSeconds>,
    /// What the last look did not see.
    unseen: Unseen,
    /// What the ledger was told last.
    told: Option<Watch>,
}

fn scope_of(concern: &Concern) -> Scope {
    match concern {
        Concern::Chain(chain) => Scope::Chain { chain: chain.clone() },
        Concern::Asset(asset) => Scope::Asset { asset: asset.clone() },
        Concern::FastLane { source } => Scope::Lane { lane: Lane::Fast, source: source.clone() },
    }
}

impl<L, C> Sentinel<L, C> {
    fn checkpoints(&self) -> MutexGuard<'_, Checkpoints> {
        self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn freezes(&self) -> MutexGuard<'_, Freezes> {
        self.freezes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slow_sight(&self) -> MutexGuard<'_, Sight> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Ledger + Watchbook, C: Clock> Sentinel<L, C> {
    /// Sentinels that look at these destinations, sources and vaults. What they find stands in `alarms`.
    pub fn new(
        book: Arc<Book<L, C>>,
        destinations: Vec<Box<dyn DestinationView>>,
        sources: BTreeMap<ChainId, Arc<dyn SourceView>>,
        vaults: Vec<Box<dyn VaultView>>,
        alarms: Alarms,
    ) -> Self {
        let began_at = book.clock().now();
        alarms.watched().looked_at = Some(began_at);
        let (memory, checkpoints) = (AsyncMutex::default(), Mutex::default());
        let (freezes, slow) = (Mutex::default(), Mutex::default());
        let depths = BTreeMap::new();
        Self { book, destinations, sources, vaults, alarms, depths, began_at, memory, checkpoints, freezes, slow }
    }

    /// The same, where checkpoints of these sources are to be as deep as the amount that they are signed for needs.
    pub fn with_depths(self, depths: BTreeMap<ChainId, ConfirmationPolicy>) -> Self {
        Self { depths, ..self }
    }

    /// Looks once a second until told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), EngineError> {
        let clock = self.book.clock();
        let step = || async { self.look_once().await.map(|()| false) };
        repeat("sentinels", clock.clone(), stop, step, || clock.sleep(EVERY)).await
    }

    /// Looks four times a minute at what changes slowly. A task of its own, so that neither waits for the other.
    pub async fn run_slowly(self: Arc<Self>, stop: CancellationToken) -> Result<(), EngineError> {
        let clock = self.book.clock();
        let step = || async { self.look_slowly().await.map(|()| false) };
        repeat("slow sentinels", clock.clone(), stop, step, || clock.sleep(SLOWLY)).await
    }

    /// One look at payouts and what needs no node; raises what the last slow look found, too. A chain that cannot be read is
    /// passed over: it keeps nothing else from being looked at.
    pub async fn look_once(&self) -> Result<(), EngineError> {
        let memory = &mut *self.memory.lock().await;
        // Another process may have paused or resumed.
        self.book.refresh().await?;
        let from = memory.marks.sequence;
        let take = |recorded: Recorded<RiskEvent>| {
            memory.marks.take(&recorded.body);
            memory.pace(&recorded.body, recorded.at);
        };
        each_risk_event(self.book.ledger(), from, take).await?;
        let mut unseen = Unseen::default();
        let told = join_all(self.destinations.iter().map(|destination| destination.payouts())).await;
        for (destination, told) in self.destinations.iter().zip(told) {
            if let Some(payouts) = unseen.told(destination.chain(), "payouts", told) {
                self.sight(memory, destination.chain(), payouts);
            }
        }
        let told = join_all(self.destinations.iter().map(|destination| destination.checkpoints())).await;
        for (destination, told) in self.destinations.iter().zip(told) {
            if let Some(found) = unseen.told(destination.chain(), "checkpoints", told) {
                self.sight_checkpoints(destination.chain(), found);
            }
        }
        let unseen = unseen.and(&self.slow_sight().unseen);
        unseen.log_changes_since(&memory.unseen);
        memory.unseen = unseen;
        let now = self.book.clock().now();
        // What cannot be stored keeps nothing from being judged, and is told again.
        let paid = self.tell_paid(memory).await;
        let mut findings = self.judge_payouts(memory).await?;
        findings.extend(memory.pace.judge(now));
        findings.extend(self.judge_disputes(memory, now));
        findings.extend(self.judge_accounts().await);
        findings.extend(self.checkpoints().floods(&memory.marks.lifted));
        findings.extend(self.slow_sight().findings.iter().cloned());
        self.raise(memory, findings).await?;
        if memory.unseen.is_empty() {
            self.alarms.watched().looked_at = Some(now);
        }
        let told = self.tell(memory).await;
        paid.and(told)
    }

    /// Pauses what the findings are about, unless that was done, and shows those that nobody has lifted.
    async fn raise(&self, memory: &mut Memory, findings: Vec<Finding>) -> Result<(), EngineError> {
        let before = self.alarms.standing();
        let mut standing = Vec::new();
        for finding in findings {
            let key = finding.key();
            if memory.marks.lifted.contains(&key) {
                continue;
            }
            // Alarms alone, of which anyone may cause as many as he likes, crowd out no pause.
            let of = |finding: &Finding| (finding.rule, finding.concern.clone(), finding.is_pausing);
            let is_alike = |other: &&Finding| of(other) == of(&finding);
            if standing.iter().filter(is_alike).count() >= MOST_ALIKE {
                continue;
            }
            if before.iter().all(|known| known.key() != key) {
                tracing::error!(rule = %finding.rule, finding.what, finding.is_pausing, "a sentinel raises an alarm");
            }
            if finding.is_pausing {
                self.pause_for(&memory.marks, &finding).await?;
            }
            standing.push(finding);
        }
        self.alarms.watched().standing = standing;
        Ok(())
    }

    /// A finding is written down once for each pause that it needs; the chains are told only if theirs would end soon.
    async fn pause_for(&self, marks: &Marks, finding: &Finding) -> Result<(), EngineError> {
        let (scope, key, ttl) = (scope_of(&finding.concern), finding.key(), self.book.policy().pause_ttl);
        let now = self.book.clock().now();
        let paused_until = |risk: &RiskState| {
            let pauses = risk.pauses_at(now).filter(|(paused, _)| **paused == scope);
            pauses.map(|(_, pause)| pause.until).max()
        };
        let standing = self.book.read_risk(paused_until).await;
        if standing.is_some() && marks.has_paused(&scope, &key) {
            return Ok(());
        }
        let until = now.saturating_add(ttl);
        let is_told = standing.is_some_and(|until| until >= now.saturating_add(ttl / 2));
        let cause = keccak256(format!("{key} {until}"));
        let effects = if is_told { Vec::new() } else { self.book.pause_effects(&scope, ttl, cause, None) };
        let reason = reason_of(finding);
        let with = Commit { effects, ..Commit::default() };
        self.book.record_risk_with(RiskEvent::Paused { scope, until, reason }, with).await
    }
}
