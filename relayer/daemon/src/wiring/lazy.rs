//! A judge or a sighting that is built when it is first needed: a node that is away keeps only its own chain waiting.

use anyhow::Result;
use futures::future::BoxFuture;
use futures::lock::Mutex;
use spandrel_engine::{Judge, Sighting};
use spandrel_verifiers::follow::SeenDeposit;
use spandrel_verifiers::{BlockEvidence, Checkpoint, Deposit, Evidence, Finalized, UnixSeconds, Verified, VerifyError};

type Build<T> = Box<dyn Fn() -> BoxFuture<'static, Result<Box<T>>> + Send + Sync>;

/// Built once, when its node answers.
pub struct Lazy<T: ?Sized> {
    what: String,
    build: Build<T>,
    built: Mutex<Option<Box<T>>>,
}

impl<T: ?Sized> Lazy<T> {
    /// Something called `what` in messages, built by `build`.
    pub fn new(
        what: impl Into<String>,
        build: impl Fn() -> BoxFuture<'static, Result<Box<T>>> + Send + Sync + 'static,
    ) -> Self {
        Self { what: what.into(), build: Box::new(build), built: Mutex::new(None) }
    }

    /// Builds it unless it stands. The error says what is missing.
    async fn ready(&self, built: &mut Option<Box<T>>) -> Result<(), String> {
        if built.is_none() {
            let made = (self.build)().await.map_err(|error| format!("{} is not ready: {error:#}", self.what))?;
            *built = Some(made);
        }
        Ok(())
    }
}

impl Judge for Lazy<dyn Judge> {
    fn judge<'a>(
        &'a self,
        evidence: &'a [Evidence],
        now: UnixSeconds,
    ) -> BoxFuture<'a, Vec<Result<Verified<Deposit>, VerifyError>>> {
        Box::pin(async move {
            let mut built = self.built.lock().await;
            let not_ready = |reason: String| {
                let error = VerifyError::not_yet("trusted", "a trusted state", reason);
                evidence.iter().map(|_| Err(error.clone())).collect()
            };
            match (self.ready(&mut built).await, built.as_ref()) {
                (Ok(()), Some(judge)) => judge.judge(evidence, now).await,
                (Err(reason), _) => not_ready(reason),
                (Ok(()), None) => not_ready(self.what.clone()),
            }
        })
    }

    fn judge_block<'a>(
        &'a self,
        evidence: &'a BlockEvidence,
        now: UnixSeconds,
    ) -> BoxFuture<'a, Result<Finalized<Checkpoint>, VerifyError>> {
        Box::pin(async move {
            let mut built = self.built.lock().await;
            let not_ready = |reason: String| Err(VerifyError::not_yet("trusted", "a trusted state", reason));
            match (self.ready(&mut built).await, built.as_ref()) {
                (Ok(()), Some(judge)) => judge.judge_block(evidence, now).await,
                (Err(reason), _) => not_ready(reason),
                (Ok(()), None) => not_ready(self.what.clone()),
            }
        })
    }
}

impl Sighting for Lazy<dyn Sighting> {
    fn sight<'a>(&'a self, seen: &'a SeenDeposit, now: UnixSeconds) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let mut built = self.built.lock().await;
            self.ready(&mut built).await?;
            match built.as_ref() {
                Some(sighting) => sighting.sight(seen, now).await,
                None => Err(self.what.clone()),
            }
        })
    }
}
