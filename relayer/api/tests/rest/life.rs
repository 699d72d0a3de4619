//! A transfer's life as users are told it, the same at both doors.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_api::grpc::proto;
use spandrel_risk::{Lane, Limit, RiskEvent, RiskPolicy};
use spandrel_verifiers::{AssetId, ChainId, DepositId};

use crate::calls::{info, keyed, transfers};
use crate::world::{Options, REFUND_KEY, World, answer, bitcoin, destination, ethereum, fast_signer};

/// An order on the route from Ethereum; its id.
pub async fn order(world: &World, amount: u64, key: &str) -> (Value, String) {
    let quote = world.quote(&ethereum(), amount).await;
    let order = answer(world.order(&quote, key), StatusCode::CREATED).await;
    let id = order["transfer"]["id"].as_str().unwrap().to_owned();
    (order, id)
}

async fn shown(world: &World, id: &str) -> Value {
    answer(world.get(&format!("/v1/transfers/{id}")), StatusCode::OK).await
}

/// What gRPC says of a transfer, as REST writes it.
fn as_json(transfer: proto::Transfer) -> Value {
    let reason = transfer
        .reason
        .map(|reason| json!({ "code": reason.code, "message": reason.message, "release_at": reason.release_at }));
    let more = (!transfer.more_deposits.is_empty()).then_some(transfer.more_deposits);
    let mut value = json!({
        "id": transfer.id, "order": transfer.order, "deposit": transfer.deposit, "more_deposits": more,
        "status": transfer.status, "substatus": transfer.substatus, "terminal": transfer.terminal, "reason": reason,
        "claimable_until": transfer.claimable_until,
        "source": transfer.source, "destination": transfer.destination, "asset": transfer.asset,
        "amount": transfer.amount, "recipient": transfer.recipient, "sender": transfer.sender,
        "lane": transfer.lane, "confirmations": transfer.confirmations,
        "confirmations_required": transfer.confirmations_required, "eta_at": transfer.eta_at, "source_final": transfer.source_final,
        "source_tx": transfer.source_tx, "payout_tx": transfer.payout_tx, "settlement_tx": transfer.settlement_tx,
        "proof_available": transfer.proof_available, "created_at": transfer.created_at,
        "updated_at": transfer.updated_at, "expires_at": transfer.expires_at,
    });
    forget_nulls(&mut value);
    value
}

/// What gRPC says of an event, as REST writes it.
fn event_as_json(event: proto::Event) -> Value {
    let proto::Event { sequence, deposit, at, event, block, transaction, lane, reason, signers } = event;
    let block = block.map(|block| json!({ "height": block.height, "hash": block.hash }));
    let reason =
        reason.map(|reason| json!({ "code": reason.code, "message": reason.message, "release_at": reason.release_at }));
    let signers = (!signers.is_empty()).then_some(signers);
    let mut value = json!({ "sequence": sequence, "deposit": deposit, "at": at, "event": event, "block": block, "transaction": transaction,
        "lane": lane, "reason": reason, "signers": signers });
    forget_nulls(&mut value);
    value
}

/// What is absent is not written.
fn forget_nulls(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
        fields.values_mut().for_each(forget_nulls);
    }
}

/// How a transfer stands, by both doors.
pub async fn told(world: &World, id: &str) -> Value {
    let rest = shown(world, id).await;
    let request = proto::GetTransferRequest { id: id.to_owned() };
    assert_eq!(as_json(transfers(world).get_transfer(request).await.unwrap().into_inner()), rest);
    rest
}

#[tokio::test]
async fn a_held_transfer_says_why_until_when_and_how_deep_it_is() {
    let world = World::new().await;
    let (order, id) = order(&world, 400_000, "one").await;
    let deposit = world.deposit(&order, B256::repeat_byte(1)).await;
    world.read_to(&ethereum(), 111).await;
    let seen = told(&world, &id).await;
    assert_eq!((&seen["confirmations"], &seen["source_final"]), (&json!(12), &json!(false)), "{seen}");
    world.prove(deposit).await;
    for id in [&id, &deposit.to_string()] {
        let held = told(&world, id).await;
        assert_eq!((&held["status"], &held["terminal"]), (&json!("held"), &json!(false)), "{held}");
        assert_eq!(held["reason"]["code"], "LARGE_TRANSFER");
        assert_eq!(held["reason"]["release_at"], "2023-11-14T23:13:20Z", "an hour after it could have been paid");
        assert!(held["reason"]["message"].as_str().unwrap().contains("400000"), "{held}");
        assert_eq!((&held["source_final"], &held["proof_available"]), (&json!(true), &json!(true)));
        assert_eq!(held["confirmations"], 12);
    }
    // What another process has read is told within a second.
    world.read_to(&ethereum(), 150).await;
    world.second_later().await;
    world.wake(deposit, 3_599).await;
    let still = told(&world, &id).await;
    assert_eq!((&still["status"], &still["confirmations"]), (&json!("held"), &json!(51)), "{still}");
    world.wake(deposit, 1).await;
    let released = told(&world, &id).await;
    assert_eq!((&released["status"], &released["lane"]), (&json!("cleared"), &json!("light_client")), "{released}");
    assert!(released.get("reason").is_none(), "{released}");
}

/// Terms bind neither amount nor sender: a stranger's dust is nobody's deposit.
#[tokio::test]
async fn a_strangers_dust_on_an_order_is_not_what_it_follows() {
    let world = World::new().await;
    let (ordered, id) = order(&world, 20_000, "one").await;
    let by = |amount: &str, n: u8| {
        let mut order = ordered.clone();
        order["transfer"]["amount"] = json!(amount);
        let world = &world;
        async move { world.deposit_from(&order, B256::with_last_byte(n), B256::repeat_byte(n)).await }
    };
    let dust = by("1", 1).await;
    let seen = told(&world, &id).await;
    assert_eq!((&seen["status"], &seen["terminal"]), (&json!("awaiting_deposit"), &json!(false)), "{seen}");
    assert_eq!(seen["more_deposits"], json!([dust.to_string()]));
    // Enough to be paid, and still not what was ordered.
    let small = by("1500", 2).await;
    assert_eq!(told(&world, &id).await["deposit"], small.to_string());
    // Paid to its end, it is still not: what was ordered may come.
    world.prove(small).await;
    world.pay(small, B256::repeat_byte(0xfd)).await;
    let seen = told(&world, &id).await;
    assert_eq!((&seen["status"], &seen["terminal"]), (&json!("final"), &json!(false)), "{seen}");
    assert_eq!(told(&world, &small.to_string()).await["terminal"], true, "by itself it is at its end");
    let own = by("20000", 3).await;
    world.prove(own).await;
    let seen = told(&world, &id).await;
    assert_eq!((&seen["deposit"], &seen["status"]), (&json!(own.to_string()), &json!("cleared")), "{seen}");
    assert_eq!(seen["more_deposits"], json!([small.to_string(), dust.to_string()]));
    let events = answer(world.get(&format!("/v1/transfers/{id}/events")), StatusCode::OK).await;
    assert_eq!(events.as_array().unwrap().last().unwrap()["event"], "cleared");
    answer(world.get(&format!("/v1/transfers/{id}/proof")), StatusCode::OK).await;
}

/// By whose word a deposit is paid before it is proven.
#[tokio::test]
async fn who_attested_a_deposit_is_named_and_nobody_else() {
    let world = World::new().await;
    let order = answer(world.order(&world.quote(&bitcoin(), 20_000).await, "one"), StatusCode::CREATED).await;
    let id = order["transfer"]["id"].as_str().unwrap();
    let deposit = world.deposit(&order, B256::repeat_byte(1)).await;
    world.attest(deposit).await;
    let events = answer(world.get(&format!("/v1/transfers/{id}/events")), StatusCode::OK).await;
    let attested = events.as_array().unwrap().iter().find(|event| event["event"] == "attested").expect("it is told");
    let named: BTreeSet<&str> = attested["signers"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let signers = [0, 2].map(|n| fast_signer(n).address().to_string());
    assert_eq!(named, signers.iter().map(String::as_str).collect(), "{attested}");
}

/// What limits and gauges say once something is used.
#[tokio::test]
async fn what_is_used_is_taken_from_what_remains_and_shown_beside_its_bound() {
    let world = World::new().await;
    let lanes = async |source: &ChainId| {
        let route = world.route(source).await;
        answer(world.get(&format!("/v1/limits?route={route}")), StatusCode::OK).await
    };
    let (order, _) = order(&world, 20_000, "one").await;
    let deposit = world.deposit(&order, B256::repeat_byte(1)).await;
    world.prove(deposit).await;
    world.pay(deposit, B256::repeat_byte(0xfe)).await;
    let of_ethereum = lanes(&ethereum()).await;
    assert_eq!(of_ethereum[0]["window_remaining"], "980000");
    assert!(of_ethereum[0].get("exposure_remaining").is_none(), "it pays after proof");
    let fast = RiskEvent::Cleared {
        id: DepositId(B256::repeat_byte(2)),
        source: bitcoin(),
        destination: destination(),
        asset: AssetId::slip44(&bitcoin(), 0),
        amount: U256::from(30_000),
        lane: Lane::Fast,
        until_paid: true,
    };
    world.book.record_risk(fast).await.unwrap();
    let of_bitcoin = lanes(&bitcoin()).await;
    let told = ["window_remaining", "exposure_remaining"].map(|field| of_bitcoin[0][field].as_str().unwrap());
    assert_eq!((told, &of_bitcoin[0]["lane"]), (["970000", "70000"], &json!("fast")));
    let request = proto::GetLimitsRequest { route: world.route(&bitcoin()).await };
    let called = transfers(&world).get_limits(request).await.unwrap().into_inner().lanes;
    assert_eq!([called[0].window_remaining.as_str(), called[0].exposure_remaining.as_deref().unwrap()], told);
    let page = world.get("/console").send().await.unwrap().text().await.unwrap();
    for gauge in ["0.0003 of 0.01 BTC", "0.0003 of 0.001 BTC"] {
        assert!(page.contains(gauge), "{gauge}");
    }
    // Two of three verifiers signed the one proof there is.
    assert_eq!((page.matches("1 of 1<").count(), page.matches("0 of 1<").count()), (2, 1));
    world.clock.pass(86_401);
    assert_eq!(lanes(&ethereum()).await[0]["window_remaining"], "1000000");
    assert_eq!(lanes(&bitcoin()).await[0]["exposure_remaining"], "70000", "until it is proven");
}

/// A window over corridors may be fuller than the corridor's own.
#[tokio::test]
async fn the_gauge_and_what_remains_are_those_of_the_tightest_window() {
    let tune: fn(&mut RiskPolicy) = |risk| {
        let asset = AssetId::slip44(&bitcoin(), 0);
        risk.wide.assets.get_mut(&asset).unwrap().window = Limit::Amount(U256::from(50_000));
    };
    let world = World::with(Options { tune, ..Options::new().await }).await;
    let route = world.route(&bitcoin()).await;
    let limits = answer(world.get(&format!("/v1/limits?route={route}")), StatusCode::OK).await;
    assert_eq!(limits[1]["window_remaining"], "50000");
    let page = world.get("/console").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("0 of 0.0005 BTC"), "{page}");
}

/// Three transfers of as many senders: one waits, one is held, one is paid.
async fn three(world: &World) -> [(DepositId, B256); 3] {
    let senders = [REFUND_KEY.parse().unwrap(), Address::repeat_byte(0xb2).into_word(), B256::repeat_byte(0xc3)];
    let mut made = Vec::new();
    for (n, (amount, sender)) in [20_000, 400_000, 20_000].into_iter().zip(senders).enumerate() {
        let (order, _) = order(world, amount, &format!("key-{n}")).await;
        made.push((world.deposit_from(&order, B256::with_last_byte(n as u8 + 1), sender).await, sender));
    }
    world.prove(made[1].0).await;
    world.prove(made[2].0).await;
    world.pay(made[2].0, B256::repeat_byte(0xfe)).await;
    made.try_into().unwrap()
}

#[tokio::test]
async fn a_list_holds_what_its_filters_say_and_nothing_else() {
    let world = World::new().await;
    let [(waits, one), (held, two), (paid, three)] = three(&world).await;
    let short = Address::repeat_byte(0xb2).to_string();
    let cases = [
        (format!("sender={one}"), vec![waits]),
        (format!("sender={two}"), vec![held]),
        (format!("sender={short}"), vec![held]),
        (format!("sender={three}"), vec![paid]),
        (format!("sender={}", B256::repeat_byte(0xdd)), vec![]),
        ("status=observed".to_owned(), vec![waits]),
        ("status=held".to_owned(), vec![held]),
        ("status=final".to_owned(), vec![paid]),
        ("status=rejected".to_owned(), vec![]),
        (format!("status=held&sender={two}"), vec![held]),
        (format!("status=held&sender={one}"), vec![]),
        (String::new(), vec![paid, held, waits]),
    ];
    for (query, expected) in cases {
        let page = answer(world.get(&format!("/v1/transfers?{query}")), StatusCode::OK).await;
        let ids: Vec<_> = page["transfers"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        assert_eq!(ids, expected.iter().map(|id| json!(id.to_string())).collect::<Vec<_>>(), "{query}");
        assert!(page.get("next_cursor").is_none(), "{query}");
    }
}

#[tokio::test]
async fn pages_of_both_doors_are_the_same_and_follow_each_other() {
    let world = World::new().await;
    three(&world).await;
    let (mut cursor, mut read) = (None, 0);
    loop {
        let request = proto::ListTransfersRequest { cursor: cursor.clone(), limit: Some(2), ..Default::default() };
        let page = transfers(&world).list_transfers(request).await.unwrap().into_inner();
        let query = cursor.as_ref().map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let other = answer(world.get(&format!("/v1/transfers?limit=2{query}")), StatusCode::OK).await;
        assert_eq!(other["next_cursor"].as_str(), page.next_cursor.as_deref());
        read += page.transfers.len();
        assert_eq!(json!(page.transfers.into_iter().map(as_json).collect::<Vec<_>>()), other["transfers"]);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(read, 3);
    let request = proto::ListTransfersRequest { status: Some("held".to_owned()), ..Default::default() };
    let held = transfers(&world).list_transfers(request).await.unwrap().into_inner();
    assert_eq!((held.transfers.len(), held.transfers[0].status.as_str()), (1, "held"));
    let request = proto::ListTransfersRequest { status: Some("lost".to_owned()), ..Default::default() };
    let refused = transfers(&world).list_transfers(request).await.unwrap_err();
    assert_eq!(info(&refused), ("INVALID_PARAMETER".to_owned(), Some("status".to_owned())));
}

#[tokio::test]
async fn a_proof_is_the_same_at_both_doors() {
    let world = World::new().await;
    let (order, id) = order(&world, 20_000, "one").await;
    let request = || proto::GetProofRequest { id: id.clone() };
    let refused = transfers(&world).get_proof(request()).await.unwrap_err();
    assert_eq!(info(&refused).0, "NO_DEPOSIT_YET");
    let deposit = world.deposit(&order, B256::repeat_byte(1)).await;
    world.prove(deposit).await;
    let rest = answer(world.get(&format!("/v1/transfers/{id}/proof")), StatusCode::OK).await;
    let call = transfers(&world).get_proof(request()).await.unwrap().into_inner();
    assert_eq!((json!(call.deposit), json!(call.root)), (rest["deposit"].clone(), rest["root"].clone()));
    assert_eq!(call.deposit, deposit.to_string());
    assert_eq!(serde_json::from_str::<Value>(&call.evidence).unwrap(), rest["evidence"]);
    assert_eq!(serde_json::from_str::<Value>(&call.checkpoint.unwrap()).unwrap(), rest["checkpoint"]);
    let file: Value = serde_json::from_str(&call.file).unwrap();
    for member in ["version", "at", "trust", "evidence"] {
        assert_eq!(file[member], rest[member], "{member}");
    }
    assert_eq!((file.as_object().unwrap().len(), &file["trust"]["block"]["block"]), (4, &rest["root"]));
    assert_eq!(rest["checkpoint"]["signatures"].as_array().unwrap().len(), 2, "{}", rest["checkpoint"]);
    let claim: Vec<_> =
        call.claim.iter().map(|call| json!({ "step": call.step, "to": call.to, "data": call.data })).collect();
    assert_eq!((json!(claim), claim.len()), (rest["claim"].clone(), 2));
}

#[tokio::test]
async fn a_source_transaction_is_named_through_grpc_before_and_after_it_is_seen() {
    let world = World::new().await;
    let (order, id) = order(&world, 20_000, "one").await;
    let hash = B256::repeat_byte(1);
    let name = |source_tx: String| {
        let request = proto::NameSourceTransactionRequest { id: id.clone(), source_tx };
        keyed(&world.key, request)
    };
    let mut client = transfers(&world);
    let told = client.name_source_transaction(name(hash.to_string())).await.unwrap().into_inner();
    let transfer = told.transfer.unwrap();
    assert_eq!((told.seen, transfer.substatus.as_deref()), (false, Some("source_tx_not_observed")));
    assert_eq!(transfer.source_tx, Some(hash.to_string()));
    for corrected in [B256::repeat_byte(2), B256::repeat_byte(2), hash] {
        let told = client.name_source_transaction(name(corrected.to_string())).await.unwrap().into_inner();
        assert_eq!((told.seen, told.transfer.unwrap().source_tx), (false, Some(corrected.to_string())));
    }
    world.deposit(&order, hash).await;
    let other = client.name_source_transaction(name(B256::repeat_byte(2).to_string())).await.unwrap_err();
    assert_eq!(info(&other).0, "OTHER_SOURCE_TX");
    let told = client.name_source_transaction(name(hash.to_string())).await.unwrap().into_inner();
    assert_eq!((told.seen, told.transfer.map(as_json)), (true, Some(shown(&world, &id).await)));
}

#[tokio::test]
async fn a_watch_streams_a_transfer_to_its_paid_end() {
    let world = World::new().await;
    let (order, id) = order(&world, 20_000, "one").await;
    let watch = proto::WatchTransferRequest { id: id.clone(), from_sequence: 0, ..Default::default() };
    let mut updates = transfers(&world).watch_transfer(watch).await.unwrap().into_inner();
    let watched = tokio::spawn(async move {
        let (mut events, mut last) = (Vec::new(), None);
        while let Some(update) = updates.message().await.unwrap() {
            events.extend(update.events.into_iter().map(event_as_json));
            last = update.transfer;
        }
        (events, last.unwrap())
    });
    let deposit = world.deposit(&order, B256::repeat_byte(1)).await;
    world.prove(deposit).await;
    world.pay(deposit, B256::repeat_byte(0xfe)).await;
    let (events, last) = tokio::time::timeout(Duration::from_secs(20), watched).await.expect("an end").unwrap();
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let proven = ["source_final", "proven", "verified", "cleared"];
    let whole = [&["observed", "fast_refused"][..], &proven, &["submitted", "executed", "payout_final"]].concat();
    assert_eq!(names, whole);
    assert!(events.iter().map(|event| event["sequence"].as_u64().unwrap()).eq(0..9), "{events:?}");
    let read =
        answer(world.get(&format!("/v1/transfers/{id}/events")).header("Accept", "application/json"), StatusCode::OK);
    let read = read.await;
    assert_eq!(read, json!(events));
    assert_eq!(events[4]["signers"].as_array().unwrap().len(), 2, "{}", events[4]);
    assert_eq!((last.status.as_str(), last.terminal), ("final", true));
    assert_eq!(last.payout_tx, Some(B256::repeat_byte(0xfe).to_string()));
    assert_eq!(as_json(last), told(&world, &id).await);
}
