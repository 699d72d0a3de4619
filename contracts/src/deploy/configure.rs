//! Configures deployed contracts. Until roles are handed over the caller must be the deployer; afterwards these calls
//! belong to the governor and wait.

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use spandrel_verifiers::ChainId;

use super::transactions::Sender;
use super::{DeployError, Deployment, LocalAsset, Payout, SourceConfig};
use crate::roles::{self, Roles};
use crate::{AccessManager, CheckpointRegistry, Inbox, RiskGuard, TimelockController, Vault, lane};

/// `Vault.Kind` and `Inbox.Kind`, which the ABI knows as `uint8`.
const LOCKED: u8 = 1;
const WRAPPED: u8 = 2;
const RELEASE: u8 = 1;
const MINT: u8 = 2;

/// Accepts a source chain: its rule, bridge, payouts and limits.
pub async fn accept_source<P: Provider>(
    provider: &P,
    at: &Deployment,
    source: &SourceConfig,
) -> Result<(), DeployError> {
    let mut sender = Sender::new();
    send_source(&mut sender, provider, at, source).await?;
    sender.finish().await
}

/// Lets a token of this chain be deposited.
pub async fn register_asset<P: Provider>(provider: &P, at: &Deployment, asset: &LocalAsset) -> Result<(), DeployError> {
    let mut sender = Sender::new();
    send_asset(&mut sender, provider, at, asset).await?;
    sender.finish().await
}

/// Opens deposits to a destination chain, whose inbox is `bridge` (left-padded).
pub async fn open_route<P: Provider>(
    provider: &P,
    at: &Deployment,
    chain: &ChainId,
    bridge: B256,
) -> Result<(), DeployError> {
    let mut sender = Sender::new();
    send_route(&mut sender, provider, at, chain, bridge).await?;
    sender.finish().await
}

pub(super) async fn open_lanes<P: Provider>(
    sender: &mut Sender,
    provider: &P,
    at: &Deployment,
) -> Result<(), DeployError> {
    let inbox = Inbox::new(at.inbox, provider);
    let lanes = [
        (lane::FAST, Some(at.fast_lane)),
        (lane::ETHEREUM, Some(at.ethereum_verifier)),
        (lane::BITCOIN, at.bitcoin_verifier),
    ];
    for (number, verifier) in lanes {
        if let Some(verifier) = verifier {
            sender.call(format!("opening lane {number}"), inbox.setVerifier(number, verifier)).await?;
        }
    }
    Ok(())
}

pub(super) async fn send_source<P: Provider>(
    sender: &mut Sender,
    provider: &P,
    at: &Deployment,
    source: &SourceConfig,
) -> Result<(), DeployError> {
    let chain = source.chain.hash();
    let registry = CheckpointRegistry::new(at.registry, provider);
    let inbox = Inbox::new(at.inbox, provider);
    let guard = RiskGuard::new(at.guard, provider);
    let name = &source.chain;
    sender
        .call(format!("chain rule of {name}"), registry.setChainRule(chain, source.max_age, source.time_slack))
        .await?;
    sender.call(format!("bridge of {name}"), inbox.setBridge(chain, source.bridge)).await?;
    for paid in &source.assets {
        let asset = paid.asset.hash();
        let (kind, token) = match paid.payout {
            Payout::Release(token) => (RELEASE, token),
            Payout::Mint(token) => (MINT, token),
            Payout::MintCreated(index) => match at.wrapped.get(index) {
                Some(token) => (MINT, *token),
                None => {
                    let asset = paid.asset.clone();
                    return Err(DeployError::NoSuchWrapped { asset, created: at.wrapped.len(), found: index });
                }
            },
        };
        sender.call(format!("payout of {}", paid.asset), inbox.setPayout(chain, asset, kind, token)).await?;
        for (number, limits) in &paid.limits {
            let step = format!("limits of {} on lane {number}", paid.asset);
            sender.call(step, guard.raise(*number, asset, chain, limits.clone())).await?;
        }
    }
    Ok(())
}

pub(super) async fn send_asset<P: Provider>(
    sender: &mut Sender,
    provider: &P,
    at: &Deployment,
    asset: &LocalAsset,
) -> Result<(), DeployError> {
    let kind = if asset.is_wrapped { WRAPPED } else { LOCKED };
    let vault = Vault::new(at.vault, provider);
    sender.call(format!("asset {}", asset.token), vault.registerAsset(asset.token, kind, asset.minimum)).await
}

pub(super) async fn send_route<P: Provider>(
    sender: &mut Sender,
    provider: &P,
    at: &Deployment,
    chain: &ChainId,
    bridge: B256,
) -> Result<(), DeployError> {
    let vault = Vault::new(at.vault, provider);
    sender.call(format!("route to {chain}"), vault.setRoute(chain.hash(), bridge)).await
}

/// Wires the restricted functions, grants the roles with their delays, makes a timelock the manager's administrator, and
/// takes every right from `deployer`. Returns the timelock. It cannot be undone.
pub async fn hand_over<P: Provider>(
    provider: &P,
    deployer: Address,
    at: &Deployment,
    to: &Roles,
) -> Result<Address, DeployError> {
    let mut sender = Sender::new();
    wire_functions(&mut sender, provider, at).await?;
    let manager = AccessManager::new(at.manager, provider);
    let grants = [
        (roles::GUARDIAN, &to.guardians, 0),
        (roles::UNPAUSER, &to.unpausers, to.delays.unpause),
        (roles::LIMIT_RAISER, &to.limit_raisers, to.delays.raise),
        (roles::GOVERNOR, &to.governors, to.delays.govern),
    ];
    for (role, accounts, delay) in grants {
        for account in accounts {
            sender.call(format!("granting role {role}"), manager.grantRole(role, *account, delay)).await?;
        }
    }
    sender.finish().await?;

    let timelock = create_timelock(provider, deployer, to).await?;
    let mut sender = Sender::new();
    sender.call("granting the administration", manager.grantRole(roles::ADMIN, timelock, 0)).await?;
    sender.call("renouncing the administration", manager.renounceRole(roles::ADMIN, deployer)).await?;
    sender.finish().await?;
    Ok(timelock)
}

/// The timelock's proposers and executors are the governors; guardians may cancel there too.
async fn create_timelock<P: Provider>(provider: &P, deployer: Address, to: &Roles) -> Result<Address, DeployError> {
    let step = "deploying TimelockController";
    let node = |source: alloy::contract::Error| DeployError::Node { step: step.to_owned(), source };
    let nonce = provider.get_transaction_count(deployer).pending().await.map_err(|source| node(source.into()))?;
    let address = deployer.create(nonce);
    let delay = U256::from(to.delays.govern);
    let create =
        TimelockController::deploy_builder(provider, delay, to.governors.clone(), to.governors.clone(), deployer);
    let mut sender = Sender::new();
    sender.create("TimelockController", address, create).await?;
    sender.finish().await?;

    let timelock = TimelockController::new(address, provider);
    let canceller = timelock.CANCELLER_ROLE().call().await.map_err(node)?;
    let admin = timelock.DEFAULT_ADMIN_ROLE().call().await.map_err(node)?;
    let mut sender = Sender::new();
    for guardian in &to.guardians {
        sender.call("letting a guardian cancel", timelock.grantRole(canceller, *guardian)).await?;
    }
    sender.call("renouncing the timelock's administration", timelock.renounceRole(admin, deployer)).await?;
    sender.finish().await?;
    Ok(address)
}

/// Development: the deployer holds every role without delay, and stays administrator.
pub(super) async fn keep_all_roles<P: Provider>(
    provider: &P,
    deployer: Address,
    at: &Deployment,
) -> Result<(), DeployError> {
    let mut sender = Sender::new();
    wire_functions(&mut sender, provider, at).await?;
    let manager = AccessManager::new(at.manager, provider);
    for role in [roles::GUARDIAN, roles::UNPAUSER, roles::LIMIT_RAISER, roles::GOVERNOR] {
        sender.call(format!("granting role {role}"), manager.grantRole(role, deployer, 0)).await?;
    }
    sender.finish().await
}

async fn wire_functions<P: Provider>(sender: &mut Sender, provider: &P, at: &Deployment) -> Result<(), DeployError> {
    let manager = AccessManager::new(at.manager, provider);
    for (target, role, selectors) in roles::table(at) {
        let call = manager.setTargetFunctionRole(target, selectors, role);
        sender.call(format!("functions of role {role} at {target}"), call).await?;
    }
    for role in [roles::UNPAUSER, roles::LIMIT_RAISER, roles::GOVERNOR] {
        let call = manager.setRoleGuardian(role, roles::GUARDIAN);
        sender.call(format!("guardian of role {role}"), call).await?;
    }
    Ok(())
}
