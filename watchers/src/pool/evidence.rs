//! Evidence from whichever endpoint has it: it proves itself, so one that answers is enough.

use std::sync::Arc;

use spandrel_verifiers::Evidence;
use spandrel_verifiers::follow::{BlockRef, EvidenceSource, FollowError, SeenDeposit};

use super::endpoints::{Endpoints, Named};

/// An [`EvidenceSource`] over several.
#[derive(Debug)]
pub struct PooledEvidence<S>(Arc<Endpoints<S>>);

impl<S> PooledEvidence<S> {
    /// Sources in order of preference.
    ///
    /// # Errors
    /// `Permanent` when there is none.
    pub fn new(sources: Vec<Named<S>>) -> Result<Self, FollowError> {
        Ok(Self(Arc::new(Endpoints::new(sources)?)))
    }
}

impl<S: EvidenceSource> EvidenceSource for PooledEvidence<S> {
    async fn evidence(&self, seen: &SeenDeposit, at: &BlockRef) -> Result<Evidence, FollowError> {
        let mut missing = None;
        for endpoint in self.0.iter() {
            match endpoint.ask(|source| source.evidence(seen, at)).await {
                Some(Ok(evidence)) => return Ok(evidence),
                Some(Err(error)) => missing = Some(error),
                None => {}
            }
        }
        Err(missing.unwrap_or_else(|| FollowError::ProofUnavailable("every endpoint is left alone".to_owned())))
    }
}
