//! What an act replaces, told beside what it sets: the log by itself then says what changed.

use serde::{Deserialize, Serialize};
use spandrel_verifiers::UnixSeconds;

use super::decide::paused_until;
use super::{ControlEvent, Outcome, View};
use crate::{Limit, Limits};

/// A value that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Before {
    /// Of a pause, or of its end.
    Pause {
        /// Until when the scope was paused, if it was; `u64::MAX` is a freeze.
        until: Option<UnixSeconds>,
    },
    /// Of the limits of a corridor.
    Limits {
        /// All of them, as they stood.
        limits: Box<Limits>,
    },
    /// Of a limit over corridors.
    WideLimit {
        /// As it stood.
        value: Limit,
    },
}

impl Before {
    /// What `outcome` replaces of what stands.
    fn of(outcome: &Outcome, view: &View<'_>) -> Option<Self> {
        match outcome {
            Outcome::Paused { scope, .. } | Outcome::Resumed { scope } => {
                Some(Self::Pause { until: paused_until(view, scope) })
            }
            Outcome::Limited { corridor, .. } => {
                view.limits.limits(corridor).map(|limits| Self::Limits { limits: Box::new(*limits) })
            }
            Outcome::WideLimited { limit, .. } => limit.of(&view.limits.wide).map(|value| Self::WideLimit { value }),
            _ => None,
        }
    }
}

/// The same events; each that takes effect tells what it replaces.
pub(super) fn with_what_they_replace(mut events: Vec<ControlEvent>, view: &View<'_>) -> Vec<ControlEvent> {
    for event in &mut events {
        if let ControlEvent::Done { outcome, before, .. } = event {
            *before = Before::of(outcome, view);
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_older_than_this_read_and_are_written_as_they_were() {
        for old in [
            r#"{"event":"done","proposal":null,"outcome":{"outcome":"paused","scope":{"scope":"global"},"until":160},"by":"ada: a drill"}"#,
            r#"{"event":"done","proposal":null,"outcome":{"outcome":"resumed","scope":{"scope":"global"}},"by":"ada and bo: a drill"}"#,
        ] {
            let read: ControlEvent = serde_json::from_str(old).unwrap();
            assert!(matches!(read, ControlEvent::Done { before: None, .. }), "{read:?}");
            assert_eq!(serde_json::to_string(&read).unwrap(), old);
        }
        let now = r#"{"event":"done","proposal":null,"outcome":{"outcome":"paused","scope":{"scope":"global"},"until":160},"by":"ada: a drill","before":{"kind":"pause","until":null}}"#;
        let read: ControlEvent = serde_json::from_str(now).unwrap();
        assert!(matches!(&read, ControlEvent::Done { before: Some(Before::Pause { until: None }), .. }), "{read:?}");
        assert_eq!(serde_json::to_string(&read).unwrap(), now);
    }
}
