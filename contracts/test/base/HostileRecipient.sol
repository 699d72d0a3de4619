// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Inbox} from "src/Inbox.sol";

/// @title A recipient of native coin that does its worst, or at least a lot.
contract HostileRecipient {
    enum Manner {
        Accept,
        Refuse,
        BurnGas,
        ReturnBomb,
        RevertBomb,
        Reenter,
        Work
    }

    /// @dev Bytes of return data that fit into the gas it gets.
    uint256 private constant BOMB = 200_000;

    Inbox private immutable _inbox;
    Manner private _manner;
    bytes private _call;
    bool public wasRefused;
    uint256[2] private _written;

    constructor(Inbox inbox_) {
        _inbox = inbox_;
    }

    function arm(Manner manner, bytes calldata call_) external {
        _manner = manner;
        _call = call_;
    }

    receive() external payable {
        Manner manner = _manner;
        require(manner != Manner.Refuse, "refused");
        while (manner == Manner.BurnGas) {}
        if (manner == Manner.ReturnBomb || manner == Manner.RevertBomb) _bomb(manner == Manner.RevertBomb);
        if (manner == Manner.Reenter) {
            (bool success,) = address(_inbox).call(_call);
            require(!success, "paid twice");
            wasRefused = true;
        }
        if (manner == Manner.Work) _written = [block.timestamp, msg.value];
    }

    function _bomb(bool reverts) private pure {
        assembly ("memory-safe") {
            if reverts { revert(0, BOMB) }
            return(0, BOMB)
        }
    }
}
