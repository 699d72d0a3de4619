// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Lane} from "./Lane.sol";
import {PauseScope} from "./PauseScope.sol";

/// @notice What a guardian's pause and freeze have in common, in the order in which they are signed.
struct Statement {
    string scope;
    string reason;
    address guardian;
    uint64 nonce;
    uint64 expiry;
}

/// @notice The bridge of one chain: keccak256 of its CAIP-2 string, and its inbox, left-padded.
struct DeployedBridge {
    bytes32 chain;
    bytes32 inbox;
}

/// @title What guardians sign off-chain, word for word (`risk/src/control`): EIP-712 over a domain whose salt names the
/// bridges of a whole deployment, because one statement is for all its chains.
library PauseStatement {
    bytes32 private constant DOMAIN_TYPEHASH = keccak256("EIP712Domain(string name,string version,bytes32 salt)");
    bytes32 private constant NAME = keccak256("Spandrel Control");
    bytes32 private constant VERSION = keccak256("1");
    bytes32 private constant PAUSE_TYPEHASH =
        keccak256("Pause(string scope,uint64 seconds,string reason,address guardian,uint64 nonce,uint64 expiry)");
    bytes32 private constant FREEZE_TYPEHASH =
        keccak256("Freeze(string scope,string reason,address guardian,uint64 nonce,uint64 expiry)");

    error NotThisDeployment(bytes32 chain, bytes32 inbox);

    /// @notice What is signed for a pause of `ttl` seconds.
    function pauseDigest(Statement calldata said, uint64 ttl, DeployedBridge[] calldata bridges)
        internal
        pure
        returns (bytes32)
    {
        bytes32 scope = keccak256(bytes(said.scope));
        bytes32 reason = keccak256(bytes(said.reason));
        bytes32 structHash =
            keccak256(abi.encode(PAUSE_TYPEHASH, scope, ttl, reason, said.guardian, said.nonce, said.expiry));
        return _digest(structHash, bridges);
    }

    /// @notice What is signed for a freeze.
    function freezeDigest(Statement calldata said, DeployedBridge[] calldata bridges) internal pure returns (bytes32) {
        bytes32 scope = keccak256(bytes(said.scope));
        bytes32 reason = keccak256(bytes(said.reason));
        bytes32 structHash =
            keccak256(abi.encode(FREEZE_TYPEHASH, scope, reason, said.guardian, said.nonce, said.expiry));
        return _digest(structHash, bridges);
    }

    /// @notice Reverts unless the deployment that is signed for has `inbox` on `chain`.
    function requireNamed(bytes32 chain, address inbox, DeployedBridge[] calldata bridges) internal pure {
        bytes32 expected = bytes32(uint256(uint160(inbox)));
        for (uint256 i = 0; i < bridges.length; ++i) {
            if (bridges[i].chain == chain && bridges[i].inbox == expected) return;
        }
        revert NotThisDeployment(chain, expected);
    }

    function _digest(bytes32 structHash, DeployedBridge[] calldata bridges) private pure returns (bytes32) {
        bytes memory words;
        for (uint256 i = 0; i < bridges.length; ++i) {
            words = bytes.concat(words, bridges[i].chain, bridges[i].inbox);
        }
        bytes32 deployment = keccak256(bytes.concat("spandrel deployment", words));
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPEHASH, NAME, VERSION, deployment));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}

/// @title Reads a scope as it is signed. The text alone decides: whoever sends a statement has no say in what it means.
/// @notice A route, or a direction of one chain, is closed at both ends: what it takes here, and what it pays here. Where the
/// contracts have no such scope, the smallest that contain it are meant: they pause whole lanes, no lane of one chain only.
library StatedScope {
    error UnknownScope(string scope);
    /// @notice The scope is a route that neither begins nor ends on this chain.
    error ScopeElsewhere(string scope);

    /// @notice The contracts' scopes of `scope` on the chain `here`.
    function read(string calldata scope, bytes32 here) internal pure returns (bytes32[] memory scopes) {
        bytes calldata text = bytes(scope);
        scopes = new bytes32[](1);
        if (_is(text, "global")) scopes[0] = PauseScope.GLOBAL;
        else if (_begins(text, "chain ")) scopes[0] = PauseScope.chain(_name(scope, text[6:]));
        else if (_begins(text, "asset ")) scopes[0] = PauseScope.asset(_name(scope, text[6:]));
        else if (_begins(text, "route ")) scopes[0] = _route(scope, text[6:], here);
        else if (_begins(text, "deposits on ")) scopes[0] = _deposits(_name(scope, text[12:]), here);
        else if (_begins(text, "payouts on ")) scopes[0] = _payouts(_name(scope, text[11:]), here);
        else if (_begins(text, "fast lane")) _lane(scope, text[9:], scopes, Lane.FAST);
        else if (_begins(text, "light_client lane")) return _lightClient(scope, text[17:]);
        else revert UnknownScope(scope);
    }

    /// @dev This chain's part of `source -> destination`.
    function _route(string calldata scope, bytes calldata route, bytes32 here) private pure returns (bytes32) {
        uint256 end = 0;
        while (end < route.length && route[end] != " ") ++end;
        require(_begins(route[end:], " -> "), UnknownScope(scope));
        bytes32 source = _name(scope, route[:end]);
        bytes32 destination = _name(scope, route[end + 4:]);
        if (destination == here) return PauseScope.payoutsFrom(source);
        require(source == here, ScopeElsewhere(scope));
        return PauseScope.depositsTo(destination);
    }

    /// @dev What is deposited on `chain`: all deposits there, and what is paid for them elsewhere.
    function _deposits(bytes32 chain, bytes32 here) private pure returns (bytes32) {
        return chain == here ? PauseScope.direction(PauseScope.OUTBOUND) : PauseScope.payoutsFrom(chain);
    }

    /// @dev What is paid on `chain`: all payouts there, and what is deposited elsewhere for them.
    function _payouts(bytes32 chain, bytes32 here) private pure returns (bytes32) {
        return chain == here ? PauseScope.direction(PauseScope.INBOUND) : PauseScope.depositsTo(chain);
    }

    function _lightClient(string calldata scope, bytes calldata rest) private pure returns (bytes32[] memory scopes) {
        bool isEthereum = _begins(rest, " from eip155:");
        bool isBitcoin = _begins(rest, " from bip122:");
        scopes = new bytes32[](isEthereum || isBitcoin ? 1 : 2);
        if (!isBitcoin) _lane(scope, rest, scopes, Lane.ETHEREUM);
        if (isBitcoin) _lane(scope, rest, scopes, Lane.BITCOIN);
        else if (!isEthereum) scopes[1] = PauseScope.lane(Lane.BITCOIN);
    }

    /// @dev A lane, with or without the chain from which it comes.
    function _lane(string calldata scope, bytes calldata rest, bytes32[] memory scopes, uint8 number) private pure {
        if (rest.length != 0) {
            require(_begins(rest, " from "), UnknownScope(scope));
            _name(scope, rest[6:]);
        }
        scopes[0] = PauseScope.lane(number);
    }

    /// @dev Hash of a CAIP-2 or CAIP-19 name, neither of which has spaces.
    function _name(string calldata scope, bytes calldata name) private pure returns (bytes32) {
        require(name.length != 0, UnknownScope(scope));
        for (uint256 i = 0; i < name.length; ++i) {
            require(name[i] != " ", UnknownScope(scope));
        }
        return keccak256(name);
    }

    function _is(bytes calldata text, bytes memory expected) private pure returns (bool) {
        return keccak256(text) == keccak256(expected);
    }

    function _begins(bytes calldata text, bytes memory prefix) private pure returns (bool) {
        return text.length >= prefix.length && _is(text[:prefix.length], prefix);
    }
}
