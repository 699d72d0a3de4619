//! The texts by which rows are found: executors, tags of enums, standings.

use serde::Serialize;
use spandrel_core::ledger::StoreError;
use spandrel_core::{Executor, Standing};

use crate::refusal::corrupt;

/// The executor as a readable, injective text: `source:<chain>`, `evidence:<chain>`, `verifiers`, `signers`, `destination:<chain>`.
pub fn executor(executor: &Executor) -> String {
    match executor {
        Executor::Source { chain } => format!("source:{chain}"),
        Executor::Evidence { chain } => format!("evidence:{chain}"),
        Executor::Verifiers => "verifiers".to_owned(),
        Executor::Signers => "signers".to_owned(),
        Executor::Destination { chain } => format!("destination:{chain}"),
    }
}

/// The standing's name, as its JSON tags it.
pub fn standing(standing: &Standing) -> &'static str {
    match standing {
        Standing::Mined { .. } => "mined",
        Standing::Gone { .. } => "gone",
    }
}

/// An internally tagged event as `(kind, JSON)`: the kind is the value of its `event` tag.
pub fn tagged_event<T: Serialize>(event: &T) -> Result<(String, String), StoreError> {
    let value = serde_json::to_value(event).map_err(|error| corrupt("event to be stored", error))?;
    match value.get("event").and_then(serde_json::Value::as_str) {
        Some(kind) => Ok((kind.to_owned(), value.to_string())),
        None => Err(corrupt("event to be stored", "it has no `event` tag")),
    }
}
