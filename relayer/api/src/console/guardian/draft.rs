//! `/console/draft`: what an act still needs to be said, and the act itself from what was filled in.

use alloy::primitives::B256;
use axum::extract::State;
use axum::http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use spandrel_risk::control::{Act, ControlPolicy};
use spandrel_risk::{Corridor, Scope, WideLimit};
use spandrel_verifiers::{ChainId, DepositId};

use super::super::form::{GuardianForm, given};
use super::super::layout::{Door, Page, Trouble, refusal};
use super::super::units;
use super::fields::{fixed, guardian_field, height_field, length_field, reason_field, scope_field, source_field};
use super::{limits, trouble, wide};
use crate::Problem;
use crate::control::Standing;
use crate::http::Control;

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
    from: Option<String>,
    to: Option<String>,
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
    limit: Option<String>,
    pub value: Option<String>,
}

/// The page.
pub async fn page(State(control): State<Control>, GuardianForm(draft): GuardianForm<Draft>) -> Result<Page, Trouble> {
    let standing = control.desk.standing().await;
    let body = body(&draft, control.desk.guardians(), &standing, None).map_err(trouble)?;
    Ok(Page::new(Door::Guardians, "/console", units::words(&draft.act), body))
}

/// The form once more, as it was filled in, with what is wrong about it.
///
/// # Errors
/// The page of another problem, when the act itself does not read.
pub fn again(draft: &Draft, guardians: &ControlPolicy, standing: &Standing, problem: Problem) -> Result<Page, Trouble> {
    let body = body(draft, guardians, standing, Some(&problem)).map_err(trouble)?;
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    Ok(Page { status, ..Page::new(Door::Guardians, "/console", units::words(&draft.act), body) })
}

fn body(
    draft: &Draft,
    guardians: &ControlPolicy,
    standing: &Standing,
    wrong: Option<&Problem>,
) -> Result<Markup, Problem> {
    let (scope, length) = (given(&draft.scope), given(&draft.length));
    let about = |text: &Option<String>| given(text).unwrap_or_default().to_owned();
    let is_wrong = |name: &str| wrong.and_then(field_of) == Some(name);
    let fields = match draft.act.as_str() {
        "pause" => {
            html! { (scope_field(standing, scope)) (length_field("At most five days; it ends by itself.", length)) }
        }
        "freeze" => scope_field(standing, scope),
        "resume" => fixed("scope", &about(&draft.scope), &draft.scope()?.to_string()),
        "extend_hold" => {
            let transfer = draft.transfer()?.to_string();
            html! { (fixed("transfer", &transfer, &transfer)) (length_field("From now on; at most 30 days.", length)) }
        }
        "acknowledge_halt" => {
            let (chain, halt) = (draft.chain()?.to_string(), about(&draft.halt));
            html! { (fixed("chain", &chain, &chain)) (fixed("halt", &halt, &halt)) }
        }
        "reobserve" => html! {
            (source_field(standing, given(&draft.chain)))
            (height_field("from", "The first block that is read again.", given(&draft.from), is_wrong("from")))
            (height_field("to", "The last one; blocks that are not final yet are left out.", given(&draft.to), is_wrong("to")))
        },
        "release_held" | "drop_held" | "requeue_quarantined" | "drop_quarantined" | "accept_loss" => {
            let transfer = draft.transfer()?.to_string();
            fixed("transfer", &transfer, &transfer)
        }
        "approve" | "cancel" => {
            let (id, act) = draft.proposal(standing)?;
            fixed("proposal", &id.to_string(), &act.to_string())
        }
        "lower_limits" | "raise_limits" => {
            limits::fields(draft, &draft.corridor()?, standing, wrong.and_then(field_of))?
        }
        "lower_wide_limit" | "raise_wide_limit" => {
            wide::fields(&draft.wide_limit()?, draft, standing, is_wrong("value"))?
        }
        other => return Err(unknown(other)),
    };
    Ok(html! {
        h1 { (units::words(&draft.act)) }
        p.lead { (consequence(&draft.act)) }
        @if let Some(problem) = wrong { (refusal(problem, field_of(problem))) }
        section.card aria-label="Statement" {
            form.grid method="get" action="/console/review" {
                input type="hidden" name="act" value=(draft.act);
                (fields)
                (guardian_field(guardians, given(&draft.guardian)))
                (reason_field(given(&draft.reason), is_wrong("reason")))
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
            "reobserve" => {
                Act::Reobserve { chain: self.chain()?, from: height("from", &self.from)?, to: height("to", &self.to)? }
            }
            "accept_loss" => Act::AcceptLoss { transfer: self.transfer()? },
            "approve" => {
                let (proposal, act) = self.proposal(standing)?;
                match act {
                    // The chains take a freeze of one's own, and no approval.
                    Act::Freeze { scope } => Act::Freeze { scope: scope.clone() },
                    act => Act::Approve { proposal, what: act.to_string() },
                }
            }
            "cancel" => {
                let (proposal, act) = self.proposal(standing)?;
                Act::Cancel { proposal, what: act.to_string() }
            }
            "lower_limits" => Act::LowerLimits { corridor: self.corridor()?, limits: limits::read(self)? },
            "raise_limits" => Act::RaiseLimits { corridor: self.corridor()?, limits: limits::read(self)? },
            "lower_wide_limit" => Act::LowerWideLimit { limit: self.wide_limit()?, value: wide::read(self)? },
            "raise_wide_limit" => Act::RaiseWideLimit { limit: self.wide_limit()?, value: wide::read(self)? },
            other => return Err(unknown(other)),
        })
    }

    fn scope(&self) -> Result<Scope, Problem> {
        read("scope", &self.scope)
    }

    fn corridor(&self) -> Result<Corridor, Problem> {
        read("corridor", &self.corridor)
    }

    fn wide_limit(&self) -> Result<WideLimit, Problem> {
        read("limit", &self.limit)
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

    fn proposal<'s>(&self, standing: &'s Standing) -> Result<(B256, &'s Act), Problem> {
        let text = given(&self.proposal).unwrap_or_default();
        let id: B256 = text.parse().map_err(|_| Problem::invalid("proposal", "0x and 64 hex digits", text))?;
        let proposal = standing.control.proposal(&id).filter(|proposal| proposal.lapses_at > standing.now);
        let proposal = proposal.ok_or_else(|| Problem::not_found("NO_SUCH_PROPOSAL", format!("open proposal {id}")))?;
        Ok((id, &proposal.act))
    }

    /// What was filled in for a limit.
    pub fn limit(&self, name: &str) -> Option<&str> {
        given(match name {
            "per_transfer" => &self.per_transfer,
            "exposure_cap" => &self.exposure_cap,
            "window" => &self.window,
            "large_from" => &self.large_from,
            "large_delay" => &self.large_delay,
            "dust" => &self.dust,
            _ => return None,
        })
    }
}

fn read<T: DeserializeOwned>(field: &str, text: &Option<String>) -> Result<T, Problem> {
    let text = given(text).unwrap_or_default();
    serde_json::from_str(text).map_err(|_| Problem::invalid(field, format!("a {field} as the controls write it"), text))
}

fn height(field: &str, text: &Option<String>) -> Result<u64, Problem> {
    let text = given(text).unwrap_or_default();
    text.parse().map_err(|_| Problem::invalid(field, "a block height", text))
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
        "reobserve" => {
            "One guardian, at once. What is known changes nothing; what is new is proven and decided on as ever."
        }
        "accept_loss" => {
            "Two people and a timelock: resumptions wait for this payout no more. It counts as exposure on."
        }
        "raise_limits" | "raise_wide_limit" => "Two people and a timelock; any guardian may cancel it until then.",
        "approve" => "The second person's word: of a freeze, by the same freeze. Who proposed it cannot approve it.",
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

/// The field of a form that a problem is about.
fn field_of(problem: &Problem) -> Option<&str> {
    let fields = ["scope", "for", "from", "to", "value", "guardian", "reason"]
        .into_iter()
        .chain(limits::LIMITS.map(|(name, _)| name));
    let parameter = problem.parameter.as_deref()?;
    fields.into_iter().find(|field| *field == parameter)
}
