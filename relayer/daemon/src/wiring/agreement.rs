//! The policy that a configuration states, against the one that the ledger says is agreed on.

use anyhow::{Result, bail, ensure};
use spandrel_core::ledger::Ledger;
use spandrel_engine::Book;
use spandrel_risk::control::{ConfigureRefusal, ControlEvent, ControlState, configure};
use spandrel_risk::{
    Agreement, AgreementVersion, DepthTerms, DestinationTerms, FeedTerms, GuardianTerms, PauseTerms, RiskPolicy,
    SourceTerms,
};
use spandrel_store::Sqlite;

use crate::clock::{SystemClock, unix_now};
use crate::config::{BitcoinSource, Config, Destination, EthereumSource, PriceFeedConfig, Profile};

/// Everything in a configuration that bounds payments. Not in it: where trust in a chain begins, which is checked by who
/// follows it; addresses of nodes; and what serves, pays for gas or is shown. A process without an API says nothing about where
/// users are told to pay.
pub fn agreement(config: &Config) -> Result<Agreement> {
    let guardians = config.control.as_ref().map(|control| GuardianTerms {
        people: control.guardians.clone(),
        resume_delay: control.resume_delay,
        timelock: control.timelock,
    });
    let bitcoin = config.bitcoin.iter().map(|source| (source.chain.clone(), bitcoin(source)));
    let ethereum = config.ethereum.iter().map(|source| (source.network.chain.clone(), ethereum(source)));
    let destinations = config.destination.iter().map(|target| (target.chain.clone(), destination(target)));
    let feeds = config.price_feed.iter().map(|feed| Ok((feed.asset.clone(), terms(feed)?)));
    Ok(Agreement {
        version: AgreementVersion,
        is_production: config.profile == Profile::Production,
        pause_seconds: config.pause_seconds,
        verifiers: config.verifier_set.clone(),
        signers: config.signer_set.clone(),
        guardians,
        sources: bitcoin.chain(ethereum).collect(),
        destinations: destinations.collect(),
        feeds: feeds.collect::<Result<_>>()?,
        vaults: config.api.as_ref().map(|api| api.vaults.clone()),
        risk: RiskPolicy { limits: config.limit.limits.clone(), wide: config.wide.clone() },
    })
}

fn bitcoin(source: &BitcoinSource) -> SourceTerms {
    let depth =
        DepthTerms { confirmations: source.confirmations.clone(), fast_confirmations: source.fast_confirmations };
    SourceTerms { bridge: source.vault, quorum: source.quorum, depth: Some(depth), pauses: None }
}

fn ethereum(source: &EthereumSource) -> SourceTerms {
    let pauses = source.pauses.as_ref();
    let pauses = pauses.map(|pauses| PauseTerms { inbox: pauses.inbox, pause_controller: pauses.pause_controller });
    SourceTerms { bridge: source.outbox.into_word(), quorum: source.quorum, depth: None, pauses }
}

fn destination(target: &Destination) -> DestinationTerms {
    DestinationTerms {
        inbox: target.inbox,
        fast_lane: target.fast_lane,
        checkpoint_registry: target.checkpoint_registry,
        pause_controller: target.pause_controller,
        confirmations: target.confirmations,
        witnesses: target.witness_rpc.len(),
    }
}

fn terms(feed: &PriceFeedConfig) -> Result<FeedTerms> {
    Ok(FeedTerms {
        chain: feed.chain.clone(),
        contract: feed.contract,
        digits: feed.digits,
        publisher: serde_json::to_string(&feed.publisher)?,
        quorum: feed.quorum,
        every_seconds: feed.every_seconds,
    })
}

/// Starts a process with its configuration, when everything else that can fail on this machine has not: refused where it
/// allows more than what is agreed on, and by a ledger whose audit log knows of an agreement that is not there any more.
pub async fn agree(config: &Config, book: &Book<Sqlite, SystemClock>) -> Result<()> {
    require_kept(book.ledger()).await?;
    for event in book.configure(agreement(config)?).await? {
        match event {
            ControlEvent::Configured { digest, .. } => {
                tracing::warn!(%digest, "the configuration's policy is agreed on from now on: it allows nothing more");
            }
            ControlEvent::Done { by, .. } => {
                tracing::warn!(by, "the configuration's policy was agreed on, and is in force")
            }
            other => tracing::warn!(?other, "a proposal is void: another configuration was taken"),
        }
    }
    Ok(())
}

/// What a start with `config` would lead to, by what a ledger says; nothing is written.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn would_agree(config: &Config, store: &Sqlite) -> Result<Result<Vec<ControlEvent>, ConfigureRefusal>> {
    require_kept(store).await?;
    Ok(configure(&said(store).await?, &agreement(config)?, unix_now()))
}

/// The same, for whoever does not go on without it.
///
/// # Errors
/// What the configuration allows beyond what is agreed on; where nobody would lose anything by it, how to begin anew.
pub async fn require_agreeable(config: &Config, store: &Sqlite) -> Result<Vec<ControlEvent>> {
    match would_agree(config, store).await? {
        Ok(events) => Ok(events),
        Err(refusal @ ConfigureRefusal::Looser { .. }) if is_draft(store).await? => {
            bail!("{refusal}\n{}", begin_anew(config))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// How to forget a draft that was agreed on.
pub fn begin_anew(config: &Config) -> String {
    let database = config.database.display();
    format!(
        "or, since the ledger has no deposit and no order yet and no guardian has said anything: remove {database} (and \
         {database}-wal, {database}-shm) to begin anew"
    )
}

/// Whether nothing but configurations is in the ledger: what was agreed on bound nobody yet.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn is_draft(store: &Sqlite) -> Result<bool> {
    let said = store.control_events(0).await?;
    let is_silent = said.iter().all(|said| matches!(said.body, ControlEvent::Configured { .. }));
    Ok(is_silent && store.is_unused().await?)
}

/// What guardians said, as it is stored.
async fn said(store: &Sqlite) -> Result<ControlState> {
    let mut control = ControlState::default();
    for recorded in store.control_events(0).await? {
        control.apply(&recorded.body, recorded.at);
    }
    Ok(control)
}

/// In this order: both logs are written at once, and another process may be agreeing right now.
async fn require_kept(store: &Sqlite) -> Result<()> {
    let is_kept = !store.was_configured().await? || said(store).await?.filed().is_some();
    ensure!(is_kept, "ledger: the audit log tells of an agreed policy, and the control log has none: restore a backup");
    Ok(())
}
