//! What happened to a transfer, with what the ledger holds of it: where it stood, who signed it, why it was held.
//!
//! Texts of errors stay with the operator: they may hold what nodes and signers answered.

use alloy::primitives::{Address, B256, Signature};
use serde::Serialize;
use spandrel_core::ledger::{Ledger, Recorded};
use spandrel_core::{Event, Policy, Transfer, TxRef};
use spandrel_verifiers::attestation::{self, SignerSet};
use spandrel_verifiers::{ChainId, SignedCheckpoint};
use utoipa::ToSchema;

use super::{ReasonView, Service, shown_time};
use crate::Problem;
use crate::instructions::shown_hash;

/// One event of a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventView {
    /// From 0, of its deposit.
    pub sequence: u64,
    /// The deposit that it happened to: an order may come to follow another one.
    pub deposit: String,
    /// RFC 3339.
    pub at: String,
    /// What happened.
    pub event: String,
    /// The block of the source chain that it is about: the deposit's, the final one, the last one before a
    /// reorganisation, the one under which it is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockView>,
    /// The transaction, as its chain's users write it: the deposit's, a payout's, the settlement's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Why the risk engine held or refused it, as it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonView>,
    /// Addresses of the verifiers, or of the fast lane's signers, whose signatures stand under it, of those who are
    /// members now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
}

/// A block of the source chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlockView {
    /// Absent where the hash alone is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// As the chain's users write it.
    pub hash: String,
}

/// How far a transfer's events were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The first sequence that was not.
    pub next: u64,
    /// Of which deposit; of the one that is followed now where it is not told.
    pub deposit: Option<String>,
}

impl Seen {
    /// Up to `event`.
    pub fn up_to(event: &EventView) -> Self {
        Self { next: event.sequence.saturating_add(1), deposit: Some(event.deposit.clone()) }
    }

    fn next_of(&self, deposit: &str) -> u64 {
        if self.deposit.as_ref().is_none_or(|seen| seen == deposit) { self.next } else { 0 }
    }
}

impl Service {
    /// The events of the first deposit behind an id that come after the one `seen`: all, when that was another deposit's.
    ///
    /// # Errors
    /// 404 when there is neither order nor deposit.
    pub async fn events(&self, id: &str, seen: &Seen) -> Result<Vec<EventView>, Problem> {
        let Some(transfer) = self.find(id).await?.first() else { return Ok(Vec::new()) };
        let next = seen.next_of(&transfer.id.to_string());
        let events = self.store.events(transfer.id).await?;
        let events = events.iter().filter(|event| event.sequence >= next);
        Ok(events.map(|event| shown(&self.policy, &transfer, event)).collect())
    }
}

fn shown(policy: &Policy, transfer: &Transfer, event: &Recorded<Event>) -> EventView {
    let source = &transfer.deposit.source_chain;
    let view = EventView {
        sequence: event.sequence,
        deposit: transfer.id.to_string(),
        at: shown_time(event.at),
        event: Event::name(&event.body).to_owned(),
        ..EventView::default()
    };
    let block = |height: Option<u64>, hash: B256| Some(BlockView { height, hash: shown_hash(source.as_str(), hash) });
    let paid = |tx: &TxRef| Some(shown_hash(tx.chain.as_str(), tx.hash));
    match &event.body {
        Event::Observed { seen } => EventView {
            block: block(Some(seen.block.height), seen.block.hash),
            transaction: Some(shown_hash(source.as_str(), seen.transaction)),
            ..view
        },
        Event::SourceFinal { at } | Event::SourceReorged { ancestor: at } => {
            EventView { block: block(Some(at.height), at.hash), ..view }
        }
        Event::Proven { evidence } => EventView { block: block(None, evidence.root()), ..view },
        Event::Verified { checkpoint: signed, .. } => EventView {
            block: block(Some(signed.checkpoint.height), signed.checkpoint.root),
            signers: named(&verifiers_of(policy, &transfer.deposit.destination_chain, signed)),
            ..view
        },
        Event::Attested { attestation } => {
            let signers = policy.destinations.get(&transfer.deposit.destination_chain).map(|destination| {
                let digest = attestation.batch.digest(destination.domain.chain_number, destination.fast_lane);
                members_of(&destination.signers, digest, &attestation.signatures)
            });
            EventView { signers: named(&signers.unwrap_or_default()), ..view }
        }
        Event::Cleared { lane } | Event::PayoutRefused { lane, .. } | Event::PayoutReorged { lane } => {
            EventView { lane: Some(lane.to_string()), ..view }
        }
        Event::Held { reason, until } => EventView { reason: Some(ReasonView::decided(reason, *until)), ..view },
        Event::Rejected { reason } => EventView { reason: Some(ReasonView::decided(reason, None)), ..view },
        Event::Submitted { lane, tx } | Event::Executed { lane, tx } | Event::PayoutFinal { lane, tx } => {
            EventView { lane: Some(lane.to_string()), transaction: paid(tx), ..view }
        }
        Event::Promised { tx, .. } | Event::PromiseProven { tx } | Event::Settled { tx } => {
            EventView { transaction: paid(tx), ..view }
        }
        Event::FastRefused { .. }
        | Event::ProofRefused { .. }
        | Event::Shortfall
        | Event::Failed { .. }
        | Event::Quarantined { .. }
        | Event::Requeued
        | Event::PaidAllTheSame => view,
    }
}

fn named(signers: &[Address]) -> Vec<String> {
    signers.iter().map(ToString::to_string).collect()
}

/// Verifiers whose signatures stand under a checkpoint for `destination`. They were checked before they were stored.
pub(super) fn verifiers_of(policy: &Policy, destination: &ChainId, signed: &SignedCheckpoint) -> Vec<Address> {
    let Some(destination) = policy.destinations.get(destination) else { return Vec::new() };
    let domain = &destination.domain;
    let digest = signed.checkpoint.digest(domain.chain_number, domain.registry, signed.epoch);
    members_of(&policy.verifiers, digest, &signed.signatures)
}

fn members_of(set: &SignerSet, digest: B256, signatures: &[Signature]) -> Vec<Address> {
    let signers = signatures.iter().filter_map(|signature| attestation::recover(digest, signature).ok());
    signers.filter(|signer| set.members.contains(signer)).collect()
}

#[cfg(test)]
mod tests {
    use spandrel_signer::LocalKey;

    use super::*;

    /// Whoever is in the set now, and nobody who was in it or never was.
    #[test]
    fn only_members_of_the_set_are_named_as_signers() {
        let keys = [1, 2, 9].map(|n| LocalKey::from_bytes(&[n; 32]).unwrap());
        let [ada, bo, stranger] = keys.each_ref().map(LocalKey::address);
        let set = SignerSet::new(1, 2, [ada, bo, Address::repeat_byte(3)].into()).unwrap();
        let digest = B256::repeat_byte(7);
        let signatures = keys.map(|key| key.sign_digest(digest).unwrap());
        let named = members_of(&set, digest, &signatures);
        assert_eq!(named, vec![ada, bo], "{stranger} is in no set");
        assert!(members_of(&set, B256::repeat_byte(8), &signatures).is_empty(), "of other words");
    }
}
