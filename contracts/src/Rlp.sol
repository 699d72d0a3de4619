// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Strict reading of RLP (Yellow Paper, appendix B) in place, without decoding what is not asked for.
/// @notice Every item has one encoding: lengths are minimal, a byte below 0x80 stands for itself, integers have no
/// leading zero, nothing reaches past the end.
library Rlp {
    error RlpTruncated(uint256 needed, uint256 length);
    error RlpNotMinimal(uint256 offset);
    error RlpNotAString(uint256 offset);
    error RlpNotAList(uint256 offset);
    error RlpNotAWord(uint256 length);
    error RlpTrailingBytes(uint256 end, uint256 length);

    /// @notice The item at `offset`: where its payload starts and ends, and whether it is a list.
    function item(bytes memory data, uint256 offset)
        internal
        pure
        returns (uint256 payload, uint256 end, bool isList)
    {
        uint256 prefix = _byteAt(data, offset);
        uint256 length;
        unchecked {
            if (prefix < 0x80) return (offset, offset + 1, false);
            isList = prefix >= 0xc0;
            length = prefix - (isList ? 0xc0 : 0x80);
            payload = offset + 1;
            if (length > 55) {
                uint256 size = length - 55;
                length = _bigEndian(data, payload, size);
                // A minimal length of this size: no leading zero, and more than a short form could say.
                require(length > 55 && length >> (8 * (size - 1)) != 0, RlpNotMinimal(offset));
                payload += size;
            }
            end = payload + length;
            require(end <= data.length, RlpTruncated(end, data.length));
            bool isWrapped = prefix == 0x81 && _byteAt(data, payload) < 0x80;
            require(!isWrapped, RlpNotMinimal(offset));
        }
    }

    /// @notice Start of the first item of a list that is all of `data`.
    function enter(bytes memory data) internal pure returns (uint256 first) {
        uint256 end;
        bool isList;
        (first, end, isList) = item(data, 0);
        require(isList, RlpNotAList(0));
        require(end == data.length, RlpTrailingBytes(end, data.length));
    }

    /// @notice End of the item at `offset`, which is where the next one starts.
    function skip(bytes memory data, uint256 offset) internal pure returns (uint256 end) {
        (, end,) = item(data, offset);
    }

    /// @notice The 32-byte string at `offset`.
    function word(bytes memory data, uint256 offset) internal pure returns (bytes32 value, uint256 end) {
        uint256 payload;
        (payload, end) = _string(data, offset);
        require(end - payload == 32, RlpNotAWord(end - payload));
        value = bytes32(_load(data, payload));
    }

    /// @notice The integer at `offset`.
    function integer(bytes memory data, uint256 offset) internal pure returns (uint256 value, uint256 end) {
        uint256 payload;
        (payload, end) = _string(data, offset);
        uint256 length = end - payload;
        require(length <= 32, RlpNotAWord(length));
        if (length == 0) return (0, end);
        value = _bigEndian(data, payload, length);
        require(value >> (8 * (length - 1)) != 0, RlpNotMinimal(offset));
    }

    function _string(bytes memory data, uint256 offset) private pure returns (uint256 payload, uint256 end) {
        bool isList;
        (payload, end, isList) = item(data, offset);
        require(!isList, RlpNotAString(offset));
    }

    function _byteAt(bytes memory data, uint256 offset) private pure returns (uint256) {
        require(offset < data.length, RlpTruncated(offset + 1, data.length));
        return _load(data, offset) >> 248;
    }

    /// @dev `size` bytes, 1 to 32.
    function _bigEndian(bytes memory data, uint256 offset, uint256 size) private pure returns (uint256) {
        require(offset + size <= data.length, RlpTruncated(offset + size, data.length));
        return _load(data, offset) >> (256 - 8 * size);
    }

    function _load(bytes memory data, uint256 offset) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(add(data, 0x20), offset))
        }
    }
}
