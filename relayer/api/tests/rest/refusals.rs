//! What a refused request is told: which of its parameters or fields is at fault.

use reqwest::StatusCode;
use serde_json::json;
use spandrel_api::grpc::proto;

use crate::calls::{info, transfers};
use crate::world::{RECIPIENT, REFUND_KEY, World, answer, bitcoin, problem};

#[tokio::test]
async fn bad_requests_name_what_is_wrong_and_never_panic() {
    let world = World::new().await;
    let bad = [
        ("/v1/transfers/zzz", "id"),
        ("/v1/transfers?limit=0", "limit"),
        ("/v1/transfers?limit=101", "limit"),
        ("/v1/transfers?limit=x", "limit"),
        ("/v1/transfers?colour=red", "colour"),
        ("/v1/transfers?cursor=-1", "cursor"),
        ("/v1/transfers?cursor=18446744073709551615", "cursor"),
        ("/v1/transfers?sender=0x1", "sender"),
        ("/v1/transfers?status=awaiting_deposit", "status"),
        ("/v1/transfers?source_tx=0x1", "source_tx"),
        ("/v1/limits", "route"),
    ];
    for (path, parameter) in bad {
        let refused = problem(world.get(path), StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
        assert_eq!(refused["parameter"], parameter, "{path}");
    }
    let bodies = [
        (json!({}), "route"),
        (json!({ "route": "rt" }), "amount"),
        (json!({ "route": "rt", "amount": 1 }), "amount"),
        (json!({ "route": "rt", "amount": "1", "lane": "slow" }), "lane"),
        (json!({ "route": "rt", "amount": "1", "colour": "red" }), "colour"),
        (json!([]), "body"),
        (json!("rt"), "body"),
    ];
    for (body, parameter) in bodies {
        let refused = world.post("/v1/quotes", &body);
        let refused = problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "INVALID_BODY").await;
        assert_eq!(refused["parameter"], parameter, "{body}: {refused}");
    }
    let cut = world.post("/v1/quotes", &json!({})).body(r#"{"route": "#);
    let refused = problem(cut, StatusCode::BAD_REQUEST, "INVALID_BODY").await;
    assert_eq!(refused["parameter"], "body", "{refused}");
    let unknown = problem(world.get("/v1/limits?route=rt_none"), StatusCode::NOT_FOUND, "UNKNOWN_ROUTE").await;
    assert_eq!(unknown["parameter"], "route");
    let unknown = format!("/v1/transfers/0x{}", "1".repeat(64));
    problem(world.get(&unknown), StatusCode::NOT_FOUND, "UNKNOWN_TRANSFER").await;
    problem(world.get("/v2"), StatusCode::NOT_FOUND, "UNKNOWN_PATH").await;
    problem(world.put("/v1/chains", &json!({})), StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED").await;
    let large = json!({ "route": "x".repeat(20_000), "amount": "1" });
    problem(world.post("/v1/quotes", &large), StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE").await;
}

/// Who asks what an order would get is told what the order would be refused for, at both doors.
#[tokio::test]
async fn a_quote_for_somebody_is_refused_as_the_order_would_be() {
    let world = World::new().await;
    let route = world.route(&bitcoin()).await;
    let of = |recipient: Option<&str>, refund_key: Option<&str>| proto::CreateQuoteRequest {
        route: route.clone(),
        amount: "20000".to_owned(),
        lane: None,
        recipient: recipient.map(str::to_owned),
        refund_key: refund_key.map(str::to_owned),
    };
    let not_a_key = "f".repeat(64);
    let refused = [
        (of(Some("0x12"), Some(REFUND_KEY)), StatusCode::BAD_REQUEST, "recipient"),
        (of(Some(RECIPIENT), Some("0x12")), StatusCode::BAD_REQUEST, "refund_key"),
        (of(Some(RECIPIENT), None), StatusCode::UNPROCESSABLE_ENTITY, "refund_key"),
        (of(Some(RECIPIENT), Some(&not_a_key)), StatusCode::UNPROCESSABLE_ENTITY, "refund_key"),
        (of(None, Some(REFUND_KEY)), StatusCode::BAD_REQUEST, "recipient"),
    ];
    let body = |request: &proto::CreateQuoteRequest| {
        let mut body = json!({ "route": request.route, "amount": request.amount });
        for (name, value) in [("recipient", &request.recipient), ("refund_key", &request.refund_key)] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        body
    };
    for (request, status, parameter) in refused {
        let told = answer(world.post("/v1/quotes", &body(&request)), status).await;
        assert_eq!(told["parameter"], parameter, "{told}");
        let called = info(&transfers(&world).create_quote(request).await.unwrap_err());
        assert_eq!(called, (told["code"].as_str().unwrap().to_owned(), Some(parameter.to_owned())));
    }
    let good = of(Some(RECIPIENT), Some(REFUND_KEY));
    let quote = answer(world.post("/v1/quotes", &body(&good)), StatusCode::CREATED).await;
    answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    transfers(&world).create_quote(good).await.unwrap();
}
