//! Limits on guardians' pages: the form in which they are written, and what a proposal would change.

use maud::{Markup, html};
use serde_json::Value;
use spandrel_risk::{Corridor, Limit, Limits};

use super::super::layout::amount;
use super::super::units;
use super::draft::Draft;
use super::fields::fixed;
use crate::control::Standing;
use crate::{Denominations, Problem};

/// The limits of a corridor, as they are signed: name, and what it bounds.
pub const LIMITS: [(&str, &str); 6] = [
    ("per_transfer", "Largest transfer"),
    ("exposure_cap", "Exposure"),
    ("window", "In 24 hours"),
    ("large_from", "Large from"),
    ("large_delay", "Seconds a large one waits"),
    ("dust", "Smallest transfer"),
];

/// The fields of all limits of a corridor; `wrong` names the one at fault.
///
/// # Errors
/// 404 for a corridor that has none.
pub fn fields(draft: &Draft, corridor: &Corridor, standing: &Standing, wrong: Option<&str>) -> Result<Markup, Problem> {
    let limits = standing.limits.limits(corridor);
    let limits = limits.ok_or_else(|| Problem::not_found("UNKNOWN_CORRIDOR", "such limits"))?;
    let named = serde_json::to_string(corridor).unwrap_or_default();
    let version = draft.version.unwrap_or(standing.control.version());
    let text = |name: &str| of(limits, name);
    let unit = standing.denominations.of(corridor.asset.as_str());
    Ok(html! {
        (fixed("corridor", &named, &corridor_name(corridor, &standing.denominations)))
        input type="hidden" name="version" value=(version);
        @for (name, words) in LIMITS {
            div.field {
                label for=(name) { (words) }
                input id=(name) name=(name) type="text" required autocomplete="off" value=(draft.limit(name).unwrap_or(&text(name)))
                    aria-invalid=[(wrong == Some(name)).then_some("true")];
                @if name != "large_delay" { p.hint { "now " (amount(&text(name), unit.as_ref())) } }
            }
        }
        p.hint.wide { "Base units, or " code { "unlimited" } "." }
    })
}

/// The limits that were filled in.
///
/// # Errors
/// 400 for one that does not read.
pub fn read(draft: &Draft) -> Result<Limits, Problem> {
    let text = |name| draft.limit(name).unwrap_or_default();
    let bound = |name| {
        let read = serde_json::from_value::<Limit>(text(name).into());
        read.map_err(|_| Problem::invalid(name, "base units or unlimited", text(name)))
    };
    let seconds = text("large_delay").parse();
    let Limit::Amount(dust) = bound("dust")? else {
        return Err(Problem::invalid("dust", "base units", text("dust")));
    };
    Ok(Limits {
        per_transfer: bound("per_transfer")?,
        exposure_cap: bound("exposure_cap")?,
        window: bound("window")?,
        large_from: bound("large_from")?,
        large_delay: seconds.map_err(|_| Problem::invalid("large_delay", "seconds", text("large_delay")))?,
        dust,
    })
}

/// What other limits would change of those that stand: `verb` is `raise` or `lower`.
pub fn changes(verb: &str, corridor: &Corridor, limits: &Limits, standing: &Standing) -> Markup {
    let (now, unit) = (standing.limits.limits(corridor), standing.denominations.of(corridor.asset.as_str()));
    let shown = |name: &str, text: &str| match name {
        "large_delay" => html! { (text) },
        _ => amount(text, unit.as_ref()),
    };
    let changed = LIMITS.iter().filter_map(|(name, words)| {
        let (before, after) = (now.map(|now| of(now, name)), of(limits, name));
        let is_changed = before.as_ref() != Some(&after);
        is_changed.then(|| (words, before.map(|before| shown(name, &before)), shown(name, &after)))
    });
    html! {
        strong { (verb) " the limits of the " (corridor_name(corridor, &standing.denominations)) } br;
        @for (words, before, after) in changed {
            (words) ": " @if let Some(before) = before { (before) " → " } strong { (after) } br;
        }
    }
}

/// A limit as it is written: base units, `unlimited`, or seconds.
fn of(limits: &Limits, name: &str) -> String {
    let written = serde_json::to_value(limits).unwrap_or_default();
    match written.get(name) {
        Some(Value::String(text)) => text.clone(),
        other => other.unwrap_or(&Value::Null).to_string(),
    }
}

/// A lane of a corridor, by names that people know.
pub fn corridor_name(corridor: &Corridor, denominations: &Denominations) -> String {
    let Corridor { source, destination, asset, lane } = corridor;
    let (lane, asset) = (lane.to_string(), units::asset_name(asset.as_str(), denominations));
    let (from, to) = (units::chain_name(source.as_str()), units::chain_name(destination.as_str()));
    format!("{} lane of {asset} from {from} to {to}", units::words(&lane))
}
