//! When the windows have room again, as things stand.

use spandrel_verifiers::UnixSeconds;

use crate::facts::{Facts, Rules};
use crate::window::WINDOW_SECONDS;
use crate::{Position, RiskPolicy};

impl Position<'_> {
    /// From when on all windows let it pass, Unix seconds, if nothing more is cleared until then, and limits and its value stay
    /// as they are. `None` where no time makes room: it is more than a limit lets pass at all, or its value is asked for and
    /// not known. `None` too where what is paid the other way makes room, which nobody knows before.
    pub fn windows_free_at(&self, policy: &RiskPolicy) -> Option<UnixSeconds> {
        let rules = self.rules(policy)?;
        let facts = self.facts(policy, &rules);
        let is_netted = rules.by_value.is_some_and(|by_value| by_value.netted_with.is_some());
        let is_free = |at| self.is_within_windows(policy, &rules, &facts, at);
        let (mut before, mut by) = (self.latest, self.latest.saturating_add(WINDOW_SECONDS));
        if is_netted || !is_free(by) {
            return None;
        }
        if is_free(before) {
            return Some(before);
        }
        // What is used only falls while nothing comes in.
        while by.saturating_sub(before) > 1 {
            let middle = before.midpoint(by);
            if is_free(middle) {
                by = middle;
            } else {
                before = middle;
            }
        }
        Some(by)
    }

    /// Whether the windows let it pass at `at`, by its value of `present`.
    fn is_within_windows(&self, policy: &RiskPolicy, rules: &Rules<'_>, present: &Facts, at: UnixSeconds) -> bool {
        let window_used = self.state.window_used(&self.corridor, at);
        let then = Self { latest: at, window_used, ..self.clone() };
        let facts = Facts { notional: present.notional, charged: present.charged, ..then.facts(policy, rules) };
        then.require_windows(rules, &facts).is_ok()
    }
}
