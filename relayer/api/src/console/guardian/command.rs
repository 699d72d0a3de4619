//! The `spandrel` command that says the same as a statement, for who signs with a key of the keystore.

use serde_json::Value;
use spandrel_risk::control::{Act, Statement};
use spandrel_risk::{Corridor, Limit, Limits, Scope, WideLimit};

/// The command; key and password are the guardian's own to fill in. `None` where the command line has none.
pub fn of(statement: &Statement, now: u64) -> Option<String> {
    let act = match &statement.act {
        Act::Pause { scope, seconds } => format!("pause {} --for {seconds}s", scope_of(scope)),
        Act::Freeze { scope } => format!("freeze {}", scope_of(scope)),
        Act::Resume { scope } => format!("resume {}", scope_of(scope)),
        Act::Approve { proposal, .. } => format!("proposals approve {proposal}"),
        Act::Cancel { proposal, .. } => format!("proposals cancel {proposal}"),
        Act::DropHeld { transfer } => format!("hold drop {transfer}"),
        Act::ExtendHold { transfer, until } => {
            format!("hold extend {transfer} --until {}", crate::service::shown_time(*until))
        }
        Act::ReleaseHeld { transfer } => format!("hold release {transfer}"),
        Act::RequeueQuarantined { transfer } => format!("quarantine requeue {transfer}"),
        Act::DropQuarantined { transfer } => format!("quarantine drop {transfer}"),
        Act::LowerLimits { corridor, limits } => format!("limits lower {}", limits_of(corridor, limits)),
        Act::RaiseLimits { corridor, limits } => format!("limits raise {}", limits_of(corridor, limits)),
        Act::LowerWideLimit { limit, value } => format!("limits wide lower {}", wide_limit_of(limit, value)),
        Act::RaiseWideLimit { limit, value } => format!("limits wide raise {}", wide_limit_of(limit, value)),
        Act::AcknowledgeHalt { chain, .. } => format!("acknowledge {}", quoted(chain.as_str())),
        Act::Reobserve { chain, from, to } => format!("reobserve {} --from {from} --to {to}", quoted(chain.as_str())),
        Act::AcceptLoss { transfer } => format!("loss accept {transfer}"),
        Act::ChangeSigners { .. } | Act::ChangePolicy { .. } => return None,
    };
    let minutes = statement.expiry.saturating_sub(now).div_ceil(60);
    Some(format!(
        "spandrel {act} --reason={} --key NAME --password file:PATH --valid-for {minutes}m",
        quoted(&statement.reason)
    ))
}

fn scope_of(scope: &Scope) -> String {
    match scope {
        Scope::Global => "--global".to_owned(),
        Scope::Chain { chain } => format!("--chain {}", quoted(chain.as_str())),
        Scope::Asset { asset } => format!("--asset {}", quoted(asset.as_str())),
        Scope::Route { source, destination } => format!("--route {}", quoted(&format!("{source}->{destination}"))),
        Scope::Direction { chain, direction } => format!("--direction {}", quoted(&format!("{direction}@{chain}"))),
        Scope::Lane { lane, source: None } => format!("--lane {lane}"),
        Scope::Lane { lane, source: Some(source) } => format!("--lane {}", quoted(&format!("{lane}@{source}"))),
    }
}

fn limits_of(corridor: &Corridor, limits: &Limits) -> String {
    let mut text = corridor_of(corridor);
    if let Ok(Value::Object(limits)) = serde_json::to_value(limits) {
        for (name, value) in limits {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.push_str(&format!(" --set {name}={value}"));
        }
    }
    text
}

fn wide_limit_of(limit: &WideLimit, value: &Limit) -> String {
    let row = match limit {
        WideLimit::Asset { asset, .. } => format!("--asset {}", quoted(asset.as_str())),
        WideLimit::Destination { chain } => format!("--destination {}", quoted(chain.as_str())),
        WideLimit::Depth { chain } => format!("--source {}", quoted(chain.as_str())),
        WideLimit::Corridor { corridor } => corridor_of(corridor),
    };
    format!("{row} --set {}={value}", limit.field())
}

fn corridor_of(Corridor { source, destination, asset, lane }: &Corridor) -> String {
    format!(
        "--source {} --destination {} --asset {} --lane {lane}",
        quoted(source.as_str()),
        quoted(destination.as_str()),
        quoted(asset.as_str())
    )
}

/// One word of a POSIX shell, whatever it holds.
fn quoted(text: &str) -> String {
    let is_plain =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/._-@".contains(&byte));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_reason_stays_one_word_of_the_shell() {
        assert_eq!(quoted("eip155:1"), "eip155:1");
        assert_eq!(quoted("it's; rm -rf $HOME `x`"), r"'it'\''s; rm -rf $HOME `x`'");
        assert_eq!(quoted(""), "''");
    }
}
