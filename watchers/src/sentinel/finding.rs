//! What a rule found.

use std::fmt;

use spandrel_verifiers::{AssetId, ChainId};

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A destination paid what was never deposited, or otherwise than it was deposited.
    PayoutWithoutDeposit,
    /// A destination took a block for one of a source that the source does not have.
    CheckpointForeign,
    /// A vault holds less than it owes.
    VaultShort,
    /// The ledger released more than was proven to be locked.
    LedgerNegative,
    /// A fast payout is not proven in time.
    FastUnproven,
    /// The set in force on a destination is not the configured one.
    SignerSetDiffers,
    /// The nodes of a source disagree for too long.
    NodesDisagree,
    /// The fast lane is far over its pace.
    PaceUnusual,
    /// The account that pays for gas on a destination runs dry.
    BalanceLow,
    /// A chain does not keep what guardians froze without end.
    FreezeEnds,
    /// A chain does not refuse what is paused here.
    PauseMissing,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 11] = [
        Self::PayoutWithoutDeposit,
        Self::CheckpointForeign,
        Self::VaultShort,
        Self::LedgerNegative,
        Self::FastUnproven,
        Self::SignerSetDiffers,
        Self::NodesDisagree,
        Self::PaceUnusual,
        Self::BalanceLow,
        Self::FreezeEnds,
        Self::PauseMissing,
    ];

    /// Whether what it finds can be mended. What was paid, released or registered wrongly has happened: guardians look, and
    /// lift it.
    pub fn is_mendable(self) -> bool {
        !matches!(self, Self::PayoutWithoutDeposit | Self::CheckpointForeign | Self::LedgerNegative)
    }

    /// Its name in metrics, logs and reasons of pauses.
    pub fn name(self) -> &'static str {
        match self {
            Self::PayoutWithoutDeposit => "payout_without_deposit",
            Self::CheckpointForeign => "checkpoint_foreign",
            Self::VaultShort => "vault_short",
            Self::LedgerNegative => "ledger_negative",
            Self::FastUnproven => "fast_unproven",
            Self::SignerSetDiffers => "signer_set_differs",
            Self::NodesDisagree => "nodes_disagree",
            Self::PaceUnusual => "pace_unusual",
            Self::BalanceLow => "balance_low",
            Self::FreezeEnds => "freeze_ends",
            Self::PauseMissing => "pause_missing",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a finding is about: no more than this is to be paused for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// All that comes from or goes to a chain.
    Chain(ChainId),
    /// One asset.
    Asset(AssetId),
    /// The fast lane from a chain, or from all where its signers are in doubt.
    FastLane {
        /// From where.
        source: Option<ChainId>,
    },
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// By which rule.
    pub rule: Rule,
    /// Of what: two findings of one rule and subject are one, and other evidence is another subject.
    pub subject: String,
    /// What it is about.
    pub concern: Concern,
    /// Whether it is certain enough to pause that.
    pub is_pausing: bool,
    /// What was found, for people.
    pub what: String,
}

impl Finding {
    /// What tells it from all others.
    pub fn key(&self) -> String {
        format!("{} {}", self.rule, self.subject)
    }

    /// Whether a resumption waits for its end. What has happened ends by that resumption alone: it is how guardians say that
    /// they have seen it.
    pub fn delays_resumption(&self) -> bool {
        self.is_pausing && self.rule.is_mendable()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_mended_or_pauses_nothing_delays_no_resumption() {
        let delayed = |rule, is_pausing| {
            let (subject, what, concern) = (String::new(), String::new(), Concern::Chain(ChainId::eip155(1)));
            Finding { rule, subject, concern, is_pausing, what }.delays_resumption()
        };
        assert!(delayed(Rule::SignerSetDiffers, true) && delayed(Rule::VaultShort, true));
        assert!(!delayed(Rule::SignerSetDiffers, false) && !delayed(Rule::BalanceLow, false));
        assert!(!delayed(Rule::PayoutWithoutDeposit, true) && !delayed(Rule::LedgerNegative, true));
    }
}
