// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BitcoinProof} from "src/BitcoinInclusionVerifier.sol";
import {Deposit} from "src/DepositLib.sol";
import {Bridge} from "./Bridge.sol";
import {Vectors} from "./Vectors.sol";

/// @title A deposit on Bitcoin that the Rust vocabulary made, with its proof, under a checkpoint.
abstract contract BitcoinClaim is Bridge {
    Deposit internal deposit;
    bytes internal encoded;

    function setUp() public override {
        super.setUp();
        _load(0);
    }

    function _load(uint256 index) internal {
        string memory json = vm.readFile("test/vectors/bitcoin_claims.json");
        string memory key = string.concat(".claims[", vm.toString(index), "]");
        deposit = Vectors.deposit(json, string.concat(key, ".deposit"));
        encoded = vm.parseJsonBytes(json, string.concat(key, ".proof"));
        _submit(json, key);
    }

    function _submit(string memory json, string memory key) internal {
        bytes32 root = vm.parseJsonBytes32(json, string.concat(key, ".root"));
        submit(BITCOIN, 210, root, uint64(vm.parseJsonUint(json, string.concat(key, ".time"))));
    }

    function _proof() internal view returns (BitcoinProof memory) {
        return abi.decode(encoded, (BitcoinProof));
    }

    function _slice(bytes memory from, uint256 start, uint256 end) internal pure returns (bytes memory part) {
        part = new bytes(end - start);
        for (uint256 i = start; i < end; ++i) part[i - start] = from[i];
    }
}
