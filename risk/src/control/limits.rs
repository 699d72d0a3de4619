//! Limits that guardians set, of a corridor or over corridors: lower by one at once, higher by two and later.

use super::decide::{overtake, require};
use super::{Act, ControlEvent, ControlRefusal, ControlState, View};
use crate::{Agreement, Corridor, Limit, Limits, WideLimit};

/// The proposals that end with lower limits of a corridor.
///
/// # Errors
/// For limits of which any gives more freedom than now.
pub(super) fn lower(
    state: &ControlState,
    view: &View<'_>,
    corridor: &Corridor,
    limits: &Limits,
) -> Result<Vec<ControlEvent>, ControlRefusal> {
    let standing = view.limits.limits(corridor).ok_or(ControlRefusal::UnknownCorridor)?;
    if let Some((field, ..)) = limits.looser_than(standing).first() {
        return Err(ControlRefusal::NotALowering(field));
    }
    let says_new = |policy: &Agreement, filed: &Agreement| filed.risk.limits(corridor) != policy.risk.limits(corridor);
    Ok(overtake(state, "lower limits", |act| match act {
        Act::RaiseLimits { corridor: raised, .. } => raised == corridor,
        other => is_policy(other, state, says_new),
    }))
}

/// The proposals that end with a lower limit over corridors.
///
/// # Errors
/// For one that is not configured, or higher than it is.
pub(super) fn lower_wide(
    state: &ControlState,
    view: &View<'_>,
    limit: &WideLimit,
    value: &Limit,
) -> Result<Vec<ControlEvent>, ControlRefusal> {
    require(*value <= standing(view, limit)?, ControlRefusal::NotALowering(limit.field()))?;
    let says_new = |policy: &Agreement, filed: &Agreement| limit.of(&filed.risk.wide) != limit.of(&policy.risk.wide);
    Ok(overtake(state, "a lower limit", |act| match act {
        Act::RaiseWideLimit { limit: raised, .. } => raised == limit,
        other => is_policy(other, state, says_new),
    }))
}

/// Whether a limit over corridors can be set so high.
///
/// # Errors
/// For one that is not configured, or can never be so much.
pub(super) fn require_possible(view: &View<'_>, limit: &WideLimit, value: &Limit) -> Result<(), ControlRefusal> {
    standing(view, limit)?;
    let most = limit.most();
    require(*value <= most, ControlRefusal::LimitOutOfRange { limit: limit.to_string(), most, found: *value })
}

fn standing(view: &View<'_>, limit: &WideLimit) -> Result<Limit, ControlRefusal> {
    limit.of(&view.limits.wide).ok_or_else(|| ControlRefusal::UnknownLimit(limit.to_string()))
}

/// Whether it is a policy that says something new of what is lowered.
fn is_policy(act: &Act, state: &ControlState, says_new: impl Fn(&Agreement, &Agreement) -> bool) -> bool {
    match act {
        Act::ChangePolicy { policy, .. } => state.filed().is_none_or(|filed| says_new(policy, filed)),
        _ => false,
    }
}
