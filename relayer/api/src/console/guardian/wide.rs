//! Limits over corridors on guardians' pages: as they stand, the form in which one is written, and what a proposal would change.

use maud::{Markup, html};
use spandrel_risk::{AssetLimit, Limit, WideLimit};

use super::super::form::given;
use super::super::layout::{amount, table};
use super::super::units;
use super::draft::{Draft, link};
use super::fields::fixed;
use super::limits::corridor_name;
use crate::control::Standing;
use crate::{Denominations, Problem};

/// Each as it stands.
pub fn rows(standing: &Standing) -> Markup {
    let wide = &standing.limits.wide;
    let rows = WideLimit::all(wide).into_iter().filter_map(|limit| {
        let value = limit.of(wide)?;
        let named = serde_json::to_string(&limit).unwrap_or_default();
        Some(vec![
            html! { (words(&limit, &standing.denominations)) },
            shown(&limit, &value, &standing.denominations),
            html! {
                div.acts {
                    a href=(link("lower_wide_limit", &[("limit", &named)])) { "Lower" }
                    a href=(link("raise_wide_limit", &[("limit", &named)])) { "Raise" }
                }
            },
        ])
    });
    table("Limits over corridors", &["What", "At most", "Do"], rows.collect())
}

/// The fields of one.
///
/// # Errors
/// 404 for one that is not configured.
pub fn fields(limit: &WideLimit, draft: &Draft, standing: &Standing, is_wrong: bool) -> Result<Markup, Problem> {
    let value = limit.of(&standing.limits.wide).ok_or_else(|| Problem::not_found("UNKNOWN_LIMIT", "such limit"))?;
    let named = serde_json::to_string(limit).unwrap_or_default();
    let version = draft.version.unwrap_or(standing.control.version());
    let filled = given(&draft.value).map_or_else(|| value.to_string(), str::to_owned);
    Ok(html! {
        (fixed("limit", &named, &limit.to_string()))
        input type="hidden" name="version" value=(version);
        div.field {
            label for="value" { (words(limit, &standing.denominations)) }
            input #value name="value" type="text" required autocomplete="off" value=(filled) aria-describedby="value-hint"
                aria-invalid=[is_wrong.then_some("true")];
            p.hint #value-hint { "now " (shown(limit, &value, &standing.denominations)) ". " (unit(limit)) "." }
        }
    })
}

/// What was filled in.
///
/// # Errors
/// 400 for what does not read.
pub fn read(draft: &Draft) -> Result<Limit, Problem> {
    let text = given(&draft.value).unwrap_or_default();
    serde_json::from_value(text.into()).map_err(|_| Problem::invalid("value", "a whole number or unlimited", text))
}

/// What another value would change: `verb` is `raise` or `lower`.
pub fn change(verb: &str, limit: &WideLimit, value: &Limit, standing: &Standing) -> Markup {
    html! {
        strong { (verb) " " (limit) } br;
        (words(limit, &standing.denominations)) ": "
        @if let Some(before) = limit.of(&standing.limits.wide) { (shown(limit, &before, &standing.denominations)) " → " }
        strong { (shown(limit, value, &standing.denominations)) } br;
    }
}

/// What it bounds.
fn words(limit: &WideLimit, denominations: &Denominations) -> String {
    match limit {
        WideLimit::Asset { asset, limit } => {
            let what = match limit {
                AssetLimit::Window => "in 24 hours, everywhere",
                AssetLimit::Notional => "in 24 hours, everywhere, by value",
                AssetLimit::SenderCapacity => "of one sender",
                AssetLimit::RecipientCapacity => "to one recipient",
                AssetLimit::MostOfP99 => "times the p99 of the last transfers",
                AssetLimit::Usual => "never unusual up to",
                AssetLimit::ExposureShare => "exposure, of what stands locked",
            };
            format!("{}: {what}", units::asset_name(asset.as_str(), denominations))
        }
        WideLimit::Destination { chain } => {
            format!("to {}: in 24 hours, by value", units::chain_name(chain.as_str()))
        }
        WideLimit::Corridor { corridor } => {
            format!("{}: in 24 hours, by value", corridor_name(corridor, denominations))
        }
        WideLimit::Depth { chain } => {
            format!("from {}: what a block costs whoever fakes it", units::chain_name(chain.as_str()))
        }
    }
}

/// A value with its unit, where it has one that people know.
fn shown(limit: &WideLimit, value: &Limit, denominations: &Denominations) -> Markup {
    let plain = |text: String| html! { span.amount { (text) } };
    match limit {
        WideLimit::Asset { asset, limit } => match limit {
            AssetLimit::Notional | AssetLimit::MostOfP99 => plain(value.to_string()),
            AssetLimit::ExposureShare => plain(format!("{value} of 10000")),
            _ => amount(&value.to_string(), denominations.of(asset.as_str()).as_ref()),
        },
        _ => plain(value.to_string()),
    }
}

/// In what it is written.
fn unit(limit: &WideLimit) -> &'static str {
    match limit {
        WideLimit::Asset { limit, .. } => match limit {
            AssetLimit::MostOfP99 => "A whole number, or unlimited",
            AssetLimit::ExposureShare => "Hundredths of a percent",
            AssetLimit::Usual => "Base units",
            AssetLimit::Notional => "In the unit of value, or unlimited",
            _ => "Base units, or unlimited",
        },
        WideLimit::Depth { .. } => "In the unit of value",
        _ => "In the unit of value, or unlimited",
    }
}
