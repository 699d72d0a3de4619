// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Strict reading of a Bitcoin transaction without witness data.
/// @notice Every byte is accounted for: minimal counts, no witness marker, nothing after the lock time. A transaction
/// of exactly 64 bytes is refused, because it could be an inner node of the Merkle tree (BIP 54).
library BitcoinTransaction {
    error TransactionOf64Bytes();
    error TransactionTruncated(uint256 needed, uint256 length);
    error TransactionHasTrailingBytes(uint256 parsed, uint256 length);
    error CountNotMinimal(uint256 value);
    error NoInputs();
    error OutputIndexOutOfRange(uint256 index, uint256 outputs);
    error NotACoinbase();
    error CoinbaseAsDeposit();
    error NotTaproot(uint256 scriptLength);

    /// @notice Double SHA-256 of the bytes: the txid in wire order.
    function txid(bytes memory raw) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(sha256(raw)));
    }

    /// @notice Value in satoshis and x-only output key of output `index`, which must be pay-to-Taproot
    /// (`OP_1 <32 bytes>`, BIP 341). A coinbase's is refused: it cannot be spent for 100 blocks, and goes with its block.
    function taprootOutput(bytes memory raw, uint256 index) internal pure returns (uint64 value, bytes32 outputKey) {
        (uint256 inputs, uint256 cursor) = _start(raw);
        require(!_isCoinbase(raw, inputs, cursor), CoinbaseAsDeposit());
        for (uint256 i = 0; i < inputs; ++i) cursor = _skipInput(raw, cursor);
        uint256 outputs;
        (outputs, cursor) = _readCount(raw, cursor);
        require(index < outputs, OutputIndexOutOfRange(index, outputs));
        for (uint256 i = 0; i < outputs; ++i) {
            uint256 length;
            uint256 script;
            (length, script) = _readCount(raw, cursor + 8);
            _requireBytes(raw, script + length);
            if (i == index) {
                bool isTaproot = length == 34 && _word(raw, script) >> 240 == 0x5120;
                require(isTaproot, NotTaproot(length));
                value = uint64(_readLittleEndian(raw, cursor, 8));
                outputKey = bytes32(_word(raw, script + 2));
            }
            cursor = script + length;
        }
        _requireEnd(raw, cursor);
    }

    /// @notice Reverts unless `raw` is a coinbase: one input that spends the null outpoint.
    function requireCoinbase(bytes memory raw) internal pure {
        (uint256 inputs, uint256 cursor) = _start(raw);
        require(_isCoinbase(raw, inputs, cursor), NotACoinbase());
        cursor = _skipInput(raw, cursor);
        uint256 outputs;
        (outputs, cursor) = _readCount(raw, cursor);
        for (uint256 i = 0; i < outputs; ++i) {
            uint256 length;
            (length, cursor) = _readCount(raw, cursor + 8);
            cursor += length;
        }
        _requireEnd(raw, cursor);
    }

    /// @dev Version and input count. A count of zero is where the witness marker would be.
    function _start(bytes memory raw) private pure returns (uint256 inputs, uint256 cursor) {
        require(raw.length != 64, TransactionOf64Bytes());
        (inputs, cursor) = _readCount(raw, 4);
        require(inputs != 0, NoInputs());
    }

    /// @dev Whether the only input, at `cursor`, spends the null outpoint.
    function _isCoinbase(bytes memory raw, uint256 inputs, uint256 cursor) private pure returns (bool) {
        _requireBytes(raw, cursor + 36);
        return inputs == 1 && _word(raw, cursor) == 0 && _word(raw, cursor + 32) >> 224 == type(uint32).max;
    }

    function _skipInput(bytes memory raw, uint256 cursor) private pure returns (uint256) {
        (uint256 length, uint256 script) = _readCount(raw, cursor + 36);
        return script + length + 4;
    }

    function _requireEnd(bytes memory raw, uint256 cursor) private pure {
        cursor += 4;
        _requireBytes(raw, cursor);
        require(cursor == raw.length, TransactionHasTrailingBytes(cursor, raw.length));
    }

    /// @dev CompactSize, in its shortest form only.
    function _readCount(bytes memory raw, uint256 cursor) private pure returns (uint256 value, uint256 next) {
        _requireBytes(raw, cursor + 1);
        uint256 first = uint8(raw[cursor]);
        if (first < 0xfd) return (first, cursor + 1);
        uint256 size = 2 << (first - 0xfd);
        value = _readLittleEndian(raw, cursor + 1, size);
        uint256 minimum = first == 0xfd ? 0xfd : (first == 0xfe ? 0x1_0000 : 0x1_0000_0000);
        require(value >= minimum, CountNotMinimal(value));
        return (value, cursor + 1 + size);
    }

    function _readLittleEndian(bytes memory raw, uint256 cursor, uint256 size) private pure returns (uint256 value) {
        _requireBytes(raw, cursor + size);
        for (uint256 i = 0; i < size; ++i) value |= uint256(uint8(raw[cursor + i])) << (8 * i);
    }

    function _requireBytes(bytes memory raw, uint256 needed) private pure {
        require(needed <= raw.length, TransactionTruncated(needed, raw.length));
    }

    /// @dev The 32 bytes at `at`; bytes past the end read as whatever follows, callers check the length.
    function _word(bytes memory raw, uint256 cursor) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(raw, 0x20), cursor))
        }
    }
}
