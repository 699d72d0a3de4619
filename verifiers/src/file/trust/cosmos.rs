//! A header of a Cosmos chain, and the headers after it.

use serde::{Deserialize, Serialize};

use crate::cosmos::{ClientParams, ConsensusState, CosmosVerifier, DepositEvidence, Route, TrustedState, Update};
use crate::file::Step;
use crate::{Deposit, UnixSeconds, Verified, Verifier, VerifyError};

/// Trust in a header of a CometBFT chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosmosTrust {
    /// The chain, and how long and from how many validators trust flows.
    pub client: ClientParams,
    /// Which packets are deposits, and of what.
    pub route: Route,
    /// The trusted header.
    pub anchor: ConsensusState,
    /// Headers after it, or misbehaviour.
    pub updates: Vec<Update>,
}

impl CosmosTrust {
    pub(super) fn verify(
        &self,
        evidence: &DepositEvidence,
        now: UnixSeconds,
    ) -> Result<Verified<Deposit>, VerifyError> {
        let within = |error: VerifyError| error.within("trust");
        let verifier = CosmosVerifier::new(self.client.clone(), self.route.clone()).map_err(within)?;
        let mut trusted = TrustedState::new(self.anchor.clone());
        for (index, update) in self.updates.iter().enumerate() {
            let named = |error: VerifyError| error.within(&format!("updates[{index}]")).within("trust");
            verifier.advance(&mut trusted, update, now).map_err(named)?;
        }
        verifier.verify(&trusted, evidence, now).map_err(|error| error.within("evidence"))
    }

    pub(super) fn said(&self) -> Vec<String> {
        let Self { client, route, anchor, updates } = self;
        let assets: Vec<_> = route.assets.iter().map(|(denom, asset)| format!("{denom} is {asset}")).collect();
        vec![
            format!(
                "chain {}; deposits are what its client {} is sent for client {}",
                client.chain_id, route.source_client, route.destination_client
            ),
            format!(
                "header {} {} of time {}, with app hash {} and next validators' hash {}; {} updates follow it",
                anchor.height,
                anchor.hash,
                anchor.time,
                anchor.app_hash,
                anchor.next_validators_hash,
                updates.len()
            ),
            format!(
                "less than {}/{} of the power trusted at a header lies within {} seconds of it; what they lose for lying \
                 stays bonded for {} seconds",
                client.trust_level.numerator,
                client.trust_level.denominator,
                client.trusting_period,
                client.unbonding_period
            ),
            format!("a header is at most {} seconds ahead of its reader's clock", client.max_clock_drift),
            format!(
                "deposits go to {} on {}; {}",
                route.destination_bridge,
                route.destination_chain,
                assets.join(", ")
            ),
        ]
    }

    pub(super) fn steps(&self, evidence: &DepositEvidence) -> Vec<Step> {
        let (inclusion, client) = (&evidence.inclusion, &self.client);
        vec![
            Step::new(
                "the client's parameters and the route make sense".to_owned(),
                "trusting period below unbonding period, clock drift below both, trust level of a third or more"
                    .to_owned(),
                &[
                    "trust.client",
                    "trust.route",
                    "trust.chain_id",
                    "trust.trusting_period",
                    "trust.max_clock_drift",
                    "trust.trust_level",
                    "trust",
                ],
            ),
            Step::new(
                format!("{} updates extend the trusted header", self.updates.len()),
                format!(
                    "commits of {} by more than two thirds of their own set and a third of the trusted one",
                    client.chain_id
                ),
                &["trust.updates"],
            ),
            Step::new(
                "trust has neither expired nor is the chain known to have two histories".to_owned(),
                format!("the newest trusted header and a trusting period of {} seconds", client.trusting_period),
                &["evidence.trusted"],
            ),
            Step::new(
                format!("{} headers lead from a trusted height to height {}", evidence.headers.len(), inclusion.height),
                "validator sets by their hash, signatures over each vote's own time, times that rise".to_owned(),
                &["evidence.headers", "evidence.inclusion.height"],
            ),
            Step::new(
                format!("the header's app hash is {}", inclusion.app_hash),
                format!("the header of height {}", inclusion.height),
                &["evidence.inclusion.app_hash"],
            ),
            Step::new(
                "the packet is a transfer over this route, of an asset that crosses".to_owned(),
                format!("client {} and the assets of the route", self.route.source_client),
                &["evidence.inclusion.packet", "evidence.inclusion"],
            ),
            Step::new(
                "the packet's commitment stands in the ibc store under that app hash".to_owned(),
                "two ICS-23 proofs, IAVL and multistore, by fixed specs and exact keys".to_owned(),
                &["evidence.inclusion.proof", "evidence"],
            ),
        ]
    }
}
