//! The demo is the end-to-end test: the real binary, real chains, every expectation checked on-chain.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spandrel_testnets::bitcoin::Bitcoind;
use spandrel_testnets::ethereum::EthereumNodes;
use spandrel_tests::process;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
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

/// Beside JSON what it says of its life goes to standard error, and standard output is one document: the table's rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_is_kept_goes_on_until_it_is_interrupted_and_prints_json() -> Result<()> {
    let mut command = Command::new(process::binary()?);
    let pipes = command.args(["demo", "--keep", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(child.stderr.take().context("what it says")?).lines();
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
    let mut document = Vec::new();
    child.stdout.take().context("its document")?.read_to_end(&mut document).await?;
    let rows: Vec<Value> = serde_json::from_slice(&document)?;
    ensure!(rows.len() == 9, "{rows:?}");
    for row in &rows {
        ensure!(row["name"].is_string() && row["held"] == true && row["failure"].is_null(), "{row}");
    }
    let is_paid = |row: &Value| row["status"] == "final" && row["gas"].as_array().is_some_and(|gas| !gas.is_empty());
    let paid = rows.iter().find(|row| is_paid(row)).context("a transfer that was paid")?;
    let states = paid["states"].as_array().context("its states")?;
    ensure!(states.first().is_some_and(|first| first[0] == "observed" && first[1].is_f64()), "{paid}");
    ensure!(paid["id"].as_str().is_some_and(|id| id.starts_with("0x")), "{paid}");
    Ok(())
}

async fn demo(arguments: &[&str]) -> Result<()> {
    let output = Command::new(process::binary()?).arg("demo").args(arguments).kill_on_drop(true).output().await?;
    let shown = String::from_utf8_lossy(&output.stdout);
    println!("{shown}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success() && shown.trim_end().ends_with("demo: ok"), "the demo failed");
    Ok(())
}
