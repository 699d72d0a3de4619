// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILaneVerifier} from "src/ILaneVerifier.sol";
import {Inbox} from "src/Inbox.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Vault} from "src/Vault.sol";
import {Bridge} from "./base/Bridge.sol";

/// @title Strangers may call nothing that changes who is paid, how much, or by whose word.
contract AccessTest is Bridge {
    address private constant STRANGER = address(0xbad);

    function test_every_restricted_function_refuses_strangers() public {
        RiskGuard.Limits memory none;
        _refuses(address(pauses), abi.encodeCall(pauses.pause, (0, 1)));
        _refuses(address(pauses), abi.encodeCall(pauses.freeze, (0)));
        _refuses(address(pauses), abi.encodeCall(pauses.unpause, (0)));
        _refuses(address(registry), abi.encodeCall(registry.setChainRule, (SOURCE, 1, 0)));
        _refuses(address(registry), abi.encodeCall(registry.freeze, (SOURCE)));
        _refuses(address(registry), abi.encodeCall(registry.dispute, (SOURCE, 1)));
        _refuses(address(registry), abi.encodeCall(registry.unfreeze, (SOURCE)));
        _refuses(address(registry), abi.encodeCall(registry.rotate, (members(), 3)));
        _refuses(address(registry), abi.encodeCall(registry.replaceVerifiers, (members(), 3)));
        _refuses(address(fastLane), abi.encodeCall(fastLane.cancelRotation, ()));
        _refuses(address(fastLane), abi.encodeCall(fastLane.replaceSigners, (members(), 3)));
        _refuses(address(guard), abi.encodeCall(guard.lower, (1, COIN, SOURCE, none)));
        _refuses(address(guard), abi.encodeCall(guard.raise, (1, COIN, SOURCE, none)));
        _refuses(address(guard), abi.encodeCall(guard.reopenFast, (SOURCE)));
        _refuses(address(guard), abi.encodeCall(guard.writeOff, (sample(0))));
        _refuses(address(inbox), abi.encodeCall(inbox.setVerifier, (1, ILaneVerifier(address(1)))));
        _refuses(address(inbox), abi.encodeCall(inbox.setBridge, (SOURCE, 0)));
        _refuses(address(inbox), abi.encodeCall(inbox.setPayout, (SOURCE, COIN, Inbox.Kind.None, address(0))));
        _refuses(address(inbox), abi.encodeCall(inbox.dropDelayed, (sample(0))));
        _refuses(address(vault), abi.encodeCall(vault.registerAsset, (address(1), Vault.Kind.Locked, 1)));
        _refuses(address(vault), abi.encodeCall(vault.setRoute, (SOURCE, 0)));
    }

    /// The authority itself changes only by the authority.
    function test_nobody_but_the_manager_hands_a_contract_to_another_manager() public {
        AccessManaged[6] memory managed =
            [AccessManaged(pauses), AccessManaged(registry), fastLane, AccessManaged(guard), inbox, vault];
        for (uint256 i = 0; i < managed.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(this))
            );
            managed[i].setAuthority(address(this));
        }
    }

    function _refuses(address target, bytes memory call_) private {
        vm.prank(STRANGER);
        (bool success, bytes memory reason) = target.call(call_);
        vm.assertFalse(success);
        bytes memory expected = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, STRANGER);
        vm.assertEq(keccak256(reason), keccak256(expected));
    }
}
