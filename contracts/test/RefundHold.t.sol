// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CheckpointRegistry} from "src/CheckpointRegistry.sol";
import {Deposit, DepositLib} from "src/DepositLib.sol";
import {Nullifier} from "src/Nullifier.sol";
import {Vault} from "src/Vault.sol";
import {Refundable} from "./base/Refundable.sol";
import {SourceState} from "./base/SourceState.sol";

/// @title A refund has no cap, no window and no pause: its root stands for a while first, in which guardians can dispute it.
contract RefundHoldTest is Refundable {
    uint64 private constant HOLD = 24 hours;

    function setUp() public override {
        super.setUp();
        token.mint(address(this), 1e12);
        token.approve(address(vault), type(uint256).max);
    }

    function refundHold() internal pure override returns (uint64) {
        return HOLD;
    }

    function test_a_deposit_is_refunded_once_its_root_has_stood() public {
        _lock(address(token), 500);
        Deposit memory deposit = _deposited(address(token), 500, 0);
        bytes memory proof = _proveNullifier(DepositLib.id(deposit), Nullifier.DROPPED);
        _tooFresh(deposit, proof, nextHeight - 1, START + HOLD);
        vm.warp(START + HOLD - 1);
        _tooFresh(deposit, proof, nextHeight - 1, START + HOLD);
        vm.warp(START + HOLD);
        uint256 before = token.balanceOf(address(this));
        vault.refund(deposit, address(token), proof);
        vm.assertEq(token.balanceOf(address(this)) - before, 500);
    }

    /// One false root whose inbox has paid nothing refunds every deposit that was ever paid. It is seen, and ended, in time.
    function test_a_false_root_that_guardians_dispute_in_time_refunds_nothing() public {
        _lock(address(token), 500);
        Deposit memory first = _deposited(address(token), 500, 0);
        _lock(address(token), 700);
        Deposit memory second = _deposited(address(token), 700, 1);
        vm.warp(first.expiry - 1 hours);
        uint64 height = nextHeight;
        bytes memory empty = _emptyInbox(height, uint64(block.timestamp + 2 hours));
        uint256 goodFrom = block.timestamp + HOLD;
        _tooFresh(first, empty, height, goodFrom);
        _tooFresh(second, empty, height, goodFrom);
        registry.freeze(SOURCE);
        registry.dispute(SOURCE, height);
        vm.warp(goodFrom);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.ChainIsFrozen.selector, SOURCE));
        vault.refund(first, address(token), empty);
        registry.unfreeze(SOURCE);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.DisputedCheckpoint.selector, SOURCE, height));
        vault.refund(first, address(token), empty);
        vm.assertEq(vault.outstanding(address(token), SOURCE), 1200);
    }

    /// With lent coins, and a block time two hours ahead of the clock, or the mark of a dropped deposit.
    function test_nothing_is_locked_and_refunded_in_one_block() public {
        uint64 soon = uint64(block.timestamp + 10 minutes);
        vault.lock(address(token), 500, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, soon);
        Deposit memory deposit = _deposited(address(token), 500, 0);
        deposit.expiry = soon;
        bytes memory dropped = _proveNullifier(DepositLib.id(deposit), Nullifier.DROPPED);
        _tooFresh(deposit, dropped, nextHeight - 1, START + HOLD);
        uint64 height = nextHeight;
        bytes memory empty = _emptyInbox(height, uint64(block.timestamp + 2 hours));
        _tooFresh(deposit, empty, height, START + HOLD);
    }

    /// The clock runs from the first time: who stores a root again delays nobody, and hurries nothing.
    function test_a_root_that_is_submitted_again_stands_from_its_first_time() public {
        submit(SOURCE, 10, keccak256("root"), uint64(START));
        vm.assertEq(registry.trustedSince(SOURCE, 10), START);
        vm.warp(START + 1 hours);
        submit(SOURCE, 10, keccak256("root"), uint64(START));
        vm.assertEq(registry.trustedSince(SOURCE, 10), START);
        vm.assertEq(registry.stored(SOURCE, 10).storedAt, START);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.UnknownCheckpoint.selector, SOURCE, 11));
        registry.trustedSince(SOURCE, 11);
    }

    /// Who deploys a vault must not close its way back.
    function test_a_hold_is_a_week_at_most() public {
        uint64 longest = vault.MAX_REFUND_HOLD();
        new Vault(address(manager), outbox, inbox, pauses, registry, longest);
        vm.expectRevert(abi.encodeWithSelector(Vault.RefundHoldTooLong.selector, longest, longest + 1));
        new Vault(address(manager), outbox, inbox, pauses, registry, longest + 1);
    }

    function _tooFresh(Deposit memory deposit, bytes memory proof, uint64 height, uint256 goodFrom) private {
        vm.expectRevert(abi.encodeWithSelector(Vault.RootTooFresh.selector, SOURCE, height, goodFrom, block.timestamp));
        vault.refund(deposit, address(token), proof);
    }

    /// @dev A signed block in which the other inbox has no storage at all.
    function _emptyInbox(uint64 height, uint64 time) private returns (bytes memory) {
        address inbox_ = address(uint160(uint256(REMOTE_INBOX)));
        (bytes memory header, bytes[] memory accountProof) =
            SourceState.header(height, time, inbox_, SourceState.EMPTY_ROOT);
        nextHeight = height + 1;
        submit(SOURCE, height, keccak256(header), time);
        return abi.encode(height, header, accountProof, new bytes[](0));
    }
}
