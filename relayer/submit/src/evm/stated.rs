//! Guardians' signed pauses and freezes: as the contract takes them from anyone, and whether it has taken them.

use alloy::sol_types::SolCall;
use alloy_primitives::{B256, Bytes};
use spandrel_contracts::PauseController::{DeployedBridge, Statement, freezeSignedCall, isTakenCall, pauseSignedCall};
use spandrel_core::Stated;
use spandrel_core::journal::Journal;
use spandrel_core::submission::SubmitError;
use spandrel_risk::control::{Act, deployment};
use spandrel_signer::DigestSigner;
use spandrel_verifiers::UnixSeconds;

use super::EvmDestination;
use super::rpc::{Head, Rpc};

/// The calldata that brings a statement to the chain while it counts, and its digest. `None` when it is void at `now`, or
/// none that the contract takes: then only an account that may pause can.
pub fn call(stated: &Stated, now: UnixSeconds) -> Option<(Bytes, B256)> {
    let (statement, signature) = (&stated.signed.statement, stated.signed.signature.clone());
    if now >= statement.expiry {
        return None;
    }
    let said = |scope: &dyn ToString| Statement {
        scope: scope.to_string(),
        reason: statement.reason.clone(),
        guardian: statement.guardian,
        nonce: statement.nonce,
        expiry: statement.expiry,
    };
    let mut bridges: Vec<DeployedBridge> =
        stated.bridges.iter().map(|(chain, inbox)| DeployedBridge { chain: chain.hash(), inbox: *inbox }).collect();
    bridges.sort_unstable_by_key(|bridge| bridge.chain);
    let input = match &statement.act {
        Act::Pause { scope, seconds } => {
            pauseSignedCall { said: said(scope), ttl: *seconds, bridges, signature }.abi_encode()
        }
        Act::Freeze { scope } => freezeSignedCall { said: said(scope), bridges, signature }.abi_encode(),
        _ => return None,
    };
    let bridges = stated.bridges.iter().map(|(chain, inbox)| (chain, *inbox));
    Some((input.into(), statement.digest(deployment(bridges))))
}

/// Whether calldata brings a guardian's statement.
pub(super) fn is_statement(input: &[u8]) -> bool {
    pauseSignedCall::abi_decode(input).is_ok() || freezeSignedCall::abi_decode(input).is_ok()
}

/// Whether the chain has taken a statement, by whoever brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    No,
    /// Not in a final block, or not by every endpoint's word.
    NotFinally,
    Finally,
}

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    pub(super) async fn is_taken(&self, digest: B256, head: &Head) -> Result<Taken, SubmitError> {
        if !self.is_taken_by(&self.rpc, digest, None).await? {
            return Ok(Taken::No);
        }
        if head.last_final.is_none() || !self.is_taken_by(&self.rpc, digest, head.last_final).await? {
            return Ok(Taken::NotFinally);
        }
        for witness in &self.witnesses {
            let last_final = witness.head(self.config.confirmation).await.map(|head| head.last_final);
            let word = match last_final {
                Ok(Some(height)) => self.is_taken_by(witness, digest, Some(height)).await,
                other => other.map(|_| false),
            };
            if !self.agrees(witness, &format!("statement {digest} was taken"), word) {
                return Ok(Taken::NotFinally);
            }
        }
        Ok(Taken::Finally)
    }

    async fn is_taken_by(&self, rpc: &Rpc, digest: B256, height: Option<u64>) -> Result<bool, SubmitError> {
        rpc.read(self.config.contracts.pauses, &isTakenCall { digest }, height).await
    }
}
