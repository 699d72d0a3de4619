//! Validators, their keys, and the hash by which headers commit to a set of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::{B256, Bytes, FixedBytes};
use bitcoin::hashes::{Hash, hash160};
use sha2::{Digest, Sha256};

use super::header::ValidatorAddress;
use super::merkle;
use crate::VerifyError;
use crate::protobuf::{Reader, WHOLE, Writer};

/// Most validators of a set, and signatures of a commit (CometBFT `MaxVotesCount`).
pub const MAX_VALIDATORS: usize = 10_000;

/// Most voting power of a set: 2^63 / 8 (CometBFT `MaxTotalVotingPower`), so that no sum or multiple wraps.
pub const MAX_TOTAL_POWER: u64 = i64::MAX.cast_unsigned() / 8;

/// A validator's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKey {
    /// Checked by the rules of ZIP-215.
    Ed25519([u8; 32]),
    /// Compressed; signatures with a low S over the SHA-256 of the message.
    Secp256k1(FixedBytes<33>),
}

/// One validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validator {
    address: ValidatorAddress,
    key: PublicKey,
    power: u64,
}

/// The validators of a block: distinct, their power bounded, in the order in which they are hashed. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorSet {
    validators: Arc<[Validator]>,
    total_power: u64,
}

impl PublicKey {
    /// Address of the key: the first 20 bytes of its SHA-256 (ed25519), or RIPEMD-160 of its SHA-256 (secp256k1).
    pub fn address(&self) -> ValidatorAddress {
        match self {
            Self::Ed25519(key) => {
                let digest: [u8; 32] = Sha256::digest(key).into();
                ValidatorAddress::from_slice(digest.first_chunk::<20>().unwrap_or(&[0; 20]))
            }
            Self::Secp256k1(key) => FixedBytes(hash160::Hash::hash(key.as_slice()).to_byte_array()),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("validator.pub_key", bytes);
        let key = match fields.next_number()? {
            Some(1) => Self::Ed25519(fields.fixed::<32>(1, "ed25519")?.0),
            Some(2) => Self::Secp256k1(fields.fixed(2, "secp256k1")?),
            found => {
                let found = found.map_or("none".to_owned(), |number| format!("field {number}"));
                return Err(VerifyError::malformed("validator.pub_key", "ed25519 or secp256k1", found));
            }
        };
        fields.end()?;
        Ok(key)
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => Writer::new().message(1, key).finish(),
            Self::Secp256k1(key) => Writer::new().message(2, key.as_slice()).finish(),
        }
    }
}

impl Validator {
    /// A validator by its key; the address follows from it.
    pub fn new(key: PublicKey, power: u64) -> Self {
        Self { address: key.address(), key, power }
    }

    /// Refuses an address that is not the key's, or a negative power [GHSA-6jrf-4jv4-r9mw].
    pub(crate) fn claimed(address: ValidatorAddress, key: PublicKey, power: i64) -> Result<Self, VerifyError> {
        let own = key.address();
        if address != own {
            return Err(VerifyError::invalid("validator.address", own, address));
        }
        let power = u64::try_from(power)
            .map_err(|_| VerifyError::malformed("validator.voting_power", "zero or more", power))?;
        Ok(Self { address, key, power })
    }

    /// Address of its key.
    pub fn address(&self) -> &ValidatorAddress {
        &self.address
    }

    /// Its key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Its voting power.
    pub fn power(&self) -> u64 {
        self.power
    }

    fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("validator", bytes);
        let address = fields.fixed(1, "address")?;
        let key = PublicKey::decode(fields.required(2, "pub_key")?)?;
        let power = fields.int64(3, "voting_power")?;
        // The proposer's turn: no header commits to it, and nothing here uses it.
        fields.int64(4, "proposer_priority")?;
        fields.end()?;
        Self::claimed(address, key, power)
    }

    fn encode(&self) -> Vec<u8> {
        Writer::new().bytes(1, self.address.as_slice()).message(2, &self.key.encode()).uint(3, self.power).finish()
    }

    /// `SimpleValidator`: the leaf of the set's tree. Address and proposer priority are not in it.
    fn leaf(&self) -> Vec<u8> {
        Writer::new().message(1, &self.key.encode()).uint(2, self.power).finish()
    }
}

impl ValidatorSet {
    /// A set in the order given.
    ///
    /// # Errors
    /// Names `validators` when they are too many or one stands twice, and `validators.power` when their power together
    /// is more than [`MAX_TOTAL_POWER`].
    pub fn new(validators: Vec<Validator>) -> Result<Self, VerifyError> {
        if validators.len() > MAX_VALIDATORS {
            return Err(VerifyError::malformed("validators", format!("at most {MAX_VALIDATORS}"), validators.len()));
        }
        let mut total_power = 0_u64;
        let mut addresses = BTreeSet::new();
        for validator in &validators {
            total_power = total_power.saturating_add(validator.power);
            if total_power > MAX_TOTAL_POWER {
                let found = format!("{total_power} or more");
                return Err(VerifyError::invalid("validators.power", format!("at most {MAX_TOTAL_POWER}"), found));
            }
            if !addresses.insert(validator.address) {
                return Err(VerifyError::invalid("validators", "each once", format!("{} twice", validator.address)));
            }
        }
        Ok(Self { validators: validators.into(), total_power })
    }

    /// The validators, in the order of their commits.
    pub fn validators(&self) -> &[Validator] {
        &self.validators
    }

    /// Their power together.
    pub fn total_power(&self) -> u64 {
        self.total_power
    }

    /// The hash by which headers commit to the set.
    pub fn hash(&self) -> B256 {
        let leaves: Vec<Vec<u8>> = self.validators.iter().map(Validator::leaf).collect();
        merkle::root(&leaves)
    }

    /// Decodes canonical `tendermint.types.ValidatorSet` protobuf.
    ///
    /// # Errors
    /// Names the field under `validators` or `validator`.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("validators", bytes);
        let validators = fields.repeated(1, "validators", MAX_VALIDATORS, WHOLE)?;
        // The proposer of the moment: no header commits to it.
        fields.optional(2, "proposer", WHOLE)?.map(Validator::decode).transpose()?;
        let total = fields.unsigned_int64(3, "total_voting_power")?;
        fields.end()?;
        let set = Self::new(validators.into_iter().map(Validator::decode).collect::<Result<_, _>>()?)?;
        if total != 0 && total != set.total_power {
            return Err(VerifyError::invalid("validators.total_voting_power", set.total_power, total));
        }
        Ok(set)
    }

    /// Canonical protobuf that [`Self::decode`] reads, without proposer, priorities and total.
    pub fn encode(&self) -> Bytes {
        Writer::new().each(1, self.validators.iter().map(Validator::encode)).finish().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator(n: u8, power: u64) -> Validator {
        Validator::new(PublicKey::Ed25519([n; 32]), power)
    }

    #[test]
    fn power_is_bounded() {
        let at_most = ValidatorSet::new(vec![validator(1, MAX_TOTAL_POWER - 1), validator(2, 1)]).unwrap();
        assert_eq!(at_most.total_power(), MAX_TOTAL_POWER);
        let more = ValidatorSet::new(vec![validator(1, MAX_TOTAL_POWER), validator(2, 1)]).unwrap_err();
        assert_eq!(more.field, "validators.power");
        assert!(ValidatorSet::new(vec![validator(1, u64::MAX), validator(2, u64::MAX)]).is_err());
    }

    #[test]
    fn negative_power_is_refused() {
        let honest = validator(1, 7);
        let error = Validator::claimed(honest.address, honest.key, -7).unwrap_err();
        assert_eq!(error.field, "validator.voting_power");
        let bytes =
            Writer::new().bytes(1, honest.address.as_slice()).message(2, &honest.key.encode()).int64(3, -7).finish();
        assert_eq!(Validator::decode(&bytes).unwrap_err().field, "validator.voting_power");
    }

    #[test]
    fn an_address_that_is_not_the_keys_is_refused() {
        let (one, other) = (validator(1, 7), validator(2, 7));
        let error = Validator::claimed(other.address, one.key, 7).unwrap_err();
        assert_eq!(error.field, "validator.address");
    }

    #[test]
    fn a_validator_stands_once() {
        let twice = vec![validator(1, 1), validator(2, 1), validator(1, 1)];
        assert_eq!(ValidatorSet::new(twice).unwrap_err().field, "validators");
    }

    #[test]
    fn order_key_and_power_are_in_the_hash() {
        let base = ValidatorSet::new(vec![validator(1, 1), validator(2, 1)]).unwrap();
        let others = [
            vec![validator(2, 1), validator(1, 1)],
            vec![validator(1, 1), validator(2, 2)],
            vec![validator(1, 1), validator(3, 1)],
            vec![validator(1, 1)],
        ];
        for other in others {
            assert_ne!(ValidatorSet::new(other).unwrap().hash(), base.hash());
        }
        assert_eq!(ValidatorSet::decode(&base.encode()).unwrap(), base);
    }
}
