//! What the control API shows, for people.

use alloy_primitives::B256;
use anyhow::{Context, Result};
use serde_json::Value;

use super::send::Client;
use crate::clock::moment;
use crate::output::print;
use crate::status::table;

/// Prints the rows under `field` of `path`'s answer (the answer itself when empty), or the JSON as it came. Of what comes in
/// pages, all of them: what waits longest is on the last.
pub async fn list(client: &Client, path: &str, field: &str, columns: &[&str], json: bool) -> Result<()> {
    let (mut answer, _) = client.get(path).await?;
    while let Some(cursor) = answer["next_cursor"].as_u64() {
        let (mut next, _) = client.get(&format!("{path}?cursor={cursor}")).await?;
        let further =
            std::mem::take(next.get_mut(field).and_then(Value::as_array_mut).context("control API: expected rows")?);
        let rows = answer.get_mut(field).and_then(Value::as_array_mut).context("control API: expected rows")?;
        rows.extend(further);
        let page = answer.as_object_mut().context("control API: expected an object")?;
        match next["next_cursor"].as_u64() {
            // Pages go back in time: one that does not would never end.
            Some(next) if next < cursor => page.insert("next_cursor".to_owned(), next.into()),
            _ => page.remove("next_cursor"),
        };
    }
    let rows = if field.is_empty() { &answer } else { &answer[field] };
    let mut shown = table(columns);
    for row in rows.as_array().map(Vec::as_slice).unwrap_or_default() {
        shown.add_row(columns.iter().map(|column| cell(row, column)));
    }
    print(json, &answer, || shown.to_string())
}

/// Prints one waiting transfer of a queue with its events.
pub async fn show(client: &Client, queue: &str, id: B256, json: bool) -> Result<()> {
    let (row, version) = client.get(&format!("{queue}/{id}")).await?;
    print(json, &row, || {
        let lines = ["source", "destination", "asset", "amount", "reason", "until"]
            .map(|name| format!("{name:<11} {}\n", cell(&row, name)));
        let mut events = table(&["#", "at", "event"]);
        for event in row["events"].as_array().map(Vec::as_slice).unwrap_or_default() {
            events.add_row(["sequence", "at", "event"].map(|column| cell(event, column)));
        }
        format!("transfer    {id}\nversion     {version}\n{}{events}", lines.concat())
    })
}

/// What a row says under a name; times are Unix seconds there.
fn cell(row: &Value, name: &str) -> String {
    match (name, &row[name]) {
        ("at" | "until" | "ready_at", Value::Number(at)) => {
            at.as_u64().map_or_else(|| at.to_string(), |at| moment(at).to_string())
        }
        ("approval", by @ Value::Object(_)) => format!("by {}, ready at {}", cell(by, "person"), cell(by, "ready_at")),
        ("approval", _) => "needs a second person".to_owned(),
        (_, Value::Null) => "-".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}
