//! The verifier: own key, own anchor, own endpoints. It proves what it is shown, or says which check failed.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::Address;
use futures::future::BoxFuture;
use futures::lock::Mutex;
use spandrel_verifiers::follow::ConsensusSource;
use spandrel_verifiers::{
    BlockEvidence, ChainId, Checkpoint, Deposit, ErrorKind, Evidence, Finalized, SignedVerdict, UnixSeconds, Verdict,
    VerdictDomain, Verified, Verifier, VerifyError,
};

use crate::{BlockRequest, CheckpointVote, EvidenceRequest, Message, SignDigest};

/// One source chain as a verifier trusts it.
pub trait Judge: Send + Sync {
    /// Verifies many deposits' evidence, in order, after bringing the trusted state up to date where it is short.
    fn judge<'a>(
        &'a self,
        evidence: &'a [Evidence],
        now: UnixSeconds,
    ) -> BoxFuture<'a, Vec<Result<Verified<Deposit>, VerifyError>>>;

    /// Verifies that a block is final, in the same way.
    fn judge_block<'a>(
        &'a self,
        evidence: &'a BlockEvidence,
        now: UnixSeconds,
    ) -> BoxFuture<'a, Result<Finalized<Checkpoint>, VerifyError>>;
}

/// A chain's pure verifier, its trusted state, and where its consensus evidence comes from.
pub struct ChainJudge<V: Verifier, S> {
    verifier: V,
    source: S,
    trusted: Mutex<V::Trusted>,
    /// Takes this chain's evidence out of the sum of all chains.
    extract: fn(&Evidence) -> Option<V::Evidence>,
}

impl<V: Verifier, S> ChainJudge<V, S> {
    /// A judge that starts from `trusted`.
    pub fn new(verifier: V, source: S, trusted: V::Trusted, extract: fn(&Evidence) -> Option<V::Evidence>) -> Self {
        Self { verifier, source, trusted: Mutex::new(trusted), extract }
    }
}

impl<V, S> ChainJudge<V, S>
where
    V: Verifier,
    V::Update: Send + Sync,
    V::Evidence: Send,
    S: ConsensusSource<V::Trusted, V::Update>,
{
    /// Brings the trusted state up to date from the verifier's own endpoints. What does not verify is not applied.
    pub async fn advance(&self, now: UnixSeconds) {
        let mut trusted = self.trusted.lock().await;
        match self.source.updates(&trusted).await {
            Ok(updates) => {
                for update in updates {
                    if let Err(error) = self.verifier.advance(&mut trusted, &update, now) {
                        tracing::warn!(%error, "consensus evidence refused");
                        return;
                    }
                }
            }
            Err(error) => tracing::info!(%error, "no consensus evidence now"),
        }
    }

    async fn verify(&self, evidence: &[Evidence], now: UnixSeconds) -> Vec<Result<Verified<Deposit>, VerifyError>> {
        let own: Vec<Option<V::Evidence>> = evidence.iter().map(self.extract).collect();
        let present: Vec<V::Evidence> = evidence.iter().filter_map(self.extract).collect();
        let trusted = self.trusted.lock().await.clone();
        let mut verdicts = self.verifier.verify_batch(&trusted, &present, now).into_iter();
        let foreign = || Err(VerifyError::malformed("evidence.kind", "evidence of this chain", "another chain's"));
        own.iter()
            .map(|item| if item.is_some() { verdicts.next().unwrap_or_else(foreign) } else { foreign() })
            .collect()
    }
}

impl<V, S> Judge for ChainJudge<V, S>
where
    V: Verifier,
    V::Update: Send + Sync,
    V::Evidence: Send,
    S: ConsensusSource<V::Trusted, V::Update>,
{
    fn judge<'a>(
        &'a self,
        evidence: &'a [Evidence],
        now: UnixSeconds,
    ) -> BoxFuture<'a, Vec<Result<Verified<Deposit>, VerifyError>>> {
        Box::pin(async move {
            let first = self.verify(evidence, now).await;
            let is_short =
                |result: &Result<_, VerifyError>| result.as_ref().is_err_and(|error| error.kind == ErrorKind::NotYet);
            if !first.iter().any(is_short) {
                return first;
            }
            self.advance(now).await;
            self.verify(evidence, now).await
        })
    }

    fn judge_block<'a>(
        &'a self,
        evidence: &'a BlockEvidence,
        now: UnixSeconds,
    ) -> BoxFuture<'a, Result<Finalized<Checkpoint>, VerifyError>> {
        Box::pin(async move {
            let trusted = self.trusted.lock().await.clone();
            match self.verifier.verify_block(&trusted, evidence, now) {
                Err(error) if error.kind == ErrorKind::NotYet => {}
                judged => return judged,
            }
            self.advance(now).await;
            let trusted = self.trusted.lock().await.clone();
            self.verifier.verify_block(&trusted, evidence, now)
        })
    }
}

/// Signs a verdict with the verifier's key; an error is logged and the verdict is not given.
pub type SignVerdict =
    Arc<dyn Fn(Verdict, VerdictDomain) -> BoxFuture<'static, Result<SignedVerdict, String>> + Send + Sync>;

/// One verifier over all its chains.
pub struct VerifierRole {
    sign: SignVerdict,
    epoch: u64,
    domains: BTreeMap<ChainId, VerdictDomain>,
    judges: BTreeMap<ChainId, Box<dyn Judge>>,
    registries: Option<Registries>,
}

/// EVM chain number and registry of each chain that checkpoints are signed for by themselves, and what signs them.
struct Registries {
    sign: SignDigest,
    of: BTreeMap<ChainId, (u64, Address)>,
}

impl VerifierRole {
    /// A verifier of verifier-set `epoch`, for these destinations and source chains.
    pub fn new(
        sign: SignVerdict,
        epoch: u64,
        domains: BTreeMap<ChainId, VerdictDomain>,
        judges: BTreeMap<ChainId, Box<dyn Judge>>,
    ) -> Self {
        Self { sign, epoch, domains, judges, registries: None }
    }

    /// Signs final blocks by themselves, too, for these registries: EVM chain number and contract of each chain.
    #[must_use]
    pub fn registering(self, sign: SignDigest, registries: BTreeMap<ChainId, (u64, Address)>) -> Self {
        Self { registries: Some(Registries { sign, of: registries }), ..self }
    }

    /// The source chains it knows.
    pub fn chains(&self) -> Vec<ChainId> {
        self.judges.keys().cloned().collect()
    }

    /// Verifies requests in batches by source chain. Answers a verdict or a doubt for each that it can judge.
    pub async fn answer(&self, requests: &[Arc<EvidenceRequest>], now: UnixSeconds) -> Vec<Message> {
        let mut by_source: BTreeMap<&ChainId, Vec<&Arc<EvidenceRequest>>> = BTreeMap::new();
        for request in requests {
            by_source.entry(&request.source).or_default().push(request);
        }
        let mut answers = Vec::new();
        for (source, batch) in by_source {
            let Some(judge) = self.judges.get(source) else { continue };
            let evidence: Vec<Evidence> = batch.iter().map(|request| request.evidence.clone()).collect();
            let spans = batch.iter().map(|request| {
                tracing::info_span!("verify", deposit = %request.deposit, chain = %source, error = tracing::field::Empty)
            });
            let spans: Vec<tracing::Span> = spans.collect();
            let results = judge.judge(&evidence, now).await;
            for ((request, result), span) in batch.iter().zip(results).zip(spans) {
                if let Err(error) = &result {
                    span.record("error", tracing::field::display(error));
                }
                answers.extend(self.say(request, result).await);
            }
        }
        answers
    }

    /// Answers what was asked at once: of the blocks for one registry the last, so that no flood of them keeps evidence waiting.
    pub async fn answer_blocks(&self, requests: &[Arc<BlockRequest>], now: UnixSeconds) -> Vec<Message> {
        let last: BTreeMap<&ChainId, &BlockRequest> =
            requests.iter().map(|request| (&request.registered_on, request.as_ref())).collect();
        let mut answers = Vec::new();
        for request in last.into_values() {
            answers.extend(self.answer_block(request, now).await);
        }
        answers
    }

    /// Signs the checkpoint of a block that it has itself proven final. Whoever asks learns no more than what is so.
    async fn answer_block(&self, request: &BlockRequest, now: UnixSeconds) -> Option<Message> {
        let BlockRequest { chain, registered_on, evidence } = request;
        let (registries, judge) = (self.registries.as_ref()?, self.judges.get(chain)?);
        let (number, registry) = *registries.of.get(registered_on)?;
        let checkpoint = match judge.judge_block(evidence, now).await {
            Ok(proven) => proven.get().clone(),
            Err(error) => {
                tracing::info!(%chain, %error, "a block is not proven final, and not signed");
                return None;
            }
        };
        match (registries.sign)(checkpoint.digest(number, registry, self.epoch)).await {
            Ok(signature) => {
                let (registered_on, epoch) = (registered_on.clone(), self.epoch);
                Some(Message::Checkpoint(Box::new(CheckpointVote { registered_on, checkpoint, epoch, signature })))
            }
            Err(error) => {
                tracing::error!(%chain, error, "checkpoint not signed");
                None
            }
        }
    }

    async fn say(&self, request: &EvidenceRequest, result: Result<Verified<Deposit>, VerifyError>) -> Option<Message> {
        let doubt = |reason: String| Some(Message::Doubt { deposit: request.deposit, reason });
        let verified = match result {
            Ok(verified) => verified,
            Err(error) => return doubt(error.to_string()),
        };
        if verified.fact().id() != request.deposit {
            return doubt(format!("the evidence proves {}", verified.fact().id()));
        }
        let domain = self.domains.get(&verified.fact().destination_chain)?;
        let verdict = Verdict::on(&verified, self.epoch);
        match (self.sign)(verdict, *domain).await {
            Ok(signed) => Some(Message::Verdict(Box::new(signed))),
            Err(error) => {
                tracing::error!(deposit = %request.deposit, error, "verdict not signed");
                None
            }
        }
    }
}
