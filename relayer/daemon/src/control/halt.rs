//! The halt that an acknowledgement is for, as the control API tells it.

use anyhow::{Context, Result};
use spandrel_verifiers::ChainId;

use super::send::Client;

/// Why `chain` is halted, printed before it is signed.
pub(super) async fn standing(client: &Client, chain: &ChainId) -> Result<String> {
    let (halts, _) = client.get("halts").await?;
    let rows = halts.as_array().map(Vec::as_slice).unwrap_or_default();
    let row = rows.iter().find(|row| row["chain"].as_str() == Some(chain.as_str()));
    let row = row.with_context(|| format!("NOT_HALTED: {chain} is not halted"))?;
    let reason = row["reason"].as_str().context("halts: expected a reason")?;
    eprintln!("{chain} is halted: {reason}");
    Ok(reason.to_owned())
}
