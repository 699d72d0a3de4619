// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit} from "src/DepositLib.sol";
import {Nullifier} from "src/Nullifier.sol";
import {Bridge} from "./Bridge.sol";

/// @title Deposits made here, and what the other side's state says of them.
abstract contract Refundable is Bridge {
    function _lock(address asset, uint256 amount) internal returns (uint256, bytes32) {
        uint64 expiry = uint64(block.timestamp + 1 days);
        return vault.lock(asset, amount, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, expiry);
    }

    /// @dev The deposit that {_lock} makes.
    function _deposited(address asset, uint256 amount, uint256 nonce) internal view returns (Deposit memory) {
        (bytes32 name,,) = vault.assets(asset);
        return Deposit({
            version: 1,
            sourceChain: keccak256("eip155:31337"),
            sourceBridge: bytes32(uint256(uint160(address(outbox)))),
            sourceKey: bytes32(nonce),
            asset: name,
            amount: amount,
            destinationChain: SOURCE,
            destinationBridge: REMOTE_INBOX,
            recipient: bytes32(uint256(1)),
            sender: bytes32(uint256(uint160(address(this)))),
            lane: 0,
            expiry: uint64(block.timestamp + 1 days)
        });
    }

    function _proveNullifier(bytes32 id, uint256 value) internal returns (bytes memory) {
        return proveSlot(address(uint160(uint256(REMOTE_INBOX))), Nullifier.slot(id), value);
    }
}
