//! The relayer's process: the book and the desks, all of it lost in a crash but the ledger.

use std::sync::Arc;

use futures::FutureExt;
use spandrel_core::Policy;
use spandrel_engine::{
    Alarms, AttestationDesk, Book, ChainFollower, EngineError, EvidenceDesk, Observer, PayoutDesk, Sentinel,
    VerdictDesk,
};
use spandrel_store::Memory;

use super::bus::SimBus;
use super::clock::SimClock;
use super::guardians;
use super::keys;
use super::ledger::SimLedger;
use super::node::SimNode;
use super::sentinel::{SimPayments, heads};
use super::submitter::SimSubmitter;
use super::universe::Shared;

const BATCH: u32 = 16;

/// One life of the relayer.
pub struct Relayer {
    /// The ledger, as this process holds it.
    pub ledger: Memory,
    /// The book.
    pub book: Arc<Book<SimLedger, SimClock>>,
    /// A follower per source chain.
    pub followers: [ChainFollower<SimNode, SimLedger, SimClock>; 2],
    /// An evidence desk per source chain.
    pub evidence: [EvidenceDesk<SimNode, SimLedger, SimClock>; 2],
    /// Asks the verifiers.
    pub verdicts: VerdictDesk<SimLedger, SimClock, SimBus>,
    /// Asks the signers.
    pub attestations: AttestationDesk<SimLedger, SimClock, SimBus>,
    /// Pays.
    pub payouts: PayoutDesk<SimSubmitter, SimLedger, SimClock>,
    /// Stands sentinel.
    pub sentinel: Sentinel<SimLedger, SimClock>,
    /// What it found.
    pub alarms: Alarms,
}

impl Relayer {
    /// Starts on what is in the ledger.
    pub fn start(
        ledger: Memory,
        universe: &Shared,
        clock: &SimClock,
        bus: &SimBus,
        policy: Policy,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, EngineError> {
        let own = SimLedger::new(ledger.clone(), universe.lock().breakage);
        let book = now(Book::open(own, clock.clone(), policy, observer))?;
        let book = Arc::new(book.guarded_by(guardians::policy()));
        let node = |place| SimNode::new(place, universe.clone());
        let evidence = |place: usize| {
            let chain = universe.lock().sources[place].id.clone();
            EvidenceDesk::new(chain, node(place), book.clone())
        };
        let submitter = SimSubmitter::new(ledger.clone(), universe.clone(), clock.clone());
        let alarms = Alarms::default();
        let (payments, heads) = (vec![SimPayments::of(universe)], heads(universe));
        Ok(Self {
            sentinel: Sentinel::new(book.clone(), payments, heads, Vec::new(), alarms.clone()),
            alarms,
            followers: [0, 1].map(|place| ChainFollower::new(node(place), book.clone())),
            evidence: [0, 1].map(evidence),
            verdicts: VerdictDesk::new(book.clone(), bus.clone()),
            attestations: AttestationDesk::new(book.clone(), bus.clone(), keys::asks()),
            payouts: PayoutDesk::new(keys::destination(), submitter, book.clone(), BATCH),
            ledger,
            book,
        })
    }
}

/// The output of a future that has nothing to wait for.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing in the simulation waits")
}
