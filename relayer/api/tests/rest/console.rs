//! The users' pages: what they show, what they let through, and what they weigh.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use spandrel_core::ledger::{Commit, Halt, Ledger};
use spandrel_verifiers::AssetId;

use crate::world::{NOW, Options, RECIPIENT, REFUND_KEY, World, answer, bitcoin, ethereum, problem, verifier};

const HOSTILE: &str = r#""><img src=x onerror=alert(1)><script>alert(2)</script>'"#;
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const ASSETS: [&str; 4] = ["console.css", "live.js", "send.js", "icon.svg"];

pub async fn page(world: &World, path: &str, expected: StatusCode) -> String {
    let response = world.get(path).send().await.unwrap();
    assert_eq!(response.status(), expected, "{path}");
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8", "{path}");
    response.text().await.unwrap()
}

/// An order on the route from `source`, and the address of its page.
pub async fn ordered(world: &World, source: &spandrel_verifiers::ChainId, key: &str) -> (Value, String) {
    let quote = world.quote(source, 20_000).await;
    let order = answer(world.order(&quote, key), StatusCode::CREATED).await;
    let path = format!("/console/transfers/{}", order["transfer"]["id"].as_str().unwrap());
    (order, path)
}

#[tokio::test]
async fn every_answer_of_the_console_keeps_the_browser_to_this_service() {
    let world = World::new().await;
    let (_, transfer) = ordered(&world, &bitcoin(), "one").await;
    let mut paths: Vec<String> = ASSETS.iter().map(|name| format!("/console/assets/{name}")).collect();
    let pages =
        ["/console", "/console/transfers", "/console/send", "/console/transfers/0x1", "/console/send?colour=red"];
    paths.extend(pages.map(str::to_owned));
    paths.extend([format!("{transfer}/qr.svg"), transfer, format!("/console/transfers/0x{}", "1".repeat(64))]);
    for path in paths {
        let response = world.get(&path).send().await.unwrap();
        let headers = response.headers();
        assert_eq!(headers["content-security-policy"], POLICY, "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin", "{path}");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert!(!headers.contains_key("set-cookie"), "{path}");
        let text = response.text().await.unwrap();
        for tag in text.split("<script").skip(1) {
            assert!(tag.starts_with(" type=\"module\" src=\"/console/assets/"), "{path}: a script of the page's own");
            assert!(tag.contains("></script>"), "{path}: a script of the page's own");
        }
        for inline in [" style=", "<style", " onclick=", " onload=", "javascript:"] {
            assert!(!text.contains(inline) || path.ends_with(".js"), "{path}: {inline}");
        }
    }
}

#[tokio::test]
async fn hostile_text_reaches_no_page_as_markup() {
    let world = World::new().await;
    let halt = Commit { now: NOW, halt: Some(Halt::told(ethereum(), HOSTILE)), ..Commit::default() };
    world.store.commit(halt).await.unwrap();
    let hostile: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    let (route, mut shown) = (world.route(&bitcoin()).await, 0);
    let paths = [
        ("/console".to_owned(), StatusCode::OK),
        (format!("/console/transfers?sender={hostile}"), StatusCode::BAD_REQUEST),
        (format!("/console/transfers?status={hostile}"), StatusCode::BAD_REQUEST),
        (format!("/console/transfers?source_tx={hostile}"), StatusCode::BAD_REQUEST),
        (format!("/console/transfers?{hostile}=1"), StatusCode::BAD_REQUEST),
        (format!("/console/transfers/{hostile}"), StatusCode::BAD_REQUEST),
        (format!("/console/send?route={hostile}&amount=1"), StatusCode::OK),
        (format!("/console/send?route={route}&amount={hostile}"), StatusCode::OK),
        (format!("/console/send?route={route}&amount=1&lane={hostile}"), StatusCode::OK),
    ];
    for (path, status) in paths {
        let text = page(&world, &path, status).await;
        assert!(!text.contains("<img src=x") && !text.contains("<script>alert"), "{path}");
        shown += usize::from(text.contains("&lt;img src=x onerror=alert(1)&gt;"));
    }
    assert!(shown >= 6, "too little of it was shown to say anything: {shown}");
}

#[tokio::test]
async fn a_page_with_all_its_files_is_under_100_kb() {
    let world = World::new().await;
    let mut paths = vec!["/console".to_owned(), "/console/send".to_owned(), "/console/transfers".to_owned()];
    for n in 0..20 {
        let (order, path) = ordered(&world, &bitcoin(), &format!("key-{n}")).await;
        world.deposit(&order, B256::with_last_byte(n)).await;
        paths.push(path);
    }
    let (_, evm) = ordered(&world, &ethereum(), "evm").await;
    paths.extend([format!("/console/send?route={}&amount=0.0002", world.route(&bitcoin()).await), evm]);
    let mut files = 0;
    for name in ASSETS {
        let response = world.get(&format!("/console/assets/{name}")).send().await.unwrap();
        let tag = response.headers()["etag"].clone();
        files += response.bytes().await.unwrap().len();
        let again = world.get(&format!("/console/assets/{name}")).header("if-none-match", tag).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }
    let mut largest = 0;
    for path in paths {
        largest = largest.max(page(&world, &path, StatusCode::OK).await.len());
    }
    println!("style and scripts {files} bytes, the largest page {largest}");
    assert!(files + largest < 100_000, "{files} + {largest}");
}

#[tokio::test]
async fn the_overview_shows_lanes_with_gauges_lag_and_quorum() {
    let world = World::new().await;
    let (order, _) = ordered(&world, &bitcoin(), "one").await;
    world.deposit(&order, B256::with_last_byte(1)).await;
    let text = page(&world, "/console", StatusCode::OK).await;
    for part in ["Bitcoin regtest", "EVM chain 31338", "<meter", "Window of the fast lane", "Exposure of the fast lane"]
    {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("0 of 0.001 BTC"), "exposure beside its bound");
    assert!(text.contains("Nothing is paused.") && text.contains("2 of 3 must agree."));
    assert!(text.contains("observed"), "transfers by status");
    assert!(text.contains("data-live-stream=\"/console/live\""));
}

#[tokio::test]
async fn the_send_page_says_what_each_lane_does_and_why_not() {
    let world = World::new().await;
    let route = world.route(&bitcoin()).await;
    let ask = async |amount: &str| {
        page(&world, &format!("/console/send?route={route}&amount={amount}&lane=any"), StatusCode::OK).await
    };
    let both = ask("0.0002").await;
    assert_eq!(both.matches("pill ok\">offered").count(), 2);
    assert!(both.contains("data-quote=\"q1_") && both.contains("Refund key"));
    let one = ask("0.001").await;
    assert!(one.contains("pill ok\">offered") && one.contains("not offered") && one.contains("PER_TRANSFER_CAP"));
    let none = ask("1").await;
    assert!(none.contains("No lane takes it now.") && !none.contains("data-quote"));
    assert!(ask("1e3").await.contains("INVALID_PARAMETER"));
}

/// A token is approved, then locked: whoever pays by scanning finds both requests.
#[tokio::test]
async fn each_call_of_a_deposit_has_a_code_of_its_own() {
    let token = AssetId::parse(&format!("{}/erc20:0x{}", ethereum(), "05".repeat(20))).unwrap();
    let options = Options { token: Some((Address::repeat_byte(6), token.clone())), ..Options::new().await };
    let world = World::with(options).await;
    let routes = answer(world.get("/v1/routes"), StatusCode::OK).await;
    let route = routes.as_array().unwrap().iter().find(|route| route["asset"] == token.as_str()).unwrap();
    let body = json!({ "route": route["id"], "amount": "20000" });
    let quote = answer(world.post("/v1/quotes", &body), StatusCode::CREATED).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let path = format!("/console/transfers/{}", order["transfer"]["id"].as_str().unwrap());
    let shown = page(&world, &path, StatusCode::OK).await;
    let calls = order["instructions"]["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    for (n, call) in calls.iter().enumerate() {
        let image = format!("{path}/qr.svg?call={n}");
        assert!(shown.contains(&image), "{image}");
        let drawn = world.get(&image).send().await.unwrap().text().await.unwrap();
        let told = call["qr"].as_str().unwrap();
        let modules = |svg: &str| svg.split(" d=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert_eq!(modules(&drawn), modules(told));
    }
    assert_eq!(world.get(&format!("{path}/qr.svg?call=2")).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    page(&world, &format!("{path}/qr.svg?call=one"), StatusCode::BAD_REQUEST).await;
}

#[tokio::test]
async fn a_transfer_is_shown_from_its_instructions_to_its_timeline() {
    let world = World::new().await;
    let (order, path) = ordered(&world, &bitcoin(), "one").await;
    let waiting = page(&world, &path, StatusCode::OK).await;
    let address = order["instructions"]["address"].as_str().unwrap();
    let script = order["instructions"]["refund"]["script"].as_str().unwrap();
    assert!(waiting.contains(address) && waiting.contains(script) && waiting.contains("bitcoin:"));
    assert!(waiting.contains("waiting for the deposit"));
    let qr = world.get(&format!("{path}/qr.svg")).send().await.unwrap();
    assert_eq!(qr.headers()["content-type"], "image/svg+xml");
    assert!(qr.text().await.unwrap().starts_with("<svg"));
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    let seen = page(&world, &path, StatusCode::OK).await;
    assert!(!seen.contains(address), "it is not paid twice by who looks again");
    assert!(seen.contains("waiting for finality") && seen.contains("<li class=\"done\"><span>observed</span>"));
    assert_eq!(world.get(&format!("{path}/qr.svg")).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    world.reorg(deposit).await;
    let gone = page(&world, &path, StatusCode::OK).await;
    assert!(gone.contains("SOURCE_REORGED") && gone.contains("source reorged"));
    let list = page(&world, "/console/transfers?status=reorged", StatusCode::OK).await;
    assert!(list.contains(&deposit.to_string()));
    let evm = ordered(&world, &ethereum(), "two").await;
    let text = page(&world, &evm.1, StatusCode::OK).await;
    let data = evm.0["instructions"]["calls"][0]["data"].as_str().unwrap();
    assert!(text.contains(&format!("data-wallet-data=\"{data}\"")) && text.contains("data-wallet-chain=\"31337\""));
    let (order, path) = ordered(&world, &bitcoin(), "three").await;
    let cancel = format!("/v1/transfers/{}/cancel", order["transfer"]["order"].as_str().unwrap());
    answer(world.post(&cancel, &json!({})).bearer_auth(&world.key), StatusCode::ACCEPTED).await;
    let called_off = page(&world, &path, StatusCode::OK).await;
    assert!(!called_off.contains(order["instructions"]["address"].as_str().unwrap()), "nobody is to pay any more");
}

/// Under which block it is proven and by whose word, why it waited, and by which transaction it was paid.
#[tokio::test]
async fn a_transfers_page_tells_all_that_the_ledger_has_of_its_evidence() {
    let world = World::new().await;
    let quote = world.quote(&ethereum(), 400_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let id = order["transfer"]["id"].as_str().unwrap();
    let parts = async || {
        let text = page(&world, &format!("/console/transfers/{id}"), StatusCode::OK).await;
        let (before, evidence) = text.split_once("data-live=\"evidence\"").unwrap();
        let timeline =
            before.split_once("data-live=\"timeline\"").unwrap().1.split_once("data-live=\"facts\"").unwrap().0;
        (timeline.to_owned(), evidence.to_owned())
    };
    let deposit = world.deposit(&order, B256::repeat_byte(1)).await;
    let (timeline, evidence) = parts().await;
    assert!(
        timeline.contains(&B256::repeat_byte(1).to_string()) && timeline.contains(&B256::repeat_byte(0x64).to_string())
    );
    assert!(evidence.contains("There is none yet") && !evidence.contains("verified by"));
    world.prove(deposit).await;
    let proof = answer(world.get(&format!("/v1/transfers/{id}/proof")), StatusCode::OK).await;
    let (root, signers) = (proof["root"].as_str().unwrap(), [0, 1, 2].map(|n| verifier(n).address().to_string()));
    let (timeline, evidence) = parts().await;
    for part in [&timeline, &evidence] {
        assert!(part.contains(root) && part.contains("lock 100 "), "the block under which it is proven: {part}");
        assert!(part.contains(&signers[0]) && part.contains(&signers[1]), "who signed: {part}");
        assert!(!part.contains(&signers[2]), "and nobody else");
    }
    world.wake(deposit, 3_600).await;
    let paid = B256::repeat_byte(0xfe);
    world.pay(deposit, paid).await;
    let (timeline, _) = parts().await;
    assert!(
        timeline.contains("LARGE_TRANSFER") && timeline.contains("400000"),
        "why it waited, after it did: {timeline}"
    );
    assert_eq!(timeline.matches(&format!("data-copy=\"{paid}\"")).count(), 3, "broadcast, in a block, final");
    assert!(timeline.contains("On the light client lane"));
}

#[tokio::test]
async fn the_list_is_read_in_pages_that_keep_what_was_searched() {
    let world = World::new().await;
    for n in 0..21 {
        let (order, _) = ordered(&world, &bitcoin(), &format!("key-{n}")).await;
        world.deposit(&order, B256::with_last_byte(n)).await;
    }
    let first = page(&world, "/console/transfers?status=observed&sender=&source_tx=", StatusCode::OK).await;
    let (before, _) = first.split_once("\" rel=\"next\"").unwrap();
    let next = before.rsplit_once("href=\"").unwrap().1.replace("&amp;", "&");
    assert!(next.contains("status=observed") && next.contains("cursor="), "{next}");
    let second = page(&world, &next, StatusCode::OK).await;
    assert_eq!(second.matches("href=\"/console/transfers/0x").count(), 1);
    assert!(!second.contains("rel=\"next\""));
}

/// What another site's page can have a browser send: a form, or plain text, with whatever the browser adds by itself.
#[tokio::test]
async fn another_sites_form_orders_nothing() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let body = json!({ "quote": quote["id"], "recipient": RECIPIENT, "refund_key": REFUND_KEY }).to_string();
    let post = |kind: &'static str| {
        world.request(Method::POST, "/v1/transfers").header("content-type", kind).body(body.clone())
    };
    for kind in
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/json"]
    {
        problem(post(kind), StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
    }
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"] {
        let all_but_json = post(kind).bearer_auth(&world.key).header("idempotency-key", "one");
        problem(all_but_json, StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID_BODY").await;
    }
    let keyless = post("application/json").bearer_auth(&world.key);
    problem(keyless, StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    let asked = world.request(Method::OPTIONS, "/v1/transfers").header("origin", "https://evil.example");
    let asked = asked.header("access-control-request-method", "POST").send().await.unwrap();
    assert!(!asked.headers().keys().any(|name| name.as_str().starts_with("access-control-")), "no other site may ask");
    for path in ["/console", "/console/send", "/console/transfers"] {
        let posted = world.request(Method::POST, path).body("route=1").send().await.unwrap();
        assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}

#[tokio::test]
async fn a_page_hears_of_a_change_and_listeners_are_bounded() {
    let world = World::new().await;
    let (order, path) = ordered(&world, &bitcoin(), "one").await;
    let id = path.rsplit_once('/').unwrap().1.to_owned();
    let mut streams = Vec::new();
    // A transfer's page is told once at the start, for what it may have missed.
    for (stream, count) in [("/console/live".to_owned(), 1), (format!("/console/live/{id}"), 2)] {
        let response = world.get(&stream).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        streams.push((response.bytes_stream(), count));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.deposit(&order, B256::with_last_byte(1)).await;
    // Sooner than pages are told without any change.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(3);
    for (mut stream, count) in streams {
        let mut text = String::new();
        while text.matches("event: change\n").count() < count {
            let chunk = tokio::time::timeout_at(deadline, stream.next()).await.expect("told in time");
            text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        }
    }
    let mut open = Vec::new();
    for _ in 0..6 {
        open.push(world.get("/console/live").send().await.unwrap());
    }
    problem(world.get("/console/live"), StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_STREAMS_OF_ONE").await;
    let unknown = world.get(&format!("/console/live/0x{}", "1".repeat(64)));
    problem(unknown, StatusCode::NOT_FOUND, "UNKNOWN_TRANSFER").await;
}
