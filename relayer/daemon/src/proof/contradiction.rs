//! What shows that a chain contradicted itself: checked offline, and written from the ledger that halted it.

use std::path::Path;

use anyhow::{Context, Result};
use spandrel_verifiers::file::{ContradictionExplained, ContradictionFile};
use spandrel_verifiers::{ChainId, Contradiction};

use super::{refuse, write};
use crate::config::Config;
use crate::exit::Exit;
use crate::status;

/// Checks it and says what it shows. Done: they contradict each other; refused: they do not.
pub(super) fn verify(file: &ContradictionFile, json: bool) -> Result<Exit> {
    let shown = match file.contradiction.verify() {
        Ok(shown) => shown,
        Err(error) => return refuse(&error, json),
    };
    let said = file.contradiction.said();
    if json {
        let report = serde_json::json!({ "proven": true, "contradiction": shown, "trusted": said });
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(Exit::Done);
    }
    println!("shown      {shown}");
    for line in said {
        println!("trusted    {line}");
    }
    Ok(Exit::Done)
}

/// The same, step by step.
pub(super) fn explain(file: &ContradictionFile, json: bool) -> Result<Exit> {
    let explained = file.explain();
    if json {
        println!("{}", serde_json::to_string_pretty(&explained)?);
    } else {
        print!("{explained}");
    }
    let ContradictionExplained { verdict, .. } = explained;
    Ok(if verdict.is_ok() { Exit::Done } else { Exit::Refused })
}

/// Writes what the last halt of `chain` was kept with, if it was kept with anything.
pub(super) async fn export(config: &Config, chain: &ChainId, path: &Path) -> Result<()> {
    let store = status::look_at(&config.database).await?;
    let found = store.halt_evidence(chain).await?;
    store.close().await;
    let (_, bytes) = found.with_context(|| format!("{chain}: expected a halt with evidence, found none"))?;
    let contradiction = Contradiction::from_bytes(&bytes)?;
    contradiction.verify()?;
    write(path, || Ok(contradiction.to_bytes()), &ContradictionFile::new(contradiction.clone()))
}
