//! What the demo does, and what must come of it.

use std::time::Duration;

use alloy::primitives::{Address, U256, keccak256};
use anyhow::{Context, Result, bail, ensure};
use spandrel_contracts::{PauseController, WrappedToken, lane};
use spandrel_core::ledger::Ledger;
use spandrel_core::{Status, Transfer};
use spandrel_risk::Lane;
use spandrel_store::Sqlite;
use spandrel_testnets::bitcoin::{Dropped, RegtestNode};
use spandrel_verifiers::LanePreference;
use tokio::sync::Mutex;

use super::bridge::{BITCOIN_CONFIRMATIONS, Bridge, FAST_CAP_SATS, FAST_CAP_WEI, wallet};
use super::chains::Chains;
use super::deposit;
use super::view::{Live, Row};

const BITCOIN_BLOCK_TIME: Duration = Duration::from_millis(1500);
/// Real Ethereum nodes take minutes to finality.
const PATIENCE: Duration = Duration::from_secs(300);

/// What must become of a transfer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Paid by the fast lane, then proven.
    FastThenSettled,
    /// Paid by the light-client lane.
    LightClient,
    /// Gone before it was final: not paid.
    ReorgedUnpaid,
    /// Paid by the fast lane, then gone.
    Shortfall,
}

#[derive(Clone, Copy)]
enum From {
    Bitcoin(u64),
    Ethereum(u128),
}

struct Sent {
    name: &'static str,
    from: From,
    recipient: Address,
    expected: Expected,
    sent_at: f64,
}

struct Stage<'a> {
    chains: &'a Chains,
    bridge: &'a Bridge,
    store: &'a Sqlite,
    live: &'a Live,
    /// Held while Bitcoin must stand still.
    mining: &'a Mutex<()>,
}

/// Plays it through; a row per transfer.
pub async fn play(chains: &Chains, bridge: &Bridge, store: &Sqlite, live: &Live) -> Result<Vec<Row>> {
    let mining = Mutex::new(());
    let stage = Stage { chains, bridge, store, live, mining: &mining };
    tokio::select! {
        rows = stage.play() => rows,
        error = stage.mine_bitcoin() => Err(error),
    }
}

/// Mines Bitcoin until something fails.
pub async fn go_on(chains: &Chains, bridge: &Bridge, store: &Sqlite, live: &Live) -> anyhow::Error {
    let mining = Mutex::new(());
    Stage { chains, bridge, store, live, mining: &mining }.mine_bitcoin().await
}

impl Stage<'_> {
    /// Mines until something fails. A block waits while the last one is not read or a fast payout is on its way: on the
    /// real chain ten minutes pass between blocks, so however slow this machine is, a fast deposit is paid before it is
    /// final.
    async fn mine_bitcoin(&self) -> anyhow::Error {
        let mut ticks = tokio::time::interval(BITCOIN_BLOCK_TIME);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let _turn = self.mining.lock().await;
            if let Err(error) = self.mine_one_if_read().await {
                return error.context("mining Bitcoin");
            }
        }
    }

    async fn mine_one_if_read(&self) -> Result<()> {
        let chain = self.chains.bitcoin_id();
        let cursor = self.store.cursor(&chain).await?;
        let read = cursor.and_then(|cursor| cursor.tip().map(|block| block.height));
        let is_read = read == Some(u64::from(self.chains.bitcoin.tip_height().await?));
        if is_read && !self.live.awaits_a_fast_payout(&chain) {
            self.chains.bitcoin.mine(1).await?;
        }
        Ok(())
    }

    async fn play(&self) -> Result<Vec<Row>> {
        use LanePreference::{Any, Fast, LightClient};
        let ether = FAST_CAP_WEI;
        let mut sent = vec![
            self.send("bitcoin, fast", From::Bitcoin(1_000_000), Fast, Expected::FastThenSettled).await?,
            self.send("bitcoin, light client", From::Bitcoin(2_000_000), LightClient, Expected::LightClient).await?,
            self.send("ethereum, fast", From::Ethereum(ether / 2), Fast, Expected::FastThenSettled).await?,
            self.send("ethereum, light client", From::Ethereum(ether / 4), LightClient, Expected::LightClient).await?,
            self.send("bitcoin, over the fast cap", From::Bitcoin(2 * FAST_CAP_SATS), Any, Expected::LightClient)
                .await?,
            self.send("ethereum, over the fast cap", From::Ethereum(2 * ether), Any, Expected::LightClient).await?,
        ];
        self.wait(&sent).await?;
        sent.extend(self.reorg().await?);
        self.wait(&sent).await?;
        self.live.say("the fast lane is paused; the rest goes on");
        let after = self.send("bitcoin, after the shortfall", From::Bitcoin(1_200_000), Any, Expected::LightClient);
        sent.push(after.await?);
        self.wait(&sent).await?;
        let mut rows = Vec::new();
        for item in &sent {
            rows.push(self.row(item).await?);
        }
        Ok(rows)
    }

    async fn send(&self, name: &'static str, from: From, lane: LanePreference, expected: Expected) -> Result<Sent> {
        let recipient = recipient_of(name);
        self.live.name(recipient, name);
        let sent_at = self.live.seconds();
        match from {
            From::Bitcoin(satoshis) => {
                deposit::bitcoin(self.chains, self.bridge, self.store, recipient, satoshis, lane).await?;
            }
            From::Ethereum(wei) => {
                deposit::ethereum(self.chains, self.bridge, recipient, U256::from(wei), lane).await?;
            }
        }
        self.live.say(&format!("{name:<34} sent"));
        Ok(Sent { name, from, recipient, expected, sent_at })
    }

    /// Two deposits in one Bitcoin block; once the fast one is paid, the block is replaced and both are spent
    /// elsewhere.
    async fn reorg(&self) -> Result<Vec<Sent>> {
        let standing_still = self.mining.lock().await;
        let names = ("bitcoin, light client, reorged away", "bitcoin, fast, reorged away");
        let mut sent = Vec::new();
        let mut spent = Vec::new();
        for (name, lane, amount, expected) in [
            (names.0, LanePreference::LightClient, 1_500_000, Expected::ReorgedUnpaid),
            (names.1, LanePreference::Fast, 3_000_000, Expected::Shortfall),
        ] {
            let recipient = recipient_of(name);
            self.live.name(recipient, name);
            let sent_at = self.live.seconds();
            let outpoint = deposit::bitcoin(self.chains, self.bridge, self.store, recipient, amount, lane).await?;
            self.live.say(&format!("{name:<34} sent"));
            spent.push(outpoint.txid);
            sent.push(Sent { name, from: From::Bitcoin(amount), recipient, expected, sent_at });
        }
        self.chains.bitcoin.mine(1).await?;
        let fast = sent.last().context("two were sent")?.recipient;
        self.until("the fast payout", || {
            self.live.story(fast).is_some_and(|story| matches!(story.transfer.status, Status::Executed { .. }))
        })
        .await?;
        self.live.say("replacing the block that holds the last two deposits");
        let node = &self.chains.bitcoin;
        node.reorg(1, 2, Dropped::LeftOut).await?;
        for txid in spent {
            node.double_spend(txid).await?;
        }
        node.mine(BITCOIN_CONFIRMATIONS).await?;
        drop(standing_still);
        Ok(sent)
    }

    async fn wait(&self, sent: &[Sent]) -> Result<()> {
        self.until("the transfers", || sent.iter().all(|item| self.is_as_expected(item).unwrap_or(false))).await
    }

    /// Whether a transfer is where it must end; `None` while nothing was seen of it.
    fn is_as_expected(&self, item: &Sent) -> Option<bool> {
        let story = self.live.story(item.recipient)?;
        let transfer: &Transfer = &story.transfer;
        let lane = transfer.payout.as_ref().map(|payout| payout.lane);
        Some(match item.expected {
            Expected::FastThenSettled => matches!(transfer.status, Status::Settled { .. }) && lane == Some(Lane::Fast),
            Expected::LightClient => matches!(transfer.status, Status::Final { .. }) && lane == Some(Lane::LightClient),
            Expected::ReorgedUnpaid => matches!(transfer.status, Status::Reorged { .. }) && lane.is_none(),
            Expected::Shortfall => matches!(transfer.status, Status::Shortfall { .. }),
        })
    }

    async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
        let mut changes = self.live.subscribe();
        let waiting = async {
            while !holds() {
                changes.changed().await.context("the live view is gone")?;
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(done) => done,
            Err(_) => {
                self.live.say(&format!("waited {PATIENCE:?} for {what}"));
                Ok(())
            }
        }
    }

    async fn row(&self, item: &Sent) -> Result<Row> {
        let story = self.live.story(item.recipient);
        let state = story.as_ref().map_or("unseen", |story| story.transfer.status.name());
        let mut failure = match self.is_as_expected(item) {
            Some(true) => None,
            _ => Some(format!("ended {state}")),
        };
        if failure.is_none()
            && let Err(error) = self.check_balance(item).await
        {
            failure = Some(format!("{error:#}"));
        }
        Ok(Row { name: item.name.to_owned(), sent_at: item.sent_at, story, failure })
    }

    /// The recipient holds exactly what was deposited, or nothing.
    async fn check_balance(&self, item: &Sent) -> Result<()> {
        let (provider, _) = wallet(&self.chains.destination, 0)?;
        let (index, amount) = match item.from {
            From::Bitcoin(satoshis) => (0, U256::from(satoshis)),
            From::Ethereum(wei) => (1, U256::from(wei)),
        };
        let Some(token) = self.bridge.target.wrapped.get(index) else { bail!("no wrapped token {index}") };
        let balance = WrappedToken::new(*token, &provider).balanceOf(item.recipient).call().await?;
        if item.expected == Expected::Shortfall {
            let pauses = PauseController::new(self.bridge.target.pauses, &provider);
            let scope = pauses.laneScope(lane::FAST).call().await?;
            ensure!(pauses.isPaused(scope).call().await?, "the fast lane is not paused on the destination");
        }
        let owed = if item.expected == Expected::ReorgedUnpaid { U256::ZERO } else { amount };
        ensure!(balance == owed, "the recipient holds {balance}, not {owed}");
        Ok(())
    }
}

/// Every transfer has a recipient of its own, so that balances tell transfers apart.
fn recipient_of(name: &str) -> Address {
    Address::from_word(keccak256(name))
}
