// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit, DepositLib} from "src/DepositLib.sol";
import {Lane} from "src/Lane.sol";
import {Payouts} from "./Payouts.sol";

/// @title What closes the fast lane or opens it again, and losses that are written off.
abstract contract Closings is Payouts {
    /// @dev Whatever is paused, it closes exactly when the payout is owed and its time is over.
    function closeOverdue(uint256 nonce) external {
        nonce = _owedFrom(nonce);
        bool isOverdue = _isOwed(nonce) && block.timestamp > overdueAfter[nonce];
        try guard.closeOverdue(depositOf(nonce)) {
            if (!isOverdue || guard.fastClosedAt(SOURCE) == 0) ++closedWrongly;
        } catch {
            if (isOverdue) ++closedWrongly;
        }
    }

    /// @dev Seldom, so that what waits meets a closed lane.
    function reopen(uint256 chance) external {
        if (chance % 8 != 0) return;
        try guard.reopenFast(SOURCE) {} catch {}
    }

    /// @dev The source proves another deposit under the key of this one.
    function contradict(uint256 nonce) external {
        nonce = _owedFrom(nonce);
        Deposit memory paid = depositOf(nonce);
        Deposit memory real = depositOf(nonce);
        real.amount += 1;
        bool waits = inbox.releaseAt(DepositLib.id(paid)) != 0;
        bool isPaidFast = inbox.nullifiers(DepositLib.id(paid)) == Lane.FAST;
        try inbox.contradict(paid, real, Lane.ETHEREUM, prove(real)) {
            if (waits) dropped[nonce] = true;
            if (!isPaidFast || guard.fastClosedAt(SOURCE) == 0) ++closedWrongly;
        } catch {
            if (isPaidFast) ++closedWrongly;
        }
    }

    /// @dev The lane closes while a large payment of it waits, and its time comes.
    function closeWhileWaiting(uint256 seed) external {
        (uint256 large, uint256 small) = (8 + seed % 4 + 12 * (seed / 4 % 2), seed % 7 + 12 * (seed / 4 % 2));
        _claim(Lane.FAST, large, attest(depositOf(large)));
        _claim(Lane.FAST, small, attest(depositOf(small)));
        this.contradict(small);
        vm.warp(block.timestamp + 2 hours);
        _executeDelayed(large);
    }

    function writeOff(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        try guard.writeOff(depositOf(nonce)) {
            writtenOff[nonce] = true;
        } catch {}
    }
}
