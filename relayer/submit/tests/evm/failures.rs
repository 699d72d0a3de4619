//! Claims that fail in their block although their simulation passed: what they cost, and whom.
//!
//! A limit that is lowered just before the block stands for a recipient that takes money in a simulation and refuses it
//! on-chain: to the relayer both are an item that fails for itself.

use spandrel_contracts::{PauseController, RiskGuard, lane};
use spandrel_core::submission::{Lasting, Submitter};
use spandrel_submit::EvmConfig;
use spandrel_submit::evm::Confirmation;

use crate::world::*;

/// Sets the most that one transfer of the light-client lane may be, in the next block, before anything of the submitter.
async fn cap(world: &World, most: u128) {
    let guard = RiskGuard::new(world.at.guard, &world.governor);
    let limits = RiskGuard::Limits { perTransfer: most, ..open_limits() };
    let raise = guard.raise(lane::ETHEREUM, asset().hash(), source().hash(), limits);
    let raise = raise.max_fee_per_gas(400 * GWEI).max_priority_fee_per_gas(100 * GWEI).gas(500_000);
    let raised = raise.send().await.unwrap();
    world.anvil.mine(1).await.unwrap();
    assert!(raised.get_receipt().await.unwrap().status());
}

#[tokio::test]
async fn an_item_that_fails_in_its_block_takes_no_neighbour_with_it_and_says_why() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposits = [world.deposit(10), world.deposit(5_000), world.deposit(20)];
    let due = world.proven(&deposits).await;
    world.stop_mining().await;
    let sent = destination.submit(&due, &Open).await.unwrap();
    cap(&world, 1_000).await;
    world.anvil.mine(2).await.unwrap();
    world.until_quiet().await;
    let answers = destination.follow(&Open).await.unwrap();
    for paid in [0, 2] {
        assert!(is_final(&said(&answers, &due[paid])), "{answers:?}");
        assert_eq!(hash_of(said(&answers, &due[paid])), hash_of(said(&sent, &due[paid])));
    }
    let (reason, lasting) = refusal(said(&answers, &due[1]));
    assert!(lasting == Lasting::ForNow && reason.contains("OverTransferCap"), "{reason}");
    let received = [world.received(&deposits[0]).await, world.received(&deposits[1]).await];
    assert_eq!((received, world.received(&deposits[2]).await), ([10, 0], 20));
    assert_eq!(world.mined().await, 2, "the checkpoint and one claim of all");
    let failed = world.inbox().ClaimFailed_filter().topic1(deposits[1].id().0).from_block(0u64).query().await.unwrap();
    assert_eq!(failed.len(), 1);
}

#[tokio::test]
async fn a_claim_that_keeps_failing_on_chain_costs_three_transactions_and_no_more() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(5_000);
    let due = world.proven(std::slice::from_ref(&deposit)).await;
    world.stop_mining().await;
    for attempt in 1..=3 {
        destination.submit(&due, &Open).await.unwrap();
        cap(&world, 1_000).await;
        world.anvil.mine(2).await.unwrap();
        let (reason, _) = refusal(said(&destination.follow(&Open).await.unwrap(), &due[0]));
        assert!(reason.contains("OverTransferCap"), "{reason}");
        destination.follow(&Open).await.unwrap();
        cap(&world, u128::MAX).await;
        assert_eq!(world.mined().await, 1 + attempt, "the checkpoint, and one claim each time");
        world.pass(700);
    }
    for _ in 0..5 {
        let (reason, lasting) = refusal(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
        assert!(lasting == Lasting::ForNow && reason.contains("3 transactions failed"), "{reason}");
        assert!(destination.follow(&Open).await.unwrap().is_empty());
        world.anvil.mine(1).await.unwrap();
        world.pass(700);
    }
    assert_eq!(world.mined().await, 4);
    // It still ends: when somebody else has it paid, and when it expires.
    world.pass(6 * 3_600);
    let (reason, lasting) = refusal(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
    assert!(lasting == Lasting::ForEver && reason.contains("DepositExpired"), "{reason}");
}

/// Pauses everything or nothing any more, in the next block, before anything of the submitter.
async fn pause(world: &World, is_on: bool) {
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let global = pauses.globalScope().call().await.unwrap();
    let (most, tip) = (400 * GWEI, 100 * GWEI);
    let sent = if is_on {
        pauses.pause(global, 86_400).max_fee_per_gas(most).max_priority_fee_per_gas(tip).gas(500_000).send().await
    } else {
        pauses.unpause(global).max_fee_per_gas(most).max_priority_fee_per_gas(tip).gas(500_000).send().await
    };
    let sent = sent.unwrap();
    world.anvil.mine(1).await.unwrap();
    assert!(sent.get_receipt().await.unwrap().status());
}

/// The pause stands for a recipient that takes money in a simulation and refuses it on-chain. What waits does not expire.
#[tokio::test]
async fn an_execution_that_keeps_reverting_on_chain_costs_three_transactions_and_no_more() {
    let Some(world) = World::with_delays().await else { return };
    let config = EvmConfig { confirmation: Confirmation::Depth(3), ..world.config() };
    let destination = world.destination_with(config, world.journal.clone()).await;
    let (big, due) = world.delayed(&destination).await;
    world.pass(700);
    world.anvil.set_next_block_time(wall_clock() + 700).await.unwrap();
    world.anvil.mine(4).await.unwrap();
    destination.follow(&Open).await.unwrap();
    destination.follow(&Open).await.unwrap();
    world.stop_mining().await;
    let before = world.mined().await;
    for attempt in 1..=3 {
        destination.submit(&due, &Open).await.unwrap();
        pause(&world, true).await;
        pause(&world, false).await;
        for (blocks, moment) in [(1, "while its revert is not final"), (4, "right after")] {
            destination.follow(&Open).await.unwrap();
            destination.submit(&due, &Open).await.unwrap();
            world.anvil.mine(blocks).await.unwrap();
            assert_eq!(world.mined().await, before + attempt, "none {moment}");
        }
        destination.follow(&Open).await.unwrap();
        destination.follow(&Open).await.unwrap();
        destination.submit(&due, &Open).await.unwrap();
        world.anvil.mine(1).await.unwrap();
        assert_eq!(world.mined().await, before + attempt, "nor once it is final");
        world.pass(700);
    }
    for _ in 0..4 {
        destination.submit(&due, &Open).await.unwrap();
        world.anvil.mine(4).await.unwrap();
        destination.follow(&Open).await.unwrap();
        world.pass(700);
    }
    assert_eq!((world.mined().await, world.received(&big).await), (before + 3, 0));
    // Anybody may still execute it, and it is known then.
    let execute = world.inbox().executeDelayed(spandrel_contracts::solidity_deposit(&big)).send().await.unwrap();
    world.anvil.mine(4).await.unwrap();
    assert!(execute.get_receipt().await.unwrap().status());
    assert!(is_final(&said(&destination.submit(&due, &Open).await.unwrap(), &due[0])));
}

#[tokio::test]
async fn a_claim_that_is_sent_no_more_is_known_to_be_paid_when_somebody_else_has_it_paid() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(5_000);
    let (due, fast) = (world.proven(std::slice::from_ref(&deposit)).await, world.fast(std::slice::from_ref(&deposit)));
    world.stop_mining().await;
    for _ in 0..3 {
        destination.submit(&due, &Open).await.unwrap();
        cap(&world, 1_000).await;
        world.anvil.mine(2).await.unwrap();
        destination.follow(&Open).await.unwrap();
        destination.follow(&Open).await.unwrap();
        cap(&world, u128::MAX).await;
        world.pass(700);
    }
    world.anvil.rpc::<serde_json::Value>("evm_setAutomine", serde_json::json!([true])).await.unwrap();
    crate::claims::pay_as_governor(&world, &fast[0].effect).await;
    world.anvil.mine(2).await.unwrap();
    assert!(is_final(&said(&destination.submit(&due, &Open).await.unwrap(), &due[0])));
}
