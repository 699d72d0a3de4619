//! Following: deposits, finality, reorgs, restarts.

use std::time::Duration;

use alloy_primitives::Bytes;
use serde_json::json;
use spandrel_verifiers::follow::{ChainEvent, Cursor, FollowError, Watcher};
use spandrel_verifiers::{AssetId, ChainId, LanePreference};
use spandrel_watchers::ethereum::{EthereumConfig, EthereumWatcher};

use super::rig::{Rig, amounts, asset, deposits, destination, names_with, read_all};

#[tokio::test]
async fn deposits_are_read_in_order_and_their_blocks_become_final() {
    let Some(rig) = Rig::start().await else { return };
    for amount in [5, 6] {
        rig.deposit(amount).await;
    }
    rig.mine(1).await;
    rig.deposit(7).await;
    rig.mine(20).await;
    let watcher = rig.watcher();
    let (events, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await;

    assert_eq!(amounts(&events), [5, 6, 7]);
    let seen = deposits(&events);
    assert_eq!((seen[0].block.height, seen[0].position, seen[1].position), (26, 0, 1));
    let first = &seen[0].deposit;
    assert_eq!((&first.source_chain, &first.destination_chain), (&ChainId::eip155(31_337), &destination()));
    assert_eq!((&first.asset, first.lane, first.expiry), (&asset(), LanePreference::Any, 4_000_000_000));
    assert_eq!(first.source_bridge, rig.outbox.into_word());

    let last_final = cursor.finalized.unwrap();
    assert_eq!(last_final.height, rig.provable_height().await);
    assert!(events.contains(&ChainEvent::Final(last_final)));
    assert!(events.contains(&ChainEvent::Head(*cursor.tip().unwrap())));
    assert!(last_final.height >= seen[0].block.height);
}

#[tokio::test]
async fn reading_on_from_any_stored_cursor_gives_the_same_events() {
    let Some(mut rig) = Rig::start().await else { return };
    for amount in 1..=9 {
        rig.deposit(amount).await;
        rig.mine(3).await;
    }
    rig.config.max_blocks = 4;
    let watcher = rig.watcher();
    let mut cursor = watcher.genesis().await.unwrap();
    let mut stored = vec![(Vec::new(), cursor.clone())];
    loop {
        let batch = watcher.read(&cursor).await.unwrap();
        if batch.events.is_empty() {
            break;
        }
        cursor = batch.next;
        let mut so_far = stored.last().unwrap().0.clone();
        so_far.extend(batch.events);
        stored.push((so_far, cursor.clone()));
    }
    let whole = &stored.last().unwrap().0;
    assert_eq!(amounts(whole), (1..=9).collect::<Vec<_>>());
    for (so_far, cursor) in &stored {
        let json = serde_json::to_string(cursor).unwrap();
        let restarted = rig.watcher();
        let (rest, _) = read_all(&restarted, serde_json::from_str::<Cursor>(&json).unwrap()).await;
        let both: Vec<ChainEvent> = so_far.iter().cloned().chain(rest).collect();
        assert_eq!(&both, whole);
    }
}

#[tokio::test]
async fn a_reorg_drops_the_deposit_and_a_deposit_mined_again_is_read_again() {
    let Some(rig) = Rig::start().await else { return };
    let watcher = rig.watcher();
    rig.mine(2).await;
    let (_, before) = read_all(&watcher, watcher.genesis().await.unwrap()).await;
    let ancestor = *before.tip().unwrap();
    let transaction = rig.deposit(5).await;
    rig.mine(3).await;
    let raw: Bytes = rig.anvil.rpc("eth_getRawTransactionByHash", json!([transaction])).await.unwrap();
    let (events, cursor) = read_all(&watcher, before).await;
    let first = deposits(&events).remove(0);

    rig.anvil.reorg(3).await.unwrap();
    rig.beacon.sync().await.unwrap();
    let batch = watcher.read(&cursor).await.unwrap();
    let gone: Vec<_> = cursor.recent.iter().copied().filter(|block| block.height > ancestor.height).collect();
    assert_eq!(batch.events, [ChainEvent::Reorged { common_ancestor: ancestor, dropped: gone }]);
    let (events, cursor) = read_all(&watcher, batch.next).await;
    assert_eq!(amounts(&events), [0_u64; 0]);

    rig.anvil.reorg_with(2, &[(1, raw)]).await.unwrap();
    rig.mine(1).await;
    let (events, _) = read_all(&watcher, cursor).await;
    let again = deposits(&events).remove(0);
    assert_eq!((again.deposit.id(), again.transaction), (first.deposit.id(), transaction));
    assert_ne!(again.block, first.block);
}

#[tokio::test]
async fn a_reorg_below_a_final_block_halts() {
    let Some(rig) = Rig::start().await else { return };
    rig.mine(24).await;
    let watcher = rig.watcher();
    let (_, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await;
    assert!(cursor.finalized.is_some());
    rig.anvil.reorg(20).await.unwrap();
    let batch = watcher.read(&cursor).await.unwrap();
    assert!(matches!(batch.events.as_slice(), [ChainEvent::Halted { .. }]), "{:?}", batch.events);
    assert_eq!(batch.next, cursor);

    // Not one block of the cursor left: the same.
    let young = Cursor { recent: cursor.recent[cursor.recent.len() - 3..].to_vec(), finalized: None };
    let batch = watcher.read(&young).await.unwrap();
    assert!(matches!(batch.events.as_slice(), [ChainEvent::Halted { .. }]), "{:?}", batch.events);
}

#[tokio::test]
async fn a_node_that_fell_behind_is_waited_for() {
    let Some(rig) = Rig::start().await else { return };
    rig.mine(5).await;
    let watcher = rig.watcher();
    let (_, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await;
    rig.anvil.rollback(2).await.unwrap();
    let batch = watcher.read(&cursor).await.unwrap();
    assert_eq!((batch.events, batch.next), (Vec::new(), cursor));
}

#[tokio::test]
async fn reading_pauses_when_too_much_stands_without_finality() {
    let Some(mut rig) = Rig::start().await else { return };
    rig.beacon.pause_finality(true).await;
    rig.mine(40).await;
    rig.config.max_unfinalized = 20;
    let watcher = rig.watcher();
    let (_, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await;
    assert_eq!(cursor.tip().unwrap().height, 24 + 20);
    rig.beacon.pause_finality(false).await;
    rig.mine(2).await;
    let (events, cursor) = read_all(&watcher, cursor).await;
    assert!(events.iter().any(|event| matches!(event, ChainEvent::Final(_))));
    assert_eq!(cursor.tip().unwrap().height, 25 + 42);
}

#[tokio::test]
async fn the_cursor_forgets_what_no_reorg_can_reach() {
    let Some(rig) = Rig::start().await else { return };
    rig.mine(200).await;
    let watcher = rig.watcher();
    let (_, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await;
    let last_final = cursor.finalized.unwrap().height;
    assert_eq!(cursor.recent.first().unwrap().height, last_final - 64);
    assert!(cursor.recent.windows(2).all(|pair| pair[0].height + 1 == pair[1].height));
}

#[tokio::test]
async fn a_deposit_this_bridge_cannot_name_is_counted_and_does_not_block() {
    let Some(rig) = Rig::start().await else { return };
    rig.deposit(1).await;
    rig.deposit_of(AssetId::parse("eip155:31337/erc20:0x00").unwrap(), 2).await;
    rig.deposit(3).await;
    rig.mine(1).await;
    let watcher = rig.watcher();
    let (events, _) = read_all(&watcher, watcher.genesis().await.unwrap()).await;
    assert_eq!((amounts(&events), watcher.unnamed_deposits()), (vec![1, 3], 1));
}

/// What was passed over for want of a name is found by reading its block again, once the name is known.
#[tokio::test]
async fn a_deposit_without_name_is_found_by_reading_again_with_one() {
    let Some(mut rig) = Rig::start().await else { return };
    rig.deposit(1).await;
    let unnamed = AssetId::parse("eip155:31337/erc20:0x00").unwrap();
    rig.deposit_of(unnamed.clone(), 2).await;
    rig.mine(30).await;
    let watcher = rig.watcher();
    let (events, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await;
    assert_eq!(amounts(&events), [1]);
    let first = deposits(&events)[0].block.height;

    rig.config.names = names_with([unnamed]);
    let watcher = rig.watcher();
    assert!(amounts(&watcher.read(&cursor).await.unwrap().events).is_empty(), "the cursor has passed it");
    let again = watcher.read_after(first - 1).await.unwrap();
    assert_eq!(amounts(&again.events), [1, 2]);
    let head = rig.anvil.block_number().await.unwrap();
    assert!(watcher.read_after(head + 1).await.is_err());
}

#[tokio::test]
async fn an_event_of_the_beacon_node_ends_the_wait() {
    let Some(mut rig) = Rig::start().await else { return };
    rig.config.idle = Duration::from_secs(3600);
    let watcher = rig.watcher();
    let woken = async {
        // The subscription is made in the background: blocks come until one of them is heard.
        tokio::select! {
            () = watcher.wait() => {}
            () = async { loop { rig.mine(1).await } } => {}
        }
    };
    tokio::time::timeout(Duration::from_secs(20), woken).await.unwrap();
}

#[tokio::test]
async fn a_node_of_another_chain_is_refused_for_good() {
    let Some(rig) = Rig::start().await else { return };
    let mut config: EthereumConfig = rig.config.clone();
    config.network.chain = ChainId::eip155(1);
    let watcher = EthereumWatcher::new(config, rig.light_client()).unwrap();
    let refused = watcher.genesis().await.unwrap_err();
    let FollowError::Permanent { expected, found, .. } = refused else { panic!("{refused}") };
    assert_eq!((expected.as_str(), found.as_str()), ("eip155:1", "eip155:31337"));
}

#[tokio::test]
async fn a_config_that_cannot_work_is_refused() {
    let Some(rig) = Rig::start().await else { return };
    let refused = |change: fn(&mut EthereumConfig)| {
        let mut config = rig.config.clone();
        change(&mut config);
        match config.validate().unwrap_err() {
            FollowError::Permanent { field, .. } => field,
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused(|config| config.start_block = 0), "start_block");
    assert_eq!(refused(|config| config.outbox = Default::default()), "outbox");
    assert_eq!(refused(|config| config.trusted_root = Default::default()), "trusted_root");
    assert_eq!(refused(|config| config.network.forks.clear()), "forks");
}
