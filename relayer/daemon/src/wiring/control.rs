//! The control API over the relayer's book.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use spandrel_api::http::{Hosts, Port, Room, TIMEOUT, control_router, serve};
use spandrel_api::{ControlDesk, Denominations, OrderRefusal, Standing};
use spandrel_engine::{Book, OrderError, RiskNow};
use spandrel_risk::control::{ControlEvent, ControlPolicy, Seen, SignedStatement, SignerRole};
use spandrel_store::Sqlite;
use spandrel_verifiers::attestation::SignerSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{SystemClock, unix_now};
use crate::config::{Config, ControlConfig};
use crate::traces::traced;

/// Connections at once: guardians, their command lines and their browsers, which may all be on one machine.
const PLACES: usize = 256;
/// The same of one address, where others than this machine reach the port: none of them takes all.
const OF_ONE_ADDRESS: usize = 32;

type RelayerBook = Book<Sqlite, SystemClock>;

/// Opens the control API's port; what is answered serves it until told to stop.
pub async fn serve_control(
    config: Config,
    control: ControlConfig,
    book: Arc<RelayerBook>,
    stop: CancellationToken,
) -> Result<impl Future<Output = Result<()>> + Send + 'static> {
    let policy = book.guardians().cloned().context("control: expected guardians at the book, found none")?;
    let store = book.ledger().clone();
    let signers = BTreeMap::from([
        (SignerRole::Verifiers, config.verifier_set.clone()),
        (SignerRole::FastLane, config.signer_set.clone()),
    ]);
    let denominations = Arc::new(config.denominations());
    let desk = Arc::new(BookDesk { book, policy, signers, denominations });
    let tls = control.tls.as_ref().map(|tls| super::read_tls("control.tls", tls)).transpose()?;
    let listener = tokio::net::TcpListener::bind(control.listen)
        .await
        .with_context(|| format!("control.listen: {}", control.listen))?;
    tracing::info!(address = %listener.local_addr()?, tls = tls.is_some(), "control API");
    let hosts = tls.clone().map_or(Hosts::Local, Hosts::Certified);
    let each = if control.listen.ip().is_loopback() { PLACES } else { OF_ONE_ADDRESS };
    let places = Room { all: PLACES, each };
    let app = control_router(desk, store, hosts, TIMEOUT).layer(axum::middleware::from_fn(traced));
    Ok(async move {
        // Pages that listen for changes are cut off when it stops.
        let served = serve(Port::new(listener, tls.clone()), app, places, stop.cancelled());
        let renewed = async {
            if let Some((files, tls)) = control.tls.as_ref().zip(tls.as_ref()) {
                super::renew_tls("control.tls", files, tls, &stop).await;
            }
        };
        tokio::join!(served, renewed);
        Ok(())
    })
}

struct BookDesk {
    book: Arc<RelayerBook>,
    policy: ControlPolicy,
    signers: BTreeMap<SignerRole, SignerSet>,
    denominations: Arc<Denominations>,
}

impl ControlDesk for BookDesk {
    fn guardians(&self) -> &ControlPolicy {
        &self.policy
    }

    fn order(
        &self,
        signed: SignedStatement,
        seen: Option<Seen>,
    ) -> BoxFuture<'_, Result<Vec<ControlEvent>, OrderRefusal>> {
        async move {
            let said = signed.statement.act.to_string();
            let guardian = signed.statement.guardian;
            let book = self.book.clone();
            // A task of its own, which goes on when the caller hangs up: what is stored must be followed too.
            let ordered = tokio::spawn(async move { book.order(&signed, seen).await });
            let taken = match ordered.await {
                Ok(Ok(events)) => Ok(events),
                Ok(Err(OrderError::Refused(refusal))) => Err(OrderRefusal::Refused(refusal)),
                Ok(Err(OrderError::Stale { expected, found })) => Err(OrderRefusal::Stale { expected, found }),
                Ok(Err(other)) => Err(OrderRefusal::Unavailable(other.to_string())),
                Err(broken) => Err(OrderRefusal::Unavailable(broken.to_string())),
            };
            match &taken {
                Ok(_) => tracing::warn!(%guardian, said, "a guardian's statement was taken"),
                Err(refusal) => tracing::warn!(?refusal, said, "a statement was refused"),
            }
            taken
        }
        .boxed()
    }

    fn standing(&self) -> BoxFuture<'_, Standing> {
        async move {
            // Whoever looks on keeps no order and no payment waiting, and waits for none.
            let RiskNow { state: risk, control, limits, waits, .. } = self.book.risk_now();
            let (signers, denominations) = (self.signers.clone(), self.denominations.clone());
            Standing { control, risk, limits, waits, signers, denominations, now: unix_now() }
        }
        .boxed()
    }
}
