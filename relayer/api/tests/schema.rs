//! The served document against the server, by schemathesis: it makes requests of every operation from the document, right
//! and wrong ones, and checks that no answer is a 5xx or is of a status, type or shape that the document does not tell.
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

use std::process::Stdio;

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_store::{NewDelivery, OrderId};
use tokio::process::Command;
use world::{RECIPIENT, World, answer, ethereum};

/// Those that ask something of single answers. `ignored_auth`, `missing_required_header` and the like ask whether what the
/// document requires is required. Not among them:
///
/// - `positive_data_acceptance`: what fits the schemas is refused where it says something that no schema can know, as an
///   amount that no lane takes, a text that is no address of its chain or a quote that ran out; other tests tell these apart.
/// - `use_after_free`, `ensure_resource_availability`: they look at requests that follow from each other by links, of which the
///   document has none. The REST tests follow orders and webhooks through their lives.
/// - `object_level_authorization`: it wants two callers; the REST tests ask with a stranger's key.
/// - `allow_header_conformance`: it is of `OPTIONS`, which no path has.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,missing_required_header,ignored_auth,\
                      unsupported_method";

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
        schemas["OrderRequest"]["properties"]["quote"]["enum"] = json!(self.quotes);
        schemas["OrderRequest"]["properties"]["recipient"]["enum"] = json!([RECIPIENT]);
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

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_keeps_to_the_document() {
    let Some(program) = std::env::var_os("SPANDREL_SCHEMATHESIS") else {
        println!("skipped: SPANDREL_SCHEMATHESIS is not set; .ci/schema sets it");
        return;
    };
    let world = World::with_rate(100_000).await;
    let stock = Stock::of(&world).await;
    let served = answer(world.get("/openapi.json"), StatusCode::OK).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("openapi.json"), stock.named_in(served).to_string()).unwrap();
    let output = Command::new(program)
        .current_dir(folder.path())
        .args(["run", "openapi.json", "--url", &world.base])
        .args(["--checks", CHECKS, "--max-examples", "60", "--seed", "7", "--generation-deterministic", "--no-color"])
        .args(["--phases", "examples,coverage,fuzzing", "--header", &format!("Authorization: Bearer {}", world.key)])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "schemathesis found something");
    stock.assert_reached(&world).await;
}
