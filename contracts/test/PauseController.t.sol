// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Deposit} from "src/DepositLib.sol";
import {Lane} from "src/Lane.sol";
import {PauseController} from "src/PauseController.sol";
import {PauseScope} from "src/PauseScope.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Bridge} from "./base/Bridge.sol";

contract PauseControllerTest is Bridge {
    uint64 private constant GUARDIAN = 1;

    function setUp() public override {
        super.setUp();
        bytes4[] memory selectors = new bytes4[](2);
        selectors[0] = PauseController.pause.selector;
        selectors[1] = PauseController.freeze.selector;
        manager.setTargetFunctionRole(address(pauses), selectors, GUARDIAN);
        manager.grantRole(GUARDIAN, address(1), 0);
        manager.grantRole(GUARDIAN, address(2), 0);
        token.mint(address(this), 1e6);
        token.approve(address(vault), type(uint256).max);
    }

    /// Invariant 7: nothing flows out in a paused scope, and the others stay open.
    function test_each_scope_stops_the_payouts_it_names() public {
        bytes32[6] memory scopes = [
            PauseScope.GLOBAL,
            PauseScope.direction(PauseScope.INBOUND),
            PauseScope.chain(SOURCE),
            PauseScope.payoutsFrom(SOURCE),
            PauseScope.lane(Lane.ETHEREUM),
            PauseScope.asset(COIN)
        ];
        Deposit memory deposit = sample(0);
        bytes memory proof = prove(deposit);
        for (uint256 i = 0; i < 6; ++i) {
            _pause(scopes[i], 1 hours);
            vm.expectPartialRevert(PauseController.ScopePaused.selector);
            inbox.claim(Lane.ETHEREUM, deposit, proof);
            pauses.unpause(scopes[i]);
        }
        _pause(PauseScope.chain(BITCOIN), 1 hours);
        _pause(PauseScope.lane(Lane.FAST), 1 hours);
        _pause(PauseScope.asset(SATOSHIS), 1 hours);
        _pause(PauseScope.direction(PauseScope.OUTBOUND), 1 hours);
        _pause(PauseScope.depositsTo(SOURCE), 1 hours);
        _pause(PauseScope.payoutsFrom(BITCOIN), 1 hours);
        inbox.claim(Lane.ETHEREUM, deposit, proof);
    }

    function test_each_scope_stops_the_deposits_it_names() public {
        (bytes32 asset,,) = vault.assets(address(token));
        bytes32[5] memory scopes = [
            PauseScope.GLOBAL,
            PauseScope.direction(PauseScope.OUTBOUND),
            PauseScope.chain(SOURCE),
            PauseScope.depositsTo(SOURCE),
            PauseScope.asset(asset)
        ];
        for (uint256 i = 0; i < 5; ++i) {
            _pause(scopes[i], 1 hours);
            vm.expectPartialRevert(PauseController.ScopePaused.selector);
            this.lock();
            pauses.unpause(scopes[i]);
        }
        _pause(PauseScope.direction(PauseScope.INBOUND), 1 hours);
        _pause(PauseScope.payoutsFrom(SOURCE), 1 hours);
        this.lock();
    }

    /// A chain's scope stops what goes to it too, on that chain itself.
    function test_the_scope_of_this_chain_stops_its_payouts_and_its_deposits() public {
        Deposit memory deposit = sample(0);
        bytes memory proof = prove(deposit);
        bytes32 here = PauseScope.chain(pauses.localChain());
        vm.assertEq(pauses.localChain(), deposit.destinationChain);
        _pause(here, 1 hours);
        vm.expectPartialRevert(PauseController.ScopePaused.selector);
        inbox.claim(Lane.ETHEREUM, deposit, proof);
        vm.expectPartialRevert(PauseController.ScopePaused.selector);
        this.lock();
        pauses.unpause(here);
        inbox.claim(Lane.ETHEREUM, deposit, proof);
        this.lock();
    }

    /// Invariant 7 for payments that wait, in every scope.
    function test_each_scope_stops_delayed_payments_too() public {
        RiskGuard.Limits memory limits = openLimits();
        limits.bigFrom = 1;
        limits.bigDelay = 1 hours;
        guard.raise(Lane.ETHEREUM, COIN, SOURCE, limits);
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        vm.warp(START + 2 hours);
        bytes32[7] memory scopes = [
            PauseScope.GLOBAL,
            PauseScope.direction(PauseScope.INBOUND),
            PauseScope.chain(SOURCE),
            PauseScope.payoutsFrom(SOURCE),
            PauseScope.chain(deposit.destinationChain),
            PauseScope.lane(Lane.ETHEREUM),
            PauseScope.asset(COIN)
        ];
        for (uint256 i = 0; i < 7; ++i) {
            _pause(scopes[i], 1 hours);
            vm.expectPartialRevert(PauseController.ScopePaused.selector);
            inbox.executeDelayed(deposit);
            pauses.unpause(scopes[i]);
        }
        inbox.executeDelayed(deposit);
        vm.assertEq(balance(ALICE), 1000);
    }

    function test_settling_stays_open_while_everything_is_paused() public {
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        _pause(PauseScope.GLOBAL, 1 hours);
        inbox.settle(deposit, Lane.ETHEREUM, prove(deposit));
        vm.assertEq(guard.exposureOf(COIN, SOURCE), 0);
    }

    function test_a_pause_by_one_ends_by_itself() public {
        _pause(PauseScope.GLOBAL, 5 days);
        vm.warp(START + 5 days);
        vm.assertTrue(pauses.isPaused(PauseScope.GLOBAL));
        vm.warp(START + 5 days + 1);
        vm.assertFalse(pauses.isPaused(PauseScope.GLOBAL));
        this.lock();
    }

    function test_a_pause_is_bounded_and_never_shortened() public {
        vm.prank(address(1));
        vm.expectPartialRevert(PauseController.TtlOutOfRange.selector);
        pauses.pause(PauseScope.GLOBAL, 5 days + 1);
        vm.prank(address(1));
        vm.expectPartialRevert(PauseController.TtlOutOfRange.selector);
        pauses.pause(PauseScope.GLOBAL, 0);
        _pause(PauseScope.GLOBAL, 2 days);
        _pause(PauseScope.GLOBAL, 1 days);
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), START + 2 days);
    }

    function test_two_guardians_freeze_and_one_does_not() public {
        _freeze(address(1));
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), START + 5 days);
        _freeze(address(1));
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), START + 5 days);
        _freeze(address(2));
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), type(uint64).max);
        vm.warp(START + 3650 days);
        vm.assertTrue(pauses.isPaused(PauseScope.GLOBAL));
        pauses.unpause(PauseScope.GLOBAL);
        vm.assertFalse(pauses.isPaused(PauseScope.GLOBAL));
    }

    function test_a_freeze_request_expires() public {
        _freeze(address(1));
        vm.warp(START + 5 days + 1);
        _freeze(address(2));
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), block.timestamp + 5 days);
        vm.warp(block.timestamp + 5 days);
        _freeze(address(1));
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), type(uint64).max, "in its last second it counts");
    }

    /// What was lifted is answered: one guardian alone must not freeze on another's word of before.
    function test_a_lifted_freeze_request_is_no_first_word_any_more() public {
        _freeze(address(1));
        pauses.unpause(PauseScope.GLOBAL);
        _freeze(address(2));
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), START + 5 days);
    }

    /// Through the manager one guardian would have two addresses.
    function test_one_guardian_is_not_two_through_the_manager() public {
        _freeze(address(1));
        vm.prank(address(1));
        vm.expectRevert(PauseController.NotThroughManager.selector);
        manager.execute(address(pauses), abi.encodeCall(pauses.freeze, (PauseScope.GLOBAL)));
    }

    function test_a_guardian_cannot_unpause_and_a_stranger_cannot_pause() public {
        _pause(PauseScope.GLOBAL, 1 days);
        vm.prank(address(1));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        pauses.unpause(PauseScope.GLOBAL);
        vm.prank(address(0xbad));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        pauses.pause(PauseScope.GLOBAL, 1);
        vm.prank(address(0xbad));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        pauses.freeze(PauseScope.GLOBAL);
    }

    function test_scopes_are_distinct_and_as_documented() public view {
        vm.assertEq(pauses.globalScope(), keccak256("global"));
        vm.assertEq(pauses.chainScope(SOURCE), keccak256(abi.encode("chain", SOURCE)));
        vm.assertEq(pauses.assetScope(COIN), keccak256(abi.encode("asset", COIN)));
        vm.assertEq(pauses.laneScope(1), keccak256(abi.encode("lane", 1)));
        vm.assertEq(pauses.payoutsFromScope(SOURCE), keccak256(abi.encode("payouts from", SOURCE)));
        vm.assertEq(pauses.depositsToScope(SOURCE), keccak256(abi.encode("deposits to", SOURCE)));
        vm.assertEq(pauses.directionScope(1), keccak256(abi.encode("direction", 1)));
        vm.assertNotEq(pauses.laneScope(1), pauses.directionScope(1));
        vm.assertNotEq(pauses.chainScope(COIN), pauses.assetScope(COIN));
    }

    function lock() external {
        uint64 expiry = uint64(block.timestamp + 1 days);
        token.mint(address(this), 1000);
        token.approve(address(vault), type(uint256).max);
        vault.lock(address(token), 500, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, expiry);
    }

    function _pause(bytes32 scope, uint64 ttl) private {
        vm.prank(address(1));
        pauses.pause(scope, ttl);
    }

    function _freeze(address guardian) private {
        vm.prank(guardian);
        pauses.freeze(PauseScope.GLOBAL);
    }
}
