//! The bus over a real NATS server. Skipped where there is none: `SPANDREL_NATS` names it, and `make test` sets that.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Signature, U256};
use spandrel_bus::{Hears, Nats, NatsOptions, Topic, decode};
use spandrel_engine::{BlockRequest, Bus, CheckpointVote, Message, Subscription, Unseen};
use spandrel_testnets::nats::{NatsServer, NatsUser};
use spandrel_verifiers::{BlockEvidence, ChainId, Checkpoint, DepositId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(20);
const VERIFIER: Address = Address::repeat_byte(0x1a);
const SIGNER: Address = Address::repeat_byte(0x2b);

/// The users of a deployment, with what `docs/operations/bus.md` lets each do.
struct Users {
    relayer: NatsUser,
    verifier: NatsUser,
    signer: NatsUser,
}

impl Users {
    fn new() -> Self {
        let user = |publishes: &[&str], hears: &[&str]| NatsUser::new(publishes, hears).unwrap();
        let own = |member: Address, word: &str| format!("main.answer.{member:#x}.{word}");
        let verifier = ["verdict", "doubt", "checkpoint"].map(|word| own(VERIFIER, word));
        let signer = ["attestation", "unseen"].map(|word| own(SIGNER, word));
        Self {
            relayer: user(&["main.ask.>"], &["main.answer.>"]),
            verifier: user(&verifier.each_ref().map(String::as_str), &["main.ask.evidence", "main.ask.block"]),
            signer: user(&signer.each_ref().map(String::as_str), &["main.ask.attest"]),
        }
    }
}

async fn server(users: &Users, max_payload: usize) -> Option<NatsServer> {
    let Some(binary) = NatsServer::find() else {
        println!("skipped: no nats-server: SPANDREL_NATS names it");
        return None;
    };
    let users = [users.relayer.clone(), users.verifier.clone(), users.signer.clone()];
    Some(NatsServer::start(binary, &users, max_payload).await.unwrap())
}

async fn connect(server: &NatsServer, user: &NatsUser, hears: Hears) -> Nats {
    let bus = Nats::connect(options(server.url(), Some(user)), hears, 16).await.unwrap();
    within("a connection", async || bus.is_connected()).await;
    match hears {
        Hears::Evidence => bus.speaking_as(VERIFIER),
        Hears::Batches => bus.speaking_as(SIGNER),
        Hears::Answers | Hears::All => bus,
    }
}

fn options(url: String, user: Option<&NatsUser>) -> NatsOptions {
    let credentials = user.map(|user| user.seed.clone());
    NatsOptions { url, name: "main".to_owned(), credentials, ca: None, members: [VERIFIER, SIGNER].into() }
}

/// Waits for something.
async fn within(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn next(heard: &mut impl Subscription) -> Message {
    tokio::time::timeout(PATIENCE, heard.next()).await.expect("nothing came").expect("the bus is gone")
}

fn doubt(n: u8) -> Message {
    Message::Doubt { deposit: DepositId(B256::repeat_byte(n)), reason: "parent: expected 1, found 2".to_owned() }
}

/// What verifiers are asked to prove.
fn block(header: Vec<u8>, finality: Option<Vec<u8>>) -> Message {
    let evidence = BlockEvidence { header: header.into(), finality: finality.map(Into::into) };
    let (chain, registered_on) = (ChainId::eip155(9), ChainId::eip155(1));
    Message::Block(Arc::new(BlockRequest { chain, registered_on, evidence }))
}

fn checkpoint(n: u8, height: u64, time: u64) -> Message {
    let checkpoint = Checkpoint {
        chain: ChainId::eip155(9),
        height,
        root: B256::repeat_byte(n),
        time,
        up_to: Checkpoint::ANY_AMOUNT,
    };
    let registered_on = ChainId::eip155(1);
    Message::Checkpoint(Box::new(CheckpointVote { registered_on, checkpoint, epoch: 1, signature: signature() }))
}

fn signature() -> Signature {
    Signature::new(U256::from(7), U256::from(8), true)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_answers_reaches_the_relayer_as_it_was_said() {
    let users = Users::new();
    let Some(server) = server(&users, 1 << 20).await else { return };
    let relayer = connect(&server, &users.relayer, Hears::Answers).await;
    let verifier = connect(&server, &users.verifier, Hears::Evidence).await;
    let signer = connect(&server, &users.signer, Hears::Batches).await;
    let mut heard = relayer.subscribe();
    let attestation = Message::Attestation { root: B256::repeat_byte(3), signature: signature() };
    let items = vec![(DepositId(B256::repeat_byte(4)), "not in the best chain".to_owned())];
    let unseen = Message::Unseen(Unseen { root: B256::repeat_byte(5), items, signature: signature() });
    for message in [doubt(1), checkpoint(1, 2, 3)] {
        verifier.publish(message.clone()).await.unwrap();
        assert_eq!(next(&mut heard).await, message);
    }
    for message in [attestation, unseen] {
        signer.publish(message.clone()).await.unwrap();
        assert_eq!(next(&mut heard).await, message);
    }
}

/// Verifiers hear what they prove, and signers nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_asked_of_verifiers_alone() {
    let users = Users::new();
    let Some(server) = server(&users, 1 << 20).await else { return };
    let relayer = connect(&server, &users.relayer, Hears::Answers).await;
    let verifier = connect(&server, &users.verifier, Hears::Evidence).await;
    let signer = connect(&server, &users.signer, Hears::Batches).await;
    let (mut heard, mut overheard) = (verifier.subscribe(), signer.subscribe());
    let asked = block(vec![1, 2], Some(vec![3]));
    relayer.publish(asked.clone()).await.unwrap();
    assert_eq!(next(&mut heard).await, asked);
    let nothing = tokio::time::timeout(Duration::from_millis(300), overheard.next()).await;
    assert!(nothing.is_err(), "{nothing:?} is not for signers");
}

/// A verifier's key on the bus is not a signer's, and neither hears or says what the relayer does.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_says_nothing_in_anothers_place() {
    let users = Users::new();
    let Some(server) = server(&users, 1 << 20).await else { return };
    let relayer = connect(&server, &users.relayer, Hears::Answers).await;
    let verifier = connect(&server, &users.verifier, Hears::Evidence).await;
    let curious = Nats::connect(options(server.url(), Some(&users.verifier)), Hears::All, 16).await.unwrap();
    let (mut heard, mut overheard) = (relayer.subscribe(), curious.subscribe());
    let attestation = Message::Attestation { root: B256::repeat_byte(3), signature: signature() };
    verifier.publish(attestation).await.unwrap();
    verifier.speaking_as(SIGNER).publish(doubt(3)).await.unwrap();
    verifier.publish(block(vec![1], None)).await.unwrap();
    verifier.speaking_as(SIGNER).publish(checkpoint(1, 2, 3)).await.unwrap();
    verifier.speaking_as(Address::repeat_byte(0x3c)).publish(doubt(4)).await.unwrap();
    verifier.publish(doubt(2)).await.unwrap();
    assert_eq!(next(&mut heard).await, doubt(2), "and what came before it was not let through");
    let nothing = tokio::time::timeout(Duration::from_millis(300), overheard.next()).await;
    assert!(nothing.is_err(), "{nothing:?} is not for verifiers");
}

/// Ten thousand messages of one member before, between and after what another says, to a relayer that is slow to read.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_floods_takes_nobodys_place() {
    let users = Users::new();
    let Some(server) = server(&users, 1 << 20).await else { return };
    let relayer = connect(&server, &users.relayer, Hears::Answers).await;
    let flooding = connect(&server, &users.verifier, Hears::Evidence).await;
    let signer = connect(&server, &users.signer, Hears::Batches).await;
    let mut heard = relayer.subscribe();
    let attestation = |n| Message::Attestation { root: B256::repeat_byte(n), signature: signature() };
    for n in 0..10_000_u32 {
        flooding.publish(doubt(0)).await.unwrap();
        if n % 2_500 == 1_000 {
            signer.publish(attestation((n / 2_500) as u8)).await.unwrap();
        }
    }
    flooding.publish(doubt(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut read = 0;
    for n in 0..4 {
        loop {
            read += 1;
            match next(&mut heard).await {
                Message::Attestation { root, .. } => break assert_eq!(root, B256::repeat_byte(n)),
                said => assert_eq!(said, doubt(0)),
            }
        }
    }
    assert!(read <= 10, "the others' answers come every other time, and not after {read}");
    let mut more = 0;
    while tokio::time::timeout(Duration::from_millis(300), heard.next()).await.is_ok() {
        more += 1;
    }
    assert!(more <= 1024, "no more wait of one member than its lane holds: {more}");
    flooding.publish(doubt(2)).await.unwrap();
    assert_eq!(next(&mut heard).await, doubt(2), "it is heard again when it has calmed down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_went_away_is_found_again_and_nothing_waits_for_it() {
    let users = Users::new();
    let Some(mut server) = server(&users, 1 << 20).await else { return };
    let relayer = connect(&server, &users.relayer, Hears::Answers).await;
    let verifier = connect(&server, &users.verifier, Hears::Evidence).await;
    let mut heard = relayer.subscribe();
    server.kill().await.unwrap();
    within("the loss is noticed", async || !relayer.is_connected() && !verifier.is_connected()).await;
    let refused = tokio::time::timeout(Duration::from_secs(1), verifier.publish(doubt(1))).await.expect("it waits");
    assert_eq!(refused.unwrap_err().to_string(), "its server is away");
    server.resume().await.unwrap();
    within("both are back", async || relayer.is_connected() && verifier.is_connected()).await;
    verifier.publish(doubt(2)).await.unwrap();
    assert_eq!(next(&mut heard).await, doubt(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_key_is_not_connected() {
    let users = Users::new();
    let Some(server) = server(&users, 1 << 20).await else { return };
    let stranger = NatsUser::new(&[">"], &[">"]).unwrap();
    let options = options(server.url(), Some(&stranger));
    let connected = tokio::time::timeout(Duration::from_secs(2), Nats::connect(options, Hears::All, 16)).await;
    if let Ok(Ok(bus)) = connected {
        assert!(!bus.is_connected());
        assert!(bus.publish(doubt(1)).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_server_would_not_take_is_refused_where_it_is_sent() {
    let users = Users::new();
    let Some(server) = server(&users, 256).await else { return };
    let verifier = connect(&server, &users.verifier, Hears::Evidence).await;
    let long = Message::Doubt { deposit: DepositId(B256::ZERO), reason: "r".repeat(2_000) };
    let refused = verifier.publish(long).await.unwrap_err().to_string();
    assert!(refused.contains("256"), "{refused}");
    verifier.publish(doubt(1)).await.unwrap();
}

/// Whoever is on the way speaks before TLS is agreed on.
#[tokio::test(flavor = "multi_thread")]
async fn another_server_that_one_names_is_not_followed() {
    let (named, other) = (listener().await, listener().await);
    let there = other.local_addr().unwrap();
    let url = format!("nats://{}", named.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut peer, _) = named.accept().await.unwrap();
            let info = format!(
                r#"INFO {{"server_id":"a","version":"2.15.2","proto":1,"max_payload":1048576,"connect_urls":["{there}"]}}"#
            );
            peer.write_all(format!("{info}\r\nPONG\r\n").as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let bus = Nats::connect(options(url, None), Hears::All, 16).await.unwrap();
    let followed = tokio::time::timeout(Duration::from_secs(2), other.accept()).await;
    assert!(followed.is_err(), "it went where it was sent");
    drop(bus);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_tls_is_configured_nothing_is_said_without_it() {
    let named = listener().await;
    let url = format!("tls://{}", named.local_addr().unwrap());
    let connecting = tokio::spawn(Nats::connect(options(url, None), Hears::All, 16));
    let (mut peer, _) = tokio::time::timeout(PATIENCE, named.accept()).await.unwrap().unwrap();
    peer.write_all(b"INFO {\"server_id\":\"a\",\"version\":\"2.15.2\",\"proto\":1,\"max_payload\":1048576}\r\n")
        .await
        .unwrap();
    let mut said = [0; 7];
    if tokio::time::timeout(Duration::from_secs(2), peer.read_exact(&mut said)).await.is_ok_and(|read| read.is_ok()) {
        assert_ne!(&said, b"CONNECT");
    }
    connecting.abort();
}

/// A line that the client does not survive: the process must not go on deaf.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_not_served_any_more_is_told() {
    let named = listener().await;
    let url = format!("nats://{}", named.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut peer, _) = named.accept().await.unwrap();
        peer.write_all(
            b"INFO {\"server_id\":\"a\",\"version\":\"2.15.2\",\"proto\":1,\"max_payload\":1048576}\r\nPONG\r\n",
        )
        .await
        .unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        peer.write_all(b"-ERR\r\n").await.unwrap();
        tokio::time::sleep(PATIENCE).await;
    });
    let bus = Nats::connect(options(url, None), Hears::All, 16).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), bus.ended()).await;
    // A client that survives the line has not ended, and may not say that it has.
    assert_eq!(ended.is_ok(), !bus.is_connected());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_hear_what_its_role_hears_does_not_count_as_connected() {
    let users = Users::new();
    let Some(server) = server(&users, 1 << 20).await else { return };
    let options = NatsOptions { name: "mian".to_owned(), ..options(server.url(), Some(&users.verifier)) };
    let bus = Nats::connect(options, Hears::Evidence, 16).await.unwrap();
    within("the refusal is noticed", async || !bus.is_connected()).await;
    assert!(bus.publish(doubt(1)).await.is_err());
}

async fn listener() -> tokio::net::TcpListener {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap()
}

#[test]
fn sizes_are_bounded_by_name() {
    let refused = |topic, text: String| decode(topic, text.as_bytes()).unwrap_err().to_string();
    let zero = B256::ZERO;
    let long = refused(Topic::Doubt, format!(r#"{{"deposit":"{zero}","reason":"{}"}}"#, "r".repeat(600)));
    assert_eq!(long, "answer.doubt: reason: expected at most 512, found 600");
    let items = format!(r#"["{zero}",""]"#);
    let (items, signature) = (vec![items; 257].join(","), serde_json::to_string(&signature()).unwrap());
    let many = refused(Topic::Unseen, format!(r#"{{"root":"{zero}","items":[{items}],"signature":{signature}}}"#));
    assert_eq!(many, "answer.unseen: items: expected at most 256, found 257");
    for (topic, most) in [
        (Topic::Verdict, 16 << 10),
        (Topic::Checkpoint, 16 << 10),
        (Topic::Block, 512 << 10),
        (Topic::Attest, 2 << 20),
        (Topic::Evidence, spandrel_bus::MAX_MESSAGE),
    ] {
        let huge = decode(topic, &vec![b' '; most + 1]).unwrap_err().to_string();
        assert_eq!(huge, format!("{}: message: expected at most {most}, found {}", topic.name(), most + 1));
    }
    let unknown = refused(Topic::Doubt, format!(r#"{{"deposit":"{zero}","reason":"","more":1}}"#));
    assert!(unknown.contains("more"), "{unknown}");
    let talkative = refused(Topic::Doubt, format!(r#"{{"{}":1}}"#, "m".repeat(9_000)));
    assert!(talkative.len() < 300, "what was sent is not repeated whole: {talkative}");
}

proptest::proptest! {
    /// Whatever comes, it is a message or an error.
    #[test]
    fn whatever_comes_is_read_or_refused(topic in 0..Topic::ALL.len(), bytes: Vec<u8>, cut in 0..400usize) {
        let topic = Topic::ALL[topic];
        assert!(decode(topic, &bytes).is_err());
        let valid = format!(r#"{{"deposit":"{}","reason":"none"}}"#, B256::ZERO);
        let cut = &valid.as_bytes()[..cut.min(valid.len())];
        proptest::prop_assert_eq!(decode(Topic::Doubt, cut).is_ok(), cut.len() == valid.len());
    }

    /// What is said is read as it was said.
    #[test]
    fn what_is_said_is_read_as_it_was_said(
        reason in ".{0,200}",
        n: u8,
        header: Vec<u8>,
        finality: Option<Vec<u8>>,
        height: u64,
        time: u64,
    ) {
        let doubt = Message::Doubt { deposit: DepositId(B256::repeat_byte(n)), reason };
        for message in [doubt, block(header, finality), checkpoint(n, height, time)] {
            let (topic, bytes) = spandrel_bus::encode(&message).unwrap();
            proptest::prop_assert_eq!(decode(topic, &bytes).unwrap(), message);
        }
    }
}
