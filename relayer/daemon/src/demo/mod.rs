//! `spandrel demo`: the whole bridge on local chains. Real transfers over every route and both lanes, a reorg, and
//! what it cost. Exit code 0 only if every expectation held.

pub mod bridge;
pub mod chains;
pub mod deposit;
pub mod keys;
pub mod members;
mod scenario;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use spandrel_testnets::ethereum::EthereumNodes;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::{telemetry, up};
use bridge::Bridge;
use chains::{Chains, RealNodes};
use view::Live;

/// Options of `spandrel demo`.
#[derive(Debug, clap::Args)]
pub struct DemoOptions {
    /// Leave everything running after the table, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// A real `bitcoind` to use instead of the embedded node.
    #[arg(long)]
    bitcoind: Option<PathBuf>,
    /// A real Lodestar to use instead of the beacon companion; it needs `--geth`, and finality takes it over a minute.
    #[arg(long, requires = "geth")]
    lodestar: Option<PathBuf>,
    /// A real geth to use instead of anvil as source chain; it needs `--lodestar`.
    #[arg(long, requires = "lodestar")]
    geth: Option<PathBuf>,
    /// Where keys, configuration and ledger are kept; a temporary folder when absent.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Log filter.
    #[arg(long, default_value = "error")]
    log: String,
}

impl DemoOptions {
    fn nodes(&self) -> RealNodes {
        let ethereum = self.lodestar.clone().zip(self.geth.clone());
        let ethereum = ethereum.map(|(lodestar, geth)| EthereumNodes { lodestar, geth });
        RealNodes { bitcoind: self.bitcoind.clone(), ethereum }
    }
}

/// Runs the demo. Its last line is the verdict, whatever happened.
pub async fn run(options: DemoOptions, json: bool) -> Result<Exit> {
    let live = Arc::new(Live::new(Instant::now(), json));
    match play(&options, &live, json).await {
        Ok(()) => {
            live.end("demo: ok");
            Ok(Exit::Done)
        }
        Err(error) => {
            live.end(&format!("demo: failed: {error:#}"));
            Ok(Exit::Failed)
        }
    }
}

async fn play(options: &DemoOptions, live: &Arc<Live>, json: bool) -> Result<()> {
    telemetry::start(&options.log, telemetry::LogFormat::Text, None)?;
    let temporary = tempfile::Builder::new().prefix("spandrel-demo-").tempdir()?;
    let folder = options.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;

    let say = |what: &str| live.say(what);
    let nodes = options.nodes();
    say(&format!("starting chains: {}", nodes.names()));
    let chains = Chains::start(&nodes).await?;
    say("deploying contracts on both EVM chains");
    let bridge = Bridge::build(&chains, &folder).await?;
    say("starting relayer, 3 verifiers and 3 fast-lane signers");
    let stop = CancellationToken::new();
    let running = up::start(bridge.config.clone(), Some(live.clone()), stop.clone()).await?;

    let store = running.store().clone();
    let stopped = || anyhow!("the bridge stopped by itself");
    let outcome = tokio::select! {
        outcome = scenario::play(&chains, &bridge, &store, live) => outcome,
        ended = running.ended() => Err(ended.err().unwrap_or_else(stopped)),
    };
    let verdict = outcome.and_then(|rows| view::print_table(&rows, json));
    if options.keep {
        say(&format!("it goes on, and Bitcoin is mined; ledger and keys are in {}", folder.display()));
        say(&format!("nodes: Ethereum {}, destination {}", chains.ethereum.execution_url(), chains.destination.url()));
        say("Ctrl-C ends it");
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed?,
            error = scenario::go_on(&chains, &bridge, &store, live) => return Err(error),
            ended = running.ended() => return ended.and_then(|()| Err(stopped())),
        }
    }
    stop.cancel();
    let finished = running.finish().await;
    verdict.and(finished)
}
