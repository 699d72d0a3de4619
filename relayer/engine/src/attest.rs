//! Asking the fast lane's signers for one signature over a batch of deposits, and collecting theirs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Address, B256, Signature};
use futures::future::BoxFuture;
use spandrel_core::ledger::{EffectEnd, Ledger};
use spandrel_core::{BatchTerms, Effect, Executor, FastAttestation, Input};
use spandrel_verifiers::attestation::Collector;
use spandrel_verifiers::bitcoin::DepositTerms;
use spandrel_verifiers::follow::SeenDeposit;
use spandrel_verifiers::merkle::{BatchTree, MAX_BATCH};
use spandrel_verifiers::{ChainId, Deposit, DepositId, UnixSeconds};

use crate::gate::{Gate, wait};
use crate::sign::are_of;
use crate::{AttestRequest, Book, Bus, Change, Clock, EngineError, Message, SignDigest, SignedRequest, Step, Unseen};

const LEASE_SECONDS: u64 = 60;
const ASK_AGAIN_SECONDS: u64 = 2;
const LEAVE_OUT_SECONDS: u64 = 2;
const BATCH_LIFETIME_SECONDS: u64 = 3600;

/// Knows what deposit terms depositors have registered.
pub trait TermsSource: Send + Sync {
    /// Those that may be the terms of these deposits; none when they cannot be read now.
    fn terms_of<'a>(&'a self, deposits: &'a [SeenDeposit]) -> BoxFuture<'a, Vec<DepositTerms>>;
}

/// The relayer's side of the fast lane.
pub struct AttestationDesk<L, C, B> {
    book: Arc<Book<L, C>>,
    bus: B,
    sign: SignDigest,
    terms: Option<Box<dyn TermsSource>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pending: HashMap<B256, Pending>,
    left_out_until: HashMap<DepositId, UnixSeconds>,
}

struct Pending {
    request: Arc<AttestRequest>,
    collector: Collector,
    unseen: BTreeMap<DepositId, BTreeSet<Address>>,
}

impl<L: Ledger, C: Clock, B: Bus> AttestationDesk<L, C, B> {
    /// A desk on `bus`, whose requests are signed with the relayer's key for them.
    pub fn new(book: Arc<Book<L, C>>, bus: B, sign: SignDigest) -> Self {
        Self { book, bus, sign, terms: None, state: Mutex::default() }
    }

    /// Tells signers the terms behind the deposits they are asked about.
    #[must_use]
    pub fn telling(mut self, terms: impl TermsSource + 'static) -> Self {
        self.terms = Some(Box::new(terms));
        self
    }

    /// Asks for attestations that are due, one batch a route: a source whose nodes hang holds up no other's deposits.
    /// Answers how many effects were taken.
    pub async fn ask_once(&self) -> Result<usize, EngineError> {
        let now = self.book.clock().now();
        let due = self.book.ledger().lease(&Executor::Signers, now, now + LEASE_SECONDS, MAX_BATCH as u32).await?;
        let taken = due.len();
        let mut change = Change::default();
        let mut by_route: BTreeMap<(ChainId, ChainId), Vec<SeenDeposit>> = BTreeMap::new();
        for leased in due {
            let seen = match (Gate::of(&self.book, &leased).await?, &leased.effect) {
                (Gate::Open(_), Effect::RequestAttestation { seen }) => seen.clone(),
                (Gate::Later(reason), _) => {
                    change = change.ending(leased.id, wait(now, leased.attempt, reason));
                    continue;
                }
                (Gate::Open(_) | Gate::Pause | Gate::Free | Gate::Never(_), _) => {
                    change = change.ending(leased.id, EffectEnd::Done);
                    continue;
                }
            };
            let run_at = match self.lock().left_out_until.get(&leased.deposit) {
                Some(until) if *until > now => *until,
                _ => {
                    let Deposit { source_chain, destination_chain, .. } = &seen.deposit;
                    by_route.entry((source_chain.clone(), destination_chain.clone())).or_default().push(seen);
                    now + ASK_AGAIN_SECONDS
                }
            };
            change = change.ending(leased.id, EffectEnd::Retry { run_at, error: "no quorum yet".to_owned() });
        }
        self.book.record(change).await?;
        for ((_, destination), items) in by_route {
            let bitcoin_terms = self.terms_of(&items).await;
            let Some(request) = self.request(destination, items, bitcoin_terms, now) else { continue };
            if let Err(error) = self.publish(&request, now).await {
                tracing::warn!(error, "bus: signers are asked again later");
            }
        }
        Ok(taken)
    }

    /// Signs anew each time, so that what somebody has recorded is soon void.
    async fn publish(&self, request: &AttestRequest, now: UnixSeconds) -> Result<(), String> {
        let target = self.book.policy().destinations.get(&request.destination).ok_or("an unknown destination")?;
        let place = (target.domain.chain_number, target.fast_lane);
        let signed = SignedRequest::sign(request, place, now, &self.sign).await?;
        self.bus.publish(Message::AttestRequest(Arc::new(signed))).await.map_err(|error| error.to_string())
    }

    /// What is known of the terms behind these deposits.
    async fn terms_of(&self, items: &[SeenDeposit]) -> Vec<DepositTerms> {
        let Some(source) = &self.terms else { return Vec::new() };
        let mut known = source.terms_of(items).await;
        known.retain(|terms| items.iter().any(|seen| are_of(terms, &seen.deposit)));
        known
    }

    fn request(
        &self,
        destination: ChainId,
        items: Vec<SeenDeposit>,
        bitcoin_terms: Vec<DepositTerms>,
        now: UnixSeconds,
    ) -> Option<Arc<AttestRequest>> {
        let ids: Vec<DepositId> = items.iter().map(|seen| seen.deposit.id()).collect();
        let tree = BatchTree::new(&ids).ok()?;
        let mut state = self.lock();
        state.pending.retain(|_, pending| pending.request.terms.expiry > now + BATCH_LIFETIME_SECONDS / 2);
        state.left_out_until.retain(|_, until| *until > now);
        if let Some(pending) = state.pending.get(&tree.root()) {
            return Some(pending.request.clone());
        }
        let target = self.book.policy().destinations.get(&destination)?;
        let terms = BatchTerms {
            root: tree.root(),
            count: u32::try_from(tree.count()).ok()?,
            epoch: target.signers.epoch,
            expiry: now + BATCH_LIFETIME_SECONDS,
        };
        let digest = terms.digest(target.domain.chain_number, target.fast_lane);
        let request = Arc::new(AttestRequest { destination, terms, items, bitcoin_terms });
        let collector = Collector::new(digest, target.signers.clone());
        state.pending.insert(terms.root, Pending { request: request.clone(), collector, unseen: BTreeMap::new() });
        Some(request)
    }

    /// Takes a signer's signature; with the last one needed, every deposit of the batch is attested.
    pub async fn take(&self, root: B256, signature: Signature) -> Result<(), EngineError> {
        let attested = {
            let mut state = self.lock();
            let Some(pending) = state.pending.get_mut(&root) else { return Ok(()) };
            if let Err(error) = pending.collector.add(signature) {
                tracing::warn!(%root, %error, "attestation dropped");
                return Ok(());
            }
            let Some(quorum) = pending.collector.quorum() else { return Ok(()) };
            let signatures: Vec<Signature> = quorum.into_iter().map(|(_, signature)| signature).collect();
            let request = pending.request.clone();
            state.pending.remove(&root);
            attestations(&request, &signatures)
        };
        let steps = attested.into_iter().map(|(id, attestation)| Step::One(id, Input::Attested(attestation))).collect();
        self.book.record(Change { steps, ..Change::default() }).await?;
        Ok(())
    }

    /// Takes a signer's word that it does not see some items: once a quorum has become impossible for one, the next
    /// batches leave it out for a while, so that it does not hold up its neighbours.
    pub fn take_unseen(&self, said: &Unseen) {
        let now = self.book.clock().now();
        let mut state = self.lock();
        let Some(pending) = state.pending.get_mut(&said.root) else { return };
        let Some(target) = self.book.policy().destinations.get(&pending.request.destination) else { return };
        let batch = pending.request.terms.digest(target.domain.chain_number, target.fast_lane);
        let signer = match said.signer(batch) {
            Ok(signer) if target.signers.members.contains(&signer) => signer,
            _ => {
                tracing::warn!(root = %said.root, "a stranger's word about a batch dropped");
                return;
            }
        };
        let spare = target.signers.members.len().saturating_sub(target.signers.threshold);
        let mut left_out = Vec::new();
        let asked: BTreeSet<DepositId> = pending.request.items.iter().map(|seen| seen.deposit.id()).collect();
        for (id, reason) in said.items.iter().filter(|(id, _)| asked.contains(id)) {
            let signers = pending.unseen.entry(*id).or_default();
            signers.insert(signer);
            if signers.len() > spare {
                tracing::info!(deposit = %id, reason, "left out of the next fast-lane batches");
                left_out.push(*id);
            }
        }
        if !left_out.is_empty() {
            state.pending.remove(&said.root);
            state.left_out_until.extend(left_out.into_iter().map(|id| (id, now + LEAVE_OUT_SECONDS)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn attestations(request: &AttestRequest, signatures: &[Signature]) -> Vec<(DepositId, FastAttestation)> {
    let ids: Vec<DepositId> = request.items.iter().map(|seen| seen.deposit.id()).collect();
    let Ok(tree) = BatchTree::new(&ids) else { return Vec::new() };
    let place = |(index, id): (usize, &DepositId)| {
        let attestation = FastAttestation {
            batch: request.terms,
            signatures: signatures.to_vec(),
            index: u32::try_from(index).ok()?,
            path: tree.path(index),
        };
        Some((*id, attestation))
    };
    ids.iter().enumerate().filter_map(place).collect()
}
