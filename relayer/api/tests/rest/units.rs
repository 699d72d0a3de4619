//! How amounts are written: as programs and as people read them, on either side by the token there.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_api::{Denomination, Denominations, grpc::proto};
use spandrel_verifiers::AssetId;

use crate::console::page;
use crate::world::{Options, World, answer, bitcoin, destination, ethereum};

/// A token of six decimals that is paid by one of two.
fn token() -> AssetId {
    AssetId::parse(&format!("{}/erc20:0x{}", ethereum(), "05".repeat(20))).unwrap()
}

async fn world(denominations: Denominations) -> World {
    let token = Some((Address::repeat_byte(6), token()));
    World::with(Options { token, denominations, ..Options::new().await }).await
}

async fn told() -> World {
    let of = |symbol: &str, decimals| Denomination::new(symbol, decimals).unwrap();
    let paid = BTreeMap::from([(destination(), of("xUSD", 2))]);
    world(Denominations::default().with(token(), of("USDX", 6), paid)).await
}

async fn route_of(world: &World, asset: &str) -> Value {
    let routes = answer(world.get("/v1/routes"), StatusCode::OK).await;
    routes.as_array().unwrap().iter().find(|route| route["asset"] == asset).unwrap().clone()
}

#[tokio::test]
async fn what_is_told_and_what_is_known_is_served_and_nothing_is_guessed() {
    let world = told().await;
    let assets = answer(world.get("/v1/assets"), StatusCode::OK).await;
    let of = |assets: &Value, id: &str| {
        let asset = assets.as_array().unwrap().iter().find(|asset| asset["id"] == id).unwrap();
        (asset["symbol"].clone(), asset["decimals"].clone())
    };
    let (coin, ether) = (format!("{}/slip44:0", bitcoin()), format!("{}/slip44:60", ethereum()));
    assert_eq!(of(&assets, token().as_str()), (json!("USDX"), json!(6)));
    assert_eq!(of(&assets, &coin), (json!("BTC"), json!(8)));
    assert_eq!(of(&assets, &ether), (json!("ETH"), json!(18)));
    assert_eq!(route_of(&world, token().as_str()).await["paid_as"], json!({ "symbol": "xUSD", "decimals": 2 }));
    assert!(route_of(&world, &coin).await["paid_as"].is_null(), "nobody told by which token it is paid");
    let untold = answer(self::world(Denominations::default()).await.get("/v1/assets"), StatusCode::OK).await;
    assert_eq!(of(&untold, token().as_str()), (Value::Null, Value::Null));
    assert_eq!(of(&untold, &coin), (json!("BTC"), json!(8)));
}

#[tokio::test]
async fn the_same_is_served_over_grpc() {
    let world = told().await;
    let mut client = crate::calls::transfers(&world);
    let assets = client.list_assets(proto::ListAssetsRequest {}).await.unwrap().into_inner().assets;
    let dollars = assets.iter().find(|asset| asset.id == token().as_str()).unwrap();
    assert_eq!((dollars.symbol.as_deref(), dollars.decimals), (Some("USDX"), Some(6)));
    let routes = client.list_routes(proto::ListRoutesRequest {}).await.unwrap().into_inner().routes;
    let paid = |asset: &str| routes.iter().find(|route| route.asset == asset).unwrap().paid_as.clone();
    assert_eq!(paid(token().as_str()), Some(proto::Denomination { symbol: "xUSD".to_owned(), decimals: 2 }));
    assert_eq!(paid(&format!("{}/slip44:60", ethereum())), None);
}

#[tokio::test]
async fn pages_show_units_with_their_base_units_beside_them_and_each_side_by_its_own() {
    let world = told().await;
    let overview = page(&world, "/console", StatusCode::OK).await;
    assert!(overview.contains("title=\"500000 base units\">0.5 USDX<"), "the largest transfer: {overview}");
    assert!(overview.contains("title=\"0 of 1000000 base units\">0 of 1 USDX<"), "the window: {overview}");
    let route = route_of(&world, token().as_str()).await;
    let ask = format!("/console/send?route={}&amount=0.02", route["id"].as_str().unwrap());
    let quote = page(&world, &ask, StatusCode::OK).await;
    assert!(
        quote.contains("Amount in <span id=\"unit\">USDX</span>") && quote.contains("data-unit=\"USDX\""),
        "{quote}"
    );
    assert!(quote.contains("title=\"20000 base units\">0.02 USDX<"), "what is deposited: {quote}");
    assert!(quote.contains("title=\"20000 base units\">200 xUSD<"), "what is paid: {quote}");

    let body = json!({ "route": route["id"], "amount": "20000" });
    let quote = answer(world.post("/v1/quotes", &body), StatusCode::CREATED).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let path = format!("/console/transfers/{}", order["transfer"]["id"].as_str().unwrap());
    let shown = page(&world, &path, StatusCode::OK).await;
    assert_eq!(shown.matches("title=\"20000 base units\">0.02 USDX<").count(), 2, "to deposit, and the fact: {shown}");
    assert_eq!(shown.matches("title=\"20000 base units\">200 xUSD<").count(), 1, "{shown}");
    world.deposit(&order, B256::with_last_byte(1)).await;
    let list = page(&world, "/console/transfers", StatusCode::OK).await;
    assert!(list.contains("title=\"20000 base units\">0.02 USDX<"), "{list}");
}

#[tokio::test]
async fn where_nobody_told_amounts_are_asked_for_and_shown_in_base_units() {
    let world = world(Denominations::default()).await;
    let route = route_of(&world, token().as_str()).await;
    let ask = |amount: &str| format!("/console/send?route={}&amount={amount}", route["id"].as_str().unwrap());
    let quote = page(&world, &ask("20000"), StatusCode::OK).await;
    assert!(quote.contains("Amount in <span id=\"unit\">base units</span>"), "{quote}");
    assert_eq!(quote.matches(">20000 base units<").count(), 2, "deposited and paid: {quote}");
    assert!(page(&world, &ask("0.02"), StatusCode::OK).await.contains("a number of base units"));
}

/// 0.0000019 is not 0.000001: nothing is rounded behind whoever sends.
#[tokio::test]
async fn an_amount_finer_than_the_token_is_refused_in_clear_words() {
    let world = told().await;
    let route = route_of(&world, token().as_str()).await;
    let ask = format!("/console/send?route={}&amount=0.0200009", route["id"].as_str().unwrap());
    let refused = page(&world, &ask, StatusCode::OK).await;
    assert!(!refused.contains("data-quote"), "{refused}");
    let words = "expected at most 6 digits after the point, which is all that USDX has, found 7";
    assert!(refused.contains(words) && refused.contains("aria-invalid=\"true\""), "{refused}");
}

/// Whatever the operator wrote reaches a page as text.
#[tokio::test]
async fn a_symbol_is_no_markup() {
    let hostile = Denomination::new("<b>&\"'", 6).unwrap();
    let world = world(Denominations::default().with(token(), hostile, BTreeMap::new())).await;
    for path in ["/console", "/console/send"] {
        let shown = page(&world, path, StatusCode::OK).await;
        assert!(!shown.contains("<b>") && shown.contains("&lt;b&gt;"), "{path}");
    }
}
