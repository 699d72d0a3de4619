//! Fields of the forms in which guardians write statements.

use std::collections::BTreeSet;

use maud::{Markup, html};
use spandrel_risk::control::ControlPolicy;
use spandrel_risk::{Corridor, Direction, Lane, Scope};

use super::super::units;
use crate::control::Standing;

/// A field that is not to be filled in.
pub fn fixed(name: &str, value: &str, shown: &str) -> Markup {
    html! {
        div.field.wide {
            span.label { (units::words(name)) }
            input type="hidden" name=(name) value=(value);
            p.said { (shown) }
        }
    }
}

/// Which scope; `chosen` as it stands in an address.
pub fn scope_field(standing: &Standing, chosen: Option<&str>) -> Markup {
    html! {
        div.field {
            label for="scope" { "Scope" }
            select #scope name="scope" {
                @for scope in scopes(standing) {
                    @let value = serde_json::to_string(&scope).unwrap_or_default();
                    option value=(value) selected[chosen == Some(value.as_str())] { (scope) }
                }
            }
        }
    }
}

/// Everything that can be paused, widest first.
fn scopes(standing: &Standing) -> Vec<Scope> {
    let mut scopes = vec![Scope::Global];
    let lanes = [Lane::Fast, Lane::LightClient];
    scopes.extend(lanes.map(|lane| Scope::Lane { lane, source: None }));
    for Corridor { source, destination, asset, lane } in standing.limits.limits.keys() {
        scopes.extend([
            Scope::Chain { chain: source.clone() },
            Scope::Chain { chain: destination.clone() },
            Scope::Asset { asset: asset.clone() },
            Scope::Route { source: source.clone(), destination: destination.clone() },
            Scope::Lane { lane: *lane, source: Some(source.clone()) },
            Scope::Direction { chain: source.clone(), direction: Direction::Deposits },
            Scope::Direction { chain: destination.clone(), direction: Direction::Payouts },
        ]);
    }
    let mut seen = BTreeSet::new();
    scopes.retain(|scope| seen.insert(scope.to_string()));
    scopes
}

/// Which source chain; `chosen` as it stands in an address.
pub fn source_field(standing: &Standing, chosen: Option<&str>) -> Markup {
    let sources: BTreeSet<_> = standing.limits.limits.keys().map(|corridor| &corridor.source).collect();
    html! {
        div.field {
            label for="chain" { "Chain" }
            select #chain name="chain" {
                @for source in sources {
                    option value=(source) selected[chosen == Some(source.as_str())] { (source) }
                }
            }
        }
    }
}

/// A block's height.
pub fn height_field(name: &str, hint: &str, said: Option<&str>, is_wrong: bool) -> Markup {
    let hint_id = format!("{name}-hint");
    html! {
        div.field {
            label for=(name) { (units::words(name)) }
            input id=(name) name=(name) type="text" inputmode="numeric" required autocomplete="off" aria-describedby=(hint_id) value=[said]
                aria-invalid=[is_wrong.then_some("true")];
            p.hint id=(hint_id) { (hint) }
        }
    }
}

/// For how long.
pub fn length_field(hint: &str, chosen: Option<&str>) -> Markup {
    html! {
        div.field {
            label for="for" { "For" }
            select #for name="for" aria-describedby="for-hint" {
                @for (value, words) in [("15m", "15 minutes"), ("1h", "1 hour"), ("2h", "2 hours"), ("6h", "6 hours"), ("1d", "1 day"), ("5d", "5 days")] {
                    option value=(value) selected[value == chosen.unwrap_or("2h")] { (words) }
                }
            }
            p.hint #for-hint { (hint) }
        }
    }
}

/// Who says it.
pub fn guardian_field(guardians: &ControlPolicy, chosen: Option<&str>) -> Markup {
    html! {
        div.field {
            label for="guardian" { "Your key" }
            select #guardian name="guardian" required {
                option value="" { "choose" }
                @for (address, person) in &guardians.guardians {
                    @let address = address.to_string();
                    option value=(address) selected[chosen == Some(address.as_str())] { (person) " · " (units::short(&address)) }
                }
            }
        }
    }
}

/// Why.
pub fn reason_field(said: Option<&str>, is_wrong: bool) -> Markup {
    html! {
        div.field.wide {
            label for="reason" { "Reason" }
            input #reason name="reason" type="text" required maxlength="500" autocomplete="off" aria-describedby="reason-hint" value=[said]
                aria-invalid=[is_wrong.then_some("true")];
            p.hint #reason-hint { "One line. It is kept in the audit log, and users see it with a pause." }
        }
    }
}
