//! The endpoints of one chain, asked one after the other.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::B256;
use futures::future::join_all;
use spandrel_verifiers::follow::{BlockRef, FollowError};
use tokio::time::Instant;

use super::breaker::Breaker;
use super::health::{Health, Meter, Standing};
use super::vote::Witness;

/// One endpoint's client, and the name it has in logs and metrics: without credentials.
#[derive(Debug)]
pub struct Named<T> {
    /// The name.
    pub name: String,
    /// The client.
    pub client: T,
}

/// One endpoint with its breaker.
#[derive(Debug)]
pub(super) struct Endpoint<T> {
    named: Named<T>,
    breaker: Mutex<Breaker>,
    pub(super) meter: Meter,
}

impl<T> Endpoint<T> {
    pub(super) fn name(&self) -> &str {
        &self.named.name
    }

    pub(super) fn client(&self) -> &T {
        &self.named.client
    }

    /// Makes a call unless the breaker is open (`None`). What is no failure of the endpoint closes the breaker.
    pub(super) async fn ask<'a, R, F>(&'a self, call: impl FnOnce(&'a T) -> F) -> Option<Result<R, FollowError>>
    where
        F: Future<Output = Result<R, FollowError>> + Send,
    {
        if !self.breaker().is_closed(Instant::now()) {
            return None;
        }
        let outcome = call(self.client()).await;
        match &outcome {
            Ok(_) | Err(FollowError::ProofUnavailable(_)) => {
                self.breaker().succeeded();
                self.meter.answered();
            }
            Err(error) => {
                let opened = self.breaker().failed(Instant::now());
                self.meter.failed(opened);
                tracing::warn!(endpoint = self.name(), %error, left_alone = opened, "endpoint failed");
            }
        }
        Some(outcome)
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Endpoints in order of preference.
#[derive(Debug)]
pub struct Endpoints<T>(Vec<Endpoint<T>>);

impl<T> Endpoints<T> {
    /// At least one.
    ///
    /// # Errors
    /// `Permanent` when there is none.
    pub fn new(named: Vec<Named<T>>) -> Result<Self, FollowError> {
        if named.is_empty() {
            return Err(FollowError::Permanent {
                field: "nodes".to_owned(),
                expected: "at least one".to_owned(),
                found: "none".to_owned(),
            });
        }
        let endpoint = |named| Endpoint { named, breaker: Mutex::default(), meter: Meter::default() };
        Ok(Self(named.into_iter().map(endpoint).collect()))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Their clients, each with its name, in order of preference.
    pub fn clients(&self) -> impl Iterator<Item = (&str, &T)> {
        self.iter().map(|endpoint| (endpoint.name(), endpoint.client()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Endpoint<T>> {
        self.0.iter()
    }

    /// The first answer, by order of preference.
    ///
    /// # Errors
    /// [`none_answered`].
    pub async fn first<'a, R, F>(&'a self, call: impl Fn(&'a T) -> F) -> Result<R, FollowError>
    where
        F: Future<Output = Result<R, FollowError>> + Send,
    {
        let mut errors = Vec::new();
        for endpoint in self.iter() {
            match endpoint.ask(&call).await {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(error)) => errors.push(error),
                None => {}
            }
        }
        Err(none_answered(self.count(), errors))
    }
}

impl<T: Witness> Endpoints<T> {
    /// The best block of each of them that answers.
    pub async fn heads(&self) -> Vec<BlockRef> {
        let heads = join_all(self.iter().map(|endpoint| endpoint.ask(|witness| witness.head()))).await;
        heads.into_iter().flatten().filter_map(Result::ok).collect()
    }

    /// The hash at `height` by each of them that answers; `None` of one that has not come so far.
    pub async fn hashes_at(&self, height: u64) -> Vec<Option<B256>> {
        let told = join_all(self.iter().map(|endpoint| endpoint.ask(|witness| witness.at(height)))).await;
        told.into_iter().flatten().filter_map(Result::ok).collect()
    }
}

impl<T: Send + Sync> Health for Endpoints<T> {
    fn standings(&self) -> Vec<Standing> {
        let now = Instant::now();
        self.iter().map(|endpoint| endpoint.meter.standing(endpoint.name(), now)).collect()
    }
}

/// Why nothing came of `count` endpoints: `Permanent` only if every one of them is wrong for good, else what may pass.
pub(super) fn none_answered(count: usize, mut errors: Vec<FollowError>) -> FollowError {
    let is_permanent = |error: &FollowError| matches!(error, FollowError::Permanent { .. });
    let are_all_permanent = errors.len() == count && errors.iter().all(is_permanent);
    let passing = errors.iter().rposition(|error| are_all_permanent || !is_permanent(error));
    match passing {
        Some(index) => errors.swap_remove(index),
        None => FollowError::Transient {
            endpoint: "every endpoint".to_owned(),
            reason: errors.pop().map_or("left alone after failures".to_owned(), |error| error.to_string()),
        },
    }
}
