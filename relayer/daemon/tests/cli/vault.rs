//! `spandrel vault due`: what the holders of a Bitcoin vault's key have to move, by ledger and node.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use bitcoin::hashes::Hash;
use bitcoin::{Block, OutPoint, ScriptBuf};
use spandrel::config::Config;
use spandrel::metrics::{self, Metrics, Vitals};
use spandrel::wiring;
use spandrel_core::Input;
use spandrel_testnets::bitcoin::{BitcoinNode, NodeOptions, RegtestNode};
use spandrel_verifiers::bitcoin::{DepositTerms, Inclusion, deposit_script, source_key};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{Deposit, DepositId, Evidence, LanePreference};
use spandrel_watchers::bitcoin::{BitcoinRpc, RpcAuth, RpcEndpoint};
use tokio_util::sync::CancellationToken;

use crate::run::{TestBook, deposit, ends, example, json, silent_book, tell};

/// The example with these nodes, one of which may stand for several; where there is none, one is configured that is away.
/// Two of them are a quorum.
fn configure(here: &Path, nodes: [Option<&BitcoinNode>; 3]) -> Config {
    let mut text = example(here).replace("THIRD_BITCOIN", "BITCOIN").replace("SECOND_BITCOIN", "BITCOIN");
    for (n, node) in nodes.into_iter().enumerate() {
        let (url, password) = match node.map(RegtestNode::rpc) {
            Some(rpc) => (&*rpc.url, &*rpc.password),
            None => ("http://127.0.0.1:1", "none"),
        };
        let file = here.join(format!("password-{n}"));
        std::fs::write(&file, password).unwrap();
        text = text.replacen(&format!("http://127.0.0.1:{}", 18_443 + n), &format!("{url}?{n}"), 1).replacen(
            "env:BITCOIN_RPC_PASSWORD",
            &format!("file:{}", file.display()),
            1,
        );
    }
    std::fs::write(here.join("spandrel.toml"), &text).unwrap();
    let config = Config::parse(&text).unwrap();
    assert_eq!(config.bitcoin[0].quorum, 2);
    config
}

fn terms(config: &Config, refund_delay: u16) -> DepositTerms {
    let Deposit { destination_chain, destination_bridge, recipient, lane, expiry, .. } = deposit(config, 1);
    let refund_key = config.bitcoin[0].vault;
    DepositTerms { destination_chain, destination_bridge, recipient, lane, expiry, refund_key, refund_delay }
}

struct Mined {
    block: Block,
    at: BlockRef,
}

async fn mine(node: &BitcoinNode) -> Mined {
    let hash = node.mine(1).await.unwrap()[0];
    let auth = RpcAuth::Password { user: node.rpc().user.clone(), password: node.rpc().password.clone() };
    let endpoint = RpcEndpoint::parse(&node.rpc().url, auth).unwrap();
    let rpc = BitcoinRpc::new(endpoint, Duration::from_secs(10)).unwrap();
    let block = rpc.block(hash).await.unwrap().unwrap();
    let (height, time) = (u64::from(node.height()), block.header.time.into());
    Mined { block, at: BlockRef { height, hash: B256::new(hash.to_byte_array()), time } }
}

/// Shows the book a deposit of `output`.
async fn see(book: &TestBook, config: &Config, n: u64, output: OutPoint, at: BlockRef) -> DepositId {
    let transaction = B256::new(output.txid.to_byte_array());
    let source_key = source_key(transaction, output.vout);
    let deposit = Deposit { source_key, lane: LanePreference::LightClient, ..deposit(config, n) };
    let id = deposit.id();
    tell(book, id, Input::Seen(SeenDeposit { deposit, block: at, transaction, position: output.vout })).await;
    id
}

/// Evidence of it that tells its refund delay.
async fn prove(book: &TestBook, id: DepositId, output: OutPoint, mined: &Mined, terms: DepositTerms) {
    let index = mined.block.txdata.iter().position(|paying| paying.compute_txid() == output.txid).unwrap();
    let inclusion = Inclusion::of_block(&mined.block, mined.at.height, index, output.vout, terms).unwrap();
    tell(book, id, Input::SourceFinal(mined.at)).await;
    tell(book, id, Input::EvidenceBuilt(Evidence::Bitcoin(Box::new(inclusion)))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_to_be_paid_and_stands_unspent_is_listed_by_the_blocks_that_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let node = BitcoinNode::start(NodeOptions { spendable_coinbases: 5, ..NodeOptions::default() }).await.unwrap();
    let config = configure(here, [None, Some(&node), Some(&node)]);
    let (mut outputs, vault) = (Vec::new(), config.bitcoin[0].vault);
    for delay in [4_320, 2_000, 1_009, 1_010] {
        let script = deposit_script(vault, &terms(&config, delay)).unwrap();
        outputs.push(node.pay(&ScriptBuf::from_bytes(script.to_vec()), 50_000).await.unwrap());
    }
    let mined = mine(&node).await;
    node.mine(3).await.unwrap();
    let [late, soon, unproven, dropped] = outputs[..] else { panic!() };

    let book = silent_book(&config).await;
    for (n, output, delay) in [(1, late, 4_320), (2, soon, 2_000)] {
        let id = see(&book, &config, n, output, mined.at).await;
        prove(&book, id, output, &mined, terms(&config, delay)).await;
    }
    let first = see(&book, &config, 3, unproven, mined.at).await;
    let rejected = see(&book, &config, 4, dropped, mined.at).await;
    tell(&book, rejected, Input::Broken("odd".to_owned())).await;
    tell(&book, rejected, Input::Drop("ada: a drill".to_owned())).await;
    // Some output that was spent: as if it had been moved.
    let paying = mined.block.txdata.iter().find(|paying| paying.compute_txid() == late.txid).unwrap();
    see(&book, &config, 5, paying.input[0].previous_output, mined.at).await;
    book.ledger().close().await;

    let rows = json(&ends(here, &["vault", "due", "--json"], 0, &[]));
    let rows = rows.as_array().unwrap();
    let told = rows.iter().map(|row| (row["output"].as_str().unwrap(), row["blocks_left"].as_u64().unwrap()));
    // Three blocks stand on theirs, and the next is the fourth. Without evidence the delay may be the least there is.
    let names = [unproven, soon, late].map(|output| output.to_string());
    assert_eq!(told.collect::<Vec<_>>(), [(&*names[0], 1_008 - 4), (&*names[1], 2_000 - 4), (&*names[2], 4_320 - 4)]);
    assert_eq!((&rows[0]["id"], &rows[0]["amount"]), (&first.to_string().into(), &"50003".into()));
    assert_eq!(rows[1]["refund_from"], mined.at.height + 2_000);
    assert_eq!((&rows[0]["status"], &rows[1]["status"]), (&"observed".into(), &"proven".into()));
    ends(here, &["vault", "due"], 0, &["blocks left", &names[2], "4316"]);
    node.mine(1_003).await.unwrap();
    assert_eq!(json(&ends(here, &["vault", "due", "--json"], 0, &[]))[0]["blocks_left"], 1);
    node.mine(7).await.unwrap();
    assert_eq!(json(&ends(here, &["vault", "due", "--json"], 0, &[]))[0]["blocks_left"], 0, "it is over");
}

/// It knows nothing of the output, which does not say that it was moved.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_is_behind_or_away_does_not_make_an_output_moved() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let behind = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    let config = configure(here, [None, Some(&behind), None]);
    let book = silent_book(&config).await;
    let at = BlockRef { height: 100_000, hash: B256::repeat_byte(1), time: 1 };
    see(&book, &config, 1, OutPoint::new(bitcoin::Txid::from_byte_array([7; 32]), 0), at).await;
    book.ledger().close().await;
    let told = ends(here, &["vault", "due"], 1, &["no node answers", "expected at least 100000, found"]);
    assert!(told.stdout.is_empty());
}

/// Nor does one node alone, which has a chain of its own or lies: a quorum has to say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_node_alone_does_not_make_an_output_moved() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let node = BitcoinNode::start(NodeOptions { spendable_coinbases: 2, ..NodeOptions::default() }).await.unwrap();
    let foreign = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    let config = configure(here, [Some(&foreign), Some(&node), None]);
    let script = deposit_script(config.bitcoin[0].vault, &terms(&config, 2_000)).unwrap();
    let output = node.pay(&ScriptBuf::from_bytes(script.to_vec()), 50_000).await.unwrap();
    let mined = mine(&node).await;
    let ahead = u32::try_from(mined.at.height).unwrap() + 4 - foreign.height();
    foreign.mine(ahead).await.unwrap();
    let book = silent_book(&config).await;
    let id = see(&book, &config, 1, output, mined.at).await;
    prove(&book, id, output, &mined, terms(&config, 2_000)).await;
    book.ledger().close().await;

    let rows = json(&ends(here, &["vault", "due", "--json"], 0, &[]));
    assert_eq!((&rows[0]["output"], &rows[0]["said_spent"]), (&output.to_string().into(), &1.into()));
    assert_eq!(rows[0]["blocks_left"], 2_000 - 5, "from the highest block that any node tells of");
    configure(here, [Some(&foreign), Some(&node), Some(&node)]);
    assert_eq!(json(&ends(here, &["vault", "due", "--json"], 0, &[]))[0]["said_spent"], 1);
    configure(here, [Some(&foreign), Some(&node), Some(&foreign)]);
    assert_eq!(json(&ends(here, &["vault", "due", "--json"], 0, &[])), serde_json::json!([]), "two are a quorum");
}

/// What `vault due` lists first is what the alarm counts to; where no node tells anything, there is nothing to count to yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn how_long_the_first_output_may_stay_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let node = BitcoinNode::start(NodeOptions { spendable_coinbases: 2, ..NodeOptions::default() }).await.unwrap();
    for (nodes, expected) in [([None; 3], None), ([Some(&node), Some(&node), None], Some((1_008 - 1) * 600))] {
        let config = configure(here, nodes);
        let book = silent_book(&config).await;
        let script = deposit_script(config.bitcoin[0].vault, &terms(&config, 2_000)).unwrap();
        let output = node.pay(&ScriptBuf::from_bytes(script.to_vec()), 50_000).await.unwrap();
        see(&book, &config, 1, output, mine(&node).await.at).await;
        let (metrics, stop) = (Arc::new(Metrics::new().unwrap()), CancellationToken::new());
        let listing = wiring::watch_vaults(&config, book.ledger().clone(), metrics.vaults(), stop.clone());
        let listing = tokio::spawn(listing);
        let listener = metrics::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let serving = tokio::spawn(metrics::serve(listener, metrics, None, Vitals::default(), stop.clone()));
        let left = async || {
            let scraped = reqwest::get(&url).await.unwrap().text().await.unwrap();
            assert!(scraped.contains("spandrel_vault_unlisted_seconds{chain="), "{scraped}");
            let line = scraped.lines().find(|line| line.starts_with("spandrel_vault_refund_left_seconds{"))?;
            line.rsplit(' ').next()?.parse::<i64>().ok()
        };
        let patience = std::time::Instant::now();
        while left().await.is_none()
            && patience.elapsed() < Duration::from_secs(if expected.is_some() { 20 } else { 1 })
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let left = left().await;
        let is_near = |(left, expected): (i64, i64)| (expected - 60..=expected).contains(&left);
        assert!(left.zip(expected).map_or(left == expected, is_near), "expected {expected:?}, found {left:?}");
        stop.cancel();
        listing.await.unwrap().unwrap();
        serving.await.unwrap().unwrap();
        book.ledger().close().await;
    }
}
