//! Verifiers and signers on the bus. Each source chain has a queue and a worker of its own, so that a node that hangs
//! keeps only its own chain's requests waiting; a request that finds its queue full is asked again by the relayer.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use spandrel_verifiers::ChainId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    Asked, BlockRequest, Bus, Clock, EngineError, EvidenceRequest, Message, SignerRole, Subscription, VerifierRole,
};

/// Requests that wait for one chain's worker.
const QUEUE: usize = 1024;
/// Most requests a verifier answers at once.
const BATCH: usize = 64;
/// After so long without an answer a worker gives up on its requests and takes the next.
const LONGEST_ANSWER: Duration = Duration::from_secs(300);

/// What a verifier is asked.
#[derive(PartialEq)]
enum Question {
    Evidence(Arc<EvidenceRequest>),
    Block(Arc<BlockRequest>),
}

/// A verifier on the bus: takes what has queued up for a chain as one batch.
pub async fn run_verifier<C: Clock, B: Bus>(
    role: VerifierRole,
    bus: B,
    inbox: B::Subscription,
    clock: C,
    stop: CancellationToken,
) -> Result<(), EngineError> {
    let answer = |questions: Vec<Question>| {
        let (role, clock) = (&role, &clock);
        async move {
            let (mut evidence, mut blocks) = (Vec::new(), Vec::new());
            for question in questions {
                match question {
                    Question::Evidence(request) => evidence.push(request),
                    Question::Block(request) => blocks.push(request),
                }
            }
            let mut answers = role.answer(&evidence, clock.now()).await;
            answers.extend(role.answer_blocks(&blocks, clock.now()).await);
            answers
        }
    };
    let take = |message| match message {
        Message::Evidence(request) => Some((request.source.clone(), Question::Evidence(request))),
        Message::Block(request) => Some((request.chain.clone(), Question::Block(request))),
        _ => None,
    };
    serve(role.chains(), take, answer, &bus, inbox, &clock, stop).await
}

/// A fast-lane signer on the bus. A batch is served by the worker of its first deposit's chain; what others than the relayer
/// ask takes no place in its queue.
pub async fn run_signer<C: Clock, B: Bus>(
    role: SignerRole,
    bus: B,
    inbox: B::Subscription,
    clock: C,
    stop: CancellationToken,
) -> Result<(), EngineError> {
    let answer = |requests: Vec<Asked>| {
        let (role, clock) = (&role, &clock);
        async move {
            let mut answers = Vec::new();
            for request in requests {
                answers.extend(role.answer(&request, clock.now()).await);
            }
            answers
        }
    };
    let take = |message| match message {
        Message::AttestRequest(signed) => match role.take(&signed, clock.now()) {
            Ok(asked) => Some((asked.request().items.first()?.deposit.source_chain.clone(), asked)),
            Err(refusal) => {
                tracing::warn!(%refusal, "a request to sign is not answered");
                None
            }
        },
        _ => None,
    };
    serve(role.chains(), take, answer, &bus, inbox, &clock, stop).await
}

async fn serve<C, B, R, F>(
    chains: Vec<ChainId>,
    take: impl Fn(Message) -> Option<(ChainId, R)>,
    answer: impl Fn(Vec<R>) -> F,
    bus: &B,
    mut inbox: B::Subscription,
    clock: &C,
    stop: CancellationToken,
) -> Result<(), EngineError>
where
    C: Clock,
    B: Bus,
    R: PartialEq,
    F: Future<Output = Vec<Message>>,
{
    let mut queues = BTreeMap::new();
    let mut workers = FuturesUnordered::new();
    for chain in chains {
        let (sender, queue) = mpsc::channel(QUEUE);
        workers.push(work(chain.clone(), queue, &answer, bus, clock));
        queues.insert(chain, sender);
    }
    let listen = async {
        while let Some(message) = inbox.next().await {
            let Some((chain, request)) = take(message) else { continue };
            if let Some(queue) = queues.get(&chain)
                && queue.try_send(request).is_err()
            {
                tracing::warn!(%chain, "too many requests wait: one is dropped, and will be asked again");
            }
        }
    };
    let all_work = async { while workers.next().await.is_some() {} };
    tokio::select! {
        () = stop.cancelled() => {}
        () = listen => {}
        () = all_work, if !queues.is_empty() => {}
    }
    Ok(())
}

async fn work<C: Clock, B: Bus, R: PartialEq, F: Future<Output = Vec<Message>>>(
    chain: ChainId,
    mut queue: mpsc::Receiver<R>,
    answer: &impl Fn(Vec<R>) -> F,
    bus: &B,
    clock: &C,
) {
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, BATCH).await > 0 {
        let answers = tokio::select! {
            answers = answer(each_once(&mut waiting)) => answers,
            () = clock.sleep(LONGEST_ANSWER) => {
                tracing::warn!(%chain, "no answer from its node: the requests are dropped, and will be asked again");
                continue;
            }
        };
        for answer in answers {
            if let Err(error) = bus.publish(answer).await {
                tracing::warn!(%chain, %error, "answer not delivered");
            }
        }
    }
}

/// What waits, once each and the newest: whoever was not answered in time has asked the same again.
fn each_once<R: PartialEq>(waiting: &mut Vec<R>) -> Vec<R> {
    let mut kept: Vec<R> = Vec::new();
    for request in waiting.drain(..) {
        match kept.iter_mut().find(|known| **known == request) {
            Some(known) => *known = request,
            None => kept.push(request),
        }
    }
    kept
}
