//! How a transfer ends: paid, told to the webhook as to the stream, and with a proof that holds anywhere.

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use spandrel::clock::unix_now;
use spandrel::proof;
use spandrel_tests::demo::held;
use spandrel_tests::process::binary;
use spandrel_tests::tamper::{leaves, tamper};
use spandrel_verifiers::DepositId;
use tokio::process::Command;

use crate::stage::{AMOUNT, Stage};

/// The transfer ended well, was told to the webhook as to the stream, was paid, and its proof holds.
pub async fn check(stage: &Stage, id: &str, events: &[String], recipient: Address, wrapped: usize) -> Result<()> {
    let Stage { chains, bridge, user, hooks } = stage;
    let transfer = user.read(&format!("/v1/transfers/{id}")).await?;
    ensure!(transfer["terminal"] == true && transfer["payout_tx"].is_string(), "{transfer}");
    ensure!(events.first().is_some_and(|first| first == "observed"), "{events:?}");
    let balance = held(chains, bridge, wrapped, recipient).await?;
    ensure!(balance == U256::from(AMOUNT), "{recipient} holds {balance}");
    let told = hooks.told(id, events.len()).await?;
    ensure!(told == events, "{told:?}, {events:?}");

    let answered = user.get(&format!("/v1/transfers/{id}/proof")).send().await?.error_for_status()?.text().await?;
    check_download(&answered, transfer["deposit"].as_str().context("deposit")?).await?;
    let found: Value = serde_json::from_str(&answered)?;
    let deposit = DepositId(found["deposit"].as_str().context("deposit")?.parse()?);
    let mut file = serde_json::to_value(proof::make(&bridge.config, deposit).await?)?;
    file["evidence"] = found["evidence"].clone();
    let (_, verified) = proof::check(file.to_string().as_bytes(), unix_now() + 5)?;
    let fact = verified.fact();
    ensure!(fact.id() == deposit && fact.recipient == recipient.into_word() && fact.amount == U256::from(AMOUNT));
    ensure!(found["claim"][1]["to"] == bridge.target.inbox.to_string(), "{}", found["claim"]);
    println!("{}: {}", transfer["source"], events.join(", "));
    Ok(())
}

/// The answer as it was downloaded is checked by the program where nothing is configured; with any part of the evidence changed
/// it is refused.
async fn check_download(answered: &str, deposit: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let run = async |command: &str, content: &str, expected: i32, word: &str| {
        std::fs::write(folder.path().join("proof.json"), content)?;
        let mut program = Command::new(binary()?);
        program.current_dir(folder.path()).env_clear().args(["proof", command, "proof.json"]);
        let output = program.output().await?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.code() == Some(expected) && said.contains(word), "{}: {said}", output.status);
        anyhow::Ok(said)
    };
    let honest: Value = serde_json::from_str(answered)?;
    for command in ["verify", "explain"] {
        let said = run(command, answered, 0, deposit).await?;
        ensure!(said.contains("trusted") && said.contains("look it up"), "{said}");
        for change in ["root", "deposit"] {
            let mut changed = honest.clone();
            changed[change] = json!(format!("0x{}", "1".repeat(64)));
            run(command, &changed.to_string(), 3, change).await?;
        }
    }
    // A finality update is not read under a block that is trusted.
    let whole = leaves(&honest["evidence"], "evidence").into_iter().filter(|path| !path.ends_with(".finality"));
    for path in whole {
        run("verify", &tamper(&honest, &path).to_string(), 3, "refused").await.context(path)?;
    }
    Ok(())
}
