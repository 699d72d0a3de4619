// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BridgeHandler} from "./base/BridgeHandler.sol";
import {Test} from "./base/Vm.sol";

/// @title What holds whatever anyone does. The handler has the fixture and books what happened.
contract InvariantsTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    BridgeHandler private handler;

    function setUp() public {
        handler = new BridgeHandler();
        handler.setUp();
    }

    /// The invariants mean something only if the handler gets things done.
    function test_the_handler_reaches_every_effect() public {
        handler.claimProven(0);
        handler.claimFast(3);
        handler.lock(500, false);
        handler.lock(500, true);
        handler.claimBatch(1, 2, true);
        vm.assertEq(handler.received(0), 150);
        vm.assertEq(handler.received(1), 170);
        vm.assertEq(handler.received(2), 190);
        vm.assertEq(handler.received(3), 210);
        handler.settle(3);
        vm.assertTrue(handler.proven(3));
        handler.claimFast(8);
        vm.assertEq(handler.received(8), 0);
        handler.wait_(2 hours);
        handler.executeDelayed(8);
        vm.assertEq(handler.received(8), 310);
        handler.claimProven(9);
        handler.dropDelayed(9);
        vm.assertTrue(handler.dropped(9));
        handler.lock(500, false);
        handler.lock(500, true);
        handler.behave(true);
        handler.claimBatch(4, 5, false);
        vm.assertEq(handler.received(4), 230);
        vm.assertEq(handler.received(5), 0);
        handler.behave(false);
        handler.claimProven(5);
        vm.assertEq(handler.received(5), 250);
        handler.wait_(5 hours);
        handler.wait_(5 hours);
        handler.claimFast(10);
        handler.contradict(10);
        vm.assertTrue(handler.dropped(10));
        handler.reopen(0);
        handler.claimFast(6);
        handler.writeOff(6);
        vm.assertTrue(handler.writtenOff(6));
        handler.lower(0, 0, 0, 0);
        handler.claimFast(0);
        handler.raiseAll();
        handler.pause(4, 1 hours);
        handler.claimFast(7);
        vm.assertEq(handler.received(7), 0);
        handler.unpause(4);
        handler.claimFast(7);
        vm.assertEq(handler.received(7), 290);
        handler.sendBack(0, 100);
        vm.assertEq(handler.burnedInAll(), 100);
        handler.pauseSigned(0, 1 hours);
        handler.claimFast(11);
        vm.assertEq(handler.received(11), 0);
        handler.unpause(0);
        handler.replaySigned();
        handler.wait_(4 hours);
        handler.closeOverdue(7);
        handler.claimFast(11);
        vm.assertEq(handler.received(11), 0);
        invariant_the_vault_holds_what_is_outstanding();
        invariant_the_supply_is_proven_or_exposed();
        invariant_each_deposit_is_paid_at_most_once_and_in_full();
        invariant_the_exposure_is_what_is_unproven();
        invariant_no_day_pays_more_than_the_window();
        invariant_what_is_released_was_locked();
        invariant_a_nullifier_is_written_once();
        invariant_the_fast_lane_closes_when_it_must_and_pays_nothing_then();
        invariant_no_statement_pauses_twice();
        invariant_nothing_is_paid_while_paused();
        invariant_lowering_never_raises();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](22);
        selectors[0] = handler.lock.selector;
        selectors[1] = handler.claimFast.selector;
        selectors[2] = handler.claimProven.selector;
        selectors[3] = handler.claimBatch.selector;
        selectors[4] = handler.settle.selector;
        selectors[5] = handler.executeDelayed.selector;
        selectors[6] = handler.dropDelayed.selector;
        selectors[7] = handler.closeOverdue.selector;
        selectors[8] = handler.reopen.selector;
        selectors[9] = handler.pause.selector;
        selectors[10] = handler.wait_.selector;
        selectors[11] = handler.contradict.selector;
        selectors[12] = handler.writeOff.selector;
        selectors[13] = handler.lower.selector;
        selectors[14] = handler.raiseAll.selector;
        selectors[15] = handler.unpause.selector;
        selectors[16] = handler.behave.selector;
        selectors[17] = handler.sendBack.selector;
        selectors[18] = handler.pauseSigned.selector;
        selectors[19] = handler.replaySigned.selector;
        selectors[20] = handler.lowerUpwards.selector;
        selectors[21] = handler.closeWhileWaiting.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// Invariant 1, and that nothing leaves the vault but what came in.
    function invariant_the_vault_holds_what_is_outstanding() public view {
        (uint256 tokens, uint256 owedTokens, uint256 coins, uint256 owedCoins) = handler.custody();
        vm.assertGe(tokens, owedTokens, "tokens");
        vm.assertGe(coins, owedCoins, "coins");
    }

    /// Invariant 1 to the unit: what is not in the vault's books any more is what recipients have.
    function invariant_what_is_released_was_locked() public view {
        (uint256[2] memory ins, uint256[2] memory outs) = handler.released();
        vm.assertEq(ins[0], outs[0], "tokens");
        vm.assertEq(ins[1], outs[1], "coins");
    }

    /// Invariant 3 in the inbox's own state: no lane takes a deposit over, and none is free again.
    function invariant_a_nullifier_is_written_once() public view {
        vm.assertEq(handler.oddNullifiers(), 0);
    }

    /// Invariant 2: what is minted is proven, or is exposure.
    function invariant_the_supply_is_proven_or_exposed() public view {
        (uint256 supply, uint256 credited, uint256 provenOrOwed) = handler.supply();
        vm.assertEq(supply, credited, "supply per chain");
        vm.assertLe(supply + handler.burnedInAll(), provenOrOwed, "supply");
    }

    /// Invariants 3 and 4: each deposit is paid at most once, its amount to its recipient.
    function invariant_each_deposit_is_paid_at_most_once_and_in_full() public view {
        vm.assertEq(handler.paidTwice(), 0, "twice");
        for (uint256 nonce = 0; nonce < handler.DEPOSITS(); ++nonce) {
            uint256 received = handler.received(nonce);
            uint256 amount = handler.amountOf(nonce);
            vm.assertTrue(received == 0 || received == amount, "another amount");
            bool mayBePaid = handler.bookedBy(nonce) != 0 && !handler.dropped(nonce);
            vm.assertTrue(received == 0 || mayBePaid, "paid without a claim");
        }
    }

    /// Invariant 7, by whichever call.
    function invariant_nothing_is_paid_while_paused() public view {
        vm.assertEq(handler.paidWhilePaused(), 0, "paid");
        vm.assertEq(handler.lockedWhilePaused(), 0, "locked");
    }

    /// Invariant 7 for statements that anyone may send: once lifted, a pause stays lifted.
    function invariant_no_statement_pauses_twice() public view {
        vm.assertEq(handler.takenTwice(), 0);
    }

    /// Invariant 8, per lane and asset.
    function invariant_no_day_pays_more_than_the_window() public view {
        vm.assertLe(handler.busiestDay(), handler.WINDOW(), "window");
    }

    /// Invariant 9: what is overdue or contradicted closes the fast lane, nothing else does, and then it pays nothing that is not proven.
    function invariant_the_fast_lane_closes_when_it_must_and_pays_nothing_then() public view {
        vm.assertEq(handler.closedWrongly(), 0, "closed");
        vm.assertEq(handler.paidWhileClosed(), 0, "paid");
    }

    /// Invariant 10, at every moment.
    function invariant_lowering_never_raises() public view {
        vm.assertEq(handler.raisedByLowering(), 0);
    }

    /// Invariant 9: the exposure is the sum of the unproven fast payouts, and within its cap.
    function invariant_the_exposure_is_what_is_unproven() public view {
        (uint256[3] memory booked, uint256[3] memory expected) = handler.exposures();
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(booked[i], expected[i], "sum");
            vm.assertLe(booked[i], handler.EXPOSURE(), "cap");
        }
        vm.assertEq(handler.overCap(), 0, "the cap of that moment");
    }
}
