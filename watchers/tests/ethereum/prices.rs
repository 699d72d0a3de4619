//! Prices, read from contracts on real nodes that return what their storage holds in the publishers' own formats.

use std::time::Duration;

use alloy_primitives::{Address, B256, U256, address, hex};
use serde_json::json;
use spandrel_testnets::ethereum::{Anvil, AnvilOptions};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::follow::FollowError;
use spandrel_watchers::ethereum::{Endpoint, PriceContract, PriceFeed, PublishedPrice};

const CONTRACT: Address = address!("0x00000000000000000000000000000000000fee00");
const PYTH: PriceContract = PriceContract::Pyth { id: B256::repeat_byte(9) };
/// Of the unit that prices are read in: cents.
const DIGITS: u8 = 2;

/// A node on which the contract answers every call with the words at its storage's first five slots; to `decimals()` with
/// that at the sixth.
async fn node(words: [i128; 6]) -> Option<Anvil> {
    let anvil = match Anvil::start(AnvilOptions::default()).await {
        Ok(anvil) => anvil,
        Err(spandrel_testnets::ethereum::EthereumTestnetError::NotFound { .. }) => {
            println!("skipped: anvil not found");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    // if selector == decimals() { return slot 5 } ; return slots 0 to 4
    let mut code = hex!("5f3560e01c63313ce56714").to_vec();
    let words_part: Vec<u8> =
        (0..5_u8).flat_map(|slot| [0x60, slot, 0x54, 0x60, slot * 32, 0x52]).chain(hex!("60a05ff3")).collect();
    let target = u8::try_from(code.len() + 3 + words_part.len()).unwrap();
    code.extend([0x60, target, 0x57]);
    code.extend(words_part);
    code.extend(hex!("5b6005545f5260205ff3"));
    let _: serde_json::Value =
        anvil.rpc("anvil_setCode", json!([CONTRACT, format!("0x{}", hex::encode(code))])).await.unwrap();
    tell(&anvil, words).await;
    Some(anvil)
}

async fn tell(anvil: &Anvil, words: [i128; 6]) {
    for (slot, word) in words.into_iter().enumerate() {
        let word = if word < 0 { U256::ZERO.wrapping_sub(U256::from(-word)) } else { U256::from(word) };
        let slot = B256::from(U256::from(slot));
        let _: serde_json::Value =
            anvil.rpc("anvil_setStorageAt", json!([CONTRACT, slot, B256::from(word)])).await.unwrap();
    }
    anvil.mine(1).await.unwrap();
}

fn feed(kind: PriceContract, quorum: usize, nodes: &[&Anvil]) -> PriceFeed {
    let nodes = nodes.iter().map(|node| Endpoint::parse("node", node.url()).unwrap()).collect();
    PriceFeed::new(&ChainId::eip155(31_337), CONTRACT, kind, DIGITS, nodes, quorum, Duration::from_secs(5)).unwrap()
}

fn told(value: u64, confidence: u64, published_at: u64) -> PublishedPrice {
    PublishedPrice { value: U256::from(value), confidence: U256::from(confidence), published_at }
}

#[tokio::test]
async fn a_price_is_read_in_the_asked_unit_with_its_confidence_and_time() {
    // 64,123.45678901 with a confidence of 12.00000001, both rounded up to cents.
    let words = [6_412_345_678_901, 1_200_000_001, -8, 1_700_000_000, 0, 0];
    let Some(pyth) = node(words).await else { return };
    assert_eq!(feed(PYTH, 1, &[&pyth]).read().await.unwrap(), told(6_412_346, 1_201, 1_700_000_000));
    // A round, an answer of 8 decimals, when it started, when it was published, and the round it was answered in.
    tell(&pyth, [7, 6_412_345_678_901, 1, 1_700_000_000, 7, 8]).await;
    let chainlink = PriceContract::Chainlink { deviation: 50 };
    assert_eq!(feed(chainlink, 1, &[&pyth]).read().await.unwrap(), told(6_412_346, 32_062, 1_700_000_000));
}

#[tokio::test]
async fn what_is_no_price_is_refused() {
    let Some(pyth) = node([0, 0, -8, 1, 0, 0]).await else { return };
    let feed = feed(PYTH, 1, &[&pyth]);
    for words in [
        [0, 0, -8, 1, 0, 0],
        [-5, 1, -8, 1, 0, 0],
        [5, 1, i128::from(i32::MAX), 1, 0, 0],
        [5, 1, -8, i128::MAX, 0, 0],
        // Not an int64, and not an int32.
        [i128::from(i64::MAX) + 1, 1, -8, 1, 0, 0],
        [5, 1, i128::from(i32::MAX) + 1, 1, 0, 0],
    ] {
        tell(&pyth, words).await;
        assert!(matches!(feed.read().await, Err(FollowError::Transient { .. })), "{words:?}");
    }
}

/// Alone it could tell a price of its own, one too old to hold, or one too wide to be believed.
#[tokio::test]
async fn a_lying_node_neither_sets_a_price_nor_hides_the_true_one() {
    let truth = [100, 1, 0, 1_700_000_000, 0, 0];
    let (Some(one), Some(two), Some(liar)) = (node(truth).await, node(truth).await, node(truth).await) else { return };
    let feed = feed(PYTH, 2, &[&one, &liar, &two]);
    for lie in [[1, 0, 0, 1_700_000_001, 0, 0], [900, 1, 0, 1, 0, 0], [100, 99, 0, 1_700_000_009, 0, 0]] {
        tell(&liar, lie).await;
        assert_eq!(feed.read().await.unwrap(), told(10_000, 100, 1_700_000_000), "{lie:?}");
    }
    tell(&two, [101, 1, 0, 1_700_000_002, 0, 0]).await;
    assert!(matches!(feed.read().await, Err(FollowError::Transient { .. })), "no two tell the same");
}

#[tokio::test]
async fn a_feed_on_another_chain_and_a_quorum_that_cannot_be_are_refused() {
    let Some(pyth) = node([5, 1, -8, 1, 0, 0]).await else { return };
    let nodes = || vec![Endpoint::parse("node", pyth.url()).unwrap()];
    let make = |chain, quorum| PriceFeed::new(&chain, CONTRACT, PYTH, 2, nodes(), quorum, Duration::from_secs(5));
    for quorum in [0, 2] {
        let error = make(ChainId::eip155(31_337), quorum).unwrap_err().to_string();
        assert!(error.contains("quorum") && error.contains("1 to 1"), "{error}");
    }
    let many = vec![Endpoint::parse("node", pyth.url()).unwrap(); 4];
    let minority = PriceFeed::new(&ChainId::eip155(31_337), CONTRACT, PYTH, 2, many, 2, Duration::from_secs(5));
    assert!(minority.unwrap_err().to_string().contains("3 to 4"), "two of four could tell two prices");
    let error = make(ChainId::eip155(1), 1).unwrap().read().await.unwrap_err();
    assert!(error.to_string().contains("eip155:1") && error.to_string().contains("eip155:31337"), "{error}");
}

/// What cannot be read is tried again: a node must not be able to end the process that asks it.
#[tokio::test]
async fn a_node_of_another_chain_does_not_end_the_reading_while_the_others_differ() {
    let (Some(one), Some(two)) = (node([100, 1, 0, 1, 0, 0]).await, node([101, 1, 0, 2, 0, 0]).await) else { return };
    let stranger = Anvil::start(AnvilOptions { chain_id: 5, ..AnvilOptions::default() }).await.unwrap();
    let feed = feed(PYTH, 2, &[&one, &two, &stranger]);
    let error = feed.read().await.unwrap_err();
    assert!(matches!(error, FollowError::Transient { .. }), "{error}");
    tell(&one, [101, 1, 0, 2, 0, 0]).await;
    assert_eq!(feed.read().await.unwrap(), told(10_100, 100, 2));
}
