//! The fast lane's signer: believes nothing but its own node, and signs a batch only if it sees every deposit in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::{Address, B256, Signature};
use futures::future::BoxFuture;
use spandrel_verifiers::follow::SeenDeposit;
use spandrel_verifiers::merkle::BatchTree;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use crate::{AttestRequest, Message};

const MAX_LIFETIME_SECONDS: u64 = 2 * 3600;

/// A signer's own view of one source chain.
pub trait Sighting: Send + Sync {
    /// Whether the deposit stands, exactly as told, in the signer's own best chain under the route's fast rule.
    fn sight<'a>(&'a self, seen: &'a SeenDeposit, now: UnixSeconds) -> BoxFuture<'a, Result<(), String>>;
}

/// Signs a digest with the signer's key; an error is logged and nothing is signed.
pub type SignDigest = Arc<dyn Fn(B256) -> BoxFuture<'static, Result<Signature, String>> + Send + Sync>;

/// One signer.
pub struct SignerRole {
    address: Address,
    sign: SignDigest,
    /// EVM chain number, `FastLane` and signer-set epoch per destination.
    destinations: BTreeMap<ChainId, (u64, Address, u64)>,
    sightings: BTreeMap<ChainId, Box<dyn Sighting>>,
}

impl SignerRole {
    /// A signer with its own nodes.
    pub fn new(
        address: Address,
        sign: SignDigest,
        destinations: BTreeMap<ChainId, (u64, Address, u64)>,
        sightings: BTreeMap<ChainId, Box<dyn Sighting>>,
    ) -> Self {
        Self { address, sign, destinations, sightings }
    }

    /// The source chains it knows.
    pub fn chains(&self) -> Vec<ChainId> {
        self.sightings.keys().cloned().collect()
    }

    /// Answers a request: a signature, or what it does not see. Nothing at all to a request that is not in order.
    pub async fn answer(&self, request: &AttestRequest, now: UnixSeconds) -> Option<Message> {
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
        let mut unseen = Vec::new();
        for (seen, id) in request.items.iter().zip(&ids) {
            if let Err(reason) = self.sight(request, seen, now).await {
                unseen.push((*id, reason));
            }
        }
        if unseen.is_empty() {
            match (self.sign)(terms.digest(*chain_number, *contract)).await {
                Ok(signature) => Some(Message::Attestation { root: terms.root, signature }),
                Err(error) => {
                    tracing::error!(root = %terms.root, error, "batch not signed");
                    None
                }
            }
        } else {
            Some(Message::Unseen { root: terms.root, signer: self.address, items: unseen })
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
