//! What anyone can read.

use alloy::primitives::B256;
use futures::StreamExt;
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_api::grpc::proto::GetStatusRequest;
use spandrel_core::ledger::{Commit, CursorMove, Halt, Ledger};
use spandrel_risk::{Direction, RiskEvent, Scope};
use spandrel_store::TenantClass;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::follow::{BlockRef, Cursor};

use crate::world::{NOW, Options, World, answer, bitcoin, ethereum, problem};

#[tokio::test]
async fn catalogs_have_a_tag_and_answer_304_to_it() {
    let world = World::new().await;
    for path in ["/v1/chains", "/v1/assets", "/v1/routes"] {
        let response = world.get(path).send().await.unwrap();
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        assert!(!response.json::<Vec<Value>>().await.unwrap().is_empty());
        let again = world.get(path).header("If-None-Match", &tag).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let stale = world.get(path).header("If-None-Match", "\"other\"").send().await.unwrap();
        assert_eq!(stale.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn chains_and_routes_say_how_they_are_and_their_tag_changes_with_it() {
    let world = World::new().await;
    let of = async |path: &str, name: &str, value: &str| -> Value {
        let rows = answer(world.get(path), StatusCode::OK).await;
        rows.as_array().unwrap().iter().find(|row| row[name] == value).unwrap().clone()
    };
    let (bitcoin, ethereum) = (bitcoin(), ethereum());
    let finality = [(&bitcoin, "confirmations", 3_600), (&ethereum, "sync_committee", 900)];
    for (chain, kind, seconds) in finality {
        let row = of("/v1/chains", "id", chain.as_str()).await;
        assert_eq!((&row["finality"], &row["finality_seconds"]), (&json!(kind), &json!(seconds)), "{row}");
        assert_eq!((&row["source"], &row["destination"], &row["status"]), (&json!(true), &json!(false), &json!("ok")));
    }
    let paid_on = of("/v1/chains", "id", crate::world::destination().as_str()).await;
    assert_eq!((paid_on.get("finality"), &paid_on["destination"]), (None, &json!(true)));
    let open = of("/v1/routes", "source", bitcoin.as_str()).await;
    assert_eq!((&open["eta_seconds"], &open["closed"]), (&json!({ "fast": 600, "light_client": 3_600 }), &json!({})));
    let tag = world.get("/v1/routes").send().await.unwrap().headers()["etag"].to_str().unwrap().to_owned();

    let scope = Scope::Chain { chain: bitcoin.clone() };
    let pause = RiskEvent::Paused { scope, until: NOW + 600, reason: "drill".to_owned() };
    world.book.record_risk(pause).await.unwrap();
    let halt =
        Commit { now: NOW, halt: Some(Halt::told(ethereum.clone(), "finality moved back")), ..Commit::default() };
    world.store.commit(halt).await.unwrap();
    world.second_later().await;
    assert_eq!(of("/v1/chains", "id", bitcoin.as_str()).await["status"], "paused");
    assert_eq!(of("/v1/chains", "id", ethereum.as_str()).await["status"], "halted");
    let closed = of("/v1/routes", "source", bitcoin.as_str()).await;
    assert_eq!(closed["closed"]["fast"]["code"], "PAUSED");
    assert!(closed["closed"]["light_client"]["release_at"].is_string());
    let again = world.get("/v1/routes").header("If-None-Match", &tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK, "it is not what it was");
}

/// A chain that serves one direction is paused with it; the other one, and one of two sources, stop nothing of it or not all.
#[tokio::test]
async fn a_chain_is_paused_when_every_way_from_and_to_it_is() {
    let world = World::new().await;
    let (from, to) = (bitcoin(), crate::world::destination());
    let status = async |chain: &ChainId| -> Value {
        let rows = answer(world.get("/v1/chains"), StatusCode::OK).await;
        rows.as_array().unwrap().iter().find(|row| row["id"] == chain.as_str()).unwrap()["status"].clone()
    };
    let pause = async |chain: &ChainId, direction: Direction, until: u64| {
        let scope = Scope::Direction { chain: chain.clone(), direction };
        world.book.record_risk(RiskEvent::Paused { scope, until, reason: "drill".to_owned() }).await.unwrap();
    };
    pause(&from, Direction::Payouts, NOW + 9_000).await;
    pause(&to, Direction::Deposits, NOW + 9_000).await;
    assert_eq!((status(&from).await, status(&to).await), (json!("ok"), json!("ok")));
    pause(&from, Direction::Deposits, NOW + 600).await;
    assert_eq!((status(&from).await, status(&to).await), (json!("paused"), json!("ok")), "the other source goes on");
    pause(&ethereum(), Direction::Deposits, NOW + 300).await;
    assert_eq!(status(&to).await, "paused", "nothing comes there");
    world.clock.pass(301);
    assert_eq!((status(&from).await, status(&to).await), (json!("paused"), json!("ok")));
}

#[tokio::test]
async fn whether_it_lives_and_is_ready_is_told_in_a_word() {
    let world = World::new().await;
    let word = async |path: &str| {
        let response = world.get(path).send().await.unwrap();
        assert!(response.headers().contains_key("ratelimit-limit"), "asking is counted");
        (response.status(), response.text().await.unwrap())
    };
    assert_eq!(word("/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(word("/readyz").await, (StatusCode::OK, "ready\n".to_owned()));
    let pause = RiskEvent::Paused { scope: Scope::Global, until: NOW + 600, reason: "a drill of ours".to_owned() };
    world.book.record_risk(pause).await.unwrap();
    let refused = problem(world.get("/readyz"), StatusCode::SERVICE_UNAVAILABLE, "NOT_READY").await;
    assert!(refused["detail"] == "degraded" && !refused.to_string().contains("drill"), "{refused}");
    assert_eq!(word("/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
    world.clock.pass(601);
    assert_eq!(word("/readyz").await.0, StatusCode::OK);
    world.store.close().await;
    world.second_later().await;
    problem(world.get("/readyz"), StatusCode::SERVICE_UNAVAILABLE, "LEDGER_UNAVAILABLE").await;
    assert_eq!(word("/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_chain_whose_blocks_are_read_late_is_said_to_be_late_everywhere() {
    let late_after = [(ethereum(), 900)].into();
    let world = World::with(Options { late_after, ..Options::new().await }).await;
    let chain = ethereum().to_string();
    let read = async |time: u64, expected: Option<Cursor>| {
        let next = Cursor::at(BlockRef { height: time, hash: B256::repeat_byte(1), time });
        let cursor = Some(CursorMove { chain: ethereum(), expected, next: next.clone() });
        world.store.commit(Commit { now: NOW, cursor, ..Commit::default() }).await.unwrap();
        world.second_later().await;
        Some(next)
    };
    let told = async || {
        let status = answer(world.get("/v1/status"), StatusCode::OK).await;
        let chains = answer(world.get("/v1/chains"), StatusCode::OK).await;
        let row = chains.as_array().unwrap().iter().find(|row| row["id"] == *chain).unwrap().clone();
        let ready = world.get("/readyz").send().await.unwrap().status();
        let page = world.get("/console").send().await.unwrap().text().await.unwrap();
        let called = crate::calls::transfers(&world).get_status(GetStatusRequest {}).await.unwrap().into_inner();
        assert_eq!(called.late.get(&chain).map(String::as_str), status["late"][&chain].as_str());
        let is_late_on_page = page.contains(">late<");
        (status["status"].clone(), status["late"][&chain].clone(), row["status"].clone(), ready, is_late_on_page)
    };
    let late =
        |what: &str, on_page| (json!("degraded"), json!(what), json!("late"), StatusCode::SERVICE_UNAVAILABLE, on_page);
    assert_eq!(told().await, late("nothing of it was read", false), "a chain of which nothing was read has no row yet");
    let at_the_bound = read(NOW - 900, None).await;
    assert_eq!(told().await, (json!("ok"), Value::Null, json!("ok"), StatusCode::OK, false));
    world.clock.pass(1);
    assert_eq!(told().await, late("its last block is 901 s old, expected at most 900", true));
    read(NOW, at_the_bound).await;
    assert_eq!(told().await.0, "ok");
}

/// `proof verify` says of a file what the route said before anything was sent.
#[tokio::test]
async fn a_route_says_what_is_taken_on_trust_lane_by_lane() {
    let world = World::new().await;
    let routes = answer(world.get("/v1/routes"), StatusCode::OK).await;
    let route = |source: &str| routes.as_array().unwrap().iter().find(|route| route["source"] == source).unwrap();
    let (of_ethereum, of_bitcoin) = (&route(ethereum().as_str())["trust"], &route(bitcoin().as_str())["trust"]);
    let lines = |lane: &Value| -> Vec<String> { serde_json::from_value(lane.clone()).unwrap() };
    let proven = lines(&of_ethereum["light_client"]);
    assert_eq!(proven[0], "2 of 3 verifiers proved the deposit's block, each by its own light client");
    assert!(proven[1].contains("weak subjectivity") && proven[2].contains("not slashable"), "{proven:?}");
    assert_eq!(proven[1..], *spandrel_verifiers::file::assumed(&ethereum()));
    assert!(lines(&of_bitcoin["light_client"]).contains(&"most work is honest".to_owned()), "{of_bitcoin}");
    let fast = lines(&of_bitcoin["fast"]);
    assert!(fast.len() == 1 && fast[0].starts_with("2 of 3 signers") && fast[0].contains("before it is final"));
    assert!(of_ethereum.get("fast").is_none(), "no such lane");
    let request = spandrel_api::grpc::proto::ListRoutesRequest {};
    let called = crate::calls::transfers(&world).list_routes(request).await.unwrap().into_inner().routes;
    let called = called.iter().find(|route| route.source == ethereum().as_str()).unwrap();
    assert_eq!(called.trust["light_client"].assumed, proven);
}

#[tokio::test]
async fn a_transfer_is_one_under_both_ids_from_order_to_deposit() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let order_id = order["transfer"]["order"].as_str().unwrap().to_owned();
    let by_order = || world.get(&format!("/v1/transfers/{order_id}"));
    let waiting = answer(by_order(), StatusCode::OK).await;
    assert_eq!((&waiting["status"], &waiting["terminal"]), (&json!("awaiting_deposit"), &json!(false)));
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    let seen = answer(by_order(), StatusCode::OK).await;
    assert_eq!(seen["status"], "observed");
    assert_eq!(seen["substatus"], "waiting_for_finality");
    assert_eq!(seen["deposit"], deposit.to_string());
    let by_deposit = answer(world.get(&format!("/v1/transfers/{deposit}")), StatusCode::OK).await;
    assert_eq!(by_deposit["order"], order_id.as_str());
    world.reorg(deposit).await;
    let gone = answer(by_order(), StatusCode::OK).await;
    assert_eq!(gone["status"], "reorged");
    assert_eq!(gone["reason"]["code"], "SOURCE_REORGED");
    let proof = world.get(&format!("/v1/transfers/{deposit}/proof"));
    let refused = problem(proof, StatusCode::CONFLICT, "NO_DEPOSIT_YET").await;
    assert_eq!((&refused["retryable"], &refused["retry_after"]), (&json!(true), &json!(30)));
}

#[tokio::test]
async fn an_order_without_deposit_expires() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let path = format!("/v1/transfers/{}", order["transfer"]["order"].as_str().unwrap());
    for (seconds, terminal) in [(86_400 + 3_601, false), (86_399, false), (1, true)] {
        world.clock.pass(seconds);
        let expired = answer(world.get(&path), StatusCode::OK).await;
        assert_eq!((&expired["status"], &expired["terminal"]), (&json!("expired"), &json!(terminal)), "{seconds}");
        assert_eq!(expired["reason"]["code"], "EXPIRED");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let world = World::new().await;
    let mut made = Vec::new();
    for n in 0..7 {
        let quote = world.quote(&bitcoin(), 20_000).await;
        let order = answer(world.order(&quote, &format!("key-{n}")), StatusCode::CREATED).await;
        made.push(world.deposit(&order, B256::with_last_byte(n)).await.to_string());
    }
    made.reverse();
    let (mut read, mut path) = (Vec::new(), "/v1/transfers?limit=3".to_owned());
    loop {
        let page = answer(world.get(&path), StatusCode::OK).await;
        read.extend(page["transfers"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        // What comes meanwhile is on a first page that is asked for again, and moves nothing.
        let quote = world.quote(&bitcoin(), 20_000).await;
        let late = read.len() as u8;
        let order = answer(world.order(&quote, &format!("late-{late}")), StatusCode::CREATED).await;
        world.deposit(&order, B256::with_last_byte(100 + late)).await;
        path = format!("/v1/transfers?limit=3&cursor={cursor}");
    }
    assert_eq!(read, made);
    let txid = format!("05{}", "0".repeat(62));
    let found = answer(world.get(&format!("/v1/transfers?source_tx={txid}")), StatusCode::OK).await;
    assert_eq!(found["transfers"].as_array().unwrap().len(), 1);
    assert_eq!(found["transfers"][0]["source_tx"], txid);
    let none = answer(world.get("/v1/transfers?status=final"), StatusCode::OK).await;
    assert!(none["transfers"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let world = World::with_rate(2).await;
    let mut last = world.get("/v1/chains").send().await.unwrap();
    assert_eq!(last.headers()["ratelimit-limit"], "4");
    for _ in 0..8 {
        last = world.get("/v1/chains").send().await.unwrap();
    }
    assert_eq!(last.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(last.headers()["ratelimit-remaining"], "0");
    assert!(last.headers().contains_key("retry-after"));
    // A key has a bucket of its own; wrong keys are taken from the address.
    let keyed = world.get("/v1/chains").bearer_auth(&world.key).send().await.unwrap();
    assert_eq!(keyed.status(), StatusCode::OK);
    problem(world.get("/v1/chains").bearer_auth("sk_0"), StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED").await;
}

/// Each key that is looked up costs the ledger a read, whether it is good or not.
#[tokio::test]
async fn whoever_floods_the_door_with_keys_does_not_reach_the_ledger() {
    let world = World::with_rate(1).await;
    world.store.close().await;
    let unknown = format!("sk_{}_{}", "0".repeat(16), "1".repeat(64));
    let flood = (0..400).map(|_| world.get("/v1/chains").bearer_auth(&unknown).send());
    let answers: Vec<_> = futures::stream::iter(flood).buffer_unordered(50).map(Result::unwrap).collect().await;
    let turned_away = |answer: &&reqwest::Response| {
        let of_lookups = answer.headers()["ratelimit-limit"] == "128";
        of_lookups && answer.status() == StatusCode::TOO_MANY_REQUESTS
    };
    let reached = answers.iter().filter(|answer| !turned_away(answer)).count();
    assert!((128..400).contains(&reached), "{reached}");
}

/// Whoever is refused needs to know what is left to it as much as whoever is answered.
#[tokio::test]
async fn every_answer_says_what_is_left_also_where_it_refuses() {
    let world = World::with_rate(50).await;
    let unscoped = world.new_key(&[]).await;
    let hook = json!({ "url": "https://example.com/" });
    let asked = [
        (world.get("/v1/chains"), StatusCode::OK, 100),
        (world.get("/v1/chains").bearer_auth("sk_0"), StatusCode::UNAUTHORIZED, 100),
        (world.post("/v1/webhooks", &hook), StatusCode::UNAUTHORIZED, 100),
        (world.post("/v1/webhooks", &hook).bearer_auth(&unscoped), StatusCode::FORBIDDEN, 400),
        (world.get("/v1/transfers?limit=0"), StatusCode::BAD_REQUEST, 100),
        (world.get(&format!("/v1/transfers/0x{}", "1".repeat(64))), StatusCode::NOT_FOUND, 100),
        (world.get("/v2").bearer_auth(&world.key), StatusCode::NOT_FOUND, 400),
        (world.put("/v1/chains", &json!({})), StatusCode::METHOD_NOT_ALLOWED, 100),
        (world.post("/v1/quotes", &json!({ "route": "x".repeat(20_000) })), StatusCode::PAYLOAD_TOO_LARGE, 100),
        (world.get("/openapi.json"), StatusCode::OK, 100),
    ];
    for (request, status, limit) in asked {
        let answered = request.send().await.unwrap();
        assert_eq!(answered.status(), status);
        let number = |name: &str| answered.headers()[name].to_str().unwrap().parse::<u64>().unwrap();
        let (remaining, reset) = (number("ratelimit-remaining"), number("ratelimit-reset"));
        assert_eq!(number("ratelimit-limit"), limit, "{}", answered.url());
        // A bucket is full again in two seconds.
        assert!(remaining < limit && reset == (limit - remaining).div_ceil(limit / 2), "{remaining} {reset}");
    }
}

#[tokio::test]
async fn a_partners_key_is_good_for_more_than_another() {
    let world = World::with_rate(2).await;
    let partner = world.key_of_class(TenantClass::Partner, &[]).await;
    let public = world.key_of_class(TenantClass::Public, &[]).await;
    let ask = async |key: &str| world.get("/v1/chains").bearer_auth(key).send().await.unwrap();
    // A bucket holds two seconds' worth.
    for (key, limit, burst) in [(&world.key, "16", 16), (&partner, "64", 64), (&public, "4", 4)] {
        let mut taken = 0;
        let last = loop {
            let answered = ask(key).await;
            if answered.status() == StatusCode::TOO_MANY_REQUESTS {
                break answered;
            }
            assert_eq!(answered.headers()["ratelimit-limit"], limit);
            taken += 1;
            assert!(taken < 1_000, "no end of {limit} a second");
        };
        assert_eq!(last.headers()["ratelimit-limit"], limit);
        assert_eq!(last.headers()["ratelimit-remaining"], "0");
        // What came back while it was being emptied is little.
        assert!(taken >= burst, "{taken} of {burst} at {limit} a second");
    }
}

#[tokio::test]
async fn the_committed_document_is_the_one_that_is_served() {
    let world = World::new().await;
    let served = world.get("/openapi.json").send().await.unwrap().text().await.unwrap();
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json")).unwrap_or_default();
    assert!(served.trim() == committed.trim(), "openapi.json differs: write what `spandrel api openapi` prints");
    let document: Value = serde_json::from_str(&served).unwrap();
    for path in ["/v1/transfers", "/v1/transfers/{id}", "/v1/transfers/{id}/events", "/v1/quotes", "/v1/limits"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}
