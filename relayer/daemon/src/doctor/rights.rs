//! Who may pause and resume on a chain, by the access manager of its `PauseController`: a guardian without the role there
//! signs what the chain does not take, and whoever has it stops the bridge without being anybody's guardian here.

use std::collections::{BTreeMap, BTreeSet};

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, U256};
use anyhow::Result;
use spandrel_contracts::{AccessManager, PauseController};
use spandrel_risk::control::MIN_RESUME_DELAY;

use super::Row;
use super::evm::Evm;
use crate::config::ControlConfig;

/// `ADMIN_ROLE` and `PUBLIC_ROLE` of OpenZeppelin's `AccessManager`: a function without a role of its own, and one for all.
const ADMINISTRATOR: u64 = spandrel_contracts::roles::ADMIN;
const ANYONE: u64 = u64::MAX;

/// Of one chain.
pub struct Rights<'a> {
    /// As its rows are named.
    pub name: &'a str,
    /// Its `PauseController`.
    pub controller: Address,
    /// Who are guardians here.
    pub control: Option<&'a ControlConfig>,
    /// What brings pauses there; unknown while its key is not found.
    pub account: Option<Address>,
}

/// Which roles its functions ask for.
struct Roles {
    manager: Address,
    pause: u64,
    freeze: u64,
    unpause: u64,
}

impl Rights<'_> {
    /// By the word of `evm`.
    pub async fn look(&self, evm: &Evm) -> Vec<Row> {
        let what = format!("{} roles", self.name);
        let roles = match self.roles(evm).await {
            Ok(roles) => roles,
            Err(error) => {
                let mend = "correct `pause_controller`: it does not answer as one under an access manager";
                return vec![Row::wrong(what, format!("{error:#}"), mend)];
            }
        };
        if let Some(found) = roles.unfit() {
            let (controller, manager) = (self.controller, roles.manager);
            let found =
                format!("expected roles of people for pause, freeze and unpause at {controller}, found {found}");
            let mend =
                format!("correct `pause_controller`, or setTargetFunctionRole of {manager} by its administrator");
            return vec![Row::wrong(what, found, mend)];
        }
        vec![self.guardians(&roles, evm).await, self.others(&roles, evm).await, self.resumption(&roles, evm).await]
    }

    async fn roles(&self, evm: &Evm) -> Result<Roles> {
        let manager = evm.read(self.controller, &PauseController::authorityCall {}).await?;
        let role = async |selector: [u8; 4]| {
            let target = self.controller;
            evm.read(manager, &AccessManager::getTargetFunctionRoleCall { target, selector: selector.into() }).await
        };
        Ok(Roles {
            manager,
            pause: role(PauseController::pauseCall::SELECTOR).await?,
            freeze: role(PauseController::freezeCall::SELECTOR).await?,
            unpause: role(PauseController::unpauseCall::SELECTOR).await?,
        })
    }

    /// Statements are taken of those alone who may pause there at once.
    async fn guardians(&self, roles: &Roles, evm: &Evm) -> Row {
        let what = format!("{} guardians", self.name);
        let Some(control) = self.control else {
            return Row::skipped(what, "nobody pauses there by statement; configure [control.guardians]");
        };
        let mut without = Vec::new();
        for (address, person) in &control.guardians {
            match self.acts_at_once(roles.manager, *address, evm).await {
                Ok(true) => {}
                Ok(false) => without.push(format!("{person} ({address})")),
                Err(error) => return Row::wrong(what, format!("{error:#}"), "look at the node"),
            }
        }
        if without.is_empty() {
            return Row::ok(what, format!("all {} may pause and freeze at once", control.guardians.len()));
        }
        let found =
            format!("expected every guardian to pause and freeze at once, found none of {}", without.join(", "));
        let Roles { manager, pause, .. } = roles;
        let mend = format!(
            "for each, the administrator of {manager} calls grantRole({pause}, address, 0), or take it from \
             [control.guardians]: until then the chain takes no statement of theirs"
        );
        Row::wrong(what, found, mend)
    }

    async fn acts_at_once(&self, manager: Address, caller: Address, evm: &Evm) -> Result<bool> {
        for selector in [PauseController::pauseCall::SELECTOR, PauseController::freezeCall::SELECTOR] {
            let asked = AccessManager::canCallCall { caller, target: self.controller, selector: selector.into() };
            if !evm.read(manager, &asked).await?.immediate {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whoever else may pause there: somebody who left, or was never meant.
    async fn others(&self, roles: &Roles, evm: &Evm) -> Row {
        let what = format!("{} other guardians", self.name);
        let Some(account) = self.account else { return Row::skipped(what, "the account's key must be found first") };
        let mut found = BTreeMap::new();
        for role in BTreeSet::from([roles.pause, roles.freeze]) {
            match holders(roles.manager, role, evm).await {
                Ok(held) => found.extend(held.into_keys().map(|address| (address, role))),
                Err(error) => return untold(what, &error),
            }
        }
        found.retain(|address, _| *address != account && !self.is_guardian(address));
        if found.is_empty() {
            return Row::ok(what, "nobody but the configured guardians and the account may pause");
        }
        let named: Vec<String> = found.keys().map(Address::to_string).collect();
        let revoked: Vec<String> =
            found.iter().map(|(address, role)| format!("revokeRole({role}, {address})")).collect();
        let mend = format!(
            "who is no guardian any more: {} of {} by its administrator; who is one: [control.guardians]",
            revoked.join(", "),
            roles.manager
        );
        let found = format!("expected the guardians of [control.guardians] alone, found {} too", named.join(", "));
        Row::warn(what, found, mend)
    }

    fn is_guardian(&self, address: &Address) -> bool {
        self.control.is_some_and(|control| control.guardians.contains_key(address))
    }

    /// Somebody must be able to lift a pause that the chain has taken, and nobody at once.
    async fn resumption(&self, roles: &Roles, evm: &Evm) -> Row {
        let what = format!("{} resumption", self.name);
        let Roles { manager, unpause, .. } = roles;
        let held = match holders(*manager, *unpause, evm).await {
            Ok(held) => held,
            Err(error) => return untold(what, &error),
        };
        let least = self.control.map_or(MIN_RESUME_DELAY, |control| control.resume_delay);
        let named = |held: &BTreeMap<Address, u32>| {
            let each = held.iter().map(|(address, delay)| format!("{address} after {delay} s"));
            each.collect::<Vec<_>>().join(", ")
        };
        let hasty: BTreeMap<_, _> = held.clone().into_iter().filter(|(_, delay)| u64::from(*delay) < least).collect();
        if held.is_empty() {
            let mend = format!(
                "the administrator of {manager} calls grantRole({unpause}, address, {least}) for who lifts pauses there"
            );
            return Row::wrong(what, "expected somebody who may lift a pause or freeze, found nobody", mend);
        }
        if !hasty.is_empty() {
            let found = format!("expected {least} s at least from order to unpause, found {}", named(&hasty));
            let mend = format!("for each, the administrator of {manager} calls grantRole({unpause}, address, {least})");
            return Row::wrong(what, found, mend);
        }
        Row::ok(what, format!("lifted by {}", named(&held)))
    }
}

impl Roles {
    /// What asks for no role of people.
    fn unfit(&self) -> Option<String> {
        let each = [("pause", self.pause), ("freeze", self.freeze), ("unpause", self.unpause)];
        let unfit = each.into_iter().filter_map(|(function, role)| match role {
            ADMINISTRATOR => Some(format!("{function} for the administrator alone")),
            ANYONE => Some(format!("{function} for anyone")),
            _ => None,
        });
        let unfit: Vec<String> = unfit.collect();
        (!unfit.is_empty()).then(|| unfit.join(", "))
    }
}

/// Who has `role` now, and after how many seconds each may act. A manager counts nobody: whoever was ever granted it is asked
/// about.
async fn holders(manager: Address, role: u64, evm: &Evm) -> Result<BTreeMap<Address, u32>> {
    let named = B256::from(U256::from(role));
    let granted: Vec<AccessManager::RoleGranted> = evm.events(manager, named).await?;
    let mut held = BTreeMap::new();
    for account in granted.into_iter().map(|event| event.account).collect::<BTreeSet<_>>() {
        let found = evm.read(manager, &AccessManager::hasRoleCall { roleId: role, account }).await?;
        if found.isMember {
            held.insert(account, found.executionDelay);
        }
    }
    Ok(held)
}

fn untold(what: String, error: &anyhow::Error) -> Row {
    let found = format!("this node does not tell who was ever given the role ({error:#}): ask one with all logs");
    Row::skipped(what, found)
}
