// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Deposit, DepositLib} from "src/DepositLib.sol";
import {Lane} from "src/Lane.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Bridge} from "./base/Bridge.sol";

contract RiskGuardTest is Bridge {
    uint128 private constant LIMIT = 1000;

    function test_limits_that_were_never_set_are_closed() public {
        _refused(9, 1, RiskGuard.OverTransferCap.selector);
        RiskGuard.Limits memory limits = guard.limits(9, COIN, SOURCE);
        vm.assertEq(limits.perTransfer, 0);
        vm.assertEq(limits.perWindow, 0);
    }

    function test_each_limit_of_zero_closes_the_route() public {
        RiskGuard.Limits memory limits = openLimits();
        limits.perTransfer = 0;
        guard.raise(Lane.FAST, COIN, SOURCE, limits);
        _refused(Lane.FAST, 1, RiskGuard.OverTransferCap.selector);
        limits = openLimits();
        limits.perWindow = 0;
        guard.raise(Lane.FAST, COIN, SOURCE, limits);
        _refused(Lane.FAST, 1, RiskGuard.OverWindow.selector);
        limits = openLimits();
        limits.exposureCap = 0;
        guard.raise(Lane.FAST, COIN, SOURCE, limits);
        _refused(Lane.FAST, 1, RiskGuard.OverExposure.selector);
        limits = openLimits();
        limits.settleWithin = 0;
        guard.raise(Lane.FAST, COIN, SOURCE, limits);
        _refused(Lane.FAST, 1, RiskGuard.SettleTimeNotSet.selector);
    }

    function test_an_amount_beyond_any_limit_is_refused() public {
        _refused(Lane.ETHEREUM, uint256(UNLIMITED) + 1, RiskGuard.OverTransferCap.selector);
        _consume(Lane.ETHEREUM, UNLIMITED);
        _refused(Lane.ETHEREUM, 1, RiskGuard.OverWindow.selector);
    }

    function test_only_the_inbox_books() public {
        vm.expectRevert(abi.encodeWithSelector(RiskGuard.OnlyInbox.selector, address(this)));
        guard.consume(Lane.FAST, bytes32(0), COIN, SOURCE, 1);
        vm.expectRevert(abi.encodeWithSelector(RiskGuard.OnlyInbox.selector, address(this)));
        guard.repay(bytes32(0), COIN, SOURCE);
        vm.expectRevert(abi.encodeWithSelector(RiskGuard.OnlyInbox.selector, address(this)));
        guard.closeContradicted(SOURCE, bytes32(0));
    }

    /// With 24 buckets this would pay twice the limit within 23 hours and a second.
    function test_two_payouts_less_than_a_day_apart_share_the_window() public {
        _limit(Lane.ETHEREUM, LIMIT);
        vm.warp(_hour(0) + 59 minutes + 59);
        _consume(Lane.ETHEREUM, LIMIT);
        vm.warp(_hour(24));
        _refused(Lane.ETHEREUM, 1, RiskGuard.OverWindow.selector);
        vm.warp(_hour(24) + 59 minutes + 59);
        _refused(Lane.ETHEREUM, 1, RiskGuard.OverWindow.selector);
        vm.warp(_hour(25));
        _consume(Lane.ETHEREUM, LIMIT);
    }

    /// Invariant 8: in any 24 hours no more than the limit, whatever the times and amounts.
    function testFuzz_no_day_pays_more_than_the_limit(uint64[24] memory gaps, uint16[24] memory amounts) public {
        _limit(Lane.ETHEREUM, LIMIT);
        uint256[24] memory times;
        uint256[24] memory paid;
        for (uint256 i = 0; i < 24; ++i) {
            vm.warp(block.timestamp + bound(gaps[i], 0, 9 hours));
            times[i] = block.timestamp;
            (uint256 left,) = guard.remaining(Lane.ETHEREUM, COIN, SOURCE);
            uint256 amount = bound(amounts[i], 1, LIMIT);
            vm.prank(address(inbox));
            try guard.consume(Lane.ETHEREUM, bytes32(i), COIN, SOURCE, amount) {
                paid[i] = amount;
                vm.assertLe(amount, left, "paid what was left");
            } catch {
                vm.assertTrue(amount > left, "refused what was left");
            }
            uint256 total = 0;
            for (uint256 j = 0; j <= i; ++j) {
                if (times[j] + 24 hours >= block.timestamp) total += paid[j];
            }
            vm.assertLe(total, LIMIT, "more than the limit in a day");
        }
    }

    /// Invariant 10: what may be paid now never grows by a lowering, nor by lowering and waiting for less than a raise.
    function testFuzz_lowering_never_raises(uint128 used, RiskGuard.Limits memory next) public {
        _limit(Lane.FAST, LIMIT);
        used = uint128(bound(used, 1, LIMIT));
        _consume(Lane.FAST, used);
        (uint256 window, uint256 exposure) = guard.remaining(Lane.FAST, COIN, SOURCE);
        try guard.lower(Lane.FAST, COIN, SOURCE, next) {
            (uint256 windowAfter, uint256 exposureAfter) = guard.remaining(Lane.FAST, COIN, SOURCE);
            vm.assertLe(windowAfter, window);
            vm.assertLe(exposureAfter, exposure);
        } catch {}
        RiskGuard.Limits memory same = openLimits();
        same.perWindow = LIMIT;
        same.exposureCap = LIMIT;
        guard.raise(Lane.FAST, COIN, SOURCE, same);
        (uint256 windowBack, uint256 exposureBack) = guard.remaining(Lane.FAST, COIN, SOURCE);
        vm.assertEq(windowBack, window);
        vm.assertEq(exposureBack, exposure);
    }

    function test_each_field_can_only_be_lowered() public {
        RiskGuard.Limits memory base = RiskGuard.Limits(100, 100, 100, 100, 100, 100);
        guard.raise(Lane.FAST, COIN, SOURCE, base);
        RiskGuard.Limits[6] memory raised;
        for (uint256 i = 0; i < 6; ++i) raised[i] = RiskGuard.Limits(100, 100, 100, 100, 100, 100);
        raised[0].perTransfer = 101;
        raised[1].perWindow = 101;
        raised[2].exposureCap = 101;
        raised[3].bigFrom = 101;
        raised[4].bigDelay = 99;
        raised[5].settleWithin = 101;
        for (uint256 i = 0; i < 6; ++i) {
            vm.expectRevert(RiskGuard.NotALowering.selector);
            guard.lower(Lane.FAST, COIN, SOURCE, raised[i]);
        }
        guard.lower(Lane.FAST, COIN, SOURCE, RiskGuard.Limits(0, 0, 0, 0, 101, 0));
    }

    function test_routes_do_not_share_limits() public {
        _limit(Lane.ETHEREUM, LIMIT);
        _consume(Lane.ETHEREUM, LIMIT);
        _consume(Lane.FAST, LIMIT);
        vm.prank(address(inbox));
        guard.consume(Lane.ETHEREUM, bytes32(0), RETURNING_TOKEN, SOURCE, LIMIT);
    }

    function test_exposure_is_capped_and_repaid_by_proof() public {
        RiskGuard.Limits memory limits = openLimits();
        limits.exposureCap = 1500;
        guard.raise(Lane.FAST, COIN, SOURCE, limits);
        Deposit memory first = sample(0);
        Deposit memory second = sample(1);
        inbox.claim(Lane.FAST, first, attest(first));
        bytes memory fast = attest(second);
        vm.expectRevert(abi.encodeWithSelector(RiskGuard.OverExposure.selector, 500, 1000));
        inbox.claim(Lane.FAST, second, fast);
        inbox.settle(first, Lane.ETHEREUM, prove(first));
        inbox.claim(Lane.FAST, second, fast);
    }

    function test_an_overdue_proof_closes_the_fast_lane_by_anyone() public {
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        vm.warp(START + 1 hours);
        vm.expectPartialRevert(RiskGuard.NotOverdue.selector);
        guard.closeOverdue(deposit);
        vm.warp(START + 1 hours + 1);
        vm.prank(address(0xbad));
        guard.closeOverdue(deposit);
        vm.warp(START + 2 hours);
        guard.closeOverdue(deposit);
        vm.assertEq(guard.fastClosedAt(SOURCE), START + 1 hours + 1, "since the first time");
        Deposit memory next = sample(1);
        bytes memory fast = attest(next);
        vm.expectPartialRevert(RiskGuard.FastLaneIsClosed.selector);
        inbox.claim(Lane.FAST, next, fast);
        inbox.settle(deposit, Lane.ETHEREUM, prove(deposit));
        guard.reopenFast(SOURCE);
        inbox.claim(Lane.FAST, next, fast);
        vm.expectPartialRevert(RiskGuard.NothingOwed.selector);
        guard.closeOverdue(deposit);
    }

    function test_a_loss_is_written_off_once() public {
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        guard.writeOff(deposit);
        vm.assertEq(guard.exposureOf(COIN, SOURCE), 0);
        vm.expectRevert(abi.encodeWithSelector(RiskGuard.NothingOwed.selector, DepositLib.id(deposit)));
        guard.writeOff(deposit);
        vm.expectPartialRevert(RiskGuard.FastLaneIsOpen.selector);
        guard.reopenFast(SOURCE);
    }

    function test_strangers_change_no_limit() public {
        vm.startPrank(address(0xbad));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        guard.raise(Lane.FAST, COIN, SOURCE, openLimits());
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        guard.lower(Lane.FAST, COIN, SOURCE, RiskGuard.Limits(0, 0, 0, 0, 0, 0));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        guard.reopenFast(SOURCE);
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        guard.writeOff(sample(0));
        vm.stopPrank();
    }

    function _limit(uint8 lane, uint128 limit) private {
        RiskGuard.Limits memory limits = openLimits();
        limits.perWindow = limit;
        limits.exposureCap = limit;
        guard.raise(lane, COIN, SOURCE, limits);
    }

    function _hour(uint256 number) private pure returns (uint256) {
        return (START / 1 hours + 1 + number) * 1 hours;
    }

    function _consume(uint8 lane, uint256 amount) private {
        vm.prank(address(inbox));
        guard.consume(lane, bytes32(0), COIN, SOURCE, amount);
    }

    function _refused(uint8 lane, uint256 amount, bytes4 selector) private {
        vm.prank(address(inbox));
        vm.expectPartialRevert(selector);
        guard.consume(lane, bytes32(0), COIN, SOURCE, amount);
    }
}
