//! `spandrel audit changes`: what guardians' acts on limits and pauses and other policies changed, from what to what.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value};
use spandrel_risk::Limits;
use spandrel_risk::control::{Before, ControlEvent, ControlState, Outcome};
use spandrel_store::AuditRow;
use spandrel_verifiers::UnixSeconds;

use super::policies::between;
use crate::clock::moment;
use crate::output::print;
use crate::status::{look_at, table};

/// Rows read at once.
const PAGE: u32 = 1_000;

/// One value that an act set.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Changed {
    row: u64,
    at: UnixSeconds,
    by: String,
    what: String,
    /// Absent in rows that did not tell it yet.
    before: Option<String>,
    after: String,
}

/// Prints them, oldest first.
pub async fn show(database: &Path, json: bool) -> Result<()> {
    let store = look_at(database).await?;
    let (mut found, mut from, mut state) = (Vec::new(), 0, ControlState::default());
    loop {
        let rows = store.audit(from, PAGE).await?;
        let Some(last) = rows.last() else { break };
        from = last.sequence.saturating_add(1);
        for row in rows.iter().filter(|row| row.kind == "control") {
            found.extend(of(row, &mut state)?);
        }
    }
    store.close().await;
    print(json, &found, || {
        let mut shown = table(&["row", "at", "by", "what", "before", "after"]);
        for Changed { row, at, by, what, before, after } in &found {
            let before = before.as_deref().unwrap_or("not told");
            shown.add_row([&row.to_string(), &moment(*at).to_string(), by, what, before, after]);
        }
        shown.to_string()
    })
}

/// What one row changed of what `state` is before it: of a corridor's limits and of a policy each part that is another.
fn of(row: &AuditRow, state: &mut ControlState) -> Result<Vec<Changed>> {
    let event: ControlEvent = serde_json::from_str(&row.body).with_context(|| format!("audit row {}", row.sequence))?;
    let is_policy = matches!(
        event,
        ControlEvent::Configured { .. } | ControlEvent::Done { outcome: Outcome::PolicyChanged { .. }, .. }
    );
    let standing = is_policy.then(|| state.clone());
    state.apply(&event, row.at);
    let (outcome, by, before) = match event {
        ControlEvent::Done { outcome, by, before, .. } => (Some(outcome), by, before),
        ControlEvent::Configured { .. } => (None, "a start with this file".to_owned(), None),
        _ => return Ok(Vec::new()),
    };
    let one = |what: String, before: Option<String>, after: String| Changed {
        row: row.sequence,
        at: row.at,
        by: by.clone(),
        what,
        before,
        after,
    };
    let paused = match &before {
        Some(Before::Pause { until }) => Some(pause(*until)),
        _ => None,
    };
    if let Some(standing) = standing {
        let parts = between(&standing, state).into_iter();
        return Ok(parts.map(|(what, before, after)| one(what, Some(before), after)).collect());
    }
    let Some(outcome) = outcome else { return Ok(Vec::new()) };
    Ok(match outcome {
        Outcome::Paused { scope, until } => vec![one(format!("pause of {scope}"), paused, pause(Some(until)))],
        Outcome::Resumed { scope } => vec![one(format!("pause of {scope}"), paused, pause(None))],
        Outcome::WideLimited { limit, value } => {
            let before = match before {
                Some(Before::WideLimit { value }) => Some(value.to_string()),
                _ => None,
            };
            vec![one(limit.to_string(), before, value.to_string())]
        }
        Outcome::Limited { corridor, limits } => {
            let before = match &before {
                Some(Before::Limits { limits }) => Some(fields(limits)?),
                _ => None,
            };
            let what =
                format!("{} -> {}, {}, {} lane", corridor.source, corridor.destination, corridor.asset, corridor.lane);
            let told = |name: &str| before.as_ref().and_then(|before| before.get(name)).map(text);
            let fields = fields(&limits)?;
            let rows = fields.iter().map(|(name, value)| one(format!("{what}: {name}"), told(name), text(value)));
            rows.filter(|changed| changed.before.as_ref() != Some(&changed.after)).collect()
        }
        _ => Vec::new(),
    })
}

fn fields(limits: &Limits) -> Result<Map<String, Value>> {
    match serde_json::to_value(limits)? {
        Value::Object(fields) => Ok(fields),
        other => anyhow::bail!("limits: expected an object, found {other}"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn pause(until: Option<UnixSeconds>) -> String {
    match until {
        None => "not paused".to_owned(),
        Some(UnixSeconds::MAX) => "frozen".to_owned(),
        Some(until) => format!("until {}", moment(until)),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    fn told(body: &str) -> Vec<(String, Option<String>, String)> {
        let body = body.to_owned();
        let row =
            AuditRow { sequence: 7, at: 9, kind: "control".to_owned(), body, previous: B256::ZERO, hash: B256::ZERO };
        of(&row, &mut ControlState::default())
            .unwrap()
            .into_iter()
            .map(|changed| (changed.what, changed.before, changed.after))
            .collect()
    }

    #[test]
    fn a_row_tells_what_was_there_before_it_and_an_old_one_that_it_does_not_know() {
        let done = r#""event":"done","proposal":null,"by":"ada: a drill""#;
        let paused = r#""outcome":{"outcome":"paused","scope":{"scope":"global"},"until":160}"#;
        let (what, until) = ("pause of global".to_owned(), "until 1970-01-01T00:02:40Z".to_owned());
        assert_eq!(told(&format!("{{{done},{paused}}}")), [(what.clone(), None, until.clone())]);
        let before = r#""before":{"kind":"pause","until":null}"#;
        let not_paused = Some("not paused".to_owned());
        assert_eq!(told(&format!("{{{done},{paused},{before}}}")), [(what.clone(), not_paused, until.clone())]);
        let resumed = r#""outcome":{"outcome":"resumed","scope":{"scope":"global"}}"#;
        let before = r#""before":{"kind":"pause","until":160}"#;
        let lifted = (what, Some(until), "not paused".to_owned());
        assert_eq!(told(&format!("{{{done},{resumed},{before}}}")), [lifted]);
    }
}
