// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchProof} from "src/BatchProof.sol";
import {Deposit, DepositLib} from "src/DepositLib.sol";
import {FastLane} from "src/FastLane.sol";
import {CheckpointRegistry} from "src/CheckpointRegistry.sol";
import {Bridge} from "./base/Bridge.sol";
import {Vectors} from "./base/Vectors.sol";

/// @title Rust and Solidity agree on ids, digests and trees.
contract VectorsTest is Bridge {
    function test_deposit_ids_are_those_of_rust() public view {
        string memory json = vm.readFile("test/vectors/deposit_ids.json");
        for (uint256 i = 0; i < 3; ++i) {
            string memory key = string.concat(".deposits[", vm.toString(i), "]");
            Deposit memory deposit = Vectors.deposit(json, key);
            vm.assertEq(DepositLib.id(deposit), vm.parseJsonBytes32(json, string.concat(key, ".id")));
        }
    }

    function testFuzz_every_field_changes_the_id(uint256 field, uint256 seed) public view {
        Deposit memory deposit = sample(1);
        bytes memory words = abi.encode(deposit);
        field = bound(field, 0, 11);
        bytes32 changed = keccak256(abi.encode(seed));
        uint256 bits = field == 0 || field == 10 ? 8 : (field == 11 ? 64 : 256);
        changed = bytes32(uint256(changed) >> (256 - bits));
        assembly ("memory-safe") {
            mstore(add(add(words, 0x20), mul(field, 0x20)), changed)
        }
        bool isSame = keccak256(words) == keccak256(abi.encode(deposit));
        vm.assertEq(DepositLib.id(abi.decode(words, (Deposit))) == DepositLib.id(deposit), isSame);
    }

    function test_digests_are_those_of_rust() public view {
        string memory json = vm.readFile("test/vectors/digests.json");
        address contract_ = address(uint160(uint256(bytes32(bytes20(vm.parseJsonBytes(json, ".contract")))) >> 96));
        bytes32 six = bytes32(0x0606060606060606060606060606060606060606060606060606060606060606);
        bytes32 checkpoint = keccak256(abi.encode(registry.CHECKPOINT_TYPEHASH(), SOURCE, 5, six, 7, 9, 8));
        vm.assertEq(
            typed("Spandrel CheckpointRegistry", contract_, checkpoint), vm.parseJsonBytes32(json, ".checkpoint")
        );
        bytes32 batch = keccak256(abi.encode(fastLane.BATCH_TYPEHASH(), six, 5, 8, 9));
        vm.assertEq(typed("Spandrel FastLane", contract_, batch), vm.parseJsonBytes32(json, ".batch"));
        address[] memory set = new address[](3);
        set[0] = address(bytes20(hex"0101010101010101010101010101010101010101"));
        set[1] = address(bytes20(hex"0202020202020202020202020202020202020202"));
        set[2] = address(bytes20(hex"0303030303030303030303030303030303030303"));
        bytes32 list = keccak256(abi.encodePacked(set));
        bytes32 rotation = keccak256(abi.encode(fastLane.ROTATION_TYPEHASH(), list, 2, 8, 9));
        vm.assertEq(typed("Spandrel FastLane", contract_, rotation), vm.parseJsonBytes32(json, ".rotation"));
    }

    function test_batch_trees_of_rust_verify() public view {
        string memory json = vm.readFile("test/vectors/digests.json");
        for (uint256 count = 1; count <= 11; ++count) {
            string memory key = string.concat(".trees[", vm.toString(count - 1), "]");
            bytes32 root = vm.parseJsonBytes32(json, string.concat(key, ".root"));
            bytes32 id = vm.parseJsonBytes32(json, string.concat(key, ".lastId"));
            bytes32[] memory path = count == 1
                ? new bytes32[](0)
                : vm.parseJsonBytes32Array(json, string.concat(key, ".lastPath"));
            this.verify(root, count, count - 1, id, path);
        }
    }

    function verify(bytes32 root, uint256 count, uint256 index, bytes32 id, bytes32[] calldata path) external pure {
        BatchProof.verify(root, count, index, id, path);
    }
}
