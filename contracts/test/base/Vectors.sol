// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit} from "src/DepositLib.sol";
import {Vm} from "./Vm.sol";

/// @title Reads what the Rust vocabulary wrote to `test/vectors`.
library Vectors {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function deposit(string memory json, string memory key) internal pure returns (Deposit memory d) {
        d.version = uint8(_number(json, key, ".version"));
        d.sourceChain = _word(json, key, ".sourceChain");
        d.sourceBridge = _word(json, key, ".sourceBridge");
        d.sourceKey = _word(json, key, ".sourceKey");
        d.asset = _word(json, key, ".asset");
        d.amount = uint256(_word(json, key, ".amount"));
        d.destinationChain = _word(json, key, ".destinationChain");
        d.destinationBridge = _word(json, key, ".destinationBridge");
        d.recipient = _word(json, key, ".recipient");
        d.sender = _word(json, key, ".sender");
        d.lane = uint8(_number(json, key, ".lane"));
        d.expiry = uint64(_number(json, key, ".expiry"));
    }

    function _word(string memory json, string memory key, string memory field) private pure returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(key, field));
    }

    function _number(string memory json, string memory key, string memory field) private pure returns (uint256) {
        return vm.parseJsonUint(json, string.concat(key, field));
    }
}
