//! The demo is the end-to-end test: the real binary, real chains, every expectation checked on-chain.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use spandrel_testnets::bitcoin::Bitcoind;
use spandrel_testnets::ethereum::EthereumNodes;
use spandrel_tests::process;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_holds_every_expectation_on_embedded_chains() -> Result<()> {
    demo(&[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_holds_every_expectation_on_a_real_bitcoind() -> Result<()> {
    let Some(path) = Bitcoind::find() else {
        println!("skipped: bitcoind not found");
        return Ok(());
    };
    let path = path.display().to_string();
    demo(&["--bitcoind", &path]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_holds_every_expectation_on_a_real_lodestar_and_geth() -> Result<()> {
    let Some(EthereumNodes { lodestar, geth }) = EthereumNodes::find() else {
        println!("skipped: lodestar and geth not found");
        return Ok(());
    };
    demo(&["--lodestar", &lodestar.display().to_string(), "--geth", &geth.display().to_string()]).await
}

/// Whatever goes wrong, the last line says so, and so does the exit code.
#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_cannot_be_played_says_what_failed() -> Result<()> {
    let mut command = Command::new(process::binary()?);
    let output = command.args(["demo", "--bitcoind", "/nowhere/bitcoind"]).kill_on_drop(true).output().await?;
    let shown = String::from_utf8_lossy(&output.stdout);
    let last = shown.lines().last().unwrap_or_default();
    ensure!(output.status.code() == Some(1), "{}", output.status);
    ensure!(last.starts_with("demo: failed: ") && last.contains("/nowhere/bitcoind"), "{last}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_is_kept_goes_on_until_it_is_interrupted() -> Result<()> {
    let mut command = Command::new(process::binary()?);
    let mut child = command.args(["demo", "--keep"]).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
    while !lines.next_line().await?.context("it ended by itself")?.ends_with("Ctrl-C ends it") {}
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(child.try_wait()?.is_none(), "it is kept");
    process::signal(&child, "INT").await?;
    let mut last = String::new();
    while let Some(line) = lines.next_line().await? {
        last = line;
    }
    let status = child.wait().await?;
    ensure!(status.success() && last == "demo: ok", "{status}: {last}");
    Ok(())
}

async fn demo(arguments: &[&str]) -> Result<()> {
    let output = Command::new(process::binary()?).arg("demo").args(arguments).kill_on_drop(true).output().await?;
    let shown = String::from_utf8_lossy(&output.stdout);
    println!("{shown}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success() && shown.trim_end().ends_with("demo: ok"), "the demo failed");
    Ok(())
}
