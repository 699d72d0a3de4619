//! Roles on the bus: a node that hangs keeps only its own chain waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, Signature, U256};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use spandrel_core::BatchTerms;
use spandrel_engine::{
    AttestRequest, Bus, BusError, Clock, EvidenceRequest, Judge, Message, Sighting, SignDigest, SignVerdict,
    SignedRequest, SignerRole, Subscription, VerifierRole, run_signer, run_verifier,
};
use spandrel_signer::LocalKey;
use spandrel_verifiers::ethereum::{DepositEvidence, Inclusion};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::merkle::BatchTree;
use spandrel_verifiers::{
    AssetId, BlockEvidence, ChainId, Checkpoint, Deposit, DepositId, Evidence, Finalized, LanePreference, UnixSeconds,
    Verified, VerifyError,
};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
struct Wall;

impl Clock for Wall {
    fn now(&self) -> UnixSeconds {
        1_700_000_000
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[derive(Clone)]
struct Wire(broadcast::Sender<Message>);

impl Bus for Wire {
    type Subscription = Ear;

    async fn publish(&self, message: Message) -> Result<(), BusError> {
        self.0.send(message).map(drop).map_err(|error| BusError(error.to_string()))
    }

    fn subscribe(&self) -> Ear {
        Ear(self.0.subscribe())
    }
}

struct Ear(broadcast::Receiver<Message>);

impl Subscription for Ear {
    async fn next(&mut self) -> Option<Message> {
        self.0.recv().await.ok()
    }
}

fn chains() -> [ChainId; 2] {
    [ChainId::eip155(1), ChainId::eip155(2)]
}

/// A node that never answers, or at once that it sees nothing.
struct Node {
    hangs: bool,
}

impl Judge for Node {
    fn judge<'a>(
        &'a self,
        evidence: &'a [Evidence],
        _: UnixSeconds,
    ) -> BoxFuture<'a, Vec<Result<Verified<Deposit>, VerifyError>>> {
        async move {
            if self.hangs {
                std::future::pending::<()>().await;
            }
            evidence.iter().map(|_| Err(VerifyError::not_yet("block", "a final one", "none"))).collect()
        }
        .boxed()
    }

    fn judge_block<'a>(
        &'a self,
        _: &'a BlockEvidence,
        _: UnixSeconds,
    ) -> BoxFuture<'a, Result<Finalized<Checkpoint>, VerifyError>> {
        ready(Err(VerifyError::not_yet("block", "a final one", "none"))).boxed()
    }
}

impl Sighting for Node {
    fn sight<'a>(&'a self, _: &'a SeenDeposit, _: UnixSeconds) -> BoxFuture<'a, Result<(), String>> {
        async move {
            if self.hangs {
                std::future::pending::<()>().await;
            }
            Err("not seen".to_owned())
        }
        .boxed()
    }
}

fn deposit(source: ChainId) -> Deposit {
    Deposit {
        version: Deposit::VERSION,
        source_bridge: B256::ZERO,
        source_key: B256::ZERO,
        asset: AssetId::slip44(&source, 60),
        amount: Default::default(),
        destination_chain: ChainId::eip155(9),
        destination_bridge: B256::ZERO,
        recipient: B256::ZERO,
        sender: B256::ZERO,
        lane: LanePreference::Any,
        expiry: 1,
        source_chain: source,
    }
}

fn evidence_request(source: ChainId) -> Message {
    let deposit = deposit(source.clone());
    let inclusion =
        Inclusion { header: Bytes::new(), account_proof: vec![], storage_proof: vec![], deposit: deposit.clone() };
    Message::Evidence(Arc::new(EvidenceRequest {
        deposit: deposit.id(),
        source,
        destination: deposit.destination_chain,
        evidence: Evidence::Ethereum(Box::new(DepositEvidence { finality: None, inclusion })),
    }))
}

async fn attest_request(source: ChainId, relayer: &SignDigest) -> Message {
    let deposit = deposit(source);
    let tree = BatchTree::new(&[deposit.id()]).unwrap();
    let terms = BatchTerms { root: tree.root(), count: 1, epoch: 1, expiry: Wall.now() + 60 };
    let destination = deposit.destination_chain.clone();
    let block = BlockRef { height: 1, hash: B256::ZERO, time: 0 };
    let seen = SeenDeposit { deposit, block, transaction: B256::ZERO, position: 0 };
    let request = AttestRequest { destination, terms, items: vec![seen], bitcoin_terms: vec![] };
    let signed = SignedRequest::sign(&request, (9, Address::ZERO), Wall.now(), relayer).await.unwrap();
    Message::AttestRequest(Arc::new(signed))
}

/// About which deposit the first answer is.
async fn first_answer(mut ear: Ear) -> DepositId {
    loop {
        match ear.next().await.expect("the bus stays") {
            Message::Doubt { deposit, .. } => return deposit,
            Message::Unseen(unseen) => return unseen.items[0].0,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_hung_node_of_one_chain_does_not_delay_a_verifiers_answers_on_the_others() {
    let wire = Wire(broadcast::channel(256).0);
    let [hung, well] = chains();
    let judges: BTreeMap<ChainId, Box<dyn Judge>> = [(hung.clone(), true), (well.clone(), false)]
        .map(|(chain, hangs)| (chain, Box::new(Node { hangs }) as _))
        .into();
    let sign_verdict: SignVerdict = Arc::new(|_, _| ready(Err("nothing is proven".to_owned())).boxed());
    let role = VerifierRole::new(sign_verdict, 1, BTreeMap::new(), judges);
    let stop = CancellationToken::new();
    let running = tokio::spawn(run_verifier(role, wire.clone(), wire.subscribe(), Wall, stop.clone()));
    let ear = wire.subscribe();
    for _ in 0..100 {
        wire.publish(evidence_request(hung.clone())).await.unwrap();
        tokio::task::yield_now().await;
    }
    wire.publish(evidence_request(well.clone())).await.unwrap();
    let answered = tokio::time::timeout(Duration::from_secs(5), first_answer(ear)).await;
    assert_eq!(answered.expect("an answer while the other node hangs"), deposit(well).id());
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_hung_node_of_one_chain_does_not_delay_a_signers_answers_on_the_others() {
    let wire = Wire(broadcast::channel(256).0);
    let [hung, well] = chains();
    let sightings: BTreeMap<ChainId, Box<dyn Sighting>> = [(hung.clone(), true), (well.clone(), false)]
        .map(|(chain, hangs)| (chain, Box::new(Node { hangs }) as _))
        .into();
    let destinations = BTreeMap::from([(ChainId::eip155(9), (9, Address::ZERO, 1))]);
    let signature = Signature::new(U256::ONE, U256::ONE, false);
    let sign: SignDigest = Arc::new(move |_| ready(Ok(signature)).boxed());
    let relayer = LocalKey::generate().unwrap();
    let role = SignerRole::new(sign, [relayer.address()].into(), destinations, sightings);
    let asks: SignDigest = Arc::new(move |digest| ready(Ok(relayer.sign_digest(digest).unwrap())).boxed());
    let stop = CancellationToken::new();
    let running = tokio::spawn(run_signer(role, wire.clone(), wire.subscribe(), Wall, stop.clone()));
    let ear = wire.subscribe();
    wire.publish(attest_request(hung, &asks).await).await.unwrap();
    wire.publish(attest_request(well.clone(), &asks).await).await.unwrap();
    let answered = tokio::time::timeout(Duration::from_secs(5), first_answer(ear)).await;
    assert_eq!(answered.expect("an answer while the other node hangs"), deposit(well).id());
    stop.cancel();
    running.await.unwrap().unwrap();
}
