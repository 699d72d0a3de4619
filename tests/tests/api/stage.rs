//! A bridge over the demo's chains that serves the API, and its user.

use std::num::NonZeroU32;

use anyhow::Result;
use serde_json::json;
use spandrel::config::ApiConfig;
use spandrel::demo::bridge::Bridge;
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::up;
use spandrel_signer::SecretRef;
use spandrel_store::ApiScope;
use spandrel_tests::demo::mine;
use spandrel_tests::user::{User, served};
use tokio_util::sync::CancellationToken;

use crate::hooks::Hooks;

/// Of each order.
pub const AMOUNT: u64 = 50_000;

pub struct Stage {
    pub chains: Chains,
    pub bridge: Bridge,
    pub user: User,
    pub hooks: Hooks,
}

/// Plays while the bridge runs and Bitcoin is mined.
pub async fn beside_a_bridge(play: impl AsyncFnOnce(&Stage) -> Result<()>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::find()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let webhook_key = folder.path().join("webhook-key");
    std::fs::write(&webhook_key, "k".repeat(32))?;
    let api = ApiConfig {
        own_keys_per_hour: NonZeroU32::new(5),
        webhook_key: Some(SecretRef::File(webhook_key)),
        ..served([(chains.ethereum_id(), bridge.source.vault)].into())?
    };
    let (mut config, listen) = (bridge.config.clone(), api.listen);
    config.api = Some(api);
    config.check()?;
    let stop = CancellationToken::new();
    let running = up::start(config, None, stop.clone()).await?;
    let scopes = [ApiScope::TransfersWrite, ApiScope::WebhooksWrite];
    let (user, hooks) = (User::new(listen, running.store(), &scopes).await?, Hooks::start().await?);
    user.require_answer().await?;
    user.make("/v1/webhooks", &json!({ "url": hooks.url })).await?;
    let stage = Stage { chains, bridge, user, hooks };
    let played = tokio::select! {
        played = play(&stage) => played,
        error = mine(&stage.chains) => Err(error),
        ended = running.ended() => Err(ended.err().unwrap_or_else(|| anyhow::anyhow!("the bridge stopped by itself"))),
    };
    played?;
    stop.cancel();
    running.finish().await
}
