// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Deposit, DepositLib} from "src/DepositLib.sol";
import {EthereumStorageVerifier} from "src/EthereumStorageVerifier.sol";
import {ILaneVerifier} from "src/ILaneVerifier.sol";
import {Inbox} from "src/Inbox.sol";
import {Lane} from "src/Lane.sol";
import {Nullifier} from "src/Nullifier.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Bridge} from "./base/Bridge.sol";

contract InboxTest is Bridge {
    function test_a_proven_deposit_is_paid() public {
        Deposit memory deposit = sample(0);
        bytes memory proof = prove(deposit);
        vm.expectEmit();
        emit Inbox.Claimed(DepositLib.id(deposit), Lane.ETHEREUM, ALICE, 1000);
        inbox.claim(Lane.ETHEREUM, deposit, proof);
        vm.assertEq(balance(ALICE), 1000);
        vm.assertEq(wrapped.supplyOf(SOURCE), 1000);
    }

    function test_an_attested_deposit_is_paid_and_owed() public {
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        vm.assertEq(balance(ALICE), 1000);
        vm.assertEq(guard.exposureOf(COIN, SOURCE), 1000);
    }

    function test_the_nullifier_is_at_the_slot_that_refunds_prove() public {
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        bytes32 word = vm.load(address(inbox), Nullifier.slot(DepositLib.id(deposit)));
        vm.assertEq(word, bytes32(uint256(Lane.ETHEREUM)));
    }

    function test_one_nullifier_covers_every_lane() public {
        Deposit memory deposit = sample(0);
        bytes memory fast = attest(deposit);
        bytes memory slow = prove(deposit);
        inbox.claim(Lane.FAST, deposit, fast);
        bytes memory already = abi.encodeWithSelector(Inbox.AlreadyClaimed.selector, DepositLib.id(deposit));
        vm.expectRevert(already);
        inbox.claim(Lane.ETHEREUM, deposit, slow);
        vm.expectRevert(already);
        inbox.claim(Lane.FAST, deposit, fast);
    }

    function test_what_is_wrong_with_a_deposit_is_said() public {
        Deposit memory deposit = sample(0);
        deposit.version = 2;
        _refused(deposit, Lane.ETHEREUM, abi.encodeWithSelector(Inbox.WrongVersion.selector, 1, 2));
        deposit = sample(0);
        deposit.destinationChain = keccak256("eip155:2");
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.WrongDestinationChain.selector);
        deposit = sample(0);
        deposit.destinationBridge = bytes32(uint256(1));
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.WrongDestinationBridge.selector);
        deposit = sample(0);
        deposit.expiry = uint64(block.timestamp - 1);
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.DepositExpired.selector);
        deposit = sample(0);
        deposit.sourceBridge = bytes32(uint256(7));
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.WrongSourceBridge.selector);
        deposit = sample(0);
        deposit.sourceChain = keccak256("eip155:5");
        deposit.sourceBridge = 0;
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.WrongSourceBridge.selector);
        deposit = sample(0);
        deposit.asset = SATOSHIS;
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.UnknownAsset.selector);
        deposit = sample(0);
        deposit.amount = 0;
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.ZeroAmount.selector);
        deposit = sample(0);
        deposit.recipient = 0;
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.BadRecipient.selector);
        deposit.recipient = bytes32(type(uint256).max);
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.BadRecipient.selector);
        _refusedPartly(sample(0), 9, Inbox.LaneIsClosed.selector);
    }

    function test_a_deposit_that_asks_for_proof_is_not_paid_fast() public {
        Deposit memory deposit = sample(0);
        deposit.lane = DepositLib.LIGHT_CLIENT_ONLY;
        bytes memory proof = attest(deposit);
        vm.expectRevert(abi.encodeWithSelector(Inbox.LaneNotAllowed.selector, Lane.FAST, 2));
        inbox.claim(Lane.FAST, deposit, proof);
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        vm.assertEq(balance(ALICE), 1000);
        deposit.lane = 3;
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.LaneNotAllowed.selector);
    }

    function test_a_deposit_is_payable_up_to_the_second_of_its_expiry() public {
        Deposit memory deposit = sample(0);
        deposit.expiry = uint64(block.timestamp);
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        vm.assertEq(balance(ALICE), 1000);
    }

    function test_a_chain_split_pays_only_on_its_own_side() public {
        Deposit memory deposit = sample(0);
        vm.chainId(31338);
        _refusedPartly(deposit, Lane.ETHEREUM, Inbox.WrongDestinationChain.selector);
        deposit.destinationChain = keccak256("eip155:31338");
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
        vm.assertEq(balance(ALICE), 1000);
    }

    /// Invariant 4: no field can differ between what is proven and what is paid.
    function testFuzz_a_proof_is_for_one_deposit_only(uint256 field, bytes32 change) public {
        vm.assume(change != 0);
        Deposit memory proven = sample(0);
        bytes memory proof = prove(proven);
        Deposit memory claimed = sample(0);
        field = bound(field, 0, 3);
        if (field == 0) claimed.amount = uint256(keccak256(abi.encode(change)));
        if (field == 1) claimed.recipient = bytes32(uint256(uint160(uint256(keccak256(abi.encode(change))))));
        if (field == 2) claimed.sender ^= change;
        if (field == 3) claimed.expiry += uint64(bound(uint256(change), 1, 1 days));
        vm.expectPartialRevert(EthereumStorageVerifier.DepositMismatch.selector);
        inbox.claim(Lane.ETHEREUM, claimed, proof);
    }

    function test_a_settled_payout_is_no_longer_owed() public {
        Deposit memory deposit = sample(0);
        inbox.claim(Lane.FAST, deposit, attest(deposit));
        bytes memory proof = prove(deposit);
        inbox.settle(deposit, Lane.ETHEREUM, proof);
        vm.assertEq(guard.exposureOf(COIN, SOURCE), 0);
        vm.expectRevert(abi.encodeWithSelector(RiskGuard.NothingOwed.selector, DepositLib.id(deposit)));
        inbox.settle(deposit, Lane.ETHEREUM, proof);
        vm.assertEq(balance(ALICE), 1000);
    }

    function test_settling_needs_a_fast_payout_and_a_proof() public {
        Deposit memory deposit = sample(0);
        bytes memory proof = prove(deposit);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotPaidFast.selector, DepositLib.id(deposit)));
        inbox.settle(deposit, Lane.ETHEREUM, proof);
        bytes memory fast = attest(deposit);
        inbox.claim(Lane.FAST, deposit, fast);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotLightClient.selector, Lane.FAST));
        inbox.settle(deposit, Lane.FAST, fast);
        bytes memory other = prove(sample(1));
        vm.expectPartialRevert(EthereumStorageVerifier.DepositMismatch.selector);
        inbox.settle(deposit, Lane.ETHEREUM, other);
    }

    function test_a_contradicting_proof_closes_the_fast_lane() public {
        Deposit memory paid = sample(0);
        inbox.claim(Lane.FAST, paid, attest(paid));
        Deposit memory real = sample(0);
        real.amount = 1;
        inbox.contradict(paid, real, Lane.ETHEREUM, prove(real));
        Deposit memory next = sample(1);
        bytes memory fast = attest(next);
        vm.expectPartialRevert(RiskGuard.FastLaneIsClosed.selector);
        inbox.claim(Lane.FAST, next, fast);
        inbox.claim(Lane.ETHEREUM, next, prove(next));
    }

    function test_only_the_same_source_key_contradicts() public {
        Deposit memory paid = sample(0);
        inbox.claim(Lane.FAST, paid, attest(paid));
        bytes memory proof = prove(paid);
        vm.expectPartialRevert(Inbox.NotContradicting.selector);
        inbox.contradict(paid, paid, Lane.ETHEREUM, proof);
        Deposit memory other = sample(1);
        proof = prove(other);
        vm.expectPartialRevert(Inbox.NotContradicting.selector);
        inbox.contradict(paid, other, Lane.ETHEREUM, proof);
        vm.expectPartialRevert(Inbox.NotPaidFast.selector);
        inbox.contradict(other, paid, Lane.ETHEREUM, proof);
        other = sample(0);
        other.sourceBridge = bytes32(uint256(0xbad));
        vm.expectPartialRevert(Inbox.NotContradicting.selector);
        inbox.contradict(paid, other, Lane.ETHEREUM, proof);
        other = sample(0);
        other.sourceChain = BITCOIN;
        vm.expectPartialRevert(Inbox.NotContradicting.selector);
        inbox.contradict(paid, other, Lane.ETHEREUM, proof);
    }

    function test_a_lane_number_cannot_be_taken_for_nothing_or_for_dropped() public {
        vm.expectRevert(abi.encodeWithSelector(Inbox.LaneIsClosed.selector, 0));
        inbox.setVerifier(0, ILaneVerifier(address(fastLane)));
        vm.expectRevert(abi.encodeWithSelector(Inbox.LaneIsClosed.selector, 255));
        inbox.setVerifier(255, ILaneVerifier(address(fastLane)));
    }

    function test_strangers_change_nothing() public {
        vm.startPrank(address(0xbad));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        inbox.setVerifier(Lane.FAST, ILaneVerifier(address(0)));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        inbox.setBridge(SOURCE, 0);
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        inbox.setPayout(SOURCE, COIN, Inbox.Kind.None, address(0));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        inbox.dropDelayed(sample(0));
        vm.expectRevert(abi.encodeWithSelector(Inbox.OnlyVault.selector, address(0xbad)));
        inbox.burnWrapped(address(wrapped), ALICE, 1, SOURCE);
        vm.expectRevert(abi.encodeWithSelector(Inbox.OnlyVault.selector, address(0xbad)));
        inbox.restoreWrapped(address(wrapped), ALICE, 1, SOURCE);
        vm.stopPrank();
    }

    function _refused(Deposit memory deposit, uint8 lane, bytes memory reason) private {
        bytes memory proof = prove(deposit);
        vm.expectRevert(reason);
        inbox.claim(lane, deposit, proof);
    }

    function _refusedPartly(Deposit memory deposit, uint8 lane, bytes4 selector) private {
        bytes memory proof = prove(deposit);
        vm.expectPartialRevert(selector);
        inbox.claim(lane, deposit, proof);
    }
}
