//! The rule that what is paused here is refused on its chains too.
//!
//! A chain where the relayer's account may not pause, and that takes no guardian's statement either (no role there, or expired),
//! refuses a pause each time that it is brought. Whoever has a proof is paid there meanwhile.

use spandrel_verifiers::{ChainId, UnixSeconds};

use super::{BROUGHT, Concern, Finding, Rule};

/// A pause that a chain does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpaused {
    /// What is paused here.
    pub scope: String,
    /// Where some of it is not refused.
    pub chain: ChainId,
    /// Since when that is so, and the pause stands.
    pub since: UnixSeconds,
}

/// Judges one at `now`. It pauses nothing more: here it is paused, and there people are to see to it.
pub fn judge_unpaused(pause: &Unpaused, now: UnixSeconds) -> Option<Finding> {
    let Unpaused { scope, chain, since } = pause;
    (now.saturating_sub(*since) > BROUGHT).then(|| Finding {
        rule: Rule::PauseMissing,
        subject: format!("{scope} {chain}"),
        concern: Concern::Chain(chain.clone()),
        is_pausing: false,
        what: format!("{scope} is paused here, and {chain} does not refuse it: pause it there"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_has_its_time_to_come_to_a_chain_and_pauses_nothing_more() {
        let pause = Unpaused { scope: "global".to_owned(), chain: ChainId::eip155(9), since: 1_000 };
        assert_eq!(judge_unpaused(&pause, 1_000 + BROUGHT), None);
        let finding = judge_unpaused(&pause, 1_001 + BROUGHT).unwrap();
        assert!(!finding.is_pausing && finding.what.contains("eip155:9 does not refuse it"), "{finding:?}");
    }
}
