//! Signers and the relayer over the bus: what a signer does not see is its own signed word, and what a signer needs to
//! recognise a deposit comes with the request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use futures::FutureExt;
use futures::future::BoxFuture;
use spandrel_core::{Destination, Input, Policy};
use spandrel_engine::{
    AttestRequest, AttestationDesk, Book, Bus, BusError, Change, Clock, Message, Sighting, SignDigest, SignedRequest,
    SignerRole, Silent, Subscription, TermsSource, Unseen,
};
use spandrel_risk::{Corridor, Lane, Limit, Limits, RiskPolicy};
use spandrel_signer::{LocalKey, sign_batch};
use spandrel_store::Memory;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::bitcoin::DepositTerms;
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{AssetId, ChainId, Deposit, LanePreference, UnixSeconds, VerdictDomain};

const START: UnixSeconds = 1_700_000_000;
const EPOCH: u64 = 1;

#[derive(Clone)]
struct Time(Arc<Mutex<UnixSeconds>>);

impl Clock for Time {
    fn now(&self) -> UnixSeconds {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, _: Duration) {}
}

/// Keeps what is published.
#[derive(Clone, Default)]
struct Mail(Arc<Mutex<Vec<Message>>>);

struct Nobody;

impl Subscription for Nobody {
    async fn next(&mut self) -> Option<Message> {
        None
    }
}

impl Bus for Mail {
    type Subscription = Nobody;

    async fn publish(&self, message: Message) -> Result<(), BusError> {
        self.0.lock().unwrap().push(message);
        Ok(())
    }

    fn subscribe(&self) -> Nobody {
        Nobody
    }
}

fn destination() -> ChainId {
    ChainId::eip155(9)
}

fn deposit() -> Deposit {
    Deposit {
        version: Deposit::VERSION,
        source_chain: ChainId::eip155(1),
        source_bridge: B256::repeat_byte(2),
        source_key: B256::ZERO,
        asset: AssetId::parse("eip155:1/slip44:60").unwrap(),
        amount: U256::from(5),
        destination_chain: destination(),
        destination_bridge: Address::repeat_byte(7).into_word(),
        recipient: B256::repeat_byte(0xaa),
        sender: B256::repeat_byte(0xbb),
        lane: LanePreference::Any,
        expiry: START + 100_000,
    }
}

/// Terms that the deposit may have; the delay is not in it.
fn terms(refund_delay: u16) -> DepositTerms {
    let deposit = deposit();
    DepositTerms {
        destination_chain: deposit.destination_chain,
        destination_bridge: deposit.destination_bridge,
        recipient: deposit.recipient,
        lane: deposit.lane,
        expiry: deposit.expiry,
        refund_key: deposit.sender,
        refund_delay,
    }
}

fn of_another() -> DepositTerms {
    DepositTerms { recipient: B256::repeat_byte(0xac), ..terms(1008) }
}

struct Registered;

impl TermsSource for Registered {
    fn terms_of<'a>(&'a self, _: &'a [SeenDeposit]) -> BoxFuture<'a, Vec<DepositTerms>> {
        futures::future::ready(vec![terms(1008), of_another()]).boxed()
    }
}

fn policy(keys: &[LocalKey]) -> Policy {
    let members: BTreeSet<Address> = keys.iter().map(LocalKey::address).collect();
    let set = SignerSet::new(EPOCH, 2, members).unwrap();
    let open = Limits {
        per_transfer: Limit::Unlimited,
        exposure_cap: Limit::Unlimited,
        window: Limit::Unlimited,
        large_from: Limit::Unlimited,
        large_delay: 0,
        dust: U256::ZERO,
    };
    let limits = [Lane::Fast, Lane::LightClient].map(|lane| (Corridor::of(&deposit(), lane), open));
    let domain = VerdictDomain { chain_number: 9, inbox: Address::repeat_byte(7), registry: Address::repeat_byte(8) };
    let target = Destination { domain, fast_lane: Address::repeat_byte(6), signers: set.clone() };
    Policy {
        sources: BTreeMap::from([(deposit().source_chain, deposit().source_bridge)]),
        destinations: BTreeMap::from([(destination(), target)]),
        verifiers: set,
        risk: RiskPolicy::of_corridors(limits.into_iter().collect()),
        pause_ttl: 3_600,
    }
}

struct World {
    clock: Time,
    mail: Mail,
    desk: AttestationDesk<Memory, Time, Mail>,
    keys: Vec<LocalKey>,
}

impl World {
    /// A relayer with three signers, that has seen one deposit.
    async fn with_a_deposit() -> Self {
        let keys: Vec<LocalKey> = (0..3).map(|_| LocalKey::generate().unwrap()).collect();
        let (clock, mail) = (Time(Arc::new(Mutex::new(START))), Mail::default());
        let book = Book::open(Memory::new(), clock.clone(), policy(&keys), Arc::new(Silent)).await.unwrap();
        let block = BlockRef { height: 3, hash: B256::repeat_byte(3), time: START };
        let seen = SeenDeposit { deposit: deposit(), block, transaction: B256::repeat_byte(1), position: 0 };
        book.record(Change::one(deposit().id(), Input::Seen(seen))).await.unwrap();
        let desk = AttestationDesk::new(Arc::new(book), mail.clone(), signs(&relayer())).telling(Registered);
        Self { clock, mail, desk, keys }
    }

    /// The request that the relayer publishes when it asks again, if any.
    async fn asked(&self) -> Option<Arc<SignedRequest>> {
        self.pass(2);
        self.asked_now().await
    }

    fn pass(&self, seconds: u64) {
        *self.clock.0.lock().unwrap() += seconds;
    }

    async fn asked_now(&self) -> Option<Arc<SignedRequest>> {
        self.desk.ask_once().await.unwrap();
        let published = std::mem::take(&mut *self.mail.0.lock().unwrap());
        published.into_iter().find_map(|message| match message {
            Message::AttestRequest(request) => Some(request),
            _ => None,
        })
    }
}

/// Sees nothing, and keeps what it was told.
#[derive(Clone, Default)]
struct Blind(Arc<Mutex<Vec<DepositTerms>>>);

impl Sighting for Blind {
    fn sight<'a>(&'a self, _: &'a SeenDeposit, _: UnixSeconds) -> BoxFuture<'a, Result<(), String>> {
        futures::future::ready(Err("not on the best chain".to_owned())).boxed()
    }

    fn learn(&self, terms: &DepositTerms) {
        self.0.lock().unwrap().push(terms.clone());
    }
}

/// The relayer's key for what it asks.
fn relayer() -> LocalKey {
    LocalKey::from_bytes(&[7; 32]).unwrap()
}

fn signs(key: &LocalKey) -> SignDigest {
    let key = key.clone();
    Arc::new(move |digest| {
        let key = key.clone();
        async move { sign_batch(&key, digest).await.map_err(|error| error.to_string()) }.boxed()
    })
}

/// What a request says.
fn content(request: &SignedRequest) -> AttestRequest {
    serde_json::from_str(&request.request).unwrap()
}

fn signer(key: &LocalKey, sighting: Blind) -> SignerRole {
    let destinations = BTreeMap::from([(destination(), (9, Address::repeat_byte(6), EPOCH))]);
    let sightings = BTreeMap::from([(deposit().source_chain, Box::new(sighting) as Box<_>)]);
    SignerRole::new(signs(key), [relayer().address()].into(), destinations, sightings)
}

async fn unseen_by(key: &LocalKey, request: &SignedRequest) -> Unseen {
    let signer = signer(key, Blind::default());
    match signer.answer(&signer.take(request, START).unwrap(), START).await {
        Some(Message::Unseen(unseen)) => unseen,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_signer_does_not_see_is_signed_and_only_a_quorum_of_members_leaves_a_deposit_out() {
    let world = World::with_a_deposit().await;
    let request = world.asked().await.expect("asked");
    let strangers = [LocalKey::generate().unwrap(), LocalKey::generate().unwrap()];
    for stranger in &strangers {
        world.desk.take_unseen(&unseen_by(stranger, &request).await);
    }
    assert!(world.asked().await.is_some(), "the word of strangers changes nothing");

    let said = unseen_by(&world.keys[0], &request).await;
    for _ in 0..3 {
        world.desk.take_unseen(&said);
    }
    assert!(world.asked().await.is_some(), "one member is one member, however often it says so");
    world.desk.take_unseen(&Unseen { items: vec![(deposit().id(), "another reason".to_owned())], ..said });
    assert!(world.asked().await.is_some(), "altered words are no member's");

    world.pass(1);
    world.desk.take_unseen(&unseen_by(&world.keys[1], &request).await);
    world.pass(1);
    assert!(world.asked_now().await.is_none(), "no quorum is left for it: it waits, and its neighbours do not");
    assert!(world.asked().await.is_some(), "for a while only");
}

#[tokio::test]
async fn a_signers_word_holds_for_one_batch_on_one_contract() {
    let world = World::with_a_deposit().await;
    let request = world.asked().await.expect("asked");
    let said = unseen_by(&world.keys[0], &request).await;
    let terms = content(&request).terms;
    let signer = |number, contract| said.signer(terms.digest(number, contract)).ok();
    let address = world.keys[0].address();
    assert_eq!(signer(9, Address::repeat_byte(6)), Some(address));
    assert_ne!(signer(10, Address::repeat_byte(6)), Some(address));
    assert_ne!(signer(9, Address::repeat_byte(5)), Some(address));
    let mut later = terms;
    later.expiry += 1;
    assert_ne!(said.signer(later.digest(9, Address::repeat_byte(6))).ok(), Some(address));
}

#[tokio::test]
async fn a_signer_learns_the_terms_of_the_deposits_it_is_asked_about_and_no_others() {
    let world = World::with_a_deposit().await;
    let request = world.asked().await.expect("asked");
    let mut flooded = content(&request);
    assert_eq!(flooded.bitcoin_terms, [terms(1008)], "of what is registered, what belongs to the batch");
    flooded.bitcoin_terms = std::iter::repeat_with(of_another).take(100).chain((1008..1108).map(terms)).collect();
    let place = (9, Address::repeat_byte(6));
    let flooded = SignedRequest::sign(&flooded, place, START, &signs(&relayer())).await.unwrap();
    let blind = Blind::default();
    let signer = signer(&world.keys[0], blind.clone());
    signer.answer(&signer.take(&flooded, START).unwrap(), START).await.expect("an answer");
    let learned = blind.0.lock().unwrap().clone();
    assert_eq!(learned, (1008..1040).map(terms).collect::<Vec<_>>(), "some of this deposit, a bounded number");
}
