//! Roles after handover: the safe direction at once, the dangerous direction late, and the deployer has nothing left.

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, Bytes};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use spandrel_contracts::deploy::{DeployConfig, deploy};
use spandrel_contracts::roles::{ADMIN, Delays, GOVERNOR, GUARDIAN, LIMIT_RAISER, Roles, UNPAUSER};
use spandrel_contracts::{AccessManager, Inbox, PauseController, RiskGuard, lane};

use crate::anvil::{Chain, key};
use crate::bridge::{Side, empty_config, error_name, open_limits};

pub async fn handed_over() -> Option<Side> {
    let chain = Chain::start(31337).await?;
    let account = |name: &str| vec![key(name).address()];
    let roles = Roles {
        guardians: vec![key("guardian").address(), key("second guardian").address()],
        unpausers: account("unpauser"),
        limit_raisers: account("raiser"),
        governors: account("governor"),
        delays: Delays::default(),
    };
    let config = DeployConfig { roles: Some(roles), ..empty_config() };
    let at = deploy(&chain.provider, chain.deployer, &config).await.unwrap();
    for name in ["guardian", "second guardian", "unpauser", "raiser", "governor", "stranger"] {
        chain.fund(key(name).address()).await;
    }
    Some(Side { chain, at })
}

impl Side {
    pub fn acting_as(&self, name: &str) -> DynProvider {
        let wallet = EthereumWallet::from(key(name));
        ProviderBuilder::new().wallet(wallet).connect_provider(self.provider().root().clone()).erased()
    }

    /// Schedules a call as `name` and tries it at once and when the role's delay is over.
    async fn waits(&self, name: &str, target: Address, call: Bytes, delay: u64) {
        let provider = self.acting_as(name);
        let manager = AccessManager::new(self.at.manager, &provider);
        let direct = manager.execute(target, call.clone()).call().await;
        assert_eq!(error_name(direct), "AccessManagerNotScheduled");
        let scheduled = manager.schedule(target, call.clone(), Default::default()).send().await.unwrap();
        scheduled.get_receipt().await.unwrap();
        let ready = self.chain.now().await + delay;
        self.chain.mine_at(ready - 2).await;
        assert_eq!(error_name(manager.execute(target, call.clone()).call().await), "AccessManagerNotReady");
        self.chain.mine_at(ready + 1).await;
        let executed = manager.execute(target, call).send().await.unwrap();
        assert!(executed.get_receipt().await.unwrap().status());
    }
}

#[tokio::test]
async fn the_dangerous_direction_waits_and_the_safe_one_does_not() {
    let Some(side) = handed_over().await else { return };
    let guardian = side.acting_as("guardian");
    let pauses = PauseController::new(side.at.pauses, &guardian);
    let scope = pauses.globalScope().call().await.unwrap();
    let paused = pauses.pause(scope, 3600).send().await.unwrap().get_receipt().await.unwrap();
    assert!(paused.status());
    assert_eq!(error_name(pauses.unpause(scope).call().await), "AccessManagedUnauthorized");

    let unpause = pauses.unpause(scope).calldata().clone();
    side.waits("unpauser", side.at.pauses, unpause, 15 * 60).await;
    assert!(!pauses.isPaused(scope).call().await.unwrap());

    let guard = RiskGuard::new(side.at.guard, &guardian);
    let raise = guard.raise(lane::FAST, scope, scope, open_limits()).calldata().clone();
    side.waits("raiser", side.at.guard, raise, 24 * 3600).await;
    let closed = RiskGuard::Limits { perTransfer: 0, ..open_limits() };
    let lowered = guard.lower(lane::FAST, scope, scope, closed).send().await.unwrap();
    assert!(lowered.get_receipt().await.unwrap().status());

    let inbox = Inbox::new(side.at.inbox, &guardian);
    let verifier = inbox.setVerifier(lane::FAST, Address::ZERO).calldata().clone();
    side.waits("governor", side.at.inbox, verifier, 48 * 3600).await;
    assert_eq!(inbox.verifierOf(lane::FAST).call().await.unwrap(), Address::ZERO);
}

#[tokio::test]
async fn a_guardian_cancels_what_waits() {
    let Some(side) = handed_over().await else { return };
    let governor = side.acting_as("governor");
    let guardian = side.acting_as("guardian");
    let call =
        Inbox::new(side.at.inbox, &governor).setBridge(Default::default(), Default::default()).calldata().clone();
    let manager = AccessManager::new(side.at.manager, &governor);
    manager
        .schedule(side.at.inbox, call.clone(), Default::default())
        .send()
        .await
        .unwrap()
        .get_receipt()
        .await
        .unwrap();
    let from = key("governor").address();
    let stranger = side.acting_as("stranger");
    let strange = AccessManager::new(side.at.manager, &stranger).cancel(from, side.at.inbox, call.clone()).call().await;
    assert_eq!(error_name(strange), "AccessManagerUnauthorizedCancel");
    let watched = AccessManager::new(side.at.manager, &guardian);
    let cancel = watched.cancel(from, side.at.inbox, call.clone());
    assert!(cancel.send().await.unwrap().get_receipt().await.unwrap().status());
    side.chain.mine_at(side.chain.now().await + 49 * 3600).await;
    assert_eq!(error_name(manager.execute(side.at.inbox, call).call().await), "AccessManagerNotScheduled");
}

#[tokio::test]
async fn after_handover_the_deployer_has_no_right_and_the_timelock_has_the_administration() {
    let Some(side) = handed_over().await else { return };
    let manager = AccessManager::new(side.at.manager, side.provider());
    for role in [ADMIN, GUARDIAN, UNPAUSER, LIMIT_RAISER, GOVERNOR] {
        let access = manager.hasRole(role, side.chain.deployer).call().await.unwrap();
        assert!(!access.isMember, "role {role}");
    }
    let timelock = side.at.timelock.unwrap();
    assert!(manager.hasRole(ADMIN, timelock).call().await.unwrap().isMember);
    assert_eq!(
        error_name(manager.grantRole(ADMIN, side.chain.deployer, 0).call().await),
        "AccessManagerUnauthorizedAccount"
    );
    let guard = RiskGuard::new(side.at.guard, side.provider());
    let scope = Default::default();
    assert_eq!(
        error_name(guard.raise(lane::FAST, scope, scope, open_limits()).call().await),
        "AccessManagedUnauthorized"
    );
    let timelock = spandrel_contracts::TimelockController::new(timelock, side.provider());
    let admin = timelock.DEFAULT_ADMIN_ROLE().call().await.unwrap();
    assert!(!timelock.hasRole(admin, side.chain.deployer).call().await.unwrap());
    let canceller = timelock.CANCELLER_ROLE().call().await.unwrap();
    assert!(timelock.hasRole(canceller, key("guardian").address()).call().await.unwrap());
    assert_eq!(timelock.getMinDelay().call().await.unwrap(), alloy::primitives::U256::from(48 * 3600));
}
