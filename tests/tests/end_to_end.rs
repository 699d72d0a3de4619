//! The demo is the end-to-end test: the real binary, real chains, every expectation checked on-chain.

use anyhow::{Result, ensure};
use spandrel_testnets::bitcoin::Bitcoind;
use spandrel_tests::process;
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

async fn demo(arguments: &[&str]) -> Result<()> {
    let output = Command::new(process::binary()?).arg("demo").args(arguments).kill_on_drop(true).output().await?;
    let shown = String::from_utf8_lossy(&output.stdout);
    println!("{shown}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success() && shown.trim_end().ends_with("demo: ok"), "the demo failed");
    Ok(())
}
