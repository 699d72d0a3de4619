//! Webhooks: real requests to a real server, and every way in which they could be turned against somebody.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use futures::future::BoxFuture;
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_api::webhooks::{Courier, Reach, Resolve};
use spandrel_store::{ApiScope, Sqlite};

use crate::receiver::{Manner, Receiver};
use crate::world::{NOW, Options, World, answer, bitcoin, problem};

/// Registers a webhook of `key`; its id and secret.
async fn register(world: &World, key: &str, url: &str) -> (String, String) {
    let made = world.register(key, url, &rand::random::<u64>().to_string());
    let made = answer(made, StatusCode::CREATED).await;
    (made["webhook"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

/// A deposit on a new order of the world's key.
async fn deposit(world: &World, n: u8) -> Value {
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, &n.to_string()), StatusCode::CREATED).await;
    world.deposit(&order, B256::with_last_byte(n)).await;
    order
}

async fn deliver(world: &World) -> usize {
    let courier = Courier::new(world.service.clone()).unwrap();
    courier.queue().await.unwrap();
    courier.deliver_due().await.unwrap()
}

async fn deliveries(world: &World, id: &str) -> Value {
    let listed = world.get(&format!("/v1/webhooks/{id}/deliveries")).bearer_auth(&world.key);
    answer(listed, StatusCode::OK).await
}

#[tokio::test]
async fn a_key_is_told_of_its_own_transfers_in_order_and_of_no_others() {
    let world = World::new().await;
    let (own, strange) = (Receiver::start(Manner::Status(200)).await, Receiver::start(Manner::Status(200)).await);
    register(&world, &world.key, &own.url).await;
    let stranger = world.new_key(&[ApiScope::WebhooksWrite]).await;
    register(&world, &stranger, &strange.url).await;
    let order = deposit(&world, 1).await;
    let id = order["transfer"]["order"].as_str().unwrap();
    let seen = answer(world.get(&format!("/v1/transfers/{id}")), StatusCode::OK).await;
    world.reorg(seen["deposit"].as_str().unwrap().parse().map(spandrel_verifiers::DepositId).unwrap()).await;
    assert_eq!(deliver(&world).await, 2);
    let told: Vec<Value> = own.received().iter().map(|received| received.json()).collect();
    assert_eq!(told[0]["type"], "transfer.observed");
    assert_eq!(told[1]["type"], "transfer.source_reorged");
    assert_eq!(told[0]["data"], json!({ "transfer": id, "deposit": seen["deposit"], "sequence": 0 }));
    assert!(told[0]["id"] != told[1]["id"] && told[0]["id"] == own.received()[0].delivery.as_str());
    assert!(strange.received().is_empty());
    assert_eq!(deliver(&world).await, 0, "nothing is told twice");
}

#[tokio::test]
async fn what_happened_before_a_webhook_was_registered_is_not_told() {
    let world = World::new().await;
    deposit(&world, 1).await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    register(&world, &world.key, &receiver.url).await;
    assert_eq!(deliver(&world).await, 0);
    deposit(&world, 2).await;
    assert_eq!(deliver(&world).await, 1);
}

#[tokio::test]
async fn deliveries_verify_by_the_documented_recipe_and_forgeries_do_not() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(204)).await;
    let (_, secret) = register(&world, &world.key, &receiver.url).await;
    let (_, other_secret) = register(&world, &world.key, &Receiver::start(Manner::Status(200)).await.url).await;
    deposit(&world, 1).await;
    deliver(&world).await;
    let received = receiver.received().remove(0);
    received.verify(&secret, NOW).unwrap();
    assert!(received.verify(&other_secret, NOW).is_err(), "another webhook's secret");
    assert!(received.verify(&secret, NOW + 301).is_err(), "a delivery kept for later");
    let mut forged = received.clone();
    forged.body = forged.body.replace("observed", "executed");
    assert!(forged.verify(&secret, NOW).is_err(), "an altered body");
    let mut forged = received.clone();
    forged.signature = forged.signature.replace(&format!("t={NOW}"), &format!("t={}", NOW + 200));
    assert!(forged.verify(&secret, NOW + 400).is_err(), "an altered time");
}

#[tokio::test]
async fn after_a_rotation_the_old_secret_verifies_for_a_day_and_then_no_more() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let (id, old) = register(&world, &world.key, &receiver.url).await;
    let rotate = world.on_webhook(&world.key, &id, "rotate", "once");
    let new = answer(rotate, StatusCode::OK).await["secret"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    deposit(&world, 1).await;
    deliver(&world).await;
    world.clock.pass(86_400);
    deposit(&world, 2).await;
    deliver(&world).await;
    let received = receiver.received();
    received[0].verify(&old, NOW).unwrap();
    received[0].verify(&new, NOW).unwrap();
    assert!(received[1].verify(&old, NOW + 86_400).is_err());
    received[1].verify(&new, NOW + 86_400).unwrap();
}

#[tokio::test]
async fn a_secret_is_shown_once_and_a_webhook_is_its_keys_alone() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let (id, secret) = register(&world, &world.key, &receiver.url).await;
    let listed = answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await;
    assert_eq!(listed[0]["id"], id.as_str());
    assert!(!listed.to_string().contains(&secret));
    let stranger = world.new_key(&[ApiScope::WebhooksWrite]).await;
    assert_eq!(answer(world.get("/v1/webhooks").bearer_auth(&stranger), StatusCode::OK).await, json!([]));
    for action in ["test", "rotate"] {
        let asked = world.on_webhook(&stranger, &id, action, "one");
        problem(asked, StatusCode::NOT_FOUND, "UNKNOWN_WEBHOOK").await;
    }
    let path = format!("/v1/webhooks/{id}");
    problem(world.delete(&path).bearer_auth(&stranger), StatusCode::NOT_FOUND, "UNKNOWN_WEBHOOK").await;
    problem(world.delete(&path), StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
    let unscoped = world.new_key(&[ApiScope::TransfersWrite]).await;
    problem(world.get("/v1/webhooks").bearer_auth(&unscoped), StatusCode::FORBIDDEN, "SCOPE_MISSING").await;
    answer(world.delete(&path).bearer_auth(&world.key), StatusCode::NO_CONTENT).await;
    deposit(&world, 1).await;
    assert_eq!(deliver(&world).await, 0);
    problem(world.delete(&path).bearer_auth(&world.key), StatusCode::NOT_FOUND, "UNKNOWN_WEBHOOK").await;
}

#[tokio::test]
async fn a_revoked_key_is_told_of_nothing_more() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(500)).await;
    register(&world, &world.key, &receiver.url).await;
    deposit(&world, 1).await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "two"), StatusCode::CREATED).await;
    assert_eq!(deliver(&world).await, 1);
    let id = world.key.split('_').nth(1).unwrap().to_owned();
    world.store.revoke_api_key(&id, NOW).await.unwrap();
    world.deposit(&order, B256::with_last_byte(2)).await;
    world.clock.pass(1_000_000);
    assert_eq!(deliver(&world).await, 0);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_registration_that_is_repeated_makes_one_webhook() {
    let world = World::new().await;
    let (here, there) = ("http://127.0.0.1:9/here", "http://127.0.0.1:9/there");
    let without = world.post("/v1/webhooks", &json!({ "url": here })).bearer_auth(&world.key);
    let refused = problem(without, StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    assert_eq!(refused["parameter"], "Idempotency-Key");
    let first = answer(world.register(&world.key, here, "one"), StatusCode::CREATED).await;
    let again = world.register(&world.key, here, "one").send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(crate::world::body(again, StatusCode::OK).await, first);
    problem(world.register(&world.key, there, "one"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED").await;
    let many = (0..8).map(|_| world.register(&world.key, there, "two").send());
    let mut made = 0;
    for answered in futures::future::join_all(many).await {
        match answered.unwrap() {
            answered if answered.status() == StatusCode::CREATED => made += 1,
            answered if answered.status() == StatusCode::OK => {}
            answered => {
                drop(crate::world::refusal(answered, StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT").await);
            }
        }
    }
    assert_eq!(made, 1);
    let listed = answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    // Another's key of the same name is another's.
    let stranger = world.new_key(&[ApiScope::WebhooksWrite]).await;
    let others = answer(world.register(&stranger, there, "one"), StatusCode::CREATED).await;
    assert_ne!(others["webhook"]["id"], first["webhook"]["id"]);
    // Once it was rotated, or after a day, nobody is shown its secret again.
    let rotated = answer(world.register(&world.key, here, "three"), StatusCode::CREATED).await;
    let id = rotated["webhook"]["id"].as_str().unwrap();
    answer(world.on_webhook(&world.key, id, "rotate", "four"), StatusCode::OK).await;
    problem(world.register(&world.key, here, "three"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED").await;
    world.clock.pass(86_401);
    problem(world.register(&world.key, here, "one"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED").await;
    // What was deleted does not come back by a repetition that was late.
    let id = first["webhook"]["id"].as_str().unwrap();
    answer(world.delete(&format!("/v1/webhooks/{id}")).bearer_auth(&world.key), StatusCode::NO_CONTENT).await;
    problem(world.register(&world.key, here, "one"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED").await;
}

#[tokio::test]
async fn a_key_has_a_bounded_number_of_webhooks() {
    let world = World::new().await;
    for n in 0..10 {
        register(&world, &world.key, &format!("http://127.0.0.1:9/{n}")).await;
    }
    let more = world.register(&world.key, "http://127.0.0.1:9/more", "more");
    problem(more, StatusCode::CONFLICT, "TOO_MANY_WEBHOOKS").await;
}

#[tokio::test]
async fn a_test_event_is_sent_signed_and_its_outcome_told() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let (id, secret) = register(&world, &world.key, &receiver.url).await;
    let test = || world.on_webhook(&world.key, &id, "test", "one");
    assert_eq!(answer(test(), StatusCode::OK).await, json!({ "delivered": true, "status": 200 }));
    let received = receiver.received().remove(0);
    received.verify(&secret, NOW).unwrap();
    assert_eq!(received.json()["type"], "webhook.test");
    receiver.answer(Manner::Status(500));
    let failed = answer(test(), StatusCode::OK).await;
    assert_eq!(failed, json!({ "delivered": false, "status": 500, "error": "it answered 500" }));
}

#[tokio::test]
async fn a_rotation_that_is_repeated_rotates_once() {
    let world = World::new().await;
    let (id, first) = register(&world, &world.key, "http://127.0.0.1:9/").await;
    let (other, _) = register(&world, &world.key, "http://127.0.0.1:9/other").await;
    let rotate = |id: &str, key: &str| world.on_webhook(&world.key, id, "rotate", key);
    let without = world.post(&format!("/v1/webhooks/{id}/rotate"), &json!({})).bearer_auth(&world.key);
    let refused = problem(without, StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    assert_eq!(refused["parameter"], "Idempotency-Key");
    let rotated = answer(rotate(&id, "one"), StatusCode::OK).await;
    assert_ne!(rotated["secret"], first.as_str());
    world.clock.pass(86_400);
    let again = rotate(&id, "one").send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(crate::world::body(again, StatusCode::OK).await, rotated);
    // For another webhook, after a day, and after another rotation it is another request.
    problem(rotate(&other, "one"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED").await;
    world.clock.pass(1);
    problem(rotate(&id, "one"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED").await;
    let next = rotate(&id, "two").send().await.unwrap();
    assert_eq!(next.headers()["idempotency-replayed"], "false");
    assert_ne!(crate::world::body(next, StatusCode::OK).await["secret"], rotated["secret"]);
    problem(rotate(&id, "one"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED").await;
    // One at a time.
    let busy = world.keep_busy().await;
    let waiting = tokio::spawn(rotate(&id, "three").send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    problem(rotate(&id, "three"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT").await;
    busy.end().await;
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_test_that_is_repeated_has_the_same_id_and_none_beside_it() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let (id, _) = register(&world, &world.key, &receiver.url).await;
    let test = |key: &str| world.on_webhook(&world.key, &id, "test", key);
    let without = world.post(&format!("/v1/webhooks/{id}/test"), &json!({})).bearer_auth(&world.key);
    let refused = problem(without, StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    assert_eq!(refused["parameter"], "Idempotency-Key");
    for key in ["one", "one", "two"] {
        answer(test(key), StatusCode::OK).await;
    }
    let ids: Vec<_> = receiver.received().into_iter().map(|received| received.delivery).collect();
    assert!(ids[0] == ids[1] && ids[0] != ids[2] && ids[0].starts_with("dl_test_"), "{ids:?}");
    receiver.answer(Manner::Hang);
    let waiting = tokio::spawn(test("three").send());
    receiver.wait(4).await;
    problem(test("three"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT").await;
    let failed: Value = waiting.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!((&failed["delivered"], receiver.received().len()), (&json!(false), 4));
}

#[tokio::test]
async fn a_failing_receiver_is_tried_again_later_each_time_and_given_up_after_a_bound() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(503)).await;
    let (id, _) = register(&world, &world.key, &receiver.url).await;
    deposit(&world, 1).await;
    let mut gaps = Vec::new();
    for attempt in 1..=14_u64 {
        assert_eq!(deliver(&world).await, 1, "attempt {attempt}");
        assert_eq!(deliver(&world).await, 0, "not before its time");
        let now = world.service.now();
        let Some(next) = world.store.next_delivery(now).await.unwrap() else { break };
        gaps.push(next - now);
        world.clock.pass(next - now);
    }
    assert_eq!(gaps.len(), 13);
    assert!(gaps[0] <= 20 && gaps[12] >= 3 * 3_600, "{gaps:?}");
    let received = receiver.received();
    assert_eq!(received.len(), 14);
    assert!(received.iter().all(|again| again.delivery == received[0].delivery && again.body == received[0].body));
    let dead = deliveries(&world, &id).await;
    assert_eq!((&dead[0]["status"], &dead[0]["attempts"]), (&json!("dead"), &json!(14)));
    assert_eq!(dead[0]["last_error"], "it answered 503");
    world.clock.pass(1_000_000);
    assert_eq!(deliver(&world).await, 0, "dead is dead");
    receiver.answer(Manner::Status(200));
    let path = format!("/v1/webhooks/{id}/deliveries/{}/redeliver", dead[0]["id"].as_str().unwrap());
    let redeliver = || world.post(&path, &json!({})).bearer_auth(&world.key);
    answer(redeliver(), StatusCode::ACCEPTED).await;
    assert_eq!(deliver(&world).await, 1);
    assert_eq!(deliveries(&world, &id).await[0]["status"], "delivered");
    problem(redeliver(), StatusCode::NOT_FOUND, "UNKNOWN_DELIVERY").await;
}

#[tokio::test]
async fn a_crash_between_delivery_and_mark_sends_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let receiver = Receiver::start(Manner::Hang).await;
    let options = Options { store: Sqlite::open(&file).await.unwrap(), ..Options::new().await };
    let clock = options.clock.clone();
    let world = World::with(options).await;
    let (_, secret) = register(&world, &world.key, &receiver.url).await;
    deposit(&world, 1).await;
    let courier = Courier::new(world.service.clone()).unwrap();
    courier.queue().await.unwrap();
    let delivering = tokio::spawn(async move { courier.deliver_due().await });
    receiver.wait(1).await;
    delivering.abort();
    world.store.close().await;

    receiver.answer(Manner::Status(200));
    let world = World::with(Options { store: Sqlite::open(&file).await.unwrap(), clock, ..Options::new().await }).await;
    assert_eq!(deliver(&world).await, 0, "its lease holds: the other process might live");
    world.clock.pass(60);
    assert_eq!(deliver(&world).await, 1);
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!((&received[0].delivery, &received[0].body), (&received[1].delivery, &received[1].body));
    received[1].verify(&secret, NOW + 60).unwrap();
    assert_eq!(deliver(&world).await, 0);
}

#[tokio::test]
async fn a_slow_receiver_delays_nobody_but_itself() {
    let world = World::new().await;
    let (slow, quick) = (Receiver::start(Manner::Hang).await, Receiver::start(Manner::Status(200)).await);
    let (slow_id, _) = register(&world, &world.key, &slow.url).await;
    register(&world, &world.key, &quick.url).await;
    let courier = Courier::new(world.service.clone()).unwrap();
    let running = tokio::spawn(async move { courier.run(std::future::pending()).await });
    let started = Instant::now();
    for n in 1..=5 {
        deposit(&world, n).await;
    }
    quick.wait(5).await;
    assert!(started.elapsed() < Duration::from_secs(7), "the slow receiver had not timed out");
    assert_eq!(slow.received().len(), 1, "one at a time");
    slow.wait(2).await;
    running.abort();
    let listed = deliveries(&world, &slow_id).await;
    assert_eq!(listed[4]["last_error"], "it did not answer in time", "{listed}");
}

#[tokio::test]
async fn a_full_queue_gives_up_what_is_more_and_other_webhooks_go_on() {
    let world = World::new().await;
    let (id, _) = register(&world, &world.key, "http://127.0.0.1:9/full").await;
    let delivery = |n: usize| spandrel_store::NewDelivery {
        id: format!("dl_{n}"),
        webhook: id.clone(),
        event: "transfer.observed".to_owned(),
        body: "{}".to_owned(),
    };
    let many: Vec<_> = (0..1_000).map(delivery).collect();
    world.store.queue_deliveries(0, 0, &many, 1_000, NOW + 9_999).await.unwrap();
    let receiver = Receiver::start(Manner::Status(200)).await;
    register(&world, &world.key, &receiver.url).await;
    deposit(&world, 1).await;
    assert_eq!(deliver(&world).await, 1);
    let listed = answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await;
    assert_eq!((&listed[0]["waiting"], &listed[0]["dead"]), (&json!(1_000), &json!(1)));
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(deliveries(&world, &id).await[0]["last_error"], "too many deliveries wait for this webhook");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let world = World::new().await;
    let inside = Receiver::start(Manner::Status(200)).await;
    let receiver = Receiver::start(Manner::Redirect(inside.url.clone())).await;
    let (id, _) = register(&world, &world.key, &receiver.url).await;
    deposit(&world, 1).await;
    deliver(&world).await;
    assert_eq!(receiver.received().len(), 1);
    assert!(inside.received().is_empty());
    assert_eq!(deliveries(&world, &id).await[0]["last_error"], "it answered 307");
}

/// Answers what an attacker's name server would: something public when asked first, then loopback.
struct Rebinding(AtomicUsize);

impl Resolve for Rebinding {
    fn resolve(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let asked = self.0.fetch_add(1, Ordering::SeqCst);
        let address: IpAddr = if asked == 0 { [93, 184, 216, 34].into() } else { [127, 0, 0, 1].into() };
        Box::pin(async move { Ok(vec![address]) })
    }
}

/// A delivery to a name that was public when it was registered and leads to loopback now; connections that came there.
async fn rebind(reach: Reach, refused: &[&'static str]) -> (usize, Value) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(AtomicUsize::new(0));
    let counted = came.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let resolver = Arc::new(Rebinding(AtomicUsize::new(0)));
    let world = World::with(Options { reach, refused: refused.to_vec(), resolver, ..Options::new().await }).await;
    let (id, _) = register(&world, &world.key, &format!("https://hooks.example:{port}/")).await;
    deposit(&world, 1).await;
    deliver(&world).await;
    let listed = deliveries(&world, &id).await;
    (came.load(Ordering::SeqCst), listed)
}

#[tokio::test]
async fn a_name_that_leads_inside_after_it_was_registered_is_never_connected_to() {
    for (reach, refused) in [(Reach::Public, &[][..]), (Reach::PublicAndLoopback, &["127.0.0.0/8"])] {
        let (connections, listed) = rebind(reach, refused).await;
        assert_eq!(connections, 0);
        assert_eq!(listed[0]["last_error"], "it leads to an address that is not public");
    }
    let (connections, _) = rebind(Reach::PublicAndLoopback, &["198.51.100.0/24"]).await;
    assert_eq!(connections, 1, "without the rule it would have been");
}

#[tokio::test]
async fn addresses_inside_are_refused_when_they_are_registered() {
    let world = World::with(Options { reach: Reach::Public, ..Options::new().await }).await;
    let urls = [
        "http://example.com/hook",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://[64:ff9b::a00:1]/",
        "https://2130706433/",
        "nonsense",
        "https://user:password@1.1.1.1/",
    ];
    for url in urls {
        let register = world.register(&world.key, url, "one");
        let refused = problem(register, StatusCode::UNPROCESSABLE_ENTITY, "URL_REFUSED").await;
        assert_eq!(refused["parameter"], "url");
    }
    assert_eq!(answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await, json!([]));
}
