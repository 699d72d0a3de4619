// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchProof} from "src/BatchProof.sol";
import {CheckpointRegistry} from "src/CheckpointRegistry.sol";
import {Deposit, DepositLib} from "src/DepositLib.sol";
import {EthereumStorageVerifier} from "src/EthereumStorageVerifier.sol";
import {FastLane} from "src/FastLane.sol";
import {ILaneVerifier} from "src/ILaneVerifier.sol";
import {Inbox} from "src/Inbox.sol";
import {Lane} from "src/Lane.sol";
import {Nullifier} from "src/Nullifier.sol";
import {PauseController} from "src/PauseController.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Bridge} from "./base/Bridge.sol";

/// @title Large payments wait, and what happens until then decides whether they are made.
contract DelayedTest is Bridge {
    function test_a_large_payment_waits_and_is_executed_once() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        vm.assertEq(balance(ALICE), 0);
        vm.expectPartialRevert(Inbox.StillDelayed.selector);
        inbox.executeDelayed(deposit);
        vm.warp(block.timestamp + 1 hours);
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
        vm.expectPartialRevert(Inbox.NotDelayed.selector);
        inbox.executeDelayed(deposit);
    }

    function test_a_delay_of_no_seconds_is_none() public {
        RiskGuard.Limits memory limits = openLimits();
        limits.bigFrom = 500;
        guard.raise(Lane.ETHEREUM, COIN, SOURCE, limits);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        vm.assertEq(balance(ALICE), 1000);
    }

    function test_a_delayed_payment_is_not_executed_under_a_pause_or_a_closed_fast_lane() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        vm.warp(block.timestamp + 1 hours);
        pauses.pause(pauses.globalScope(), 1 hours);
        vm.expectPartialRevert(PauseController.ScopePaused.selector);
        inbox.executeDelayed(deposit);
        pauses.unpause(pauses.globalScope());
        vm.warp(block.timestamp + 1 hours);
        guard.closeOverdue(deposit);
        vm.expectPartialRevert(RiskGuard.FastLaneIsClosed.selector);
        inbox.executeDelayed(deposit);
    }

    /// A lane is paused because its proofs are doubted: one that is brought meanwhile pays no more there than a claim would.
    function test_a_delayed_payment_is_not_executed_by_the_proof_of_a_paused_lane() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        bytes memory proof = prove(deposit);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        fastLane.replaceSigners(members(), 3);
        vm.warp(block.timestamp + 1 hours);
        pauses.pause(pauses.laneScope(Lane.ETHEREUM), 1 hours);
        inbox.settle(deposit, Lane.ETHEREUM, proof);
        vm.expectPartialRevert(PauseController.ScopePaused.selector);
        inbox.executeDelayed(deposit);
        pauses.unpause(pauses.laneScope(Lane.ETHEREUM));
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    /// A lane or a bridge is closed because it lied: what it had cleared before must not be paid after that.
    function test_a_delayed_payment_of_a_closed_lane_or_bridge_is_not_executed() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        vm.warp(block.timestamp + 1 hours);
        inbox.setVerifier(Lane.ETHEREUM, ILaneVerifier(address(0)));
        vm.expectRevert(abi.encodeWithSelector(Inbox.LaneIsClosed.selector, Lane.ETHEREUM));
        inbox.executeDelayed(deposit);
        inbox.setVerifier(Lane.ETHEREUM, ethereum);
        inbox.setBridge(SOURCE, 0);
        vm.expectPartialRevert(Inbox.WrongSourceBridge.selector);
        inbox.executeDelayed(deposit);
        inbox.setBridge(SOURCE, SOURCE_BRIDGE);
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    function test_a_delayed_asset_that_is_not_paid_any_more_waits() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        vm.warp(block.timestamp + 1 hours);
        inbox.setPayout(SOURCE, COIN, Inbox.Kind.None, address(0));
        vm.expectPartialRevert(Inbox.UnknownAsset.selector);
        inbox.executeDelayed(deposit);
        vm.assertEq(inbox.nullifiers(DepositLib.id(deposit)), Lane.ETHEREUM);
    }

    /// Reopening the lane must not pay what was proven false.
    function test_a_contradicted_payment_that_waits_is_dropped() public {
        _delayFrom(500);
        Deposit memory paid = sample(0);
        inbox.claim(Lane.FAST, paid, attest(paid));
        Deposit memory real = sample(0);
        real.amount = 1;
        bytes memory proof = prove(real);
        inbox.contradict(paid, real, Lane.ETHEREUM, proof);
        vm.assertEq(inbox.nullifiers(DepositLib.id(paid)), Nullifier.DROPPED);
        vm.assertEq(guard.exposureOf(COIN, SOURCE), 0);
        guard.reopenFast(SOURCE);
        vm.warp(block.timestamp + 1 hours);
        vm.expectPartialRevert(Inbox.NotDelayed.selector);
        inbox.executeDelayed(paid);
        vm.assertEq(balance(ALICE), 0);
        vm.expectPartialRevert(Inbox.NotPaidFast.selector);
        inbox.contradict(paid, real, Lane.ETHEREUM, proof);
    }

    function test_a_dropped_payment_is_never_paid_and_its_mark_can_be_proven() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        bytes memory proof = prove(deposit);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        inbox.dropDelayed(deposit);
        vm.assertEq(inbox.nullifiers(DepositLib.id(deposit)), Nullifier.DROPPED);
        vm.assertEq(guard.exposureOf(COIN, SOURCE), 0);
        vm.warp(block.timestamp + 1 hours);
        vm.expectPartialRevert(Inbox.NotDelayed.selector);
        inbox.executeDelayed(deposit);
        vm.expectPartialRevert(Inbox.AlreadyClaimed.selector);
        inbox.claim(Lane.ETHEREUM, deposit, proof);
        vm.expectPartialRevert(Inbox.NotDelayed.selector);
        inbox.dropDelayed(deposit);
    }

    /// A chain is frozen because its verifiers contradicted each other: nothing that they said of it is used until governance has
    /// looked, and neither is what waits for its time.
    function test_a_delayed_payment_of_a_frozen_or_closed_chain_is_not_executed() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        submit(SOURCE, nextHeight, keccak256("a block"), uint64(block.timestamp));
        vm.warp(block.timestamp + 1 hours);
        submit(SOURCE, nextHeight, keccak256("another block"), uint64(block.timestamp));
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.ChainIsFrozen.selector, SOURCE));
        inbox.executeDelayed(deposit);
        registry.unfreeze(SOURCE);
        registry.setChainRule(SOURCE, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.ChainNotAccepted.selector, SOURCE));
        inbox.executeDelayed(deposit);
        registry.setChainRule(SOURCE, 7 days, 0);
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    /// The freeze ends, and what waits under the root for which there was one must not be paid then. What is true is proven anew.
    function test_a_delayed_payment_under_a_disputed_root_is_not_executed_after_unfreezing() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        uint64 height = nextHeight;
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        registry.dispute(SOURCE, height);
        registry.freeze(SOURCE);
        vm.warp(block.timestamp + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.ChainIsFrozen.selector, SOURCE));
        inbox.executeDelayed(deposit);
        registry.unfreeze(SOURCE);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.DisputedCheckpoint.selector, SOURCE, height));
        inbox.executeDelayed(deposit);
        inbox.proveDelayed(deposit, Lane.ETHEREUM, prove(deposit));
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    /// What settled a fast payment that waits is held to the same, and another root mends it.
    function test_a_payment_that_was_settled_under_a_disputed_root_waits_for_another() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        uint64 height = nextHeight;
        inbox.settle(deposit, Lane.ETHEREUM, prove(deposit));
        registry.dispute(SOURCE, height);
        vm.warp(block.timestamp + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.DisputedCheckpoint.selector, SOURCE, height));
        inbox.executeDelayed(deposit);
        inbox.proveDelayed(deposit, Lane.ETHEREUM, prove(deposit));
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    /// Another registry in the lane knows nothing of the old one's root, and can dispute nothing that it never stored.
    function test_a_delayed_payment_under_a_root_that_its_lane_does_not_know_is_not_executed() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        uint64 height = nextHeight;
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        registry = new CheckpointRegistry(address(manager), members(), 3, RETENTION);
        registry.setChainRule(SOURCE, 7 days, 0);
        inbox.setVerifier(Lane.ETHEREUM, new EthereumStorageVerifier(registry));
        ILaneVerifier other = inbox.verifierOf(Lane.ETHEREUM);
        vm.warp(block.timestamp + 1 hours);
        bytes memory replaced = abi.encodeWithSelector(Inbox.VerifierReplaced.selector, Lane.ETHEREUM, ethereum, other);
        vm.expectRevert(replaced);
        inbox.executeDelayed(deposit);
        // A true block at the same height, which anyone has registered there, is not the root that it was proven under.
        submit(SOURCE, height, keccak256("a true block"), uint64(block.timestamp));
        vm.expectRevert(replaced);
        inbox.executeDelayed(deposit);
        inbox.proveDelayed(deposit, Lane.ETHEREUM, prove(deposit));
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    /// A new fast lane has replaced nobody in it: what a stolen set had attested in the old one must not stand there.
    function test_a_delayed_payment_of_a_fast_lane_that_was_replaced_is_not_executed_before_its_proof() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        vm.warp(block.timestamp + 1 hours);
        inbox.setVerifier(Lane.FAST, new FastLane(address(manager), members(), 3, RETENTION, 1 days));
        vm.expectPartialRevert(Inbox.VerifierReplaced.selector);
        inbox.executeDelayed(deposit);
        inbox.settle(deposit, Lane.ETHEREUM, prove(deposit));
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    /// Under a false root with the honest deposits in it a thief would move every payment that waits onto that root, and the
    /// dispute of it would stop them all.
    function test_a_payment_that_stands_is_not_moved_onto_another_root() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        bytes memory proof = prove(deposit);
        vm.expectRevert(abi.encodeWithSelector(Inbox.StillStanding.selector, DepositLib.id(deposit)));
        inbox.proveDelayed(deposit, Lane.ETHEREUM, proof);
        Deposit memory fast = sample(1);
        inbox.claim(Lane.FAST, fast, attest(fast));
        inbox.settle(fast, Lane.ETHEREUM, prove(fast));
        proof = prove(fast);
        vm.expectPartialRevert(RiskGuard.NothingOwed.selector);
        inbox.settle(fast, Lane.ETHEREUM, proof);
    }

    /// What is proven does not wait for a lane that it does not stand on any more.
    function test_a_settled_payment_that_waits_is_executed_while_the_fast_lane_is_closed() public {
        _delayFrom(500);
        Deposit memory late = sample(0);
        Deposit memory deposit = sample(1);
        inbox.claim(Lane.FAST, late, attest(late));
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        inbox.settle(deposit, Lane.ETHEREUM, prove(deposit));
        vm.warp(block.timestamp + 2 hours);
        guard.closeOverdue(late);
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
        inbox.setVerifier(Lane.FAST, ILaneVerifier(address(0)));
        vm.expectPartialRevert(RiskGuard.FastLaneIsClosed.selector);
        inbox.executeDelayed(late);
    }

    /// Nobody owes for it any more, so it cannot be settled; what is proven of it is paid all the same.
    function test_a_payment_of_a_closed_fast_lane_whose_debt_was_written_off_is_executed_by_its_proof() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        vm.warp(block.timestamp + 2 hours);
        guard.closeOverdue(deposit);
        guard.writeOff(deposit);
        bytes memory proof = prove(deposit);
        vm.expectPartialRevert(RiskGuard.NothingOwed.selector);
        inbox.settle(deposit, Lane.ETHEREUM, proof);
        vm.expectPartialRevert(RiskGuard.FastLaneIsClosed.selector);
        inbox.executeDelayed(deposit);
        inbox.proveDelayed(deposit, Lane.ETHEREUM, proof);
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    /// A root that was stored after a payment was proven is not the one that it was proven under.
    function test_a_delayed_payment_under_a_distrusted_root_is_not_revived_by_the_true_one() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        uint64 height = nextHeight;
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        registry.replaceVerifiers(members(), 3);
        registry.distrust(SOURCE, 1, uint64(START));
        vm.warp(block.timestamp + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.UnknownCheckpoint.selector, SOURCE, height));
        inbox.executeDelayed(deposit);
        submitBy(2, SOURCE, height, keccak256("the true block"), uint64(block.timestamp));
        vm.expectPartialRevert(CheckpointRegistry.StoredSince.selector);
        inbox.executeDelayed(deposit);
    }

    /// It is proven as any other, by its own lane's proof, while it waits.
    function test_only_what_waits_is_proven_anew_and_by_a_proof() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        bytes memory proof = prove(deposit);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotDelayed.selector, DepositLib.id(deposit)));
        inbox.proveDelayed(deposit, Lane.ETHEREUM, proof);
        inbox.claim(Lane.ETHEREUM, deposit, proof);
        registry.dispute(SOURCE, nextHeight - 1);
        bytes memory other = prove(sample(1));
        vm.expectPartialRevert(EthereumStorageVerifier.DepositMismatch.selector);
        inbox.proveDelayed(deposit, Lane.ETHEREUM, other);
        bytes memory fast = attest(deposit);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotLightClient.selector, Lane.FAST));
        inbox.proveDelayed(deposit, Lane.FAST, fast);
        inbox.proveDelayed(deposit, Lane.ETHEREUM, prove(deposit));
        vm.expectPartialRevert(Inbox.StillDelayed.selector);
        inbox.executeDelayed(deposit);
    }

    /// Signers are replaced because their keys were lost or stolen: what the thief had attested waits in vain.
    function test_a_delayed_payment_of_signers_who_were_replaced_is_not_executed_before_its_proof() public {
        _delayFrom(500);
        Deposit memory stolen = sample(0);
        Deposit memory honest = sample(1);
        inbox.claim(Lane.FAST, stolen, attest(stolen));
        inbox.claim(Lane.FAST, honest, attest(honest));
        uint64 replacedAt = uint64(block.timestamp);
        fastLane.replaceSigners(members(), 3);
        vm.warp(block.timestamp + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(FastLane.SignersReplaced.selector, START, replacedAt));
        inbox.executeDelayed(stolen);
        inbox.settle(honest, Lane.ETHEREUM, prove(honest));
        inbox.executeDelayed(honest);
        vm.assertEq(balance(ALICE), 1000);
        inbox.dropDelayed(stolen);
        vm.assertEq(inbox.nullifiers(DepositLib.id(stolen)), Nullifier.DROPPED);
    }

    /// What is proven stands on its proof, whoever had attested it, and falls with it.
    function test_a_settled_payment_that_waits_stands_on_the_lane_that_proved_it() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        inbox.settle(deposit, Lane.ETHEREUM, prove(deposit));
        vm.warp(block.timestamp + 1 hours);
        registry.freeze(SOURCE);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.ChainIsFrozen.selector, SOURCE));
        inbox.executeDelayed(deposit);
        registry.unfreeze(SOURCE);
        fastLane.replaceSigners(members(), 3);
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    /// What the new signers attest is as good as ever.
    function test_what_the_new_signers_attested_is_executed() public {
        _delayFrom(500);
        Deposit memory deposit = sample(0);
        fastLane.replaceSigners(members(), 3);
        vm.warp(block.timestamp + 1);
        bytes32 root = BatchProof.leaf(DepositLib.id(deposit));
        uint64 expiry = uint64(block.timestamp + 1 days);
        fastLane.attestBatch(root, 1, 2, expiry, sign(batchDigest(root, 1, 2, expiry), 3));
        inbox.claim(Lane.FAST, deposit, abi.encode(root, uint32(0), new bytes32[](0)));
        vm.warp(block.timestamp + 1 hours);
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    function _delayFrom(uint128 amount) private {
        RiskGuard.Limits memory limits = openLimits();
        limits.bigFrom = amount;
        limits.bigDelay = 1 hours;
        guard.raise(Lane.ETHEREUM, COIN, SOURCE, limits);
        guard.raise(Lane.FAST, COIN, SOURCE, limits);
    }
}
