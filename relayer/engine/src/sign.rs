//! The fast lane's signer: answers the relayer alone, believes nothing but its own node, and signs a batch only if it sees
//! every deposit in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{Address, B256, Signature};
use futures::future::BoxFuture;
use spandrel_verifiers::bitcoin::DepositTerms;
use spandrel_verifiers::follow::SeenDeposit;
use spandrel_verifiers::merkle::BatchTree;
use spandrel_verifiers::{ChainId, Deposit, DepositId, UnixSeconds, VerifyError};

use crate::request::Requesters;
use crate::{Asked, AttestRequest, Message, SignedRequest, Unseen};

const MAX_LIFETIME_SECONDS: u64 = 2 * 3600;
/// Terms of one item that are tried: they can differ in the refund's delay only.
const MAX_TERMS_AN_ITEM: usize = 32;
/// Characters of a reason that are told.
const LONGEST_REASON: usize = 120;

/// A signer's own view of one source chain.
pub trait Sighting: Send + Sync {
    /// Whether the deposit stands, exactly as told, in the signer's own best chain under the route's fast rule.
    fn sight<'a>(&'a self, seen: &'a SeenDeposit, now: UnixSeconds) -> BoxFuture<'a, Result<(), String>>;

    /// Takes terms of deposits that are about to be looked for, where a chain needs them to recognise one. They come
    /// from whoever asks, so they may not make anything seen that does not commit to them.
    fn learn(&self, _terms: &DepositTerms) {}
}

/// Signs a digest with a signer's key, or the relayer's; an error is logged and nothing is signed.
pub type SignDigest = Arc<dyn Fn(B256) -> BoxFuture<'static, Result<Signature, String>> + Send + Sync>;

/// Whether a deposit may be one with these terms: what both say is the same.
pub(crate) fn are_of(terms: &DepositTerms, deposit: &Deposit) -> bool {
    terms.destination_chain == deposit.destination_chain
        && terms.destination_bridge == deposit.destination_bridge
        && terms.recipient == deposit.recipient
        && terms.lane == deposit.lane
        && terms.expiry == deposit.expiry
        && terms.refund_key == deposit.sender
}

/// One signer.
pub struct SignerRole {
    sign: SignDigest,
    requesters: Requesters,
    /// EVM chain number, `FastLane` and signer-set epoch per destination.
    destinations: BTreeMap<ChainId, (u64, Address, u64)>,
    sightings: BTreeMap<ChainId, Box<dyn Sighting>>,
}

impl SignerRole {
    /// A signer with its own nodes, that signs what these accounts ask.
    pub fn new(
        sign: SignDigest,
        requesters: BTreeSet<Address>,
        destinations: BTreeMap<ChainId, (u64, Address, u64)>,
        sightings: BTreeMap<ChainId, Box<dyn Sighting>>,
    ) -> Self {
        Self { sign, requesters: Requesters::new(requesters), destinations, sightings }
    }

    /// The source chains it knows.
    pub fn chains(&self) -> Vec<ChainId> {
        self.sightings.keys().cloned().collect()
    }

    /// Takes a request that is the relayer's, once. No node is asked for this.
    ///
    /// # Errors
    /// What was expected of it, and what was found.
    pub fn take(&self, signed: &SignedRequest, now: UnixSeconds) -> Result<Asked, VerifyError> {
        match self.destinations.get(&signed.destination) {
            Some(target) => self.requesters.take(signed, *target, now),
            None => Err(VerifyError::invalid("destination", "one that is configured", &signed.destination)),
        }
    }

    /// Answers a request: a signature, or what it does not see. Nothing at all to a request that is not in order, or has
    /// waited until it was void.
    pub async fn answer(&self, asked: &Asked, now: UnixSeconds) -> Option<Message> {
        let request = asked.request();
        if asked.is_void(now) {
            tracing::warn!(root = %request.terms.root, "attestation request dropped: it has waited for too long");
            return None;
        }
        let (chain_number, contract, epoch) = self.destinations.get(&request.destination)?;
        let ids: Vec<DepositId> = request.items.iter().map(|seen| seen.deposit.id()).collect();
        let tree = BatchTree::new(&ids).ok()?;
        let terms = &request.terms;
        let is_in_order = terms.root == tree.root()
            && usize::try_from(terms.count).ok() == Some(tree.count())
            && terms.epoch == *epoch
            && (now..=now.saturating_add(MAX_LIFETIME_SECONDS)).contains(&terms.expiry);
        if !is_in_order {
            tracing::warn!(root = %terms.root, "attestation request refused: terms and items do not match");
            return None;
        }
        self.learn(request);
        let mut unseen = Vec::new();
        for (seen, id) in request.items.iter().zip(&ids) {
            let span = tracing::info_span!("sight", deposit = %id, error = tracing::field::Empty);
            if let Err(reason) = self.sight(request, seen, now).await {
                span.record("error", &*reason);
                unseen.push((*id, reason.chars().take(LONGEST_REASON).collect()));
            }
        }
        let (root, batch) = (terms.root, terms.digest(*chain_number, *contract));
        let digest = if unseen.is_empty() { batch } else { Unseen::digest(batch, &unseen) };
        match (self.sign)(digest).await {
            Ok(signature) if unseen.is_empty() => Some(Message::Attestation { root, signature }),
            Ok(signature) => Some(Message::Unseen(Unseen { root, items: unseen, signature })),
            Err(error) => {
                tracing::error!(%root, error, "answer not signed");
                None
            }
        }
    }

    /// Hands on what terms are those of an item, a bounded number an item: what else is on the bus is not kept.
    fn learn(&self, request: &AttestRequest) {
        for seen in &request.items {
            let Some(sighting) = self.sightings.get(&seen.deposit.source_chain) else { continue };
            let own = request.bitcoin_terms.iter().filter(|terms| are_of(terms, &seen.deposit));
            own.take(MAX_TERMS_AN_ITEM).for_each(|terms| sighting.learn(terms));
        }
    }

    async fn sight(&self, request: &AttestRequest, seen: &SeenDeposit, now: UnixSeconds) -> Result<(), String> {
        if seen.deposit.destination_chain != request.destination {
            return Err(format!("destination is {}, not {}", seen.deposit.destination_chain, request.destination));
        }
        let Some(sighting) = self.sightings.get(&seen.deposit.source_chain) else {
            return Err(format!("no node for {}", seen.deposit.source_chain));
        };
        sighting.sight(seen, now).await
    }
}
