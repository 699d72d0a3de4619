// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit} from "src/DepositLib.sol";
import {Inbox} from "src/Inbox.sol";
import {Lane} from "src/Lane.sol";
import {HostileRecipient} from "../HostileRecipient.sol";
import {Books} from "./Books.sol";

/// @title What anyone may have paid, here and back to the source chain. Every claim that is possible is tried again.
abstract contract Payouts is Books {
    function lock(uint256 amount, bool native) external {
        amount = bound(amount, 10, 500);
        address asset = native ? address(0) : address(token);
        uint64 expiry = uint64(block.timestamp + 1 days);
        bool isStopped = _isOutboundPaused();
        try vault.lock{value: native ? amount : 0}(
            asset, amount, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, expiry
        ) {
            locked[asset] += amount;
            if (isStopped) ++lockedWhilePaused;
        } catch {}
    }

    /// @dev The recipient of a minted payout sends some of it back: it is burnt.
    function sendBack(uint256 nonce, uint256 amount) external {
        nonce = bound(nonce, 0, DEPOSITS / 3 - 1) * 3;
        address holder = recipientOf(nonce);
        uint256 held = wrapped.balanceOf(holder);
        if (held < 10) return;
        amount = bound(amount, 10, held);
        uint64 expiry = uint64(block.timestamp + 1 days);
        bool isStopped = _isOutboundPaused();
        vm.startPrank(holder);
        wrapped.approve(address(vault), amount);
        try vault.lock(address(wrapped), amount, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, expiry) {
            burned[nonce] += amount;
            if (isStopped) ++lockedWhilePaused;
        } catch {}
        vm.stopPrank();
    }

    function claimFast(uint256 nonce) external compared(nonce) {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        _claim(Lane.FAST, nonce, attest(depositOf(nonce)));
    }

    function claimProven(uint256 nonce) external compared(nonce) {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        _claim(Lane.ETHEREUM, nonce, prove(depositOf(nonce)));
    }

    function claimBatch(uint256 first, uint256 second, bool fast)
        external
        compared(first)
        compared(second)
    {
        first = bound(first, 0, DEPOSITS - 1);
        second = bound(second, 0, DEPOSITS - 1);
        Inbox.ClaimItem[] memory items = new Inbox.ClaimItem[](2);
        items[0] = Inbox.ClaimItem(Lane.ETHEREUM, depositOf(first), prove(depositOf(first)));
        Deposit memory other = depositOf(second);
        items[1] = fast
            ? Inbox.ClaimItem(Lane.FAST, other, attest(other))
            : Inbox.ClaimItem(Lane.ETHEREUM, other, prove(other));
        bool[2] memory wereOpen = [_isOpen(Lane.ETHEREUM, first), _isOpen(items[1].lane, second)];
        bool[2] memory wereNew = [!_isClaimed(first), second != first && !_isClaimed(second)];
        try inbox.claimEach(items) returns (bytes[] memory failures) {
            // What was claimed before is passed over; paying it again would show in what its recipient holds. A second
            // claim of the first deposit is passed over too, unless the first failed.
            if (wereNew[0] && failures[0].length == 0) _booked(Lane.ETHEREUM, first, wereOpen[0]);
            else if (second == first && _isClaimed(first) && wereNew[0]) _booked(items[1].lane, first, wereOpen[1]);
            if (wereNew[1] && failures[1].length == 0) _booked(items[1].lane, second, wereOpen[1]);
        } catch {}
    }

    function settle(uint256 nonce) external {
        _settle(_owedFrom(nonce));
    }

    function _settle(uint256 nonce) internal compared(nonce) {
        try inbox.settle(depositOf(nonce), Lane.ETHEREUM, prove(depositOf(nonce))) {
            proven[nonce] = true;
        } catch {}
    }

    function executeDelayed(uint256 nonce) external {
        _executeDelayed(_waitingFrom(nonce));
    }

    function _executeDelayed(uint256 nonce) internal compared(nonce) {
        bool wasOpen = _isOpen(bookedBy[nonce], nonce);
        try inbox.executeDelayed(depositOf(nonce)) {
            if (!wasOpen) ++paidWhilePaused;
        } catch {}
    }

    function dropDelayed(uint256 nonce) external compared(nonce) {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        try inbox.dropDelayed(depositOf(nonce)) {
            dropped[nonce] = true;
        } catch {}
    }

    function _claim(uint8 lane, uint256 nonce, bytes memory proof) internal {
        bool wasOpen = _isOpen(lane, nonce);
        try inbox.claim(lane, depositOf(nonce), proof) {
            _booked(lane, nonce, wasOpen);
        } catch {}
    }

    function behave(bool refuses) external {
        moody.arm(refuses ? HostileRecipient.Manner.Refuse : HostileRecipient.Manner.Accept, "");
    }

    function wait_(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 5 hours));
    }
}
