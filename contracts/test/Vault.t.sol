// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Deposit, DepositLib} from "src/DepositLib.sol";
import {Inbox} from "src/Inbox.sol";
import {Lane} from "src/Lane.sol";
import {Nullifier} from "src/Nullifier.sol";
import {Outbox} from "src/Outbox.sol";
import {PauseController} from "src/PauseController.sol";
import {PauseScope} from "src/PauseScope.sol";
import {Vault} from "src/Vault.sol";
import {WrappedToken} from "src/WrappedToken.sol";
import {HostileRecipient} from "./base/HostileRecipient.sol";
import {FalseToken, FeeToken, ReentrantToken} from "./base/HostileTokens.sol";
import {Refundable} from "./base/Refundable.sol";
import {TestToken} from "./base/TestToken.sol";

contract VaultTest is Refundable {
    function setUp() public override {
        super.setUp();
        token.mint(address(this), 1e12);
        token.approve(address(vault), type(uint256).max);
        vm.deal(address(this), 1e24);
    }

    receive() external payable {}

    function test_a_lock_appends_the_deposit_at_slot_zero() public {
        vm.recordLogs();
        (uint256 nonce, bytes32 id) = _lock(address(token), 500);
        vm.assertEq(nonce, 0);
        Deposit memory deposit = _deposited(address(token), 500, 0);
        vm.assertEq(id, DepositLib.id(deposit));
        vm.assertEq(vm.load(address(outbox), keccak256(abi.encode(uint256(0), uint256(0)))), id);
        vm.assertEq(vault.outstanding(address(token), SOURCE), 500);
        (nonce,) = _lock(address(token), 600);
        vm.assertEq(nonce, 1);
        vm.assertEq(outbox.count(), 2);
    }

    function test_only_the_vault_appends() public {
        vm.expectRevert(abi.encodeWithSelector(Outbox.OnlyVault.selector, address(this)));
        outbox.append(Outbox.Terms(COIN, 1, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), bytes32(0), 0, 0));
    }

    function test_assets_are_named_by_caip_19() public {
        (bytes32 native,,) = vault.assets(address(0));
        vm.assertEq(native, keccak256("eip155:31337/slip44:60"));
        vault.registerAsset(0xdAC17F958D2ee523a2206206994597C13D831ec7, Vault.Kind.Locked, 1);
        (bytes32 tether,,) = vault.assets(0xdAC17F958D2ee523a2206206994597C13D831ec7);
        vm.assertEq(tether, keccak256("eip155:31337/erc20:0xdac17f958d2ee523a2206206994597c13d831ec7"));
    }

    function test_native_coin_is_locked_by_value() public {
        (, bytes32 id) = vault.lock{value: 700}(
            address(0), 700, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, uint64(block.timestamp + 1 days)
        );
        vm.assertEq(id, outbox.deposits(0));
        vm.assertEq(address(vault).balance, 700);
        vm.expectRevert(abi.encodeWithSelector(Vault.WrongValue.selector, 700, 699));
        vault.lock{value: 699}(
            address(0), 700, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, uint64(block.timestamp + 1 days)
        );
        vm.expectRevert(abi.encodeWithSelector(Vault.WrongValue.selector, 0, 1));
        vault.lock{value: 1}(
            address(token), 700, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, uint64(block.timestamp + 1 days)
        );
    }

    function test_what_arrives_is_what_is_deposited() public {
        FeeToken fee = new FeeToken();
        _admit(fee);
        (, bytes32 id) = _lock(address(fee), 1000);
        vm.assertEq(id, DepositLib.id(_deposited(address(fee), 900, 0)));
        vm.assertEq(vault.outstanding(address(fee), SOURCE), 900);
        vm.assertEq(fee.balanceOf(address(vault)), 900);
    }

    function test_a_token_that_returns_false_deposits_nothing() public {
        FalseToken liar = new FalseToken();
        _admit(liar);
        vm.expectPartialRevert(SafeERC20.SafeERC20FailedOperation.selector);
        this.lockFor(address(liar), 1000);
        vm.assertEq(outbox.count(), 0);
    }

    function test_a_token_cannot_reenter_a_lock() public {
        ReentrantToken reentrant = new ReentrantToken();
        _admit(reentrant);
        uint64 expiry = uint64(block.timestamp + 1 days);
        bytes memory again = abi.encodeCall(
            vault.lock, (address(reentrant), 100, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, expiry)
        );
        reentrant.arm(address(vault), again);
        _lock(address(reentrant), 1000);
        bytes4 outcome = bytes4(reentrant.outcome());
        vm.assertEq(outcome, ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        vm.assertEq(outbox.count(), 1);
        vm.assertEq(vault.outstanding(address(reentrant), SOURCE), 1000);
    }

    function test_what_is_wrong_with_a_lock_is_said() public {
        uint64 expiry = uint64(block.timestamp + 1 days);
        bytes32 to = bytes32(uint256(1));
        vm.expectRevert(abi.encodeWithSelector(Vault.UnknownAsset.selector, address(1)));
        vault.lock(address(1), 500, SOURCE, REMOTE_INBOX, to, 0, expiry);
        vm.expectPartialRevert(Vault.RouteNotEnabled.selector);
        vault.lock(address(token), 500, BITCOIN, REMOTE_INBOX, to, 0, expiry);
        vm.expectPartialRevert(Vault.RouteNotEnabled.selector);
        vault.lock(address(token), 500, BITCOIN, 0, to, 0, expiry);
        vm.expectPartialRevert(Vault.RouteNotEnabled.selector);
        vault.lock(address(token), 500, SOURCE, to, to, 0, expiry);
        vm.expectPartialRevert(Vault.BadRecipient.selector);
        vault.lock(address(token), 500, SOURCE, REMOTE_INBOX, 0, 0, expiry);
        vm.expectRevert(abi.encodeWithSelector(Vault.BadLane.selector, 3));
        vault.lock(address(token), 500, SOURCE, REMOTE_INBOX, to, 3, expiry);
        vm.expectPartialRevert(Vault.ExpiryOutOfRange.selector);
        vault.lock(address(token), 500, SOURCE, REMOTE_INBOX, to, 0, uint64(block.timestamp + 9 minutes));
        vm.expectPartialRevert(Vault.ExpiryOutOfRange.selector);
        vault.lock(address(token), 500, SOURCE, REMOTE_INBOX, to, 0, uint64(block.timestamp + 31 days));
        vm.expectRevert(abi.encodeWithSelector(Vault.Dust.selector, 10, 9));
        vault.lock(address(token), 9, SOURCE, REMOTE_INBOX, to, 0, expiry);
        vm.expectRevert(abi.encodeWithSelector(Vault.Dust.selector, 10, 0));
        vault.lock(address(token), 0, SOURCE, REMOTE_INBOX, to, 0, expiry);
    }

    function test_a_kind_never_changes() public {
        vm.expectPartialRevert(Vault.KindIsFixed.selector);
        vault.registerAsset(address(token), Vault.Kind.Wrapped, 10);
        vm.expectPartialRevert(Vault.KindIsFixed.selector);
        vault.registerAsset(address(7), Vault.Kind.None, 10);
    }

    function test_nobody_but_the_inbox_releases() public {
        _lock(address(token), 500);
        vm.expectRevert(abi.encodeWithSelector(Vault.OnlyInbox.selector, address(this)));
        vault.release(address(token), SOURCE, address(this), 1);
    }

    /// Invariant: release <= outstanding for that source chain, whatever else the vault holds (Kelp 2026).
    function test_a_chain_cannot_take_more_than_was_sent_to_it() public {
        _lock(address(token), 500);
        token.mint(address(vault), 1e9);
        Deposit memory back = _returning(RETURNING_TOKEN, 501, ALICE);
        bytes memory proof = prove(back);
        vm.expectRevert(abi.encodeWithSelector(Vault.OverOutstanding.selector, address(token), SOURCE, 500, 501));
        inbox.claim(Lane.ETHEREUM, back, proof);
        back = _returning(RETURNING_TOKEN, 500, ALICE);
        inbox.claim(Lane.ETHEREUM, back, prove(back));
        vm.assertEq(token.balanceOf(ALICE), 500);
        vm.assertEq(vault.outstanding(address(token), SOURCE), 0);
    }

    function test_a_recipient_cannot_claim_again_while_it_is_paid() public {
        vault.lock{value: 2000}(
            address(0), 2000, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, uint64(block.timestamp + 1 days)
        );
        HostileRecipient recipient = new HostileRecipient(inbox);
        Deposit memory back = _returning(RETURNING_NATIVE, 1000, address(recipient));
        bytes memory proof = prove(back);
        bytes memory fast = attest(back);
        recipient.arm(HostileRecipient.Manner.Reenter, abi.encodeCall(inbox.claim, (Lane.FAST, back, fast)));
        inbox.claim(Lane.ETHEREUM, back, proof);
        vm.assertEq(address(recipient).balance, 1000);
        vm.assertEq(address(vault).balance, 1000);
    }

    function test_wrapped_tokens_are_burnt_on_the_way_out_and_only_to_where_they_came_from() public {
        Deposit memory there = sample(0);
        there.recipient = bytes32(uint256(uint160(address(this))));
        inbox.claim(Lane.ETHEREUM, there, prove(there));
        bytes32 other = keccak256("eip155:10");
        vault.setRoute(other, REMOTE_INBOX);
        vm.expectRevert(abi.encodeWithSelector(WrappedToken.OverCredit.selector, other, 0, 400));
        vault.lock(
            address(wrapped), 400, other, REMOTE_INBOX, bytes32(uint256(1)), 0, uint64(block.timestamp + 1 days)
        );
        _lock(address(wrapped), 400);
        vm.assertEq(wrapped.totalSupply(), 600);
        vm.assertEq(wrapped.supplyOf(SOURCE), 600);
    }

    function test_only_the_inbox_mints_and_burns() public {
        vm.expectRevert(abi.encodeWithSelector(WrappedToken.OnlyInbox.selector, address(this)));
        wrapped.mint(address(this), 1, SOURCE);
        vm.expectRevert(abi.encodeWithSelector(WrappedToken.OnlyInbox.selector, address(this)));
        wrapped.burn(address(this), 1, SOURCE);
    }

    /// Invariant 7, its second half: the refund path is open whatever is paused.
    function test_a_dropped_deposit_is_refunded_while_everything_is_paused() public {
        _lock(address(token), 500);
        Deposit memory deposit = _deposited(address(token), 500, 0);
        pauses.pause(PauseScope.GLOBAL, 5 days);
        bytes memory proof = _proveNullifier(DepositLib.id(deposit), Nullifier.DROPPED);
        uint256 before = token.balanceOf(address(this));
        vault.refund(deposit, address(token), proof);
        vm.assertEq(token.balanceOf(address(this)) - before, 500);
        vm.assertEq(vault.outstanding(address(token), SOURCE), 0);
        vm.expectRevert(abi.encodeWithSelector(Vault.AlreadyRefunded.selector, DepositLib.id(deposit)));
        vault.refund(deposit, address(token), proof);
    }

    function test_a_refunded_wrapped_deposit_is_minted_again() public {
        Deposit memory there = sample(0);
        there.recipient = bytes32(uint256(uint160(address(this))));
        inbox.claim(Lane.ETHEREUM, there, prove(there));
        _lock(address(wrapped), 400);
        Deposit memory deposit = _deposited(address(wrapped), 400, 0);
        bytes memory proof = _proveNullifier(DepositLib.id(deposit), Nullifier.DROPPED);
        vault.refund(deposit, address(wrapped), proof);
        vm.assertEq(wrapped.balanceOf(address(this)), 1000);
        vm.assertEq(wrapped.supplyOf(SOURCE), 1000);
    }

    function test_a_paid_deposit_is_not_refunded() public {
        _lock(address(token), 500);
        Deposit memory deposit = _deposited(address(token), 500, 0);
        bytes32 id = DepositLib.id(deposit);
        for (uint8 lane = 1; lane <= 3; ++lane) {
            bytes memory proof = _proveNullifier(id, lane);
            vm.expectRevert(abi.encodeWithSelector(Vault.WasPaid.selector, id, lane));
            vault.refund(deposit, address(token), proof);
        }
    }

    function test_an_unpaid_deposit_is_refunded_only_by_a_block_later_than_its_expiry() public {
        _lock(address(token), 500);
        Deposit memory deposit = _deposited(address(token), 500, 0);
        vm.warp(deposit.expiry);
        bytes memory early = _proveNullifier(keccak256("another deposit"), 1);
        vm.warp(deposit.expiry + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(Vault.NotExpired.selector, deposit.expiry, deposit.expiry));
        vault.refund(deposit, address(token), early);
        uint256 before = token.balanceOf(address(this));
        vault.refund(deposit, address(token), _proveNullifier(keccak256("another deposit"), 1));
        vm.assertEq(token.balanceOf(address(this)) - before, 500);
    }

    function test_only_a_deposit_of_this_outbox_is_refunded() public {
        _lock(address(token), 500);
        Deposit memory deposit = _deposited(address(token), 500, 0);
        bytes memory proof = _proveNullifier(DepositLib.id(deposit), Nullifier.DROPPED);
        vm.expectPartialRevert(Vault.NotADeposit.selector);
        vault.refund(deposit, address(0), proof);
        deposit.amount = 501;
        vm.expectPartialRevert(Vault.NotADeposit.selector);
        vault.refund(deposit, address(token), proof);
        deposit.amount = 500;
        deposit.sourceBridge = SOURCE_BRIDGE;
        vm.expectPartialRevert(Vault.NotADeposit.selector);
        vault.refund(deposit, address(token), proof);
    }

    function lockFor(address asset, uint256 amount) external {
        _lock(asset, amount);
    }

    function _admit(TestToken asset) private {
        vault.registerAsset(address(asset), Vault.Kind.Locked, 1);
        asset.mint(address(this), 1e9);
        asset.approve(address(vault), type(uint256).max);
    }

    function _returning(bytes32 asset, uint256 amount, address to) private view returns (Deposit memory deposit) {
        deposit = sample(1);
        deposit.asset = asset;
        deposit.amount = amount;
        deposit.recipient = bytes32(uint256(uint160(to)));
    }
}
