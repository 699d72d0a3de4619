// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CAIP2} from "@openzeppelin/contracts/utils/CAIP2.sol";

/// @title How this chain is named: keccak256 of its CAIP-2 string.
/// @notice Follows `block.chainid`, so that a deposit for one side of a chain split is never paid on the other.
abstract contract LocalChain {
    uint256 private immutable _deployedChainId = block.chainid;
    bytes32 private immutable _deployedChain = keccak256(bytes(CAIP2.local()));

    /// @notice keccak256("eip155:<chain id>").
    function localChain() public view returns (bytes32) {
        return block.chainid == _deployedChainId ? _deployedChain : keccak256(bytes(CAIP2.local()));
    }
}
