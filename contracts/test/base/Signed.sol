// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DeployedBridge, Statement} from "src/PauseStatement.sol";

/// @title What guardians sign, computed from the types' texts and not by the contracts' code.
library Signed {
    string internal constant PAUSE =
        "Pause(string scope,uint64 seconds,string reason,address guardian,uint64 nonce,uint64 expiry)";
    string internal constant FREEZE = "Freeze(string scope,string reason,address guardian,uint64 nonce,uint64 expiry)";
    string internal constant RESUME = "Resume(string scope,string reason,address guardian,uint64 nonce,uint64 expiry)";

    function pauseDigest(Statement memory said, uint64 ttl, DeployedBridge[] memory bridges)
        internal
        pure
        returns (bytes32)
    {
        return digest(PAUSE, said, ttl, bridges);
    }

    /// @dev `ttl` is a field of pauses only.
    function digest(string memory kind, Statement memory said, uint64 ttl, DeployedBridge[] memory bridges)
        internal
        pure
        returns (bytes32)
    {
        bytes memory deployment = "spandrel deployment";
        for (uint256 i = 0; i < bridges.length; ++i) {
            deployment = abi.encodePacked(deployment, bridges[i].chain, bridges[i].inbox);
        }
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,bytes32 salt)"),
                keccak256("Spandrel Control"),
                keccak256("1"),
                keccak256(deployment)
            )
        );
        bytes memory words = abi.encodePacked(keccak256(bytes(kind)), keccak256(bytes(said.scope)));
        if (keccak256(bytes(kind)) == keccak256(bytes(PAUSE))) words = bytes.concat(words, bytes32(uint256(ttl)));
        words = bytes.concat(words, keccak256(bytes(said.reason)), abi.encode(said.guardian, said.nonce, said.expiry));
        return keccak256(abi.encodePacked(hex"1901", domain, keccak256(words)));
    }
}
