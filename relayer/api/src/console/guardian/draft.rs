//! `/console/draft`: what an act still needs to be said, and the act itself from what was filled in.

use alloy::primitives::B256;
use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use spandrel_risk::control::{Act, ControlPolicy};
use spandrel_risk::{Corridor, Lane, Limits, Scope};
use spandrel_verifiers::{ChainId, DepositId};

use super::super::form::{GuardianForm, given};
use super::super::layout::{Door, Page, Trouble};
use super::super::units;
use super::trouble;
use crate::Problem;
use crate::control::Standing;
use crate::http::Control;

/// The limits of a corridor, as they are signed: name, and what it bounds.
const LIMITS: [(&str, &str); 6] = [
    ("per_transfer", "Largest transfer"),
    ("exposure_cap", "Exposure"),
    ("window", "In 24 hours"),
    ("large_from", "Large from"),
    ("large_delay", "Seconds a large one waits"),
    ("dust", "Smallest transfer"),
];

/// An act as a form's fields.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Draft {
    pub act: String,
    pub guardian: Option<String>,
    pub reason: Option<String>,
    scope: Option<String>,
    #[serde(rename = "for")]
    length: Option<String>,
    transfer: Option<String>,
    chain: Option<String>,
    halt: Option<String>,
    proposal: Option<String>,
    corridor: Option<String>,
    /// Which control state was looked at when limits were written.
    pub version: Option<u64>,
    per_transfer: Option<String>,
    exposure_cap: Option<String>,
    window: Option<String>,
    large_from: Option<String>,
    large_delay: Option<String>,
    dust: Option<String>,
}

/// The page.
pub async fn page(State(control): State<Control>, GuardianForm(draft): GuardianForm<Draft>) -> Result<Page, Trouble> {
    let standing = control.desk.standing().await;
    let body = body(&draft, control.desk.guardians(), &standing).map_err(trouble)?;
    Ok(Page::new(Door::Guardians, "/console", units::words(&draft.act), body))
}

fn body(draft: &Draft, guardians: &ControlPolicy, standing: &Standing) -> Result<Markup, Problem> {
    let about = |text: &Option<String>| given(text).unwrap_or_default().to_owned();
    let fields = match draft.act.as_str() {
        "pause" => html! { (scope_field(standing)) (length_field("At most five days; it ends by itself.")) },
        "freeze" => scope_field(standing),
        "resume" => fixed("scope", &about(&draft.scope), &draft.scope()?.to_string()),
        "extend_hold" => {
            let transfer = draft.transfer()?.to_string();
            html! { (fixed("transfer", &transfer, &transfer)) (length_field("From now on; at most 30 days.")) }
        }
        "acknowledge_halt" => {
            let (chain, halt) = (draft.chain()?.to_string(), about(&draft.halt));
            html! { (fixed("chain", &chain, &chain)) (fixed("halt", &halt, &halt)) }
        }
        "release_held" | "drop_held" | "requeue_quarantined" | "drop_quarantined" | "accept_loss" => {
            let transfer = draft.transfer()?.to_string();
            fixed("transfer", &transfer, &transfer)
        }
        "approve" | "cancel" => {
            let (id, what) = draft.proposal(standing)?;
            fixed("proposal", &id.to_string(), &what)
        }
        "lower_limits" | "raise_limits" => limit_fields(&draft.corridor()?, standing)?,
        other => return Err(unknown(other)),
    };
    Ok(html! {
        h1 { (units::words(&draft.act)) }
        p.lead { (consequence(&draft.act)) }
        section.card aria-label="Statement" {
            form.grid method="get" action="/console/review" {
                input type="hidden" name="act" value=(draft.act);
                (fields)
                (guardian_field(guardians, given(&draft.guardian)))
                (reason_field())
                button type="submit" { "Review" }
            }
        }
        p { a href="/console" { "Back to the controls" } }
    })
}

impl Draft {
    /// The act, complete.
    ///
    /// # Errors
    /// 400 for what does not read or is not said, 404 for a proposal that is not open.
    pub fn act(&self, standing: &Standing) -> Result<Act, Problem> {
        Ok(match self.act.as_str() {
            "pause" => Act::Pause { scope: self.scope()?, seconds: self.length()? },
            "freeze" => Act::Freeze { scope: self.scope()? },
            "resume" => Act::Resume { scope: self.scope()? },
            "extend_hold" => {
                let until = standing.now.saturating_add(self.length()?);
                Act::ExtendHold { transfer: self.transfer()?, until }
            }
            "release_held" => Act::ReleaseHeld { transfer: self.transfer()? },
            "drop_held" => Act::DropHeld { transfer: self.transfer()? },
            "requeue_quarantined" => Act::RequeueQuarantined { transfer: self.transfer()? },
            "drop_quarantined" => Act::DropQuarantined { transfer: self.transfer()? },
            "acknowledge_halt" => {
                Act::AcknowledgeHalt { chain: self.chain()?, halt: given(&self.halt).unwrap_or_default().to_owned() }
            }
            "accept_loss" => Act::AcceptLoss { transfer: self.transfer()? },
            "approve" => {
                let (proposal, what) = self.proposal(standing)?;
                Act::Approve { proposal, what }
            }
            "cancel" => {
                let (proposal, what) = self.proposal(standing)?;
                Act::Cancel { proposal, what }
            }
            "lower_limits" => Act::LowerLimits { corridor: self.corridor()?, limits: self.limits()? },
            "raise_limits" => Act::RaiseLimits { corridor: self.corridor()?, limits: self.limits()? },
            other => return Err(unknown(other)),
        })
    }

    fn scope(&self) -> Result<Scope, Problem> {
        read("scope", &self.scope)
    }

    fn corridor(&self) -> Result<Corridor, Problem> {
        read("corridor", &self.corridor)
    }

    fn length(&self) -> Result<u64, Problem> {
        let text = given(&self.length).unwrap_or_default();
        let length = humantime::parse_duration(text).map_err(|_| Problem::invalid("for", "a time as in 2h", text))?;
        Ok(length.as_secs())
    }

    fn transfer(&self) -> Result<DepositId, Problem> {
        let text = given(&self.transfer).unwrap_or_default();
        text.parse().map(DepositId).map_err(|_| Problem::invalid("transfer", "0x and 64 hex digits", text))
    }

    fn chain(&self) -> Result<ChainId, Problem> {
        let text = given(&self.chain).unwrap_or_default();
        ChainId::parse(text).map_err(|_| Problem::invalid("chain", "a CAIP-2 id", text))
    }

    fn proposal(&self, standing: &Standing) -> Result<(B256, String), Problem> {
        let text = given(&self.proposal).unwrap_or_default();
        let id: B256 = text.parse().map_err(|_| Problem::invalid("proposal", "0x and 64 hex digits", text))?;
        let proposal = standing.control.proposal(&id).filter(|proposal| proposal.lapses_at > standing.now);
        let proposal = proposal.ok_or_else(|| Problem::not_found("NO_SUCH_PROPOSAL", format!("open proposal {id}")))?;
        Ok((id, proposal.act.to_string()))
    }

    fn limits(&self) -> Result<Limits, Problem> {
        let text = |text: &Option<String>| given(text).unwrap_or_default().to_owned();
        let delay = text(&self.large_delay);
        let delay: u64 = delay.parse().map_err(|_| Problem::invalid("large_delay", "seconds", delay))?;
        let limits = json!({
            "per_transfer": text(&self.per_transfer), "exposure_cap": text(&self.exposure_cap),
            "window": text(&self.window), "large_from": text(&self.large_from), "large_delay": delay,
            "dust": text(&self.dust),
        });
        serde_json::from_value(limits).map_err(|error| Problem::invalid("limits", "base units or unlimited", error))
    }
}

fn read<T: DeserializeOwned>(field: &str, text: &Option<String>) -> Result<T, Problem> {
    let text = given(text).unwrap_or_default();
    serde_json::from_str(text).map_err(|_| Problem::invalid(field, format!("a {field} as the controls write it"), text))
}

fn unknown(act: &str) -> Problem {
    Problem::invalid("act", "an act of the controls", act)
}

fn consequence(act: &str) -> &'static str {
    match act {
        "pause" => "One guardian, at once; it ends by itself.",
        "freeze" => "The first guardian pauses for five days at once, the second makes it endless.",
        "resume" | "release_held" => "Two people; carried out after the delay, once health is green.",
        "acknowledge_halt" => "One guardian, at once: the chain is followed again. What is paused stays paused.",
        "accept_loss" => {
            "Two people and a timelock: resumptions wait for this payout no more. It counts as exposure on."
        }
        "raise_limits" => "Two people and a timelock; any guardian may cancel it until then.",
        "approve" => "The second person's word. Who proposed it cannot approve it.",
        "cancel" => "Ends the proposal.",
        "drop_held" | "drop_quarantined" => "One guardian, at once: it is not paid, its depositor takes it back.",
        _ => "One guardian, at once.",
    }
}

/// The address of a draft.
pub fn link(act: &str, fields: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("act", act).extend_pairs(fields);
    format!("/console/draft?{}", query.finish())
}

fn fixed(name: &str, value: &str, shown: &str) -> Markup {
    html! {
        div.field.wide {
            span.label { (units::words(name)) }
            input type="hidden" name=(name) value=(value);
            p.said { (shown) }
        }
    }
}

/// Which scope.
pub fn scope_field(standing: &Standing) -> Markup {
    html! {
        div.field {
            label for="scope" { "Scope" }
            select #scope name="scope" {
                @for scope in scopes(standing) {
                    option value=(serde_json::to_string(&scope).unwrap_or_default()) { (scope) }
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
        ]);
    }
    let mut seen = std::collections::BTreeSet::new();
    scopes.retain(|scope| seen.insert(scope.to_string()));
    scopes
}

/// For how long.
pub fn length_field(hint: &str) -> Markup {
    html! {
        div.field {
            label for="for" { "For" }
            select #for name="for" aria-describedby="for-hint" {
                @for (value, words) in [("15m", "15 minutes"), ("1h", "1 hour"), ("2h", "2 hours"), ("6h", "6 hours"), ("1d", "1 day"), ("5d", "5 days")] {
                    option value=(value) selected[value == "2h"] { (words) }
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
pub fn reason_field() -> Markup {
    html! {
        div.field.wide {
            label for="reason" { "Reason" }
            input #reason name="reason" type="text" required maxlength="500" autocomplete="off" aria-describedby="reason-hint";
            p.hint #reason-hint { "One line. It is kept in the audit log, and users see it with a pause." }
        }
    }
}

fn limit_fields(corridor: &Corridor, standing: &Standing) -> Result<Markup, Problem> {
    let limits = standing.limits.limits(corridor);
    let limits = limits.ok_or_else(|| Problem::not_found("UNKNOWN_CORRIDOR", "such limits"))?;
    let values = serde_json::to_value(limits).unwrap_or_default();
    let named = serde_json::to_string(corridor).unwrap_or_default();
    let Corridor { source, destination, asset, lane } = corridor;
    let text = |name: &str| match &values[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok(html! {
        (fixed("corridor", &named, &format!("{} lane of {asset} from {source} to {destination}", units::words(&lane.to_string()))))
        input type="hidden" name="version" value=(standing.control.version());
        @for (name, words) in LIMITS {
            div.field {
                label for=(name) { (words) }
                input id=(name) name=(name) type="text" required autocomplete="off" value=(text(name));
                @if name != "large_delay" { p.hint { "now " (units::amount(&text(name), asset.as_str())) } }
            }
        }
        p.hint.wide { "Base units, or " code { "unlimited" } "." }
    })
}
