//! `/console/review`: a statement in full, to be signed by a wallet or said on the command line.

use alloy::primitives::Address;
use axum::extract::State;
use maud::{Markup, html};
use spandrel_risk::control::{Act, ControlPolicy, Statement, Typed};

use super::super::form::{GuardianForm, given};
use super::super::layout::{Door, Page, Trouble, table};
use super::super::units;
use super::controls::what;
use super::draft::{self, Draft};
use super::{command, typed};
use crate::Problem;
use crate::control::Standing;
use crate::http::Control;

/// How long a statement may be used, seconds: as the command line's.
const VALID_FOR: u64 = 600;

/// The page.
pub async fn page(State(control): State<Control>, GuardianForm(draft): GuardianForm<Draft>) -> Result<Page, Trouble> {
    let standing = control.desk.standing().await;
    let guardians = control.desk.guardians();
    let (statement, person) = match said(&draft, guardians, &standing) {
        Ok(said) => said,
        Err(problem) => return draft::again(&draft, guardians, &standing, problem),
    };
    let replaces = matches!(
        statement.act,
        Act::LowerLimits { .. } | Act::RaiseLimits { .. } | Act::LowerWideLimit { .. } | Act::RaiseWideLimit { .. }
    );
    let version = replaces.then(|| draft.version.unwrap_or(standing.control.version()));
    let body = body(&statement, person, control.desk.deployment(), version, &standing);
    Ok(Page::new(Door::Guardians, "/console", "Review and sign", body))
}

/// The statement, and whose it is.
fn said<'g>(draft: &Draft, guardians: &'g ControlPolicy, standing: &Standing) -> Result<(Statement, &'g str), Problem> {
    let statement = statement(draft, standing)?;
    let person = guardians.guardians.get(&statement.guardian);
    let person = person.ok_or_else(|| Problem::invalid("guardian", "the key of a guardian", statement.guardian))?;
    Ok((statement, person))
}

fn statement(draft: &Draft, standing: &Standing) -> Result<Statement, Problem> {
    let text = given(&draft.guardian).unwrap_or_default();
    let guardian: Address = text.parse().map_err(|_| Problem::invalid("guardian", "an address", text))?;
    let reason = given(&draft.reason).ok_or_else(|| Problem::invalid("reason", "one line", "none"))?.to_owned();
    Ok(Statement {
        act: draft.act(standing)?,
        reason,
        guardian,
        nonce: standing.control.next_nonce(&guardian),
        expiry: standing.now.saturating_add(VALID_FOR),
    })
}

fn body(
    statement: &Statement,
    person: &str,
    deployment: alloy::primitives::B256,
    version: Option<u64>,
    standing: &Standing,
) -> Markup {
    let typed_data = typed::data(statement, deployment).to_string();
    let typed = Typed::of(statement);
    let rows = typed.fields.iter().map(|field| {
        vec![
            html! { code { (field.name) } },
            html! { code.faint { (field.kind()) } },
            html! { span.said { (typed::shown(field)) } },
        ]
    });
    html! {
        h1 { "Review and sign" }
        section.card aria-labelledby="statement" {
            h2 #statement { (statement.act) }
            // Limits are signed in base units; people judge them in units, beside what stands.
            @if version.is_some() { p { (what(&statement.act, standing)) } }
            p { "Said by " strong { (person) } ", because: " strong { (statement.reason) } }
            p.faint { "Void from " (units::moment(statement.expiry)) " on, and once another statement of this key is taken." }
            (table("Every field that is signed", &["Field", "Type", "Value"], rows.collect()))
            p.faint { "For deployment " code { (deployment) } " as salt of the domain “" (Statement::DOMAIN) "”, version " (Statement::VERSION)
                ". Digest " code { (statement.digest(deployment)) } "." }
            div #signing data-typed=(typed_data) data-statement=(serde_json::to_string(statement).unwrap_or_default())
                data-guardian=(statement.guardian) data-version=[version] {
                button.danger #sign type="button" { "Sign with the browser wallet and send" }
                p #sign-said role="status" tabindex="-1" {}
            }
        }
        @if let Some(command) = command::of(statement, standing.now) {
            section aria-labelledby="command" {
                h2 #command { "The same on the command line" }
                pre tabindex="0" { code { (command) } }
                p.faint { "It signs with a key of the keystore: put its name and where its password is." }
            }
        }
        p { a href="/console" { "Back to the controls" } }
    }
}
