// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignerSets} from "src/SignerSets.sol";
import {Test} from "./base/Vm.sol";

/// @title The sets alone, as any contract could build on them.
contract Sets is SignerSets {
    constructor(address[] memory members) SignerSets(members, 2, 1 hours) {}

    function store(address[] memory members, uint256 threshold, uint64 validFrom) external {
        _storeSet(members, threshold, validFrom, validFrom + retention);
    }

    function cancel() external {
        _cancelPending();
    }

    function isAlive(uint64 epoch) external view returns (bool) {
        try this.requireAlive(epoch) {
            return true;
        } catch {
            return false;
        }
    }

    function requireAlive(uint64 epoch) external view {
        _requireAlive(epoch);
    }
}

contract SignerSetsTest is Test {
    uint64 private constant START = 1_750_000_000;

    Sets private sets;

    function setUp() public {
        vm.warp(START);
        sets = new Sets(_members(3));
    }

    function test_one_change_is_pending_at_a_time() public {
        sets.store(_members(4), 3, START + 100);
        vm.expectRevert(abi.encodeWithSelector(SignerSets.RotationPending.selector, 2, START + 100));
        sets.store(_members(5), 3, START + 100);
        vm.warp(START + 100);
        sets.store(_members(5), 3, START + 200);
    }

    function test_an_epoch_that_was_never_given_out_is_unknown() public {
        vm.expectRevert(abi.encodeWithSelector(SignerSets.UnknownEpoch.selector, 0));
        sets.requireAlive(0);
        vm.expectRevert(abi.encodeWithSelector(SignerSets.UnknownEpoch.selector, 2));
        sets.requireAlive(2);
    }

    /// Invariants 6 and 17 over any order of changes, cancellations and waiting: there is always a set that may sign, every
    /// set that was stored is sound, an epoch is given out once, and what is dead stays dead.
    function testFuzz_sets_over_time(uint16[32] memory draws) public {
        bool[34] memory died;
        for (uint256 i = 0; i < 32; ++i) {
            uint256 draw = draws[i];
            uint64 issued = sets.issuedEpochs();
            if (draw % 4 == 0) vm.warp(block.timestamp + draw);
            if (draw % 4 == 1) try sets.cancel() {} catch {}
            if (draw % 4 > 1) {
                uint256 size = draw % 7;
                uint256 threshold = draw % 5;
                try sets.store(_members(size), threshold, uint64(block.timestamp + draw % 3000)) {
                    vm.assertTrue(threshold >= 2 && threshold <= size && 2 * threshold > size);
                    vm.assertEq(sets.issuedEpochs(), issued + 1);
                } catch {
                    vm.assertEq(sets.issuedEpochs(), issued);
                }
            }
            vm.assertTrue(sets.isAlive(sets.currentEpoch()));
            for (uint64 epoch = 1; epoch <= sets.issuedEpochs(); ++epoch) {
                SignerSets.SignerSet memory set = sets.signerSet(epoch);
                vm.assertTrue(set.threshold >= 2 && 2 * uint256(set.threshold) > set.size);
                bool isAlive = sets.isAlive(epoch);
                vm.assertFalse(died[epoch] && isAlive);
                if (!isAlive && set.validFrom <= block.timestamp) died[epoch] = true;
            }
        }
    }

    function _members(uint256 count) private pure returns (address[] memory list) {
        list = new address[](count);
        for (uint256 i = 0; i < count; ++i) list[i] = address(uint160(0x1000 + i));
    }
}
