//! The validators' BLS keys and the sync committees drawn from them, a new one each period.

use alloy_primitives::{B256, U256, keccak256, uint};
use blst::min_pk::SecretKey;
use spandrel_verifiers::ethereum::containers::{BlsPublicKey, SyncCommittee};

/// Order of the scalar field of BLS12-381.
const FIELD_ORDER: U256 = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);

/// Ciphersuite of the consensus layer: minimal public key size, proof of possession.
const CIPHERSUITE: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// All validators of the companion, from one seed.
pub(super) struct Validators {
    seed: B256,
    committee_size: usize,
    secrets: Vec<SecretKey>,
    public_keys: Vec<BlsPublicKey>,
}

impl Validators {
    /// A quarter more validators than committee seats, so that some sit twice and some not at all.
    pub(super) fn from_seed(seed: B256, committee_size: usize) -> Option<Self> {
        let secrets: Vec<SecretKey> = (0..committee_size + committee_size / 4)
            .map(|index| {
                let material = keccak256([seed.as_slice(), b"validator", &index.to_be_bytes()].concat());
                SecretKey::key_gen(material.as_slice(), &[]).ok()
            })
            .collect::<Option<_>>()?;
        let public_keys = secrets.iter().map(|secret| secret.sk_to_pk().compress().into()).collect();
        Some(Self { seed, committee_size, secrets, public_keys })
    }

    /// Seats of `period`'s committee as validator indices. Like the consensus rule
    /// (`get_next_sync_committee_indices`) it may seat one validator more than once.
    fn seats(&self, period: u64) -> Vec<usize> {
        let count = U256::from(self.secrets.len());
        (0..self.committee_size)
            .map(|seat| {
                let draw = keccak256(
                    [self.seed.as_slice(), b"committee", &period.to_be_bytes(), &seat.to_be_bytes()].concat(),
                );
                (U256::from_be_bytes(draw.0) % count).to()
            })
            .collect()
    }

    /// How many validators there are.
    pub(super) fn count(&self) -> u64 {
        self.secrets.len() as u64
    }

    pub(super) fn committee(&self, period: u64) -> Option<SyncCommittee> {
        let seats = self.seats(period);
        let aggregate_pubkey = self.summed_secret(&seats)?.sk_to_pk().compress().into();
        Some(SyncCommittee { pubkeys: seats.iter().map(|seat| self.public_keys[*seat]).collect(), aggregate_pubkey })
    }

    /// The aggregate signature of those seats of `period`'s committee whose bit is set.
    ///
    /// Signing once with the sum of the secret keys gives the very bytes that aggregating each member's signature
    /// gives, 512 times faster.
    pub(super) fn sign(&self, period: u64, bits: &[bool], signing_root: B256) -> Option<[u8; 96]> {
        let seats: Vec<usize> =
            self.seats(period).into_iter().zip(bits).filter(|(_, present)| **present).map(|(seat, _)| seat).collect();
        let secret = self.summed_secret(&seats)?;
        Some(secret.sign(signing_root.as_slice(), CIPHERSUITE, &[]).compress())
    }

    fn summed_secret(&self, seats: &[usize]) -> Option<SecretKey> {
        let sum = seats.iter().fold(U256::ZERO, |sum, seat| {
            sum.add_mod(U256::from_be_bytes(self.secrets[*seat].to_bytes()), FIELD_ORDER)
        });
        SecretKey::from_bytes(&sum.to_be_bytes::<32>()).ok()
    }
}

#[cfg(test)]
mod tests {
    use blst::min_pk::{AggregatePublicKey, AggregateSignature, PublicKey};

    use super::*;

    #[test]
    fn the_summed_key_signs_exactly_what_the_members_aggregate_to() {
        let validators = Validators::from_seed(B256::repeat_byte(1), 32).unwrap();
        let root = keccak256(b"root");
        let bits: Vec<bool> = (0..32).map(|seat| seat % 5 != 0).collect();
        let each: Vec<_> = validators
            .seats(7)
            .iter()
            .zip(&bits)
            .filter(|(_, present)| **present)
            .map(|(seat, _)| validators.secrets[*seat].sign(root.as_slice(), CIPHERSUITE, &[]))
            .collect();
        let together = AggregateSignature::aggregate(&each.iter().collect::<Vec<_>>(), true).unwrap().to_signature();
        assert_eq!(validators.sign(7, &bits, root).unwrap(), together.compress());

        let committee = validators.committee(7).unwrap();
        let keys: Vec<_> = committee.pubkeys.iter().map(|key| PublicKey::from_bytes(key.as_slice()).unwrap()).collect();
        let sum = AggregatePublicKey::aggregate(&keys.iter().collect::<Vec<_>>(), true).unwrap().to_public_key();
        assert_eq!(committee.aggregate_pubkey.as_slice(), sum.compress());
    }

    #[test]
    fn committees_rotate_and_their_keys_are_valid() {
        let validators = Validators::from_seed(B256::repeat_byte(2), 32).unwrap();
        let (first, second) = (validators.committee(0).unwrap(), validators.committee(1).unwrap());
        assert_ne!(first.pubkeys, second.pubkeys);
        assert!(first.pubkeys.iter().all(|key| PublicKey::key_validate(key.as_slice()).is_ok()));
        assert_eq!(first.pubkeys, validators.committee(0).unwrap().pubkeys);
    }
}
