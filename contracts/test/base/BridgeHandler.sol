// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Nullifier} from "src/Nullifier.sol";
import {Closings} from "./handler/Closings.sol";
import {Rules} from "./handler/Rules.sol";

/// @title What anyone may do to a bridge, in any order, and what must have happened then.
contract BridgeHandler is Closings, Rules {
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
            if (proven[nonce] || writtenOff[nonce]) provenOrOwed += amountOf(nonce);
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
        for (uint256 i = 0; i < 3; ++i) booked[i] = guard.exposureOf(_asset(i), SOURCE);
        for (uint256 nonce = 0; nonce < DEPOSITS; ++nonce) {
            if (_isOwed(nonce)) expected[nonce % 3] += amountOf(nonce);
        }
    }

    /// @dev What was locked, and what is still there of it by the vault's books or was paid out: tokens, then coins.
    function released() external view returns (uint256[2] memory ins, uint256[2] memory outs) {
        ins = [locked[address(token)], locked[address(0)]];
        outs = [vault.outstanding(address(token), SOURCE), vault.outstanding(address(0), SOURCE)];
        for (uint256 nonce = 0; nonce < DEPOSITS; ++nonce) {
            if (nonce % 3 != 0) outs[nonce % 3 - 1] += received(nonce);
        }
    }

    /// @dev What recipients of minted payouts sent back.
    function burnedInAll() external view returns (uint256 total) {
        for (uint256 nonce = 0; nonce < DEPOSITS; nonce += 3) total += burned[nonce];
    }

    /// @dev Nullifiers that are not what was done to their deposits.
    function oddNullifiers() external view returns (uint256 odd) {
        for (uint256 nonce = 0; nonce < DEPOSITS; ++nonce) {
            uint8 expected = dropped[nonce] ? Nullifier.DROPPED : bookedBy[nonce];
            if (inbox.nullifiers(ids[nonce]) != expected) ++odd;
        }
    }
}
