//! What the machine is told: which chains, contracts and keys count, and what may move.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use spandrel_risk::{Corridor, Lane, Reason, RiskPolicy, RiskState};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{ChainId, Deposit, UnixSeconds, VerdictDomain, VerifyError};

/// Everything that is configured and not learned. What is not listed is not served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The bridge on each source chain, as deposits name it: outbox (left-padded) or vault key.
    pub sources: BTreeMap<ChainId, B256>,
    /// The destinations.
    pub destinations: BTreeMap<ChainId, Destination>,
    /// Whose verdicts count.
    pub verifiers: SignerSet,
    /// What may move.
    pub risk: RiskPolicy,
    /// Seconds for which a shortfall pauses the fast lane of its source, here and on the destination.
    pub pause_ttl: u64,
}

/// A destination chain's contracts and fast-lane signers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Where verdicts and checkpoints are used; its inbox is the bridge that deposits must name.
    pub domain: VerdictDomain,
    /// The `FastLane` contract.
    pub fast_lane: Address,
    /// Its signer set.
    pub signers: SignerSet,
}

/// What a step may look at besides the transfer and the input.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What is configured.
    pub policy: &'a Policy,
    /// The risk state of the ledger's same sequence.
    pub risk: &'a RiskState,
    /// Unix seconds.
    pub now: UnixSeconds,
}

impl Policy {
    /// Longest pause one guardian may order: five days, as `PauseController` allows.
    pub const MAX_PAUSE_TTL: u64 = 5 * 86_400;

    /// Checks what types cannot: signer sets, that a destination's domain is that chain's, the pause's length.
    pub fn validate(&self) -> Result<(), VerifyError> {
        self.verifiers.validate().map_err(|error| error.within("verifiers"))?;
        for (chain, destination) in &self.destinations {
            let prefix = format!("destinations.{chain}");
            destination.signers.validate().map_err(|error| error.within(&prefix))?;
            let found = destination.domain.chain_number;
            if chain.eip155_number() != Some(found) {
                return Err(VerifyError::invalid("domain.chain_number", chain, found).within(&prefix));
            }
        }
        if self.pause_ttl == 0 || self.pause_ttl > Self::MAX_PAUSE_TTL {
            let expected = format!("1 to {} seconds", Self::MAX_PAUSE_TTL);
            return Err(VerifyError::invalid("pause_ttl", expected, self.pause_ttl));
        }
        Ok(())
    }

    /// Why this bridge can never pay `deposit`, if so: format, bridges, chains, a route or asset without any limits, or
    /// dust. So what costs its sender next to nothing costs the bridge one record. All other limits are the risk engine's.
    pub(crate) fn refuses(&self, deposit: &Deposit) -> Option<Reason> {
        let mismatch = |field: &str, expected: &dyn ToString, found: &dyn ToString| {
            Some(Reason::Mismatch { field: field.into(), expected: expected.to_string(), found: found.to_string() })
        };
        if deposit.version != Deposit::VERSION {
            return mismatch("version", &Deposit::VERSION, &deposit.version);
        }
        let Some(bridge) = self.sources.get(&deposit.source_chain) else {
            return mismatch("source_chain", &"a chain this bridge serves", &deposit.source_chain);
        };
        if deposit.source_bridge != *bridge {
            return mismatch("source_bridge", bridge, &deposit.source_bridge);
        }
        let Some(destination) = self.destinations.get(&deposit.destination_chain) else {
            return mismatch("destination_chain", &"a chain this bridge serves", &deposit.destination_chain);
        };
        let inbox = destination.domain.inbox.into_word();
        if deposit.destination_bridge != inbox {
            return mismatch("destination_bridge", &inbox, &deposit.destination_bridge);
        }
        let limits = |lane| self.risk.limits(&Corridor::of(deposit, lane));
        let dust = [Lane::Fast, Lane::LightClient].into_iter().filter_map(limits).map(|limits| limits.dust).min();
        let Some(dust) = dust else { return Some(Reason::Unknown) };
        let (minimum, amount) = (dust.max(U256::ONE), deposit.amount);
        (amount < minimum).then_some(Reason::Dust { minimum, amount })
    }
}
