//! The served document against the server, by schemathesis: it makes requests of every operation from the document, right
//! and wrong ones, and checks that no answer is a 5xx or is of a status, type or shape that the document does not tell, and
//! that what fits the document is taken. It follows the document's links, and checks that what is made is there, and what is
//! removed is not.
//!
//! The document says what an id looks like and not which there are: it is given to the tester with those that are here,
//! so that requests reach something.
//!
//! `SPANDREL_SCHEMATHESIS` says where it is; `.ci/schema` installs it. Skipped without it.

#[path = "rest/stages.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod stages;
#[path = "rest/world/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod world;

use std::ffi::{OsStr, OsString};
use std::process::Stdio;

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_store::{NewDelivery, OrderId};
use tokio::process::Command;
use world::{RECIPIENT, World, answer, ethereum};

/// Those that ask something of an answer, whatever was asked before.
const OF_ANY: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance";

/// Those that ask something of single answers. `ignored_auth`, `missing_required_header` and the like ask whether what the
/// document requires is required. Not among them:
///
/// - `object_level_authorization`: it wants two callers; the REST tests ask with a stranger's key.
/// - `allow_header_conformance`: it is of `OPTIONS`, which no path has.
const OF_SINGLE: &str = "negative_data_rejection,positive_data_acceptance,refused_for_what_it_says,missing_required_header,\
                         ignored_auth,unsupported_method";

/// Those that look at what came before: what was removed is not there, and what was made is.
const OF_CHAINS: &str = "use_after_free,ensure_resource_availability";

/// How long requests are made to follow from each other, seconds.
const CHAINED_SECONDS: &str = "20";

/// Links of the document that are followed in that time, at least. All of them are but the one or the other of a webhook's, of
/// which a key has few.
const FOLLOWED: u32 = 10;

/// What there is, by what names it.
struct Stock {
    orders: Vec<String>,
    paid: String,
    quotes: Vec<Value>,
    route: String,
    webhooks: Vec<String>,
    deliveries: Vec<String>,
}

impl Stock {
    async fn of(world: &World) -> Self {
        let (mut orders, mut quotes, mut webhooks) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..12 {
            let quote = world.quote(&ethereum(), 20_000).await;
            let order = answer(world.order(&quote, &format!("key-{n}")), StatusCode::CREATED).await;
            orders.push(order);
            quotes.push(quote["id"].clone());
        }
        let mut made = Vec::new();
        for n in [0, 1] {
            made.push(world.deposit(&orders[n], B256::with_last_byte(n as u8 + 1)).await);
        }
        world.prove(made[0]).await;
        world.pay(made[0], B256::repeat_byte(0xfe)).await;
        for n in 0..6 {
            let request = world.register(&world.key, &format!("http://127.0.0.1:9/{n}"), &format!("key-{n}"));
            let webhook = answer(request, StatusCode::CREATED).await;
            webhooks.push(webhook["webhook"]["id"].as_str().unwrap().to_owned());
        }
        let deliveries: Vec<_> = (0..4)
            .map(|n| NewDelivery {
                id: format!("dl_{n}"),
                webhook: webhooks[2].clone(),
                event: "transfer.observed".to_owned(),
                body: "{}".to_owned(),
            })
            .collect();
        world.store.queue_deliveries(0, 0, &deliveries, 1, world.service.now()).await.unwrap();
        let id = |order: &Value| order["transfer"]["id"].as_str().unwrap().to_owned();
        Self {
            paid: made[0].to_string(),
            orders: orders.iter().map(id).collect(),
            quotes,
            route: world.route(&ethereum()).await,
            webhooks,
            deliveries: deliveries.into_iter().map(|delivery| delivery.id).collect(),
        }
    }

    /// `document`, which names what there is, and of each kind one that is not there.
    fn named_in(&self, mut document: Value) -> Value {
        let mut transfers = self.orders.clone();
        transfers.extend([self.paid.clone(), B256::repeat_byte(0x11).to_string()]);
        let with_none = |known: &[String], none: &str| [known, &[none.to_owned()]].concat();
        let routes = with_none(std::slice::from_ref(&self.route), "rt_none");
        // What is removed is not there for the others any more.
        let (removed, kept) = self.webhooks.split_at(2);
        for (path, operations) in document["paths"].as_object_mut().unwrap() {
            for (method, operation) in operations.as_object_mut().unwrap() {
                let ids = match (path.starts_with("/v1/webhooks"), method.as_str()) {
                    (true, "delete") => with_none(removed, "wh_none"),
                    (true, _) => with_none(kept, "wh_none"),
                    (false, _) => transfers.clone(),
                };
                let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
                for parameter in parameters.into_iter().flatten() {
                    let names = match parameter["name"].as_str().unwrap() {
                        "id" => ids.clone(),
                        "delivery" => with_none(&self.deliveries, "dl_none"),
                        "route" => routes.clone(),
                        _ => continue,
                    };
                    parameter["schema"]["enum"] = json!(names);
                }
            }
        }
        let schemas = &mut document["components"]["schemas"];
        schemas["QuoteRequest"]["properties"]["route"]["enum"] = json!(routes);
        schemas["QuoteRequest"]["properties"]["recipient"]["enum"] = json!([RECIPIENT]);
        schemas["OrderRequest"]["properties"]["quote"]["enum"] = json!(self.quotes);
        schemas["OrderRequest"]["properties"]["recipient"]["enum"] = json!([RECIPIENT]);
        document
    }

    /// `document` for requests that follow from each other: those that begin a chain are taken.
    fn chained_in(&self, document: Value) -> Value {
        let mut document = self.named_in(document);
        let schemas = &mut document["components"]["schemas"];
        schemas["QuoteRequest"]["properties"]["amount"]["enum"] = json!(["20000"]);
        schemas["WebhookRequest"]["properties"]["url"]["enum"] = json!(["http://127.0.0.1:9/"]);
        let list = &mut document["paths"]["/v1/transfers"]["get"]["parameters"];
        list.as_array_mut()
            .unwrap()
            .retain(|parameter| ["limit", "cursor"].contains(&parameter["name"].as_str().unwrap()));
        for parameter in list.as_array_mut().unwrap() {
            parameter["schema"]["enum"] = json!([if parameter["name"] == "limit" { json!(1) } else { json!("1") }]);
        }
        // No request repeats another: every one has a key of its own.
        for path in ["/v1/transfers", "/v1/webhooks"] {
            let replayed = &mut document["paths"][path]["post"]["responses"]["200"];
            replayed.as_object_mut().unwrap().remove("links").unwrap();
        }
        document
    }

    /// Fails where a request of an operation that changes something reached nothing.
    async fn assert_reached(&self, world: &World) {
        let (mut cancelled, mut named) = (0, 0);
        for id in &self.orders {
            let order = world.store.order(OrderId(id.parse().unwrap())).await.unwrap().unwrap();
            cancelled += u32::from(order.is_cancelled);
            named += u32::from(order.source_tx.is_some());
        }
        let key = world.key.split('_').nth(1).unwrap();
        let ordered = world.store.orders_of(key, None, 10_000).await.unwrap().len() - self.orders.len();
        let left = answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await;
        let is_left = |id: &&String| left.as_array().unwrap().iter().any(|row| row["id"] == **id);
        let removed = self.webhooks.len() - self.webhooks.iter().filter(is_left).count();
        println!("reached: {ordered} ordered, {cancelled} cancelled, {named} named, {removed} webhooks removed");
        assert!(ordered > 0 && cancelled > 0 && named > 0 && removed > 0, "what is there was not reached");
    }
}

/// What the tester said of a run in `folder` with the document, which must have found nothing.
async fn run(program: &OsStr, world: &World, document: &Value, config: &str, checks: &[&str], more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let document = document.to_string();
    let files =
        [("openapi.json", &*document), ("config.toml", config), ("hooks.py", include_str!("schemathesis/hooks.py"))];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let output = Command::new(program)
        .current_dir(folder.path())
        .args(["--config-file", "config.toml", "run", "openapi.json", "--url", &world.base])
        .args(["--checks", &checks.join(","), "--seed", "7", "--generation-deterministic", "--no-color"])
        .args(["--header", &format!("Authorization: Bearer {}", world.key)])
        .args(more)
        .envs(more.contains(&"stateful").then_some(("SPANDREL_FRESH_KEYS", "1")))
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "schemathesis found something");
    said
}

/// Where the tester is.
fn program() -> Option<OsString> {
    let program = std::env::var_os("SPANDREL_SCHEMATHESIS");
    if program.is_none() {
        println!("skipped: SPANDREL_SCHEMATHESIS is not set; .ci/schema sets it");
    }
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_keeps_to_the_document() {
    let Some(program) = program() else { return };
    let world = World::with_rate(100_000).await;
    let stock = Stock::of(&world).await;
    let document = stock.named_in(answer(world.get("/openapi.json"), StatusCode::OK).await);
    let more = ["--phases", "examples,coverage,fuzzing", "--max-examples", "60"];
    run(&program, &world, &document, include_str!("schemathesis/single.toml"), &[OF_ANY, OF_SINGLE], &more).await;
    stock.assert_reached(&world).await;
}

/// What is made is there, and what is removed is not, along the links of the document.
#[tokio::test(flavor = "multi_thread")]
async fn what_follows_from_an_answer_is_as_it_was_told() {
    let Some(program) = program() else { return };
    let world = World::with_rate(100_000).await;
    let stock = Stock::of(&world).await;
    // Others than these are made, and a key has few.
    for id in &stock.webhooks {
        let remove = world.delete(&format!("/v1/webhooks/{id}")).bearer_auth(&world.key);
        answer(remove, StatusCode::NO_CONTENT).await;
    }
    let document = stock.chained_in(answer(world.get("/openapi.json"), StatusCode::OK).await);
    let more = ["--phases", "stateful", "--mode", "positive", "--max-examples", "50", "--max-time", CHAINED_SECONDS];
    let config = include_str!("schemathesis/chained.toml");
    let said = run(&program, &world, &document, config, &[OF_ANY, OF_CHAINS], &more).await;
    let followed = said.split_once("API Links:").and_then(|(_, links)| links.split_whitespace().next()?.parse().ok());
    assert!(followed >= Some(FOLLOWED), "expected {FOLLOWED} links to be followed, found {followed:?}");
}
