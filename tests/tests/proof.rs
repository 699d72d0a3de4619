//! Evidence files: what the bridge exports, anyone verifies offline; tampered in any field, it is refused by name.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spandrel::clock::unix_now;
use spandrel::demo::bridge::Bridge;
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::demo::deposit;
use spandrel::{proof, up};
use spandrel_core::ledger::{Ledger, TransferFilter};
use spandrel_engine::Silent;
use spandrel_store::Sqlite;
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_tests::tamper::{leaves, protobuf, tamper};
use spandrel_tests::{PATIENCE, process};
use spandrel_verifiers::{ChainId, DepositId, LanePreference};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn exported_evidence_verifies_and_tampered_evidence_is_refused_by_field() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::find()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let stop = CancellationToken::new();
    let running = up::start(bridge.config.clone(), Some(Arc::new(Silent)), stop.clone()).await?;
    let recipient = Address::repeat_byte(7);
    deposit::bitcoin(&chains, &bridge, running.store(), recipient, 50_000, LanePreference::LightClient).await?;
    deposit::ethereum(&chains, &bridge, recipient, U256::from(50_000), LanePreference::LightClient).await?;
    for chain in [bridge.config.bitcoin[0].chain.clone(), chains.ethereum_id()] {
        let id = proven(&chains, running.store(), &chain).await?;
        let file = proof::make(&bridge.config, id).await?;
        check(&serde_json::to_value(&file)?, id)?;
        check_protobuf(&file.to_bytes()?, id)?;
        check_export(folder.path(), id).await?;
    }
    stop.cancel();
    running.finish().await
}

async fn proven(chains: &Chains, store: &Sqlite, source: &ChainId) -> Result<DepositId> {
    let deadline = Instant::now() + PATIENCE;
    let filter = TransferFilter { source: Some(source.clone()), open_only: false };
    loop {
        let transfers = store.transfers(&filter).await?;
        if let Some(transfer) = transfers.iter().find(|transfer| transfer.evidence.is_some()) {
            return Ok(transfer.id);
        }
        ensure!(Instant::now() < deadline, "nothing from {source} was proven");
        chains.bitcoin.mine(1).await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// The command writes the same file, and shows on a terminal how far it is.
async fn check_export(folder: &Path, id: DepositId) -> Result<()> {
    let (name, config) = (id.to_string(), folder.join("spandrel.toml"));
    let to = folder.join(format!("{name}.json"));
    let paths = [config.to_str().context("a UTF-8 path")?, to.to_str().context("a UTF-8 path")?];
    let arguments = ["proof", "export", &name, "--config", paths[0], "--to", paths[1]];
    let Some(shown) = process::on_a_terminal(&arguments).await? else { return Ok(()) };
    ensure!(shown.contains("following the chain ["), "no bar: {shown:?}");
    require_proof(&std::fs::read(&to).with_context(|| shown)?, id)
}

fn check(file: &Value, id: DepositId) -> Result<()> {
    require_proof(file.to_string().as_bytes(), id)?;
    let evidence = leaves(file.get("evidence").context("evidence")?, "evidence");
    ensure!(evidence.len() > 8, "a whole evidence was tampered with");
    for path in &evidence {
        require_refusal(tamper(file, path).to_string().as_bytes(), path)?;
    }
    println!("{} tampered JSON fields refused", evidence.len());
    Ok(())
}

fn check_protobuf(file: &[u8], id: DepositId) -> Result<()> {
    require_proof(file, id)?;
    let definition = protobuf::definition("EvidenceFile")?;
    let changed: Vec<_> =
        protobuf::tampered(&definition, file)?.into_iter().filter(|(path, _)| path.starts_with("evidence.")).collect();
    ensure!(changed.len() > 8, "a whole evidence was tampered with");
    for (path, bytes) in &changed {
        require_refusal(bytes, path)?;
    }
    println!("{} tampered protobuf fields refused", changed.len());
    Ok(())
}

fn require_proof(file: &[u8], id: DepositId) -> Result<()> {
    let (file, verified) = proof::check(file, unix_now() + 5)?;
    ensure!(verified.fact().id() == id, "the file proves another deposit");
    let explanation = file.explain(unix_now() + 5);
    ensure!(explanation.verdict == Ok(verified) && explanation.to_string().contains("proven"), "{explanation}");
    Ok(())
}

/// The error must name the field at `path`. A deposit's fields have one commitment, its id, and a Bitcoin deposit's terms
/// have one, its script: they may be named together. A source key also says which storage slot is proven.
fn require_refusal(file: &[u8], path: &str) -> Result<()> {
    let error = match proof::check(file, unix_now() + 5) {
        Ok(_) => anyhow::bail!("{path}: tampered, and accepted"),
        Err(error) => error,
    };
    let is_index = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let last = path.rsplit('.').find(|name| !is_index(name)).context("a field's name")?;
    let is_of = |whole: &str| path.split('.').any(|name| name == whole) && error.field.contains(whole);
    let is_slot = last == "source_key" && error.field.contains("storage_proof");
    let is_named = error.field.contains(last) || is_slot || ["deposit", "terms"].into_iter().any(is_of);
    ensure!(is_named, "{path}: tampered, but the error names {error}");
    Ok(())
}
