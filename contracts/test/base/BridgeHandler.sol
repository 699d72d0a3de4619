// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit, DepositLib} from "src/DepositLib.sol";
import {Inbox} from "src/Inbox.sol";
import {Lane} from "src/Lane.sol";
import {PauseScope} from "src/PauseController.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Bridge} from "./Bridge.sol";

/// @title What anyone may do to a bridge, in any order, and what must have happened then.
/// @dev Twelve deposits exist on the source chain; four of each payout. Every claim that is possible is tried again.
contract BridgeHandler is Bridge {
    uint256 public constant DEPOSITS = 12;
    uint128 public constant WINDOW = 1200;
    uint128 public constant EXPOSURE = 600;

    struct Booking {
        uint256 time;
        uint256 amount;
        uint8 lane;
        bytes32 asset;
    }

    mapping(uint256 nonce => uint8 lane) public bookedBy;
    mapping(uint256 nonce => bool) public proven;
    mapping(uint256 nonce => bool) public dropped;
    Booking[] public bookings;
    uint256 public paidWhilePaused;
    uint256 public paidTwice;

    function setUp() public override {
        super.setUp();
        vm.deal(address(this), 1e24);
        token.mint(address(this), 1e12);
        token.approve(address(vault), type(uint256).max);
        RiskGuard.Limits memory limits = RiskGuard.Limits(400, WINDOW, EXPOSURE, 300, 2 hours, 3 hours);
        bytes32[3] memory assets = [COIN, RETURNING_TOKEN, RETURNING_NATIVE];
        for (uint256 i = 0; i < 3; ++i) {
            guard.raise(Lane.FAST, assets[i], SOURCE, limits);
            guard.raise(Lane.ETHEREUM, assets[i], SOURCE, limits);
        }
    }

    function depositOf(uint256 nonce) public view returns (Deposit memory deposit) {
        deposit = sample(nonce);
        deposit.amount = 150 + 20 * nonce;
        deposit.asset = [COIN, RETURNING_TOKEN, RETURNING_NATIVE][nonce % 3];
        deposit.recipient = bytes32(uint256(uint160(recipientOf(nonce))));
        deposit.expiry = uint64(START + 365 days);
    }

    function recipientOf(uint256 nonce) public pure returns (address) {
        return address(uint160(0x10000 + nonce));
    }

    function received(uint256 nonce) public view returns (uint256) {
        address to = recipientOf(nonce);
        return wrapped.balanceOf(to) + token.balanceOf(to) + to.balance;
    }

    function lock(uint256 amount, bool native) external {
        amount = bound(amount, 10, 500);
        address asset = native ? address(0) : address(token);
        uint64 expiry = uint64(block.timestamp + 1 days);
        try vault.lock{value: native ? amount : 0}(
            asset, amount, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, expiry
        ) {} catch {}
    }

    function claimFast(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        _claim(Lane.FAST, nonce, attest(depositOf(nonce)));
    }

    function claimProven(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        _claim(Lane.ETHEREUM, nonce, prove(depositOf(nonce)));
    }

    function claimBatch(uint256 first, uint256 second, bool fast) external {
        first = bound(first, 0, DEPOSITS - 1);
        second = bound(second, 0, DEPOSITS - 1);
        Inbox.ClaimItem[] memory items = new Inbox.ClaimItem[](2);
        items[0] = Inbox.ClaimItem(Lane.ETHEREUM, depositOf(first), prove(depositOf(first)));
        Deposit memory other = depositOf(second);
        items[1] = fast
            ? Inbox.ClaimItem(Lane.FAST, other, attest(other))
            : Inbox.ClaimItem(Lane.ETHEREUM, other, prove(other));
        bool wasOpen = !_anyPause();
        bool firstIsNew = !_isClaimed(first);
        bool secondIsNew = second != first && !_isClaimed(second);
        try inbox.claimBatch(items) {
            // What was claimed before is passed over; paying it again would show in what its recipient holds.
            if (firstIsNew) _booked(Lane.ETHEREUM, first, wasOpen);
            if (secondIsNew) _booked(items[1].lane, second, wasOpen);
        } catch {}
    }

    function settle(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        try inbox.settle(depositOf(nonce), Lane.ETHEREUM, prove(depositOf(nonce))) {
            proven[nonce] = true;
        } catch {}
    }

    function executeDelayed(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        bool wasOpen = !_anyPause();
        try inbox.executeDelayed(depositOf(nonce)) {
            if (!wasOpen) ++paidWhilePaused;
        } catch {}
    }

    function dropDelayed(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        try inbox.dropDelayed(depositOf(nonce)) {
            dropped[nonce] = true;
        } catch {}
    }

    function closeOverdue(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        try guard.closeOverdue(depositOf(nonce)) {} catch {}
    }

    function reopen() external {
        try guard.reopenFast(SOURCE) {} catch {}
    }

    function pause(uint256 ttl) external {
        pauses.pause(PauseScope.GLOBAL, uint64(bound(ttl, 1, 2 hours)));
    }

    function wait_(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 5 hours));
    }

    /// @dev Balances of the vault and what it owes, in tokens and in coins.
    function custody() external view returns (uint256, uint256, uint256, uint256) {
        return (
            token.balanceOf(address(vault)),
            vault.outstanding(address(token), SOURCE),
            address(vault).balance,
            vault.outstanding(address(0), SOURCE)
        );
    }

    /// @dev Wrapped supply, what is credited to the source chain, and what was proven or is still owed.
    function supply() external view returns (uint256, uint256, uint256 provenOrOwed) {
        for (uint256 nonce = 0; nonce < DEPOSITS; nonce += 3) {
            if (proven[nonce]) provenOrOwed += depositOf(nonce).amount;
        }
        provenOrOwed += guard.exposureOf(COIN, SOURCE);
        return (wrapped.totalSupply(), wrapped.supplyOf(SOURCE), provenOrOwed);
    }

    /// @dev The most that one lane booked of one asset within 24 hours.
    function busiestDay() external view returns (uint256 most) {
        for (uint256 i = 0; i < bookings.length; ++i) {
            uint256 total = 0;
            for (uint256 j = i; j < bookings.length && bookings[j].time <= bookings[i].time + 24 hours; ++j) {
                bool isSame = bookings[j].lane == bookings[i].lane && bookings[j].asset == bookings[i].asset;
                if (isSame) total += bookings[j].amount;
            }
            if (total > most) most = total;
        }
    }

    /// @dev The booked exposure of each asset, and the sum of its fast payouts that are neither proven nor dropped.
    function exposures() external view returns (uint256[3] memory booked, uint256[3] memory expected) {
        bytes32[3] memory assets = [COIN, RETURNING_TOKEN, RETURNING_NATIVE];
        for (uint256 i = 0; i < 3; ++i) booked[i] = guard.exposureOf(assets[i], SOURCE);
        for (uint256 nonce = 0; nonce < DEPOSITS; ++nonce) {
            bool isOwed = bookedBy[nonce] == Lane.FAST && !proven[nonce] && !dropped[nonce];
            if (isOwed) expected[nonce % 3] += depositOf(nonce).amount;
        }
    }

    function _claim(uint8 lane, uint256 nonce, bytes memory proof) private {
        bool wasOpen = !_anyPause();
        try inbox.claim(lane, depositOf(nonce), proof) {
            _booked(lane, nonce, wasOpen);
        } catch {}
    }

    function _isClaimed(uint256 nonce) private view returns (bool) {
        return inbox.nullifiers(DepositLib.id(depositOf(nonce))) != 0;
    }

    function _booked(uint8 lane, uint256 nonce, bool wasOpen) private {
        if (!wasOpen) ++paidWhilePaused;
        if (bookedBy[nonce] != 0) ++paidTwice;
        bookedBy[nonce] = lane;
        proven[nonce] = lane != Lane.FAST;
        Deposit memory deposit = depositOf(nonce);
        bookings.push(Booking(block.timestamp, deposit.amount, lane, deposit.asset));
    }

    function _anyPause() private view returns (bool) {
        return pauses.isPaused(PauseScope.GLOBAL);
    }
}
