//! What the control API shows, for people.

use anyhow::Result;
use serde_json::Value;

use super::send::Client;
use crate::status::table;

/// Prints the rows under `field` of `path`'s answer (the answer itself when empty), or the JSON as it came.
pub async fn list(client: &Client, path: &str, field: &str, columns: &[&str]) -> Result<()> {
    let (answer, _) = client.get(path).await?;
    if client.is_json() {
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    let rows = if field.is_empty() { &answer } else { &answer[field] };
    let mut shown = table(columns);
    for row in rows.as_array().map(Vec::as_slice).unwrap_or_default() {
        shown.add_row(columns.iter().map(|column| text(&row[*column])));
    }
    println!("{shown}");
    Ok(())
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
