// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Deposit, DepositLib} from "src/DepositLib.sol";
import {Inbox} from "src/Inbox.sol";
import {Lane} from "src/Lane.sol";
import {Nullifier} from "src/Nullifier.sol";
import {Vault} from "src/Vault.sol";
import {FeeToken, FickleToken, RebasingToken, ReentrantToken, SilentToken} from "./base/HostileTokens.sol";
import {Refundable} from "./base/Refundable.sol";

/// @title Tokens that do not behave, on every way out of the vault: payouts and refunds.
contract VaultTokensTest is Refundable {
    bytes32 private constant BACK = keccak256("eip155:1/erc20:0x03");

    function test_a_token_that_takes_a_fee_pays_what_was_deposited_and_no_more() public {
        FeeToken fee = new FeeToken();
        _admit(address(fee));
        fee.mint(address(this), 1e6);
        fee.approve(address(vault), type(uint256).max);
        _lock(address(fee), 1000);
        _lock(address(fee), 1000);
        vm.assertEq(vault.outstanding(address(fee), SOURCE), 1800);
        _claim(_returning(1, 900));
        vm.assertEq(fee.balanceOf(ALICE), 810);
        vm.assertEq(fee.balanceOf(address(vault)), 900);
        vm.assertEq(vault.outstanding(address(fee), SOURCE), 900);
        Deposit memory more = _returning(2, 901);
        bytes memory proof = prove(more);
        vm.expectPartialRevert(Vault.OverOutstanding.selector);
        inbox.claim(Lane.ETHEREUM, more, proof);
    }

    function test_a_token_that_returns_nothing_goes_out_comes_back_and_is_refunded() public {
        SilentToken silent = new SilentToken();
        _admit(address(silent));
        silent.mint(address(this), 1e6);
        silent.approve(address(vault), type(uint256).max);
        _lock(address(silent), 1000);
        _claim(_returning(1, 400));
        vm.assertEq(silent.balanceOf(ALICE), 400);
        (Deposit memory deposit, bytes memory proof) = _refundable(address(silent), 500);
        uint256 before = silent.balanceOf(address(this));
        vault.refund(deposit, address(silent), proof);
        vm.assertEq(silent.balanceOf(address(this)) - before, 500);
        vm.assertEq(silent.balanceOf(address(vault)), vault.outstanding(address(silent), SOURCE));
    }

    /// A payment that the token refuses is not booked as paid, on no way out.
    function test_a_token_that_returns_false_pays_and_refunds_nothing() public {
        FickleToken fickle = new FickleToken();
        _admit(address(fickle));
        fickle.mint(address(this), 1e6);
        fickle.approve(address(vault), type(uint256).max);
        _lock(address(fickle), 1000);
        (Deposit memory deposit, bytes memory refundProof) = _refundable(address(fickle), 500);
        Deposit memory back = _returning(1, 400);
        bytes memory proof = prove(back);
        fickle.refuse(true);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(fickle)));
        inbox.claim(Lane.ETHEREUM, back, proof);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(fickle)));
        vault.refund(deposit, address(fickle), refundProof);
        vm.assertEq(inbox.nullifiers(DepositLib.id(back)), 0);
        vm.assertFalse(vault.refunded(DepositLib.id(deposit)));
        vm.assertEq(vault.outstanding(address(fickle), SOURCE), 1500);
        fickle.refuse(false);
        inbox.claim(Lane.ETHEREUM, back, proof);
        vault.refund(deposit, address(fickle), refundProof);
        vm.assertEq(vault.outstanding(address(fickle), SOURCE), 600);
    }

    /// What a token gives the vault belongs to nobody; what it takes, the last to come back cannot be paid. Neither moves
    /// the ledger, and a payment is whole or not at all.
    function test_a_rebasing_token_moves_no_ledger() public {
        RebasingToken rebasing = new RebasingToken();
        _admit(address(rebasing));
        rebasing.mint(address(this), 1e6);
        rebasing.approve(address(vault), type(uint256).max);
        _lock(address(rebasing), 1000);
        rebasing.mint(address(vault), 5000);
        Deposit memory more = _returning(1, 1001);
        bytes memory proof = prove(more);
        vm.expectPartialRevert(Vault.OverOutstanding.selector);
        inbox.claim(Lane.ETHEREUM, more, proof);
        rebasing.shrink(address(vault), 5300);
        Deposit memory whole = _returning(2, 1000);
        proof = prove(whole);
        vm.expectRevert();
        inbox.claim(Lane.ETHEREUM, whole, proof);
        vm.assertEq(vault.outstanding(address(rebasing), SOURCE), 1000);
        _claim(_returning(3, 700));
        vm.assertEq(rebasing.balanceOf(ALICE), 700);
        vm.assertEq(rebasing.balanceOf(address(vault)), 0);
    }

    /// Every way into the bridge, from a token while it is paid out.
    function test_a_token_cannot_reenter_while_it_is_paid_out() public {
        ReentrantToken token_ = new ReentrantToken();
        _admit(address(token_));
        token_.mint(address(this), 1e6);
        token_.approve(address(vault), type(uint256).max);
        _lock(address(token_), 1000);
        (Deposit memory deposit, bytes memory refundProof) = _refundable(address(token_), 500);
        for (uint256 i = 0; i < 5; ++i) {
            Deposit memory back = _returning(i, 100);
            bytes memory proof = prove(back);
            bytes memory fast = attest(back);
            Inbox.ClaimItem[] memory items = new Inbox.ClaimItem[](1);
            items[0] = Inbox.ClaimItem(Lane.FAST, back, fast);
            bytes[5] memory calls = [
                abi.encodeCall(inbox.claim, (Lane.FAST, back, fast)),
                abi.encodeCall(inbox.claimBatch, (items)),
                abi.encodeCall(inbox.executeDelayed, (back)),
                abi.encodeCall(vault.refund, (deposit, address(token_), refundProof)),
                abi.encodeCall(
                    vault.lock, (address(token_), 100, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, uint64(0))
                )
            ];
            token_.arm(i < 3 ? address(inbox) : address(vault), calls[i]);
            inbox.claim(Lane.ETHEREUM, back, proof);
            bytes4 outcome = bytes4(token_.outcome());
            vm.assertEq(outcome, ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
            vm.assertEq(token_.balanceOf(ALICE), 100 * (i + 1));
        }
        vm.assertFalse(vault.refunded(DepositLib.id(deposit)));
    }

    /// While it is deposited, nothing can leave: else the balance before and after would measure something else.
    function test_a_token_cannot_take_a_payout_or_a_refund_while_it_is_deposited() public {
        ReentrantToken token_ = new ReentrantToken();
        _admit(address(token_));
        token_.mint(address(this), 1e6);
        token_.approve(address(vault), type(uint256).max);
        _lock(address(token_), 1000);
        (Deposit memory deposit, bytes memory refundProof) = _refundable(address(token_), 500);
        Deposit memory back = _returning(1, 400);
        bytes memory proof = prove(back);
        token_.arm(address(inbox), abi.encodeCall(inbox.claim, (Lane.ETHEREUM, back, proof)));
        _lock(address(token_), 100);
        vm.assertEq(bytes4(token_.outcome()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        token_.arm(address(vault), abi.encodeCall(vault.refund, (deposit, address(token_), refundProof)));
        _lock(address(token_), 100);
        vm.assertEq(bytes4(token_.outcome()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        vm.assertEq(vault.outstanding(address(token_), SOURCE), token_.balanceOf(address(vault)));
        vm.assertEq(vault.outstanding(address(token_), SOURCE), 1700);
    }

    function test_a_refund_cannot_be_taken_twice_by_reentering() public {
        ReentrantToken token_ = new ReentrantToken();
        _admit(address(token_));
        token_.mint(address(this), 1e6);
        token_.approve(address(vault), type(uint256).max);
        (Deposit memory deposit, bytes memory proof) = _refundable(address(token_), 500);
        token_.arm(address(vault), abi.encodeCall(vault.refund, (deposit, address(token_), proof)));
        uint256 before = token_.balanceOf(address(this));
        vault.refund(deposit, address(token_), proof);
        vm.assertEq(token_.balanceOf(address(this)) - before, 500);
        vm.assertEq(bytes4(token_.outcome()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        vm.assertEq(token_.balanceOf(address(vault)), 0);
    }

    function _admit(address asset) private {
        vault.registerAsset(asset, Vault.Kind.Locked, 1);
        inbox.setPayout(SOURCE, BACK, Inbox.Kind.Release, asset);
        guard.raise(Lane.FAST, BACK, SOURCE, openLimits());
        guard.raise(Lane.ETHEREUM, BACK, SOURCE, openLimits());
    }

    /// @dev A deposit that the other side dropped, and what proves that.
    function _refundable(address asset, uint256 amount) private returns (Deposit memory deposit, bytes memory proof) {
        (uint256 nonce,) = _lock(asset, amount);
        deposit = _deposited(asset, amount, nonce);
        proof = _proveNullifier(DepositLib.id(deposit), Nullifier.DROPPED);
    }

    function _returning(uint256 nonce, uint256 amount) private view returns (Deposit memory deposit) {
        deposit = sample(nonce);
        deposit.asset = BACK;
        deposit.amount = amount;
    }

    function _claim(Deposit memory deposit) private {
        inbox.claim(Lane.ETHEREUM, deposit, prove(deposit));
    }
}
