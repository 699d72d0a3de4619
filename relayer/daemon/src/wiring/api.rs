//! The transfer API over the relayer's book and ledger.

use std::num::NonZeroU32;
use std::sync::Arc;

use alloy_primitives::U256;
use anyhow::{Context, Result};
use spandrel_api::http::{OwnKeys, Port, Rates, Room, TIMEOUT, router, serve};
use spandrel_api::webhooks::{Courier, Egress, Reach, SystemResolver, WebhookKey, Webhooks};
use spandrel_api::{Catalog, Live, Service, Source, SourceKind, WATCH};
use spandrel_engine::Book;
use spandrel_signer::SecretRef;
use spandrel_store::Sqlite;
use spandrel_verifiers::bitcoin::ChainParams;
use tokio_util::sync::CancellationToken;

use crate::clock::{SystemClock, unix_now};
use crate::config::{ApiConfig, Config, Profile, ProxyConfig};
use crate::metrics::{Requests, observe};
use crate::traces::traced;

/// Seconds between Bitcoin blocks.
const BITCOIN_BLOCK: u64 = 600;
/// Connections beside those that streams hold.
const PLACES_BESIDE_STREAMS: usize = 1_024;
/// The same, of one address.
const OF_ONE_ADDRESS: usize = 256;
/// Keys that all addresses together get for themselves in an hour.
const OWN_KEYS_PER_HOUR: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
/// Epochs from an Ethereum block to the finality that covers it, at most.
const FINALITY_EPOCHS: u64 = 3;

/// Opens the transfer API's port; what is answered serves it until told to stop.
pub async fn serve_api(
    config: Config,
    api: ApiConfig,
    book: Arc<Book<Sqlite, SystemClock>>,
    live: Live,
    requests: Arc<Requests>,
    stop: CancellationToken,
) -> Result<impl Future<Output = Result<()>> + Send + 'static> {
    let policy = super::policy(&config)?;
    let catalog = Catalog::new(&policy, sources(&config, &api)).denominated(config.denominations());
    let store = book.ledger().clone();
    let risk = Arc::new(move || {
        let now = book.risk_now();
        (now.state, now.limits)
    });
    let mut service = Service::open(store, policy, catalog, risk, live, Arc::new(unix_now), WATCH)
        .await?
        .with_late_after(config.late_after());
    if let Some(key) = &api.webhook_key {
        service = service.with_webhooks(webhooks(&config, &api, key)?);
    }
    let service = Arc::new(service);
    let rates = Rates::new(api.anonymous_per_second, api.key_per_second, api.partner_per_second)
        .with_open_orders(api.open_orders_per_address);
    let keys = api.own_keys_per_hour.map(|each| OwnKeys::per_hour(each, each.max(OWN_KEYS_PER_HOUR)));
    let streams = Room { all: api.max_streams, each: api.streams_per_caller };
    let app = router(service.clone(), rates, streams, keys, TIMEOUT);
    let app =
        app.layer(axum::middleware::from_fn_with_state(requests, observe)).layer(axum::middleware::from_fn(traced));
    let tls = api.tls.as_ref().map(|tls| super::read_tls("api.tls", tls)).transpose()?;
    let listener =
        tokio::net::TcpListener::bind(api.listen).await.with_context(|| format!("api.listen: {}", api.listen))?;
    tracing::info!(address = %listener.local_addr()?, tls = tls.is_some(), "transfer API");
    let places = Room {
        all: api.max_streams.saturating_add(PLACES_BESIDE_STREAMS),
        each: api.streams_per_caller.saturating_add(OF_ONE_ADDRESS),
    };
    let port = Port::new(listener, tls.clone()).behind(api.proxies.as_ref().map(ProxyConfig::proxies));
    Ok(async move {
        let served = serve(port, app, places, stop.cancelled());
        let renewed = async {
            if let Some((files, tls)) = api.tls.as_ref().zip(tls.as_ref()) {
                super::renew_tls("api.tls", files, tls, &stop).await;
            }
        };
        let told = async {
            if let Some(courier) = Courier::new(service) {
                courier.run(stop.cancelled()).await;
            }
        };
        tokio::join!(served, renewed, told);
        Ok(())
    })
}

/// Webhooks reach public addresses; with local chains, where users are on this machine, loopback too.
fn webhooks(config: &Config, api: &ApiConfig, key: &SecretRef) -> Result<Webhooks> {
    let key = WebhookKey::new(key.read()?).context("api.webhook_key: expected at least 32 bytes, found fewer")?;
    let reach = match config.profile {
        Profile::Production => Reach::Public,
        Profile::Dev => Reach::PublicAndLoopback,
    };
    let refused = api.refused_webhook_networks.clone();
    Ok(Webhooks::new(key, Egress::new(reach, refused, Arc::new(SystemResolver)).context("webhooks")?))
}

/// Where orders are taken: every Bitcoin source, and Ethereum sources whose vault is named.
fn sources(config: &Config, api: &ApiConfig) -> Vec<Source> {
    let bitcoin = config.bitcoin.iter().filter_map(|source| {
        let network = ChainParams::of_chain(&source.chain)?.network;
        let seconds = |confirmations: u32| u64::from(confirmations) * BITCOIN_BLOCK;
        let tiers = source.confirmations.tiers().iter();
        Some(Source {
            chain: source.chain.clone(),
            kind: SourceKind::Bitcoin { vault: source.vault, network },
            block_seconds: BITCOIN_BLOCK,
            finality_seconds: seconds(source.confirmations.required(u64::MAX)),
            sooner: tiers.map(|tier| (U256::from(tier.up_to), seconds(tier.confirmations))).collect(),
            fast_seconds: u64::from(source.fast_confirmations) * BITCOIN_BLOCK,
        })
    });
    let ethereum = config.ethereum.iter().filter_map(|source| {
        let network = &source.network;
        let epoch = network.preset.slots_per_epoch() * network.seconds_per_slot;
        Some(Source {
            chain: network.chain.clone(),
            kind: SourceKind::Evm { vault: *api.vaults.get(&network.chain)? },
            block_seconds: network.seconds_per_slot,
            finality_seconds: FINALITY_EPOCHS * epoch,
            sooner: Vec::new(),
            fast_seconds: 2 * network.seconds_per_slot,
        })
    });
    bitcoin.chain(ethereum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;

    #[test]
    fn a_bitcoin_deposit_is_expected_after_the_confirmations_of_its_own_amount() {
        let config = Config::parse(EXAMPLE).unwrap();
        let of_bitcoin = sources(&config, config.api.as_ref().unwrap()).remove(0);
        let seconds = [10_000_000_u64, 10_000_001].map(|amount| of_bitcoin.seconds_to(U256::from(amount), 0));
        assert_eq!(seconds, [6 * BITCOIN_BLOCK, 12 * BITCOIN_BLOCK]);
    }
}
