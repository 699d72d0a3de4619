//! Everything that anyone needs to check a transfer and to claim it without us.

use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use axum::http::StatusCode;
use serde::Serialize;
use spandrel_contracts::{CheckpointRegistry, Inbox, lane, proof, solidity_deposit};
use spandrel_core::Transfer;
use spandrel_signer::signatures_blob;
use spandrel_verifiers::file::{BlockTrust, EvidenceFile, Trust, VERSION};
use spandrel_verifiers::{Evidence, SignedCheckpoint, UnixSeconds};
use utoipa::ToSchema;

use super::Service;
use super::view::LATE;
use crate::Problem;

/// A transfer's proof. As it is answered it is a file that `spandrel proof verify` and `explain` read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProofView {
    /// Format version of evidence files.
    pub version: u32,
    /// When the evidence was good, Unix seconds.
    #[schema(value_type = u64)]
    pub at: UnixSeconds,
    /// What whoever checks it must agree to trust: that the block, which they look up themselves, is final.
    #[schema(value_type = Object)]
    pub trust: Trust,
    /// The deposit.
    pub deposit: String,
    /// The evidence.
    #[schema(value_type = Object)]
    pub evidence: Evidence,
    /// Hash of the block under which it proves, 0x-hex.
    pub root: String,
    /// The verifiers' checkpoint over that block, once a quorum signed it.
    #[schema(value_type = Option<Object>)]
    pub checkpoint: Option<SignedCheckpoint>,
    /// The calls, in order, that pay the deposit on its destination; whoever sends them only pays the gas. Absent while
    /// there is no checkpoint.
    pub claim: Vec<ClaimCall>,
}

impl ProofView {
    /// The evidence file alone.
    pub fn file(&self) -> EvidenceFile {
        let Self { version, at, trust, evidence, .. } = self;
        EvidenceFile { version: *version, at: *at, trust: trust.clone(), evidence: evidence.clone() }
    }
}

/// A call on the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClaimCall {
    /// What it does.
    pub step: &'static str,
    /// Contract.
    pub to: String,
    /// Calldata, 0x-hex.
    pub data: String,
}

impl Service {
    /// The proof of a transfer.
    ///
    /// # Errors
    /// 404 when there is no such transfer, 409 while there is no evidence; asked for again where it may come.
    pub async fn proof(&self, id: &str) -> Result<ProofView, Problem> {
        let found = self.find(id).await?;
        let is_over = self.now() > found.expiry().saturating_add(LATE);
        let transfer = found.first();
        let Some(evidence) = transfer.as_ref().and_then(|transfer| transfer.evidence.clone()) else {
            return Err(unproven(transfer.as_ref(), is_over));
        };
        let Some(transfer) = transfer else { return Err(unproven(None, is_over)) };
        let claim = match &transfer.checkpoint {
            Some(checkpoint) => self.claim(&transfer, &evidence, checkpoint)?,
            None => Vec::new(),
        };
        let trust = BlockTrust {
            chain: transfer.deposit.source_chain.clone(),
            bridge: transfer.deposit.source_bridge,
            block: evidence.root(),
        };
        Ok(ProofView {
            version: VERSION,
            at: transfer.updated_at,
            trust: Trust::Block(Box::new(trust)),
            deposit: transfer.id.to_string(),
            root: evidence.root().to_string(),
            evidence,
            checkpoint: transfer.checkpoint,
            claim,
        })
    }

    fn claim(
        &self,
        transfer: &Transfer,
        evidence: &Evidence,
        signed: &SignedCheckpoint,
    ) -> Result<Vec<ClaimCall>, Problem> {
        let Some(destination) = self.policy.destinations.get(&transfer.deposit.destination_chain) else {
            return Ok(Vec::new());
        };
        let unencodable = |error: proof::EncodeError| Problem::new(StatusCode::CONFLICT, "NOT_CLAIMABLE", error);
        let checkpoint = &signed.checkpoint;
        let register = CheckpointRegistry::submitCall {
            sourceChain: checkpoint.chain.hash(),
            height: checkpoint.height,
            root: checkpoint.root,
            time: checkpoint.time,
            upTo: checkpoint.up_to,
            epoch: signed.epoch,
            signatures: signatures_blob(&signed.signatures),
        };
        let claim = Inbox::claimCall {
            deposit: solidity_deposit(&transfer.deposit),
            lane: lane::of(evidence).map_err(unencodable)?,
            proof: proof::encode(evidence, &transfer.deposit).map_err(unencodable)?,
        };
        let domain = &destination.domain;
        let call = |step, to: alloy::primitives::Address, data: Vec<u8>| ClaimCall {
            step,
            to: to.to_string(),
            data: Bytes::from(data).to_string(),
        };
        Ok(vec![
            call("register the checkpoint, unless it is registered", domain.registry, register.abi_encode()),
            call("claim", domain.inbox, claim.abi_encode()),
        ])
    }
}

/// Why there is no evidence. `is_over`: no deposit is waited for any more. Only what may come is to be asked for again.
fn unproven(transfer: Option<&Transfer>, is_over: bool) -> Problem {
    let never = |detail: &str| Problem::new(StatusCode::CONFLICT, "NO_PROOF", detail);
    let not_yet = |code, detail: &str| Problem::new(StatusCode::CONFLICT, code, detail).retry_in(30);
    match transfer {
        Some(transfer) if transfer.status.is_terminal() => {
            never(&format!("it ended before it was proven ({}): nothing is proven any more", transfer.status.name()))
        }
        Some(transfer) if transfer.mined().is_some() => {
            not_yet("NOT_PROVEN_YET", "its block is not final yet: there is nothing to prove it under")
        }
        Some(_) if is_over => never("its block was replaced, and no other held the deposit in time"),
        Some(_) => not_yet("NO_DEPOSIT_YET", "its block was replaced, and no other that was read holds the deposit"),
        None if is_over => never("no deposit was seen in time"),
        None => not_yet("NO_DEPOSIT_YET", "no deposit was seen yet"),
    }
}
