//! What makes signers sign: a request that the relayer's own key has signed, for one set and contract, and for a minute.
//!
//! Signers see deposits on their own nodes; whether one may take the fast lane (limits, holds, pauses that are not on a
//! chain) is the relayer's judgement. So they read nothing and sign nothing for anybody else. A request that is repeated
//! by whoever heard it is answered once, and what is answered is the batch that the relayer has asked for: the same
//! signature over the same terms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::attestation::recover;
use spandrel_verifiers::merkle::MAX_BATCH;
use spandrel_verifiers::{ChainId, UnixSeconds, VerifyError, eip712};

use crate::{AttestRequest, SignDigest};

/// How long a request holds, seconds: the relayer asks again every two.
const LIFETIME_SECONDS: u64 = 60;
/// How far the clock of who asks may be ahead, seconds.
const AHEAD_SECONDS: u64 = 30;
/// Longest error about a request, characters: it may repeat what was sent.
const LONGEST_ERROR: usize = 200;

/// A batch to be attested, signed by who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRequest {
    /// To which chain: with its `FastLane`, the domain of what is signed.
    pub destination: ChainId,
    /// Epoch of the signer set that is asked.
    pub epoch: u64,
    /// Unix seconds.
    pub issued: UnixSeconds,
    /// Unix seconds; from then on the request is void.
    pub expires: UnixSeconds,
    /// An [`AttestRequest`] in JSON. It is read as what it says only once its bytes are known to be the relayer's.
    pub request: String,
    /// Over [`SignedRequest::digest`].
    pub signature: Signature,
}

impl SignedRequest {
    /// The EIP-712 type.
    pub const TYPE: &'static str = "AttestRequest(uint64 epoch,uint64 issued,uint64 expires,string request)";

    /// EIP-712 digest for the set of the `FastLane` at `contract` on EVM chain `chain_number`. Its domain is of this
    /// purpose alone: it is never a batch, an answer, a statement or a transaction.
    pub fn digest(&self, chain_number: u64, contract: Address) -> B256 {
        let words = [
            keccak256(Self::TYPE),
            U256::from(self.epoch).into(),
            U256::from(self.issued).into(),
            U256::from(self.expires).into(),
            keccak256(&self.request),
        ];
        eip712::digest(eip712::domain("Spandrel Request", chain_number, contract), &words)
    }

    /// Asks at `now` with the relayer's key.
    ///
    /// # Errors
    /// Why it could not be signed.
    pub async fn sign(
        request: &AttestRequest,
        (chain_number, contract): (u64, Address),
        now: UnixSeconds,
        sign: &SignDigest,
    ) -> Result<Self, String> {
        let mut signed = Self {
            destination: request.destination.clone(),
            epoch: request.terms.epoch,
            issued: now,
            expires: now.saturating_add(LIFETIME_SECONDS),
            request: serde_json::to_string(request).map_err(|error| error.to_string())?,
            signature: Signature::new(U256::ZERO, U256::ZERO, false),
        };
        signed.signature = sign(signed.digest(chain_number, contract)).await?;
        Ok(signed)
    }

    fn require_time(&self, now: UnixSeconds) -> Result<(), VerifyError> {
        let lasts = self.expires.saturating_sub(self.issued);
        if self.issued <= now.saturating_add(AHEAD_SECONDS) && now < self.expires && lasts <= LIFETIME_SECONDS {
            return Ok(());
        }
        let expected = format!("a time up to {AHEAD_SECONDS} s after {now}, and {LIFETIME_SECONDS} s at most");
        Err(VerifyError::invalid("issued, expires", expected, format!("{} to {}", self.issued, self.expires)))
    }

    fn read(&self) -> Result<AttestRequest, VerifyError> {
        let request: AttestRequest = serde_json::from_str(&self.request).map_err(|error| {
            let said: String = error.to_string().chars().take(LONGEST_ERROR).collect();
            VerifyError::invalid("request", "an attestation request", said)
        })?;
        for (field, found) in [("items", request.items.len()), ("bitcoin_terms", request.bitcoin_terms.len())] {
            if found > MAX_BATCH {
                return Err(VerifyError::invalid(field, format!("at most {MAX_BATCH}"), found));
            }
        }
        if request.destination != self.destination {
            return Err(VerifyError::invalid("destination", &self.destination, &request.destination));
        }
        Ok(request)
    }
}

/// A request by the relayer, for this set and in its time: only checking one makes it.
#[derive(Clone, Debug)]
pub struct Asked {
    request: AttestRequest,
    expires: UnixSeconds,
}

impl Asked {
    /// What is asked.
    pub fn request(&self) -> &AttestRequest {
        &self.request
    }

    /// Whether it holds no longer.
    pub(crate) fn is_void(&self, now: UnixSeconds) -> bool {
        now >= self.expires
    }
}

/// The same batch, whenever it was asked for.
impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        self.request == other.request
    }
}

/// Who may ask one signer, and what they have asked it already.
pub(crate) struct Requesters {
    addresses: BTreeSet<Address>,
    /// By digest, until they expire. Only what the relayer has signed is kept.
    taken: Mutex<BTreeMap<B256, UnixSeconds>>,
}

impl Requesters {
    pub(crate) fn new(addresses: BTreeSet<Address>) -> Self {
        Self { addresses, taken: Mutex::default() }
    }

    /// Takes a request, once, for the set of `epoch` of the `FastLane` at `contract`. What is cheap to see is seen first.
    pub(crate) fn take(
        &self,
        signed: &SignedRequest,
        (chain_number, contract, epoch): (u64, Address, u64),
        now: UnixSeconds,
    ) -> Result<Asked, VerifyError> {
        if signed.epoch != epoch {
            return Err(VerifyError::invalid("epoch", epoch, signed.epoch));
        }
        signed.require_time(now)?;
        let digest = signed.digest(chain_number, contract);
        let by = recover(digest, &signed.signature)?;
        if !self.addresses.contains(&by) {
            return Err(VerifyError::invalid("signature", "one of the relayer's", by));
        }
        let request = signed.read()?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|_, expires| *expires > now);
        if taken.insert(digest, signed.expires).is_some() {
            return Err(VerifyError::invalid("request", "one that was not taken yet", "the same again"));
        }
        Ok(Asked { request, expires: signed.expires })
    }
}
