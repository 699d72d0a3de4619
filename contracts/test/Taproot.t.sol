// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TaprootDeposit} from "src/TaprootDeposit.sol";
import {Test} from "./base/Vm.sol";

/// @title One output key belongs to one vault and one tree (BIP 341).
contract TaprootTest is Test {
    uint256 private constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    /// BIP 341, wallet test vectors: internal key, Merkle root, output key.
    function test_bip_341_vectors() public view {
        _tweaks(
            0x187791b6f712a8ea41c8ecdd0ee77fab3e85263b37e1ec18a3651926b3a6cf27,
            0x5b75adecf53548f3ec6ad7d78383bf84cc57b55a3127c72b9a2481752dd88b21,
            0x147c9c57132f6e7ecddba9800bb0c4449251c92a1e60371ee77557b6620f3ea3
        );
        _tweaks(
            0x93478e9488f956df2396be2ce6c5cced75f900dfa18e7dabd2428aae78451820,
            0xc525714a7f49c28aedbbba78c005931a81c234b2f6c99a73e4d06082adc8bf2b,
            0xe4d810fd50586274face62b8a807eb9719cef49c04177cc6b76a9a4251d5450e
        );
        _tweaks(
            0xee4fe085983462a184015d1f782d6a5f8b9c2b60130aff050ce221ecf3786592,
            0x6c2dc106ab816b73f9d07e3cd1ef2c8c1256f519748e0813e4edd2405d277bef,
            0x712447206d7a5238acc7ff53fbe94a3b64539ad291c7cdbc490b7577e4b17df5
        );
    }

    function testFuzz_no_other_key_is_the_tweaked_one(bytes32 other) public {
        bytes32 internalKey = 0x187791b6f712a8ea41c8ecdd0ee77fab3e85263b37e1ec18a3651926b3a6cf27;
        bytes32 root = 0x5b75adecf53548f3ec6ad7d78383bf84cc57b55a3127c72b9a2481752dd88b21;
        vm.assume(other != 0x147c9c57132f6e7ecddba9800bb0c4449251c92a1e60371ee77557b6620f3ea3);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert();
            this.tweak(internalKey, root, other, i == 1);
        }
    }

    function test_what_is_no_scalar_is_said() public {
        bytes32 internalKey = 0x187791b6f712a8ea41c8ecdd0ee77fab3e85263b37e1ec18a3651926b3a6cf27;
        bytes32[3] memory keys_ = [bytes32(0), bytes32(N), bytes32(type(uint256).max)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(TaprootDeposit.ScalarOutOfRange.selector, keys_[i]));
            this.tweak(internalKey, bytes32(uint256(1)), keys_[i], false);
        }
    }

    function tweak(bytes32 internalKey, bytes32 root, bytes32 outputKey, bool isOdd) external view {
        TaprootDeposit.requireTweaked(internalKey, root, outputKey, isOdd);
    }

    /// @dev Exactly one parity is right.
    function _tweaks(bytes32 internalKey, bytes32 root, bytes32 outputKey) private view {
        uint256 accepted = 0;
        for (uint256 i = 0; i < 2; ++i) {
            try this.tweak(internalKey, root, outputKey, i == 1) {
                ++accepted;
            } catch {}
        }
        vm.assertEq(accepted, 1);
    }
}
