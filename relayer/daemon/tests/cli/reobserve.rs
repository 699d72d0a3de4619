//! Blocks read again on a guardian's order, against a Bitcoin node.

use std::sync::Arc;

use bitcoin::ScriptBuf;
use spandrel_core::ledger::Ledger;
use spandrel_core::{Executor, Standing};
use spandrel_engine::ChainFollower;
use spandrel_testnets::bitcoin::{BitcoinNode, NodeOptions, RegtestNode};
use spandrel_verifiers::LanePreference;
use spandrel_verifiers::bitcoin::{ChainParams, DepositTerms, deposit_script};
use spandrel_watchers::bitcoin::{BitcoinConfig, BitcoinWatcher, Intents, RpcAuth, RpcEndpoint};

use crate::control::{Served, as_guardian, guarded, taken};
use crate::run::{ends, json, silent_book, told};

const CONFIRMATIONS: u32 = 3;

/// A deposit was passed over. A guardian has its block read again, in two batches: it is recorded and worked on, once
/// however often it is read. What is not final is left to the watcher, which still stands there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deposit_that_was_missed_is_found_when_a_guardian_has_its_block_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let (source, target) = (&config.bitcoin[0], &config.destination[0]);
    let terms = DepositTerms {
        destination_chain: target.chain.clone(),
        destination_bridge: target.inbox.into_word(),
        recipient: alloy_primitives::B256::left_padding_from(&[0xaa; 20]),
        lane: LanePreference::Any,
        expiry: 4_000_000_000,
        refund_key: source.vault,
        refund_delay: 1008,
    };
    let script = ScriptBuf::from_bytes(deposit_script(source.vault, &terms).unwrap().to_vec());

    let node = BitcoinNode::start(NodeOptions { spendable_coinbases: 6, ..NodeOptions::default() }).await.unwrap();
    let first = node.height() + 1;
    node.pay(&script, 50_000).await.unwrap();
    node.mine(1).await.unwrap();
    node.mine(9).await.unwrap();
    let rpc = node.rpc();
    let auth = RpcAuth::Password { user: rpc.user.clone(), password: rpc.password.clone() };
    let endpoint = RpcEndpoint::parse(&rpc.url, auth).unwrap();
    let intents = Arc::new(Intents::new(source.vault));
    let watched = BitcoinConfig {
        max_blocks: 4,
        ..BitcoinConfig::new(ChainParams::regtest(), endpoint, source.vault, source.anchor.clone(), CONFIRMATIONS)
    };
    let watcher = BitcoinWatcher::new(watched, Arc::clone(&intents)).unwrap();
    let follower = ChainFollower::new(watcher, Arc::clone(&served.book));
    let all_read = async || while follower.read_once().await.unwrap() {};
    all_read().await;
    let ledger = served.book.ledger();
    let cursor = ledger.cursor(&source.chain).await.unwrap().unwrap();
    assert!(ledger.transfers(&Default::default()).await.unwrap().is_empty(), "nobody knew its terms");

    intents.add(terms).unwrap();
    all_read().await;
    assert!(ledger.transfers(&Default::default()).await.unwrap().is_empty(), "its block is not read again by itself");
    let order = async |from: u32, to: u32| {
        let (here, chain) = (folder.path().to_owned(), source.chain.to_string());
        let range = [from.to_string(), to.to_string()];
        let ordering = move || {
            let command = ["reobserve", &chain, "--from", &range[0], "--to", &range[1]];
            let dry = [&command[..], &["--key", "ada", "--reason", "a drill", "--dry-run", "--json"]].concat();
            let shown = json(&ends(&here, &dry, 0, &[]));
            assert_eq!(shown["statement"]["act"]["act"], "reobserve", "{shown}");
            as_guardian(&here, "ada", &command)
        };
        tokio::task::spawn_blocking(ordering).await.unwrap()
    };
    let wrong = order(9, 8).await;
    assert_eq!(wrong.status.code(), Some(6), "{}", told(&wrong));
    assert!(told(&wrong).contains("RANGE_OUT_OF_RANGE"), "{}", told(&wrong));

    // Six blocks below it, and on to where nothing is final.
    assert_eq!(taken(&order(first - 6, first + 1_000).await)["state"], "done");
    all_read().await;
    let found = ledger.transfers(&Default::default()).await.unwrap();
    let [transfer] = &found[..] else { panic!("expected one transfer, found {}", found.len()) };
    assert_eq!(transfer.mined().unwrap().block.height, u64::from(first));
    assert!(matches!(transfer.standing, Standing::Mined { is_final: true, .. }), "{:?}", transfer.standing);
    assert_eq!(ledger.cursor(&source.chain).await.unwrap().unwrap(), cursor, "the cursor stays where it was");

    assert_eq!(taken(&order(first, first).await)["state"], "done");
    assert_eq!(taken(&order(first + 8, first + 8).await)["state"], "done");
    all_read().await;
    let again = ledger.transfers(&Default::default()).await.unwrap();
    assert_eq!(again.iter().map(|transfer| transfer.sequence).collect::<Vec<_>>(), [transfer.sequence]);
    let far = u64::from(u32::MAX);
    let left = ledger.lease(&Executor::Source { chain: source.chain.clone() }, far, far, 9).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    let evidence = ledger.lease(&Executor::Evidence { chain: source.chain.clone() }, far, far, 9).await.unwrap();
    assert_eq!(evidence.iter().map(|effect| effect.deposit).collect::<Vec<_>>(), [transfer.id]);
    served.end().await;
}
