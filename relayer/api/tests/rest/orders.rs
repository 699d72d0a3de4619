//! Quotes and orders: what a user writes.

use std::time::Duration;

use alloy::primitives::B256;
use prost::Message;
use reqwest::StatusCode;
use serde_json::json;
use spandrel_api::grpc::{RpcStatus, proto};
use spandrel_risk::{RiskEvent, Scope};

use crate::calls::{keyed, transfers};
use crate::world::{NOW, RECIPIENT, REFUND_KEY, World, answer, bitcoin, ethereum, problem};

#[tokio::test]
async fn a_quote_names_every_lane_and_why_one_is_not_offered() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 60_000).await;
    let terms = ["amount", "fee", "receive", "expires_at"].map(|field| quote[field].as_str().unwrap());
    assert_eq!(terms, ["60000", "0", "60000", "2023-11-14T22:18:20Z"], "it holds for five minutes, and costs nothing");
    assert_eq!(quote["lanes"][0]["lane"], "fast");
    assert_eq!(quote["lanes"][0]["offered"], false);
    assert_eq!(quote["lanes"][0]["reason"]["code"], "PER_TRANSFER_CAP");
    assert_eq!(quote["lanes"][1]["offered"], true);
    assert_eq!(quote["lanes"][1]["eta_seconds"], 3_600);
    let large = world.quote(&bitcoin(), 400_000).await;
    assert_eq!(large["lanes"][1]["eta_seconds"], 7_200, "the large-transfer delay is told");
    assert_eq!(large["lanes"][1]["reason"]["code"], "LARGE_TRANSFER");
    // The other door says the same of it, to the letter.
    for told in [&quote, &large] {
        let text = |field: &str| told[field].as_str().unwrap().to_owned();
        let request = proto::CreateQuoteRequest { route: text("route"), amount: text("amount"), ..Default::default() };
        let called = transfers(&world).create_quote(request).await.unwrap().into_inner();
        let fields = [called.id, called.route, called.amount, called.fee, called.receive, called.expires_at];
        assert_eq!(fields, ["id", "route", "amount", "fee", "receive", "expires_at"].map(text));
        for (lane, other) in called.lanes.iter().zip(told["lanes"].as_array().unwrap()) {
            assert_eq!((json!(lane.lane), json!(lane.offered)), (other["lane"].clone(), other["offered"].clone()));
            assert_eq!(lane.eta_seconds, other["eta_seconds"].as_u64());
            let reason = lane
                .reason
                .as_ref()
                .map(|reason| [Some(&reason.code), Some(&reason.message), reason.release_at.as_ref()]);
            let said = |field: &str| other["reason"][field].as_str().map(str::to_owned);
            let reason = reason.map(|texts| texts.map(|text| text.cloned())).unwrap_or_default();
            assert_eq!(reason, ["code", "message", "release_at"].map(said));
        }
        assert_eq!(called.lanes.len(), 2);
    }
}

#[tokio::test]
async fn an_amount_that_no_lane_takes_is_refused_with_the_reasons() {
    let world = World::new().await;
    let route = world.route(&ethereum()).await;
    for (amount, word) in [("500001", "cap"), ("999", "dust")] {
        let body = json!({ "route": route, "amount": amount });
        let refused = problem(world.post("/v1/quotes", &body), StatusCode::UNPROCESSABLE_ENTITY, "NO_LANE").await;
        assert!(refused["detail"].as_str().unwrap().contains(word), "{refused}");
    }
    let body = json!({ "route": route, "amount": "1e5" });
    let refused = problem(world.post("/v1/quotes", &body), StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    assert_eq!(refused["parameter"], "amount");
    let body = json!({ "route": "rt_none", "amount": "5000" });
    problem(world.post("/v1/quotes", &body), StatusCode::NOT_FOUND, "UNKNOWN_ROUTE").await;
}

#[tokio::test]
async fn a_pause_shows_in_quotes_and_limits_with_its_end() {
    let world = World::new().await;
    let scope = Scope::Chain { chain: ethereum() };
    let pause = RiskEvent::Paused { scope, until: NOW + 600, reason: "drill".to_owned() };
    world.book.record_risk(pause).await.unwrap();
    let route = world.route(&ethereum()).await;
    let body = json!({ "route": route, "amount": "5000" });
    let refused = problem(world.post("/v1/quotes", &body), StatusCode::UNPROCESSABLE_ENTITY, "NO_LANE").await;
    let lanes = refused["lanes"].as_array().unwrap();
    assert_eq!((lanes.len(), &lanes[0]["lane"], &lanes[0]["offered"]), (1, &json!("light_client"), &json!(false)));
    let reason = &lanes[0]["reason"];
    assert_eq!((&reason["code"], &reason["release_at"]), (&json!("PAUSED"), &json!("2023-11-14T22:23:20Z")));
    let call = proto::CreateQuoteRequest { route: route.clone(), amount: "5000".to_owned(), ..Default::default() };
    let status = transfers(&world).create_quote(call).await.unwrap_err();
    let details = RpcStatus::decode(status.details()).unwrap().details;
    let offers = details.iter().find(|any| any.type_url.ends_with("/spandrel.transfer.v1.LaneOffers")).unwrap();
    let offers = proto::LaneOffers::decode(offers.value.as_slice()).unwrap().lanes;
    let told = offers[0].reason.as_ref().unwrap();
    assert_eq!((offers.len(), offers[0].lane.as_str(), told.code.as_str()), (1, "light_client", "PAUSED"));
    assert_eq!(told.release_at.as_deref(), reason["release_at"].as_str());
    let limits = answer(world.get(&format!("/v1/limits?route={route}")), StatusCode::OK).await;
    assert_eq!(limits[0]["closed"]["code"], "PAUSED");
    assert_eq!(limits[0]["closed"]["release_at"], "2023-11-14T22:23:20Z");
    let status = answer(world.get("/v1/status"), StatusCode::OK).await;
    assert_eq!(status["status"], "degraded");
    world.clock.pass(601);
    world.quote(&ethereum(), 5_000).await;
}

#[tokio::test]
async fn a_freeze_has_no_end_that_is_told() {
    let world = World::new().await;
    let scope = Scope::Chain { chain: ethereum() };
    let freeze = RiskEvent::Paused { scope, until: u64::MAX, reason: "drill".to_owned() };
    world.book.record_risk(freeze).await.unwrap();
    let route = world.route(&ethereum()).await;
    let limits = answer(world.get(&format!("/v1/limits?route={route}")), StatusCode::OK).await;
    let closed = &limits[0]["closed"];
    assert_eq!((&closed["code"], closed.get("release_at")), (&json!("PAUSED"), None));
    let status = answer(world.get("/v1/status"), StatusCode::OK).await;
    let pause = &status["pauses"][0];
    assert_eq!((&pause["reason"], pause.get("until")), (&json!("drill"), None));
    let called = transfers(&world).get_status(proto::GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(called.pauses[0].until, None);
}

#[tokio::test]
async fn a_bitcoin_order_gives_an_address_and_announces_its_script() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let instructions = &order["instructions"];
    let address = instructions["address"].as_str().unwrap();
    assert!(address.starts_with("bcrt1p"), "{address}");
    assert_eq!(instructions["uri"], format!("bitcoin:{address}?amount=0.00020000"));
    assert!(instructions["qr"].as_str().unwrap().contains("<svg"));
    assert_eq!(instructions["refund"]["key"], REFUND_KEY);
    let announced = world.store.intents().await.unwrap();
    assert_eq!(announced.len(), 1);
    let paid_to: bitcoin::Address<bitcoin::address::NetworkUnchecked> = address.parse().unwrap();
    assert_eq!(paid_to.assume_checked().script_pubkey().as_bytes(), announced[0].script.as_ref());
}

#[tokio::test]
async fn an_ethereum_order_gives_the_vaults_call() {
    let world = World::new().await;
    let quote = world.quote(&ethereum(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let calls = order["instructions"]["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1, "the native coin needs no approval");
    assert_eq!(calls[0]["value"], "20000");
    let uri = calls[0]["uri"].as_str().unwrap();
    assert!(uri.starts_with("ethereum:0x0606060606060606060606060606060606060606@31337/lock?"), "{uri}");
    assert!(world.store.intents().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_idempotency_key_makes_one_order() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let first = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    world.clock.pass(1_000);
    let again = world.order(&quote, "one").send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    let again = crate::world::body(again, StatusCode::OK).await;
    assert_eq!(again["transfer"]["order"], first["transfer"]["order"]);
    assert_eq!(again["instructions"], first["instructions"]);
    let other = world.quote(&bitcoin(), 30_000).await;
    problem(world.order(&other, "one"), StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED").await;
    assert_eq!(world.store.intents().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_order_that_is_repeated_is_answered_as_it_stands_now() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    world.deposit(&order, B256::with_last_byte(1)).await;
    let call = proto::CreateTransferRequest {
        quote: quote["id"].as_str().unwrap().to_owned(),
        recipient: RECIPIENT.to_owned(),
        refund_key: Some(REFUND_KEY.to_owned()),
        idempotency_key: "one".to_owned(),
    };
    // Before and after its expiry: it was not deposited too late.
    for _ in 0..2 {
        let again = answer(world.order(&quote, "one"), StatusCode::OK).await;
        let path = format!("/v1/transfers/{}", order["transfer"]["order"].as_str().unwrap());
        assert_eq!(again["transfer"], answer(world.get(&path), StatusCode::OK).await);
        assert_eq!((&again["transfer"]["status"], &again["transfer"]["terminal"]), (&json!("observed"), &json!(false)));
        assert!(again["transfer"]["deposit"].is_string(), "{again}");
        let request = keyed(&world.key, call.clone());
        let called = transfers(&world).create_transfer(request).await.unwrap().into_inner().transfer.unwrap();
        assert_eq!((called.status.as_str(), called.deposit.is_some()), ("observed", true));
        world.clock.pass(3 * 86_400);
    }
}

#[tokio::test]
async fn many_requests_with_one_key_at_once_make_one_order() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let sent = (0..16).map(|_| world.order(&quote, "same").send());
    let mut created = 0;
    for answer in futures::future::join_all(sent).await {
        let answer = answer.unwrap();
        match answer.status() {
            StatusCode::CREATED => created += 1,
            StatusCode::OK => assert_eq!(answer.headers()["idempotency-replayed"], "true"),
            _ => drop(crate::world::refusal(answer, StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT").await),
        }
    }
    assert_eq!(created, 1);
    assert_eq!(world.order(&quote, "same").send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(world.store.intents().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_is_being_worked_on_is_told_apart_from_one_that_was() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let busy = world.keep_busy().await;
    let first = tokio::spawn(world.order(&quote, "one").send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = world.order(&quote, "one").timeout(Duration::from_secs(2)).send().await.expect("no wait");
    assert_eq!(second.headers()["retry-after"], "1");
    let refused = crate::world::refusal(second, StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT").await;
    assert_eq!((&refused["parameter"], &refused["retryable"]), (&"Idempotency-Key".into(), &true.into()));
    busy.end().await;
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::CREATED);
    assert_eq!(world.order(&quote, "one").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn two_orders_of_the_same_terms_have_addresses_of_their_own() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let one = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let two = answer(world.order(&quote, "two"), StatusCode::CREATED).await;
    assert_ne!(one["instructions"]["address"], two["instructions"]["address"]);
    assert_ne!(one["transfer"]["order"], two["transfer"]["order"]);
}

#[tokio::test]
async fn writes_need_a_valid_key_with_the_scope() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let body = json!({ "quote": quote["id"], "recipient": RECIPIENT, "refund_key": REFUND_KEY });
    let order = || world.post("/v1/transfers", &body).header("Idempotency-Key", "one");
    problem(order(), StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
    let wrong = format!("{}0", &world.key[..world.key.len() - 1]);
    let wrong = if wrong == world.key { format!("{}1", &world.key[..world.key.len() - 1]) } else { wrong };
    for key in ["sk_1", "nonsense", &wrong] {
        problem(order().bearer_auth(key), StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
    }
    let unscoped = world.new_key(&[]).await;
    problem(order().bearer_auth(unscoped), StatusCode::FORBIDDEN, "SCOPE_MISSING").await;
    let id = world.key.split('_').nth(1).unwrap().to_owned();
    world.store.revoke_api_key(&id, NOW).await.unwrap();
    problem(order().bearer_auth(&world.key), StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
    assert!(world.store.intents().await.unwrap().is_empty());
}

#[tokio::test]
async fn forged_and_expired_quotes_are_refused() {
    let world = World::new().await;
    let mut quote = world.quote(&bitcoin(), 20_000).await;
    let id = quote["id"].as_str().unwrap().to_owned();
    let body = hex::encode(br#"{"r":"rt_x","a":"0x1","l":"any","e":9999999999}"#);
    let tag = id.rsplit('_').next().unwrap();
    for forged in [format!("q1_{body}_{tag}"), id.replace("q1_", "q2_"), "q1_00_00".to_owned(), "9".repeat(2_000)] {
        quote["id"] = forged.into();
        problem(world.order(&quote, "one"), StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    }
    quote["id"] = id.into();
    world.clock.pass(301);
    problem(world.order(&quote, "one"), StatusCode::GONE, "QUOTE_EXPIRED").await;
}

#[tokio::test]
async fn orders_that_could_not_be_paid_or_refunded_are_refused_by_field() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = |body: serde_json::Value| {
        world.post("/v1/transfers", &body).bearer_auth(&world.key).header("Idempotency-Key", "one")
    };
    let id = &quote["id"];
    let zero = format!("0x{}", "0".repeat(40));
    let cases = [
        (json!({ "quote": id, "recipient": zero, "refund_key": REFUND_KEY }), StatusCode::BAD_REQUEST, "recipient"),
        (json!({ "quote": id, "recipient": RECIPIENT }), StatusCode::UNPROCESSABLE_ENTITY, "refund_key"),
        (json!({ "quote": id, "recipient": RECIPIENT, "refund_key": "00" }), StatusCode::BAD_REQUEST, "refund_key"),
        // Not on the curve.
        (
            json!({ "quote": id, "recipient": RECIPIENT, "refund_key": "f".repeat(64) }),
            StatusCode::UNPROCESSABLE_ENTITY,
            "refund_key",
        ),
    ];
    for (body, status, parameter) in cases {
        let refused = answer(order(body), status).await;
        assert_eq!(refused["parameter"], parameter, "{refused}");
    }
    let unknown = json!({ "quote": id, "recipient": RECIPIENT, "refund_key": REFUND_KEY, "amount": "1" });
    problem(order(unknown), StatusCode::UNPROCESSABLE_ENTITY, "INVALID_BODY").await;
    let body = json!({ "quote": id, "recipient": RECIPIENT, "refund_key": REFUND_KEY });
    let without = world.post("/v1/transfers", &body).bearer_auth(&world.key);
    let refused = problem(without, StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    assert_eq!(refused["parameter"], "Idempotency-Key");
    let keyed = |length: usize| {
        let key = "k".repeat(length);
        world.post("/v1/transfers", &body).bearer_auth(&world.key).header("Idempotency-Key", key)
    };
    let refused = problem(keyed(129), StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    assert_eq!(refused["parameter"], "Idempotency-Key");
    assert!(world.store.intents().await.unwrap().is_empty());
    let key = world.key.split('_').nth(1).unwrap();
    assert!(world.store.orders_of(key, None, 10).await.unwrap().is_empty(), "nothing of it is stored");
    answer(keyed(128), StatusCode::CREATED).await;
}

#[tokio::test]
async fn an_order_is_called_off_only_before_its_deposit() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let one = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let two = answer(world.order(&quote, "two"), StatusCode::CREATED).await;
    let cancel = |order: &serde_json::Value| {
        let path = format!("/v1/transfers/{}/cancel", order["transfer"]["order"].as_str().unwrap());
        world.post(&path, &json!({})).bearer_auth(&world.key)
    };
    let cancelled = answer(cancel(&one), StatusCode::ACCEPTED).await;
    assert_eq!((&cancelled["status"], &cancelled["terminal"]), (&json!("cancelled"), &json!(false)));
    answer(cancel(&one), StatusCode::ACCEPTED).await;
    world.deposit(&two, B256::with_last_byte(1)).await;
    problem(cancel(&two), StatusCode::CONFLICT, "ALREADY_DEPOSITED").await;
    // Later too it is what its owner did that ended it, not the time.
    world.clock.pass(2 * 86_400);
    let path = format!("/v1/transfers/{}", one["transfer"]["order"].as_str().unwrap());
    let later = answer(world.get(&path), StatusCode::OK).await;
    assert_eq!((&later["status"], later.get("reason")), (&json!("cancelled"), None), "{later}");
}
