// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit, DepositLib} from "src/DepositLib.sol";
import {EthereumStorageVerifier} from "src/EthereumStorageVerifier.sol";
import {ILaneVerifier} from "src/ILaneVerifier.sol";
import {Inbox} from "src/Inbox.sol";
import {Lane} from "src/Lane.sol";
import {NativeTransfer} from "src/NativeTransfer.sol";
import {Nullifier} from "src/Nullifier.sol";
import {PauseScope} from "src/PauseScope.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Bridge} from "./base/Bridge.sol";
import {HostileRecipient} from "./base/HostileRecipient.sol";
import {Vm} from "./base/Vm.sol";

/// @title Accepts everything, for some three million gas.
contract HeavyVerifier is ILaneVerifier {
    function verify(Deposit calldata, bytes calldata) external pure returns (uint64, uint64) {
        bytes32 hash;
        for (uint256 i = 0; i < 10_000; ++i) hash = keccak256(abi.encode(hash, i));
        require(hash != 0);
        return (0, 0);
    }

    function requireStanding(Deposit calldata, uint64, uint64) external pure {}
}

/// @title A batch has a result per item: no item can do anything to its neighbours.
contract ClaimBatchTest is Bridge {
    uint256 private constant LOCKED = 100_000;
    uint8 private constant HEAVY_LANE = 77;

    function setUp() public override {
        super.setUp();
        vm.deal(address(this), 1e24);
        uint64 expiry = uint64(block.timestamp + 1 days);
        vault.lock{value: LOCKED}(address(0), LOCKED, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, expiry);
    }

    function test_the_same_deposit_twice_in_one_batch_is_paid_once() public {
        Deposit memory deposit = sample(0);
        Inbox.ClaimItem[] memory items = new Inbox.ClaimItem[](2);
        items[0] = Inbox.ClaimItem(Lane.ETHEREUM, deposit, prove(deposit));
        items[1] = Inbox.ClaimItem(Lane.FAST, deposit, attest(deposit));
        inbox.claimEach(items);
        vm.assertEq(balance(ALICE), deposit.amount);
    }

    /// Proofs are public: whoever claims one item first must not stop the others.
    function test_an_item_claimed_by_someone_else_does_not_stop_its_neighbours() public {
        Inbox.ClaimItem[] memory items = _items(2);
        inbox.claim(Lane.ETHEREUM, items[0].deposit, items[0].proof);
        bytes[] memory failures = inbox.claimEach(items);
        vm.assertEq(failures[0].length, 0);
        vm.assertEq(balance(ALICE), 2000);
    }

    function test_a_batch_is_bounded() public {
        vm.expectRevert(abi.encodeWithSelector(Inbox.BatchSizeOutOfRange.selector, 64, 0));
        inbox.claimEach(new Inbox.ClaimItem[](0));
        vm.expectRevert(abi.encodeWithSelector(Inbox.BatchSizeOutOfRange.selector, 64, 65));
        inbox.claimEach(new Inbox.ClaimItem[](65));
        vm.expectRevert(abi.encodeWithSelector(Inbox.BatchSizeOutOfRange.selector, 64, 0));
        inbox.claimBatch(new Inbox.ClaimItem[](0));
        vm.expectRevert(abi.encodeWithSelector(Inbox.BatchSizeOutOfRange.selector, 64, 65));
        inbox.claimBatch(new Inbox.ClaimItem[](65));
    }

    function test_all_or_none_are_claimed_where_that_is_asked_for_and_the_first_failure_is_named() public {
        Inbox.ClaimItem[] memory items = _items(3);
        items[1].deposit.amount += 1;
        bytes32 id = DepositLib.id(items[1].deposit);
        bytes32 stored = DepositLib.id(sample(1));
        bytes memory reason = abi.encodeWithSelector(EthereumStorageVerifier.DepositMismatch.selector, id, stored);
        vm.expectRevert(abi.encodeWithSelector(Inbox.ItemFailed.selector, 1, reason));
        inbox.claimBatch(items);
        vm.assertEq(balance(ALICE), 0);
        items[1].deposit.amount -= 1;
        inbox.claim(Lane.ETHEREUM, items[1].deposit, items[1].proof);
        inbox.claimBatch(items);
        vm.assertEq(balance(ALICE), 3000);
    }

    function test_only_the_inbox_itself_claims_items() public {
        vm.expectRevert(abi.encodeWithSelector(Inbox.OnlySelf.selector, address(this)));
        inbox.claimItem(Inbox.ClaimItem(Lane.FAST, sample(0), ""));
    }

    function test_a_failing_item_is_named_and_undone_and_its_neighbours_are_paid() public {
        Inbox.ClaimItem[] memory items = _items(3);
        items[1].deposit.amount += 1;
        bytes32 id = DepositLib.id(items[1].deposit);
        bytes32 stored = DepositLib.id(sample(1));
        bytes memory reason = abi.encodeWithSelector(EthereumStorageVerifier.DepositMismatch.selector, id, stored);
        vm.expectEmit();
        emit Inbox.ClaimFailed(id, Lane.ETHEREUM, reason);
        bytes[] memory failures = inbox.claimEach(items);
        vm.assertEq(failures[0].length + failures[2].length, 0);
        vm.assertEq(keccak256(failures[1]), keccak256(abi.encodeWithSelector(Inbox.ItemFailed.selector, 1, reason)));
        vm.assertEq(balance(ALICE), 2000);
        vm.assertEq(inbox.nullifiers(id), 0);
        items[1].deposit.amount -= 1;
        inbox.claim(Lane.ETHEREUM, items[1].deposit, items[1].proof);
        vm.assertEq(balance(ALICE), 3000);
    }

    /// What a failed item had booked on the way is given back: window, exposure, debt and nullifier.
    function test_a_failed_item_uses_up_no_limit() public {
        HostileRecipient hostile = new HostileRecipient(inbox);
        hostile.arm(HostileRecipient.Manner.Refuse, "");
        RiskGuard.Limits memory limits = openLimits();
        limits.perWindow = 1000;
        limits.exposureCap = 1000;
        guard.raise(Lane.FAST, RETURNING_NATIVE, SOURCE, limits);
        Inbox.ClaimItem[] memory items = new Inbox.ClaimItem[](2);
        items[0] = _native(0, address(hostile), Lane.FAST);
        items[1] = _native(1, ALICE, Lane.FAST);
        inbox.claimEach(items);
        vm.assertEq(ALICE.balance, 1000);
        (uint128 owed,) = guard.debts(DepositLib.id(items[0].deposit));
        vm.assertEq(owed, 0);
        vm.assertEq(guard.exposureOf(RETURNING_NATIVE, SOURCE), 1000);
        vm.assertEq(vault.outstanding(address(0), SOURCE), LOCKED - 1000);
    }

    /// The recipients of native coin are strangers' code: whatever they do, their neighbours are paid, they are not, and
    /// what they cost is bounded.
    function test_no_recipient_can_stop_or_burden_its_neighbours() public {
        HostileRecipient.Manner[4] memory manners = [
            HostileRecipient.Manner.Refuse,
            HostileRecipient.Manner.BurnGas,
            HostileRecipient.Manner.ReturnBomb,
            HostileRecipient.Manner.RevertBomb
        ];
        for (uint256 i = 0; i < manners.length; ++i) {
            uint256 before = ALICE.balance;
            HostileRecipient hostile = new HostileRecipient(inbox);
            hostile.arm(manners[i], "");
            Inbox.ClaimItem[] memory items = new Inbox.ClaimItem[](3);
            items[0] = _native(10 * i, ALICE, Lane.ETHEREUM);
            items[1] = _native(10 * i + 1, address(hostile), Lane.ETHEREUM);
            items[2] = _native(10 * i + 2, ALICE, Lane.ETHEREUM);
            uint256 gas = gasleft();
            bytes[] memory failures = inbox.claimEach(items);
            vm.assertLe(gas - gasleft(), 1_000_000);
            vm.assertEq(ALICE.balance - before, 2000);
            bool isPaid = address(hostile).balance == 1000;
            vm.assertEq(isPaid, failures[1].length == 0);
            vm.assertEq(isPaid, manners[i] == HostileRecipient.Manner.ReturnBomb);
            if (isPaid) continue;
            bytes memory reason =
                abi.encodeWithSelector(NativeTransfer.NativeTransferFailed.selector, address(hostile), 1000);
            bytes memory failure = abi.encodeWithSelector(Inbox.ItemFailed.selector, 1, reason);
            vm.assertEq(keccak256(failures[1]), keccak256(failure));
            vm.assertEq(inbox.nullifiers(DepositLib.id(items[1].deposit)), 0);
        }
    }

    /// Every way back in, from a recipient that is being paid out of a batch.
    function test_a_recipient_cannot_reenter_from_a_batch() public {
        Inbox.ClaimItem[] memory items = new Inbox.ClaimItem[](1);
        bytes[5] memory calls;
        for (uint256 i = 0; i < 5; ++i) {
            HostileRecipient hostile = new HostileRecipient(inbox);
            items[0] = _native(100 + i, address(hostile), Lane.ETHEREUM);
            bytes memory fast = attest(items[0].deposit);
            Inbox.ClaimItem[] memory again = new Inbox.ClaimItem[](1);
            again[0] = Inbox.ClaimItem(Lane.FAST, items[0].deposit, fast);
            calls[0] = abi.encodeCall(inbox.claim, (Lane.FAST, items[0].deposit, fast));
            calls[1] = abi.encodeCall(inbox.claimBatch, (again));
            calls[2] = abi.encodeCall(inbox.claimItem, (again[0]));
            calls[3] = abi.encodeCall(inbox.executeDelayed, (items[0].deposit));
            calls[4] = abi.encodeCall(inbox.claimEach, (again));
            hostile.arm(HostileRecipient.Manner.Reenter, calls[i]);
            bytes[] memory failures = inbox.claimEach(items);
            vm.assertEq(failures[0].length, 0);
            vm.assertTrue(hostile.wasRefused());
            vm.assertEq(address(hostile).balance, 1000);
        }
    }

    /// The sender of a transaction chooses its gas. It can fail the whole batch, never a good item of it: else whoever
    /// relays could make payments look refused. The heavier an item, the more is left when it runs out: each call keeps
    /// back one 64th.
    function testFuzz_too_little_gas_fails_no_good_item(uint256 gas) public {
        inbox.setVerifier(HEAVY_LANE, new HeavyVerifier());
        guard.raise(HEAVY_LANE, COIN, SOURCE, openLimits());
        Inbox.ClaimItem[] memory items = new Inbox.ClaimItem[](2);
        items[1] = Inbox.ClaimItem(HEAVY_LANE, sample(0), "");
        HostileRecipient wallet = new HostileRecipient(inbox);
        wallet.arm(HostileRecipient.Manner.Work, "");
        items[0] = _native(1, address(wallet), Lane.ETHEREUM);
        gas = bound(gas, 60_000, 4_000_000);
        vm.recordLogs();
        try inbox.claimEach{gas: gas}(items) {
            vm.assertEq(balance(ALICE), 1000);
            vm.assertEq(address(wallet).balance, 1000);
            Vm.Log[] memory logs = vm.getRecordedLogs();
            for (uint256 i = 0; i < logs.length; ++i) {
                vm.assertNotEq(logs[i].topics[0], Inbox.ClaimFailed.selector);
            }
        } catch {
            vm.assertEq(balance(ALICE) + address(wallet).balance, 0);
        }
    }

    function test_a_batch_that_runs_out_of_gas_says_at_which_item() public {
        Inbox.ClaimItem[] memory items = _items(2);
        vm.expectRevert(abi.encodeWithSelector(Inbox.OutOfGas.selector, 0));
        inbox.claimEach{gas: 120_000}(items);
    }

    /// A limit that a stranger used up in between, a pause, an expiry: each stops the items it is about.
    function test_what_changed_since_the_simulation_stops_only_whom_it_is_about() public {
        Inbox.ClaimItem[] memory items = new Inbox.ClaimItem[](4);
        Deposit memory late = sample(1);
        late.expiry = uint64(block.timestamp);
        items[0] = Inbox.ClaimItem(Lane.ETHEREUM, sample(0), prove(sample(0)));
        items[1] = Inbox.ClaimItem(Lane.ETHEREUM, late, prove(late));
        items[2] = Inbox.ClaimItem(Lane.FAST, sample(2), attest(sample(2)));
        items[3] = _native(3, ALICE, Lane.ETHEREUM);
        guard.lower(Lane.ETHEREUM, RETURNING_NATIVE, SOURCE, RiskGuard.Limits(0, 0, 0, 0, 0, 0));
        pauses.pause(PauseScope.lane(Lane.FAST), 1 hours);
        vm.warp(block.timestamp + 1);
        bytes[] memory failures = inbox.claimEach(items);
        vm.assertEq(balance(ALICE), 1000);
        vm.assertEq(failures[0].length, 0);
        for (uint256 i = 1; i < 4; ++i) {
            vm.assertTrue(failures[i].length != 0);
            vm.assertEq(inbox.nullifiers(DepositLib.id(items[i].deposit)), 0);
        }
    }

    function test_a_batch_queues_what_is_delayed_and_pays_the_rest() public {
        RiskGuard.Limits memory limits = openLimits();
        limits.bigFrom = 2000;
        limits.bigDelay = 1 hours;
        guard.raise(Lane.ETHEREUM, COIN, SOURCE, limits);
        Inbox.ClaimItem[] memory items = _items(2);
        items[0].deposit.amount = 2000;
        items[0].proof = prove(items[0].deposit);
        bytes[] memory failures = inbox.claimEach(items);
        vm.assertEq(failures[0].length, 0);
        vm.assertEq(balance(ALICE), 1000);
        vm.assertEq(inbox.releaseAt(DepositLib.id(items[0].deposit)), block.timestamp + 1 hours);
    }

    /// A dropped deposit is passed over like a paid one.
    function test_a_dropped_item_is_passed_over() public {
        RiskGuard.Limits memory limits = openLimits();
        limits.bigFrom = 500;
        limits.bigDelay = 1 hours;
        guard.raise(Lane.ETHEREUM, COIN, SOURCE, limits);
        Inbox.ClaimItem[] memory items = _items(1);
        inbox.claimEach(items);
        inbox.dropDelayed(items[0].deposit);
        bytes[] memory failures = inbox.claimEach(items);
        vm.assertEq(failures[0].length, 0);
        vm.assertEq(inbox.nullifiers(DepositLib.id(items[0].deposit)), Nullifier.DROPPED);
        vm.assertEq(balance(ALICE), 0);
    }

    /// @dev Proven deposits 0 to `count` - 1 for Alice.
    function _items(uint256 count) private returns (Inbox.ClaimItem[] memory items) {
        items = new Inbox.ClaimItem[](count);
        for (uint256 i = 0; i < count; ++i) {
            items[i] = Inbox.ClaimItem(Lane.ETHEREUM, sample(i), prove(sample(i)));
        }
    }

    function _native(uint256 nonce, address to, uint8 lane) private returns (Inbox.ClaimItem memory) {
        Deposit memory deposit = sample(nonce);
        deposit.asset = RETURNING_NATIVE;
        deposit.recipient = bytes32(uint256(uint160(to)));
        return Inbox.ClaimItem(lane, deposit, lane == Lane.FAST ? attest(deposit) : prove(deposit));
    }
}
