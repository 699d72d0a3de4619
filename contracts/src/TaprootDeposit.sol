// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The Taproot output that a Bitcoin deposit pays to, recomputed from what it must commit to.
/// @notice Internal key: the vault's. Script tree (BIP 341, leaf version 0xc0): `OP_RETURN <commitment>` and
/// `<delay> OP_CSV OP_DROP <refund key> OP_CHECKSIG`. Output key Q = P + tG with t the tagged hash of P and the tree.
library TaprootDeposit {
    /// @notice Least and most blocks (BIP 68) after which the refund key may spend; both are pushed as two bytes.
    uint16 internal constant MIN_REFUND_DELAY = 1008;
    uint16 internal constant MAX_REFUND_DELAY = 32767;

    /// @dev Order and field of secp256k1.
    uint256 private constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    uint256 private constant FIELD = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;
    /// @dev sha256 of "TapLeaf", "TapBranch", "TapTweak" (BIP 340 tagged hashes).
    bytes32 private constant LEAF_TAG = 0xaeea8fdc4208983105734b58081d1e2638d35f1cb54008d4d357ca03be78e9ee;
    bytes32 private constant BRANCH_TAG = 0x1941a1f2e56eb95fa2a9f194be5c01f7216f33ed82b091463490d05bf516a015;
    bytes32 private constant TWEAK_TAG = 0xe80fe1639c9ca050e3af1b39c143c63e429cbceb15d940fbb5c5a1f4af57c5e9;

    error RefundDelayOutOfRange(uint16 minimum, uint16 maximum, uint16 found);
    error NotOnCurve(bytes32 key);
    error ScalarOutOfRange(bytes32 scalar);
    error OutputKeyMismatch(bytes32 outputKey);

    /// @notice Root of the script tree.
    function merkleRoot(bytes32 commitment, bytes32 refundKey, uint16 refundDelay) internal pure returns (bytes32) {
        bool isInRange = refundDelay >= MIN_REFUND_DELAY && refundDelay <= MAX_REFUND_DELAY;
        require(isInRange, RefundDelayOutOfRange(MIN_REFUND_DELAY, MAX_REFUND_DELAY, refundDelay));
        bytes2 delay = bytes2((refundDelay << 8) | (refundDelay >> 8));
        bytes32 carrier = _tagged(LEAF_TAG, abi.encodePacked(hex"c0226a20", commitment));
        bytes32 refund = _tagged(LEAF_TAG, abi.encodePacked(hex"c02702", delay, hex"b27520", refundKey, hex"ac"));
        return carrier < refund
            ? _tagged(BRANCH_TAG, abi.encodePacked(carrier, refund))
            : _tagged(BRANCH_TAG, abi.encodePacked(refund, carrier));
    }

    /// @notice Reverts unless `outputKey` is lift_x(internalKey) + tG for the tree `root`.
    /// @dev ecrecover(h, v, r, s) hashes r⁻¹(sR − hG) with R the point of x = r and the parity of v. With r = s = Q.x
    /// and h = t·Q.x it yields Q − tG, which must be P. P is fixed and Q is what the prover chose, in this direction a
    /// wrong Q needs a preimage of one 160-bit hash; the other way round (from P to Q) a collision would do.
    /// @param isOdd Parity of Q's y; a wrong one is refused like a wrong key.
    function requireTweaked(bytes32 internalKey, bytes32 root, bytes32 outputKey, bool isOdd) internal view {
        uint256 t = uint256(_tagged(TWEAK_TAG, abi.encodePacked(internalKey, root)));
        uint256 x = uint256(outputKey);
        require(t < N, ScalarOutOfRange(bytes32(t)));
        require(x != 0 && x < N, ScalarOutOfRange(outputKey));
        address untweaked = ecrecover(bytes32(mulmod(t, x, N)), isOdd ? 28 : 27, outputKey, outputKey);
        uint256 y = _liftX(uint256(internalKey));
        address expected = address(uint160(uint256(keccak256(abi.encode(internalKey, y)))));
        require(untweaked == expected, OutputKeyMismatch(outputKey));
    }

    /// @dev BIP 340 lift_x: the even y of the point with this x.
    function _liftX(uint256 x) private view returns (uint256 y) {
        require(x < FIELD, NotOnCurve(bytes32(x)));
        uint256 square = addmod(mulmod(mulmod(x, x, FIELD), x, FIELD), 7, FIELD);
        y = Math.modExp(square, (FIELD + 1) / 4, FIELD);
        require(mulmod(y, y, FIELD) == square, NotOnCurve(bytes32(x)));
        if (y & 1 == 1) y = FIELD - y;
    }

    function _tagged(bytes32 tag, bytes memory message) private pure returns (bytes32) {
        return sha256(abi.encodePacked(tag, tag, message));
    }
}
