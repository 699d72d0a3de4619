//! The port's implementation: headers advance the client, packet commitments under an app hash prove deposits.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, Bytes};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::evidence::{DepositEvidence, Inclusion, MAX_HEADERS};
use super::ics23::{Membership, verify_membership, verify_memberships};
use super::light_block::{ClientHeader, Misbehaviour};
use super::packet::Packet;
use super::params::ClientParams;
use super::route::{IBC_STORE, Route};
use super::signature::KeyTables;
use super::state::{Frozen, TrustedState};
use super::verify::{ConsensusState, verify_header};
use crate::{ChainId, Checkpoint, Deposit, UnixSeconds, Verified, Verifier, VerifyError};

/// Fewest proofs that are worth a thread of their own.
const SHARE: usize = 64;

/// Verifies deposits sent as IBC v2 packets over one route from one CometBFT chain.
#[derive(Clone, Debug)]
pub struct CosmosVerifier {
    params: ClientParams,
    chain: ChainId,
    route: Route,
    tables: KeyTables,
}

/// Consensus evidence, as ICS-07 encodes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// Canonical protobuf of `ibc.lightclients.tendermint.v1.Header`: adds a height. If it contradicts what is trusted,
    /// the client freezes.
    Header(Bytes),
    /// Canonical protobuf of `ibc.lightclients.tendermint.v1.Misbehaviour`: freezes the client.
    Misbehaviour(Bytes),
}

/// A deposit whose packet and route were checked, and the claim that its commitment is stored.
struct Claim<'a> {
    deposit: Deposit,
    under: ConsensusState,
    root: B256,
    key: Vec<u8>,
    commitment: B256,
    proof: &'a [u8],
}

impl CosmosVerifier {
    /// A verifier of deposits over `route`, from the chain of `params`.
    ///
    /// # Errors
    /// When parameters or route make no sense.
    pub fn new(params: ClientParams, route: Route) -> Result<Self, VerifyError> {
        params.validate()?;
        route.validate()?;
        let chain = params.chain()?;
        Ok(Self { params, chain, route, tables: KeyTables::new() })
    }

    /// The chain it verifies.
    pub fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// The client's parameters.
    pub fn params(&self) -> &ClientParams {
        &self.params
    }

    /// The state of `height`: trusted, or reached from a trusted one by `headers`, each of which goes on from the one before.
    fn reach(
        &self,
        trusted: &TrustedState,
        headers: &[Bytes],
        height: u64,
        now: UnixSeconds,
    ) -> Result<ConsensusState, VerifyError> {
        let reached = self.reach_each(trusted, [headers].into_iter(), now);
        reached_height(trusted, &reached, headers, height)
    }

    /// What each distinct chain of headers reaches. A beginning that chains share is verified once.
    fn reach_each<'a>(
        &self,
        trusted: &TrustedState,
        chains: impl Iterator<Item = &'a [Bytes]>,
        now: UnixSeconds,
    ) -> BTreeMap<&'a [Bytes], Result<Reached, VerifyError>> {
        let chains: BTreeSet<&[Bytes]> = chains.filter(|headers| headers.len() <= MAX_HEADERS).collect();
        let mut reached = BTreeMap::new();
        // What the beginnings of one length lead to.
        let mut beginnings: BTreeMap<&[Bytes], Result<Reached, VerifyError>> =
            BTreeMap::from([(Default::default(), Ok(None))]);
        for length in 0..=MAX_HEADERS {
            if length > 0 {
                let longer: BTreeSet<&[Bytes]> = chains.iter().filter_map(|headers| headers.get(..length)).collect();
                let follow = |headers: &'a [Bytes]| (headers, self.follow_last(trusted, &beginnings, headers, now));
                beginnings = longer.into_par_iter().map(follow).collect();
            }
            let ended = beginnings.iter().filter(|(headers, _)| chains.contains(*headers));
            reached.extend(ended.map(|(headers, states)| (*headers, states.clone())));
        }
        reached
    }

    /// What `headers` reach, once it is known what they reach without the last.
    fn follow_last(
        &self,
        trusted: &TrustedState,
        beginnings: &BTreeMap<&[Bytes], Result<Reached, VerifyError>>,
        headers: &[Bytes],
        now: UnixSeconds,
    ) -> Result<Reached, VerifyError> {
        let Some((last, before)) = headers.split_last() else { return Ok(None) };
        let reached = beginnings.get(before).cloned().unwrap_or(Ok(None))?;
        let named = |error: VerifyError| error.within(&format!("headers[{}]", before.len()));
        self.follow(trusted, reached.as_ref(), last, now).map(Some).map_err(named)
    }

    /// Verifies one header from what was reached before, or for the first from a height that is trusted.
    fn follow(
        &self,
        trusted: &TrustedState,
        reached: Option<&ConsensusState>,
        bytes: &[u8],
        now: UnixSeconds,
    ) -> Result<ConsensusState, VerifyError> {
        let header = ClientHeader::decode(bytes)?;
        let from = match reached {
            Some(state) if state.height == header.trusted_height => state,
            Some(state) => return Err(VerifyError::invalid("trusted_height", state.height, header.trusted_height)),
            None => trusted.require(header.trusted_height)?,
        };
        let state = verify_header(&self.params, from, &header, now, &self.tables)?.into_result(&self.params)?;
        match trusted.contradiction(&state) {
            None => Ok(state),
            Some(attack) => {
                let expected = "a header that agrees with what is trusted";
                Err(VerifyError::invalid("header", expected, format!("{attack:?} at {}", state.height)))
            }
        }
    }

    /// Checks packet and route, and what the proof must show under `state`.
    fn claim<'a>(&self, inclusion: &'a Inclusion, state: ConsensusState) -> Result<Claim<'a>, VerifyError> {
        let root = B256::try_from(state.app_hash.as_ref())
            .map_err(|_| VerifyError::invalid("app_hash", "32 bytes", state.app_hash.len()))?;
        if inclusion.app_hash != root {
            return Err(VerifyError::invalid("app_hash", root, inclusion.app_hash));
        }
        let packet = Packet::decode(&inclusion.packet)?;
        let deposit = self.route.deposit(&self.chain, &packet)?;
        let (key, commitment) = (packet.key(), packet.commitment());
        Ok(Claim { deposit, under: state, root, key, commitment, proof: &inclusion.proof })
    }

    fn verified(&self, claim: Claim<'_>) -> Verified<Deposit> {
        let under = Checkpoint {
            chain: self.chain.clone(),
            height: claim.under.height,
            root: claim.root,
            time: claim.under.time.unix_seconds(),
            up_to: Checkpoint::ANY_AMOUNT,
        };
        Verified::new(claim.deposit, under)
    }
}

impl Claim<'_> {
    fn membership(&self) -> Membership<'_> {
        Membership {
            root: self.root,
            store: IBC_STORE.as_bytes(),
            key: &self.key,
            value: self.commitment.as_slice(),
            proof: self.proof,
        }
    }
}

/// The state of the last header; nothing where there is none.
type Reached = Option<ConsensusState>;

/// The state of the height at which `headers` lead to a proof; without any it must be trusted.
fn reached_height(
    trusted: &TrustedState,
    reached: &BTreeMap<&[Bytes], Result<Reached, VerifyError>>,
    headers: &[Bytes],
    height: u64,
) -> Result<ConsensusState, VerifyError> {
    let Some(state) = reached.get(headers) else {
        return Err(VerifyError::malformed("headers", format!("at most {MAX_HEADERS}"), headers.len()));
    };
    match state.as_ref().map_err(Clone::clone)? {
        Some(state) if state.height == height => Ok(state.clone()),
        Some(state) => Err(VerifyError::invalid("headers", format!("the last of height {height}"), state.height)),
        None => trusted.require(height).cloned().map_err(|error| error.within("inclusion")),
    }
}

fn in_inclusion(error: VerifyError) -> VerifyError {
    error.within("inclusion")
}

impl Verifier for CosmosVerifier {
    type Trusted = TrustedState;
    type Update = Update;
    type Evidence = DepositEvidence;

    /// Adds a header, or freezes the client when the update shows that the chain has two histories; both are `Ok`.
    fn advance(&self, trusted: &mut TrustedState, update: &Update, now: UnixSeconds) -> Result<(), VerifyError> {
        trusted.require_active(&self.params, now)?;
        match update {
            Update::Header(bytes) => {
                let header = ClientHeader::decode(bytes)?;
                let from = trusted.require(header.trusted_height)?;
                let state = verify_header(&self.params, from, &header, now, &self.tables)?.into_result(&self.params)?;
                match trusted.contradiction(&state) {
                    None => trusted.insert(state),
                    Some(attack) => {
                        trusted.freeze(Frozen { attack, height: state.height, headers: vec![bytes.clone()] });
                    }
                }
            }
            Update::Misbehaviour(bytes) => {
                let misbehaviour = Misbehaviour::decode(bytes)?;
                let proven = misbehaviour.verify(&self.params, trusted, now, &self.tables)?;
                trusted.freeze(misbehaviour.frozen(&proven));
            }
        }
        Ok(())
    }

    fn verify(
        &self,
        trusted: &TrustedState,
        evidence: &DepositEvidence,
        now: UnixSeconds,
    ) -> Result<Verified<Deposit>, VerifyError> {
        trusted.require_active(&self.params, now)?;
        let state = self.reach(trusted, &evidence.headers, evidence.inclusion.height, now)?;
        let claim = self.claim(&evidence.inclusion, state).map_err(in_inclusion)?;
        verify_membership(&claim.membership()).map_err(|error| in_inclusion(error.within("proof")))?;
        Ok(self.verified(claim))
    }

    /// Verifies each distinct chain of headers once, and what several begin with once for all of them; hashes each
    /// distinct node of the proofs once.
    ///
    /// What one bad item costs the others: headers nothing, as each is checked by itself; a forged proof its own path
    /// and that of one neighbour, and its own single check.
    fn verify_batch(
        &self,
        trusted: &TrustedState,
        evidence: &[DepositEvidence],
        now: UnixSeconds,
    ) -> Vec<Result<Verified<Deposit>, VerifyError>> {
        if let Err(error) = trusted.require_active(&self.params, now) {
            return evidence.iter().map(|_| Err(error.clone())).collect();
        }
        let reached = self.reach_each(trusted, evidence.iter().map(|item| item.headers.as_slice()), now);
        let share = evidence.len().div_ceil(rayon::current_num_threads().max(1)).max(SHARE);
        let check = |items: &[DepositEvidence]| -> Vec<Result<Verified<Deposit>, VerifyError>> {
            let claims: Vec<Result<Claim<'_>, VerifyError>> = items
                .iter()
                .map(|item| {
                    let state = reached_height(trusted, &reached, &item.headers, item.inclusion.height)?;
                    self.claim(&item.inclusion, state).map_err(in_inclusion)
                })
                .collect();
            let memberships: Vec<Membership<'_>> = claims.iter().flatten().map(Claim::membership).collect();
            let mut shown = verify_memberships(&memberships).into_iter();
            claims
                .into_iter()
                .map(|claim| {
                    let claim = claim?;
                    let result = shown.next().unwrap_or_else(|| Err(VerifyError::malformed("result", 1, 0)));
                    result.map_err(|error| in_inclusion(error.within("proof")))?;
                    Ok(self.verified(claim))
                })
                .collect()
        };
        evidence.par_chunks(share).flat_map_iter(check).collect()
    }
}
