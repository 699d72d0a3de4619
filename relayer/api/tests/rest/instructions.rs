//! How a deposit is made and taken back is told again to whoever asks, also after it was made.

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::json;
use spandrel_api::grpc::proto;

use crate::calls::transfers;
use crate::world::{World, answer, bitcoin, ethereum, problem};

fn path(id: &str) -> String {
    format!("/v1/transfers/{id}/instructions")
}

#[tokio::test]
async fn instructions_are_told_again_before_and_after_the_deposit_was_seen() {
    let world = World::new().await;
    for (source, key) in [(bitcoin(), "one"), (ethereum(), "two")] {
        let quote = world.quote(&source, 20_000).await;
        let order = answer(world.order(&quote, key), StatusCode::CREATED).await;
        let id = order["transfer"]["id"].as_str().unwrap().to_owned();
        let told = answer(world.get(&path(&id)), StatusCode::OK).await;
        assert_eq!(told, order["instructions"]);
        let deposit = world.deposit(&order, B256::with_last_byte(1)).await.to_string();
        world.clock.pass(30 * 86_400);
        for id in [&id, &deposit] {
            assert_eq!(answer(world.get(&path(id)), StatusCode::OK).await, order["instructions"]);
            let request = proto::GetInstructionsRequest { id: id.clone() };
            let called = transfers(&world).get_instructions(request).await.unwrap().into_inner().kind.unwrap();
            let called = match called {
                proto::instructions::Kind::Bitcoin(told) => {
                    let refund = told.refund.unwrap();
                    json!([told.uri, refund.key, refund.after_blocks, refund.script, refund.control_block])
                }
                proto::instructions::Kind::Evm(told) => json!([told.calls[0].to, told.calls[0].data, told.calls.len()]),
            };
            let instructions = &order["instructions"];
            let refund = &instructions["refund"];
            let expected = if instructions["kind"] == "bitcoin" {
                let fields = ["key", "after_blocks", "script", "control_block"].map(|field| &refund[field]);
                json!([&instructions["uri"], fields[0], fields[1], fields[2], fields[3]])
            } else {
                json!([&instructions["calls"][0]["to"], &instructions["calls"][0]["data"], 1])
            };
            assert_eq!(called, expected);
        }
    }
}

#[tokio::test]
async fn a_deposit_that_nobody_ordered_has_no_instructions() {
    let world = World::new().await;
    let quote = world.quote(&ethereum(), 20_000).await;
    let mut order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    order["transfer"]["recipient"] = json!(B256::with_last_byte(0xbb).to_string());
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await.to_string();
    problem(world.get(&path(&deposit)), StatusCode::NOT_FOUND, "NO_ORDER").await;
    let unknown = B256::with_last_byte(9).to_string();
    problem(world.get(&path(&unknown)), StatusCode::NOT_FOUND, "UNKNOWN_TRANSFER").await;
}
