//! What makes a signer sign, over a real NATS server whose relayer's key was stolen: nothing but what the relayer's own key
//! has signed. Skipped where there is no server: `SPANDREL_NATS` names it, and `make test` sets that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use async_nats::ConnectOptions;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use spandrel_bus::{Hears, Nats, NatsOptions, Topic, decode, encode};
use spandrel_core::BatchTerms;
use spandrel_engine::{
    AttestRequest, Bus, Clock, Message, Sighting, SignDigest, SignedRequest, SignerRole, Subscription, run_signer,
};
use spandrel_signer::LocalKey;
use spandrel_testnets::nats::{NatsServer, NatsUser};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::merkle::BatchTree;
use spandrel_verifiers::{AssetId, ChainId, Deposit, LanePreference, UnixSeconds};
use tokio_util::sync::CancellationToken;

const START: UnixSeconds = 1_700_000_000;
const EPOCH: u64 = 3;
const PLACE: (u64, Address) = (9, Address::repeat_byte(6));
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
struct Time(Arc<AtomicU64>);

impl Clock for Time {
    fn now(&self) -> UnixSeconds {
        self.0.load(Ordering::SeqCst)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Counts how often a node was read and a digest signed.
#[derive(Clone, Default)]
struct Counted {
    reads: Arc<AtomicUsize>,
    signatures: Arc<AtomicUsize>,
}

impl Counted {
    fn so_far(&self) -> (usize, usize) {
        (self.reads.load(Ordering::SeqCst), self.signatures.load(Ordering::SeqCst))
    }
}

impl Sighting for Counted {
    fn sight<'a>(&'a self, _: &'a SeenDeposit, _: UnixSeconds) -> BoxFuture<'a, Result<(), String>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        ready(Ok(())).boxed()
    }
}

fn key(byte: u8) -> LocalKey {
    LocalKey::from_bytes(&[byte; 32]).unwrap()
}

fn signs(key: LocalKey) -> SignDigest {
    Arc::new(move |digest| ready(key.sign_digest(digest).map_err(|error| error.to_string())).boxed())
}

/// Answers what key 7 asks.
fn signer(counted: &Counted) -> SignerRole {
    let (own, signatures) = (key(1), counted.signatures.clone());
    let sign: SignDigest = Arc::new(move |digest| {
        signatures.fetch_add(1, Ordering::SeqCst);
        ready(own.sign_digest(digest).map_err(|error| error.to_string())).boxed()
    });
    let destinations = BTreeMap::from([(ChainId::eip155(9), (PLACE.0, PLACE.1, EPOCH))]);
    let sightings = BTreeMap::from([(ChainId::eip155(1), Box::new(counted.clone()) as Box<dyn Sighting>)]);
    SignerRole::new(sign, [key(7).address()].into(), destinations, sightings)
}

/// A batch of one deposit, of this amount.
fn batch(amount: u64) -> AttestRequest {
    let source_chain = ChainId::eip155(1);
    let deposit = Deposit {
        version: Deposit::VERSION,
        source_bridge: B256::repeat_byte(2),
        source_key: B256::ZERO,
        asset: AssetId::slip44(&source_chain, 60),
        source_chain,
        amount: U256::from(amount),
        destination_chain: ChainId::eip155(9),
        destination_bridge: B256::repeat_byte(7),
        recipient: B256::repeat_byte(0xaa),
        sender: B256::repeat_byte(0xbb),
        lane: LanePreference::Any,
        expiry: START + 100_000,
    };
    let root = BatchTree::new(&[deposit.id()]).unwrap().root();
    let block = BlockRef { height: 1, hash: B256::repeat_byte(1), time: START };
    let items = vec![SeenDeposit { deposit, block, transaction: B256::ZERO, position: 0 }];
    let terms = BatchTerms { root, count: 1, epoch: EPOCH, expiry: START + 3_600 };
    AttestRequest { destination: ChainId::eip155(9), terms, items, bitcoin_terms: Vec::new() }
}

async fn asked_for(request: &AttestRequest, place: (u64, Address), by: u8, now: UnixSeconds) -> SignedRequest {
    SignedRequest::sign(request, place, now, &signs(key(by))).await.unwrap()
}

async fn asked(amount: u64, now: UnixSeconds) -> SignedRequest {
    asked_for(&batch(amount), PLACE, 7, now).await
}

fn bytes(signed: SignedRequest) -> Vec<u8> {
    encode(&Message::AttestRequest(Arc::new(signed))).unwrap().1
}

/// What is sent without any signature, by whoever does not know better.
fn unsigned(signed: SignedRequest) -> Vec<u8> {
    let mut text: serde_json::Value = serde_json::from_slice(&bytes(signed)).unwrap();
    text.as_object_mut().unwrap().remove("signature");
    serde_json::to_vec(&text).unwrap()
}

/// A signer on a server, and whoever has stolen the relayer's key to that.
struct Stolen {
    _server: NatsServer,
    thief: async_nats::Client,
    relayer: Nats,
    counted: Counted,
    time: Time,
    stop: CancellationToken,
}

impl Stolen {
    async fn new() -> Option<Self> {
        let Some(binary) = NatsServer::find() else {
            println!("skipped: no nats-server: SPANDREL_NATS names it");
            return None;
        };
        let relayer = NatsUser::new(&["main.ask.>"], &["main.answer.>"]).unwrap();
        let member = key(1).address();
        let own = NatsUser::new(&[&format!("main.answer.{member:#x}.>")], &["main.ask.attest"]).unwrap();
        let server = NatsServer::start(binary, &[relayer.clone(), own.clone()], 8 << 20).await.unwrap();
        let url = server.url();
        let connect = async |user: &NatsUser, hears| {
            let credentials = Some(user.seed.clone());
            let (name, members) = ("main".to_owned(), [member].into());
            let options = NatsOptions { url: url.clone(), name, credentials, ca: None, members };
            let bus = Nats::connect(options, hears, 64).await.unwrap();
            let connected = async {
                while !bus.is_connected() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(PATIENCE, connected).await.unwrap();
            bus
        };
        let (bus, answers) = (connect(&own, Hears::Batches).await, connect(&relayer, Hears::Answers).await);
        let thief = ConnectOptions::new().nkey(relayer.seed).connect(&url).await.unwrap();
        let (counted, stop) = (Counted::default(), CancellationToken::new());
        let time = Time(Arc::new(AtomicU64::new(START)));
        let inbox = bus.subscribe();
        tokio::spawn(run_signer(signer(&counted), bus.speaking_as(member), inbox, time.clone(), stop.clone()));
        Some(Self { _server: server, thief, relayer: answers, counted, time, stop })
    }

    /// Publishes where signers listen.
    async fn say(&self, bytes: Vec<u8>) {
        self.thief.publish("main.ask.attest", bytes.into()).await.unwrap();
        self.thief.flush().await.unwrap();
    }
}

/// The next answer is an attestation of the batch of this amount.
async fn attested(amount: u64, heard: &mut impl Subscription) {
    let answer = tokio::time::timeout(PATIENCE, heard.next()).await.expect("nothing came").expect("the bus is gone");
    let Message::Attestation { root, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(root, batch(amount).terms.root);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_signs_and_reads_nothing_for_whoever_has_the_relayers_key_to_the_bus_alone() {
    let Some(stolen) = Stolen::new().await else { return };
    let mut heard = stolen.relayer.subscribe();
    let recorded = bytes(asked(1, START).await);
    stolen.say(recorded.clone()).await;
    attested(1, &mut heard).await;
    assert_eq!(stolen.counted.so_far(), (1, 1), "the relayer's own is answered");

    let of_another_epoch = {
        let mut request = batch(2);
        request.terms.epoch = EPOCH + 1;
        SignedRequest { epoch: EPOCH, ..asked_for(&request, PLACE, 7, START).await }
    };
    let mut altered = bytes(asked(2, START).await);
    let place = altered.windows(6).position(|word| word == b"amount").unwrap() + 11;
    altered[place] ^= 1;
    let mut attacks = vec![
        unsigned(asked(2, START).await),
        bytes(asked_for(&batch(2), PLACE, 8, START).await),
        bytes(asked_for(&batch(2), (10, PLACE.1), 7, START).await),
        bytes(asked_for(&batch(2), (PLACE.0, Address::repeat_byte(5)), 7, START).await),
        bytes(of_another_epoch),
        altered,
    ];
    // What was recorded is repeated at once, and when it is void.
    attacks.push(recorded.clone());
    let later = asked(2, START + 600).await;
    for attack in attacks {
        stolen.say(attack).await;
    }
    stolen.say(bytes(asked(3, START).await)).await;
    attested(3, &mut heard).await;
    assert_eq!(stolen.counted.so_far(), (2, 2), "the last one was the relayer's, and no other cost anything");

    stolen.time.0.store(START + 60, Ordering::SeqCst);
    for attack in [recorded, bytes(asked(2, START).await), bytes(later)] {
        stolen.say(attack).await;
    }
    stolen.say(bytes(asked(4, START + 60).await)).await;
    attested(4, &mut heard).await;
    assert_eq!(stolen.counted.so_far(), (3, 3), "what is void, or not yet to be asked, is not answered");
    stolen.stop.cancel();
}

/// One bit of a request is changed, anywhere: it says the same, or it is not the relayer's.
#[tokio::test]
async fn no_flipped_bit_of_a_request_is_answered() {
    let signed = asked(1, START).await;
    let good = bytes(signed.clone());
    let (counted, mut read) = (Counted::default(), 0);
    let signer = signer(&counted);
    for (place, byte) in good.iter().enumerate() {
        let mut altered = good.clone();
        altered[place] = byte ^ (1 << (place % 8));
        let Ok(Message::AttestRequest(altered)) = decode(Topic::Attest, &altered) else { continue };
        if *altered != signed {
            read += 1;
            assert!(signer.take(&altered, START).is_err(), "byte {place}");
        }
    }
    assert!(read > 300, "{read} were read as requests at all");
    signer.take(&signed, START).unwrap();
}

#[tokio::test]
async fn a_request_holds_for_a_minute_and_once() {
    let counted = Counted::default();
    let signer = signer(&counted);
    let signed = asked(1, START).await;
    let refused = |signed: &SignedRequest, now| signer.take(signed, now).unwrap_err().to_string();
    assert!(refused(&signed, START + 60).contains("issued, expires"));
    assert!(refused(&signed, START - 31).contains("issued, expires"), "from the future");
    let asked = signer.take(&signed, START + 59).unwrap();
    assert!(refused(&signed, START + 59).contains("the same again"));
    assert!(signer.answer(&asked, START + 60).await.is_none(), "it has waited until it was void");
    assert_eq!(counted.so_far(), (0, 0));
    // A stolen request key does not make requests that outlive it.
    let mut long = SignedRequest { expires: START + 61, ..signed };
    long.signature = key(7).sign_digest(long.digest(PLACE.0, PLACE.1)).unwrap();
    assert!(refused(&long, START).contains("issued, expires"));
}

#[tokio::test]
async fn a_request_is_for_one_destination_by_both_its_words_and_bounded() {
    let counted = Counted::default();
    let signer = signer(&counted);
    let refused = |signed: &SignedRequest| signer.take(signed, START).unwrap_err().to_string();
    let elsewhere = AttestRequest { destination: ChainId::eip155(10), ..batch(1) };
    let unknown = asked_for(&elsewhere, PLACE, 7, START).await;
    assert!(refused(&unknown).contains("destination: expected one that is configured, found eip155:10"));
    let two_faced = SignedRequest { destination: ChainId::eip155(9), ..unknown };
    assert!(refused(&two_faced).contains("destination: expected eip155:9, found eip155:10"));
    let mut many = batch(1);
    many.items = vec![many.items[0].clone(); 257];
    assert!(refused(&asked_for(&many, PLACE, 7, START).await).contains("items: expected at most 256, found 257"));
}
