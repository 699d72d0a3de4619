//! The rule that what guardians froze without end is refused without end on its chains too.
//!
//! A chain counts the freezes that it took. Where a guardian's word came when it did not count any more, the relayer's own pause
//! is there instead, and ends by itself.

use spandrel_verifiers::{ChainId, UnixSeconds};

use super::{Concern, Finding, Rule};

/// Seconds in which a freeze comes to its chains.
pub const BROUGHT: u64 = 600;

/// A freeze that a chain does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfrozen {
    /// What is frozen.
    pub scope: String,
    /// Where.
    pub chain: ChainId,
    /// Until when all of it is refused there, inclusive; absent where it is not refused.
    pub until: Option<UnixSeconds>,
    /// Since when that is so, and the freeze stands.
    pub since: UnixSeconds,
}

/// Judges one at `now`. What pauses by itself is no freeze: only guardians can renew it.
pub fn judge_unfrozen(freeze: &Unfrozen, now: UnixSeconds) -> Option<Finding> {
    let Unfrozen { scope, chain, until, since } = freeze;
    let ends = until.map_or("does not refuse it".to_owned(), |until| format!("refuses it until {until} only"));
    (now.saturating_sub(*since) > BROUGHT).then(|| Finding {
        rule: Rule::FreezeEnds,
        subject: format!("{scope} {chain}"),
        concern: Concern::Chain(chain.clone()),
        is_pausing: false,
        what: format!("{scope} is frozen without end, and {chain} {ends}: two guardians are to freeze it again"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_has_its_time_to_come_to_a_chain_and_pauses_nothing() {
        let chain = ChainId::eip155(9);
        let freeze = Unfrozen { scope: "global".to_owned(), chain, until: Some(5), since: 1_000 };
        assert_eq!(judge_unfrozen(&freeze, 1_000 + BROUGHT), None);
        let finding = judge_unfrozen(&freeze, 1_001 + BROUGHT).unwrap();
        assert!(!finding.is_pausing && finding.what.contains("until 5 only"), "{finding:?}");
    }
}
