//! The port's implementation: headers advance the chain, inclusion under it proves deposits.

use alloy_primitives::{B256, Bytes, U256};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::chain::HeaderChain;
use super::confirmations::ConfirmationPolicy;
use super::deposit::{deposit_script, is_deposit_script, x_only};
use super::evidence::{DepositTerms, Inclusion};
use super::header::Header;
use super::inclusion::Included;
use super::params::ChainParams;
use super::prepared::Prepared;
use super::sighted::Sighted;
use super::transaction::source_key;
use crate::follow::BlockRef;
use crate::{AssetId, ChainId, Checkpoint, Deposit, Finalized, UnixSeconds, Verified, Verifier, VerifyError};

/// Least value of a deposit output in satoshis: below it a Taproot output is dust and is not relayed (Bitcoin Core).
pub const DUST_LIMIT: u64 = 330;

/// Most satoshis there can be.
pub const MAX_MONEY: u64 = 2_100_000_000_000_000;

/// Blocks that must be left before the depositor can take a deposit back: a day in which the vault moves it.
pub const REFUND_MARGIN: u64 = 144;

/// Most headers in one [`HeaderUpdate`]: a node's answer to one request is 2,000.
pub const MAX_UPDATE_HEADERS: usize = 2016;

/// Headers that extend a [`HeaderChain`]: 80 bytes each, parents before children.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderUpdate {
    /// At most [`MAX_UPDATE_HEADERS`].
    pub headers: Vec<Bytes>,
}

/// Verification of deposits into one vault on one Bitcoin network.
#[derive(Clone, Debug)]
pub struct BitcoinVerifier {
    params: ChainParams,
    chain: ChainId,
    asset: AssetId,
    vault: B256,
    confirmations: ConfirmationPolicy,
}

impl BitcoinVerifier {
    /// A verifier for deposits into `vault`, the x-only internal key. Errors when that is no key (`vault`).
    pub fn new(params: ChainParams, vault: B256, confirmations: ConfirmationPolicy) -> Result<Self, VerifyError> {
        x_only("vault", vault)?;
        Ok(Self { chain: params.chain(), asset: params.asset(), params, vault, confirmations })
    }

    /// The chain it verifies.
    pub fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// How deep deposits must stand.
    pub fn confirmations(&self) -> &ConfirmationPolicy {
        &self.confirmations
    }

    /// The fast lane's check: the same evidence under the same rules, but at a depth of the caller's choosing (at
    /// least 1). What it finds may still be reorganised away, hence the other type.
    pub fn verify_at_depth(
        &self,
        trusted: &HeaderChain,
        evidence: &Inclusion,
        now: UnixSeconds,
        confirmations: u32,
    ) -> Result<Sighted<Deposit>, VerifyError> {
        let (deposit, block, _) = self.prove(trusted, evidence, &Prepared::of(evidence))?;
        let block = self.settled(trusted, evidence, block, confirmations, now)?;
        let depth = trusted.confirmations(block.get().hash).unwrap_or_default();
        Ok(Sighted::new(deposit, self.checkpoint(&block, 0), depth))
    }

    /// Checks a deposit under a block that the caller trusts. Nothing is said of what stands on that block: neither of its
    /// depth nor of the refund.
    ///
    /// # Errors
    /// Names the evidence's field.
    pub(crate) fn verify_under(&self, block: B256, evidence: &Inclusion) -> Result<Verified<Deposit>, VerifyError> {
        let header = Header::parse(&evidence.header)?;
        if header.hash != block {
            return Err(VerifyError::invalid("header", block, header.hash));
        }
        let included = evidence.check_in(&header, &self.params, &Prepared::of(evidence))?;
        let (deposit, root, _) = self.deposit_of(evidence, included)?;
        let (chain, height, time) = (self.chain.clone(), evidence.height, header.time.into());
        Ok(Verified::new(deposit, Checkpoint { chain, height, root, time, up_to: 0 }))
    }

    fn verify_prepared(
        &self,
        trusted: &HeaderChain,
        evidence: &Inclusion,
        prepared: &Prepared,
        now: UnixSeconds,
    ) -> Result<Verified<Deposit>, VerifyError> {
        let (deposit, block, amount) = self.prove(trusted, evidence, prepared)?;
        let block = self.settled(trusted, evidence, block, self.confirmations.required(amount), now)?;
        Ok(Verified::new(deposit, self.checkpoint(&block, amount)))
    }

    /// The deposit that the evidence shows, the block it is in, and its amount in satoshis.
    fn prove(
        &self,
        trusted: &HeaderChain,
        evidence: &Inclusion,
        prepared: &Prepared,
    ) -> Result<(Deposit, B256, u64), VerifyError> {
        self.check_rules_of(trusted)?;
        self.deposit_of(evidence, evidence.check(trusted, prepared)?)
    }

    /// The deposit that a proven transaction makes, its block and its amount.
    fn deposit_of(&self, evidence: &Inclusion, included: Included) -> Result<(Deposit, B256, u64), VerifyError> {
        let amount = self.check_output(evidence, &included)?;
        let terms = &evidence.terms;
        let deposit = Deposit {
            version: Deposit::VERSION,
            source_chain: self.chain.clone(),
            source_bridge: self.vault,
            source_key: source_key(included.transaction.txid(), evidence.output),
            asset: self.asset.clone(),
            amount: U256::from(amount),
            destination_chain: terms.destination_chain.clone(),
            destination_bridge: terms.destination_bridge,
            recipient: terms.recipient,
            sender: terms.refund_key,
            lane: terms.lane,
            expiry: terms.expiry,
        };
        Ok((deposit, included.block, amount))
    }

    /// Checks that the output is the terms' Taproot output and no dust; returns its value in satoshis.
    fn check_output(&self, evidence: &Inclusion, included: &Included) -> Result<u64, VerifyError> {
        let outputs = &included.transaction.transaction().output;
        let Some(output) = usize::try_from(evidence.output).ok().and_then(|index| outputs.get(index)) else {
            return Err(VerifyError::invalid("output", format!("below {}", outputs.len()), evidence.output));
        };
        if !is_deposit_script(output.script_pubkey.as_bytes(), self.vault, &evidence.terms)? {
            return Err(self.mismatch(evidence, &included.transaction.transaction().output)?);
        }
        let amount = output.value.to_sat();
        if !(DUST_LIMIT..=MAX_MONEY).contains(&amount) {
            let expected = format!("{DUST_LIMIT} to {MAX_MONEY} satoshis");
            return Err(VerifyError::invalid("amount", expected, amount));
        }
        Ok(amount)
    }

    /// Blames the output's number when another output is the one of the terms, else the terms.
    fn mismatch(&self, evidence: &Inclusion, outputs: &[bitcoin::TxOut]) -> Result<VerifyError, VerifyError> {
        let script = deposit_script(self.vault, &evidence.terms)?;
        if let Some(index) = outputs.iter().position(|output| output.script_pubkey.as_bytes() == script.as_ref()) {
            return Ok(VerifyError::invalid("output", format!("{index}, the one of the terms"), evidence.output));
        }
        let index = usize::try_from(evidence.output).unwrap_or(usize::MAX);
        let found = outputs.get(index).map(|output| output.script_pubkey.to_hex_string()).unwrap_or_default();
        let expected = format!("those that output {} commits to (they make {})", evidence.output, hex::encode(&script));
        Ok(VerifyError::invalid("terms", expected, found))
    }

    /// The block of the evidence, if it is deep enough under a chain that is not too old, and the deposit cannot be
    /// taken back soon.
    fn settled(
        &self,
        trusted: &HeaderChain,
        evidence: &Inclusion,
        block: B256,
        confirmations: u32,
        now: UnixSeconds,
    ) -> Result<Finalized<BlockRef>, VerifyError> {
        let tip = trusted.best();
        if let Some(limit) = self.params.max_tip_age.filter(|limit| now.saturating_sub(tip.time) > *limit) {
            let expected = format!("a best block of the last {limit} seconds");
            return Err(VerifyError::not_yet("trusted.best", expected, format!("time {} at {now}", tip.time)));
        }
        let block = trusted.is_final(block, confirmations)?;
        let depth = trusted.confirmations(block.get().hash).unwrap_or(u64::MAX);
        check_refund_is_far(&evidence.terms, depth)?;
        Ok(block)
    }

    fn check_rules_of(&self, trusted: &HeaderChain) -> Result<(), VerifyError> {
        if *trusted.params() != self.params {
            return Err(VerifyError::invalid("trusted.params", &self.chain, trusted.params().chain()));
        }
        Ok(())
    }

    /// The block, as deep as `up_to` satoshis need. Others in it need a checkpoint of their own where they need more.
    fn checkpoint(&self, block: &Finalized<BlockRef>, up_to: u64) -> Checkpoint {
        let block = block.get();
        Checkpoint { chain: self.chain.clone(), height: block.height, root: block.hash, time: block.time, up_to }
    }
}

/// A proof of inclusion cannot show that a deposit was taken back since. So none is good once the refund is near: at
/// depth `refund_delay` the depositor may spend (BIP 68).
fn check_refund_is_far(terms: &DepositTerms, depth: u64) -> Result<(), VerifyError> {
    let refundable_at = u64::from(terms.refund_delay);
    if depth.saturating_add(REFUND_MARGIN) > refundable_at {
        let expected = format!("a refund at least {REFUND_MARGIN} blocks away");
        return Err(VerifyError::invalid("refund", expected, refundable_at.saturating_sub(depth)));
    }
    Ok(())
}

impl Verifier for BitcoinVerifier {
    type Trusted = HeaderChain;
    type Update = HeaderUpdate;
    type Evidence = Inclusion;

    fn advance(&self, trusted: &mut HeaderChain, update: &HeaderUpdate, now: UnixSeconds) -> Result<(), VerifyError> {
        self.check_rules_of(trusted)?;
        if update.headers.len() > MAX_UPDATE_HEADERS {
            let expected = format!("at most {MAX_UPDATE_HEADERS}");
            return Err(VerifyError::malformed("headers", expected, update.headers.len()));
        }
        trusted.extend(&update.headers, now)
    }

    fn verify(
        &self,
        trusted: &HeaderChain,
        evidence: &Inclusion,
        now: UnixSeconds,
    ) -> Result<Verified<Deposit>, VerifyError> {
        self.verify_prepared(trusted, evidence, &Prepared::of(evidence), now)
    }

    /// All hashing is done together, each distinct node of a Merkle tree once; the rest is spread over threads.
    ///
    /// What one bad item costs, with paths of `h` levels: its own `2h` nodes, half as many as `h` of the others' again,
    /// and to say what is wrong with it its `2h` once more and at most 126 others; no other item is looked at twice. 256
    /// deposits with a bad one are to take at most 1.05 times as long as 256 good ones.
    fn verify_batch(
        &self,
        trusted: &HeaderChain,
        evidence: &[Inclusion],
        now: UnixSeconds,
    ) -> Vec<Result<Verified<Deposit>, VerifyError>> {
        let prepared = Prepared::of_each(evidence);
        let items = evidence.par_iter().zip(&prepared);
        items.map(|(item, prepared)| self.verify_prepared(trusted, item, prepared, now)).collect()
    }
}
