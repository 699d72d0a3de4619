//! Instructions as wallets read them: a request says the same as the calls beside it, and its QR code the same again.

use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use reqwest::StatusCode;
use serde_json::Value;
use spandrel_contracts::deploy::{DeployConfig, LocalAsset, Quorum, REFUND_HOLD, deploy};
use spandrel_contracts::{Outbox, TestToken};
use spandrel_testnets::ethereum::{Anvil, AnvilOptions, EthereumTestnetError, Mining};
use spandrel_verifiers::AssetId;

use crate::scanner::scan;
use crate::world::{NOW, Options, World, answer, bitcoin, destination, ethereum};

/// A contract call as EIP-681 writes it.
struct Request {
    target: Address,
    chain: u64,
    value: U256,
    data: Vec<u8>,
}

/// Reads `ethereum:<address>@<chain>/<function>?<type>=<value>&…`, and encodes the call by the ABI: all its types are
/// static, so that each argument is a word.
fn parse(uri: &str) -> Request {
    let (path, query) = uri.strip_prefix("ethereum:").unwrap().split_once('?').unwrap();
    let (target, function) = path.split_once('/').unwrap();
    let (target, chain) = target.split_once('@').unwrap();
    let (mut types, mut words, mut value) = (Vec::new(), Vec::new(), U256::ZERO);
    for (kind, text) in query.split('&').map(|parameter| parameter.split_once('=').unwrap()) {
        let word = match kind {
            "value" => {
                value = text.parse().unwrap();
                continue;
            }
            "address" => text.parse::<Address>().unwrap().into_word(),
            "bytes32" => text.parse::<B256>().unwrap(),
            "uint8" | "uint64" | "uint256" => text.parse::<U256>().unwrap().into(),
            other => panic!("no type: {other}"),
        };
        types.push(kind);
        words.push(word);
    }
    let selector = keccak256(format!("{function}({})", types.join(",")));
    let data = [&selector[..4], &words.concat()].concat();
    Request { target: target.parse().unwrap(), chain: chain.parse().unwrap(), value, data }
}

#[tokio::test]
async fn an_eip_681_request_is_the_call_beside_it() {
    let world = World::new().await;
    let quote = world.quote(&ethereum(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let instructions = &order["instructions"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let [call] = &instructions["calls"].as_array().unwrap()[..] else { panic!("the native coin needs no approval") };
    let uri = text(&call["uri"]);
    let request = parse(&uri);
    assert_eq!(request.chain, 31_337);
    assert_eq!(request.target.to_string(), text(&call["to"]));
    assert_eq!(request.value.to_string(), text(&call["value"]));
    assert_eq!(format!("0x{}", hex::encode(&request.data)), text(&call["data"]));
    assert_eq!(scan(&text(&call["qr"])), uri);
}

/// The requests of the calls move a token into the vault of a real contract, by a wallet that scans nothing else.
#[tokio::test]
async fn a_token_is_deposited_on_anvil_by_the_requests_alone() {
    let anvil = match Anvil::start(AnvilOptions { mining: Mining::OnTransaction, ..AnvilOptions::default() }).await {
        Ok(anvil) => anvil,
        Err(EthereumTestnetError::NotFound { .. }) => return println!("skipped: anvil not found"),
        Err(error) => panic!("{error}"),
    };
    let wallet = |n: usize| {
        let wallet = EthereumWallet::from(anvil.signers()[n].clone());
        ProviderBuilder::new().wallet(wallet).connect_http(anvil.url().parse().unwrap())
    };
    let (deployer, user) = (wallet(0), wallet(1));
    let holder = anvil.signers()[1].address();
    let token = TestToken::deploy(&deployer, "Coin".into(), "COIN".into(), 6).await.unwrap();
    token.mint(holder, U256::from(30_000)).send().await.unwrap().get_receipt().await.unwrap();
    let members: Vec<_> = (1..=3).map(Address::repeat_byte).collect();
    let quorum = Quorum { members, threshold: 2 };
    let config = DeployConfig {
        verifiers: quorum.clone(),
        fast_signers: quorum,
        retention: 3_600,
        rotation_delay: 3_600,
        refund_hold: REFUND_HOLD,
        bitcoin: None,
        wrapped: Vec::new(),
        sources: Vec::new(),
        assets: vec![LocalAsset { token: *token.address(), is_wrapped: false, minimum: 1_000 }],
        routes: vec![(destination(), Address::repeat_byte(7).into_word())],
        roles: None,
    };
    let at = deploy(&deployer, anvil.signers()[0].address(), &config).await.unwrap();
    let asset = AssetId::parse(&format!("{}/erc20:{:?}", ethereum(), token.address())).unwrap();
    let options = Options { token: Some((at.vault, asset.clone())), ..Options::new().await };
    // Expiries are of the world's clock, which the contract compares with its own.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    options.clock.pass(now - NOW);
    let world = World::with(options).await;
    let routes = answer(world.get("/v1/routes"), StatusCode::OK).await;
    let route = routes.as_array().unwrap().iter().find(|route| route["asset"] == asset.as_str()).unwrap();
    let body = serde_json::json!({ "route": route["id"], "amount": "20000" });
    let quote = answer(world.post("/v1/quotes", &body), StatusCode::CREATED).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let calls = order["instructions"]["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2, "{calls:?}");
    for call in calls {
        let text = |field: &str| call[field].as_str().unwrap();
        let scanned = parse(&scan(text("qr")));
        assert_eq!((scanned.chain, scan(text("qr"))), (31_337, text("uri").to_owned()));
        assert_eq!(format!("0x{}", hex::encode(&scanned.data)), text("data"));
        let request =
            TransactionRequest::default().with_to(scanned.target).with_input(scanned.data).with_value(scanned.value);
        let receipt = user.send_transaction(request).await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status(), "{call}");
    }
    let holds = async |who: Address| token.balanceOf(who).call().await.unwrap();
    assert_eq!((holds(at.vault).await, holds(holder).await), (U256::from(20_000), U256::from(10_000)));
    let outbox = Outbox::new(at.outbox, &deployer);
    assert_eq!(outbox.count().call().await.unwrap().to_string(), "1", "it is a deposit");
}

#[tokio::test]
async fn a_bip_21_request_is_what_its_qr_code_says() {
    let world = World::new().await;
    for (n, amount) in [1_000, 20_000, 499_999].into_iter().enumerate() {
        let quote = world.quote(&bitcoin(), amount).await;
        let order = answer(world.order(&quote, &n.to_string()), StatusCode::CREATED).await;
        let uri = order["instructions"]["uri"].as_str().unwrap();
        assert_eq!(scan(order["instructions"]["qr"].as_str().unwrap()), uri);
        let (address, coins) = uri.strip_prefix("bitcoin:").unwrap().split_once("?amount=").unwrap();
        assert_eq!(order["instructions"]["address"], address);
        assert_eq!(bitcoin::Amount::from_str_in(coins, bitcoin::Denomination::Bitcoin).unwrap().to_sat(), amount);
    }
}
