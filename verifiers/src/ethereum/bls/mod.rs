//! BLS12-381 aggregate signatures of sync committees (draft-irtf-cfrg-bls-signature, proof-of-possession scheme).
//!
//! Keys are validated once, when a committee enters, and its aggregate must be the sum of them; then a signature
//! costs one pairing check under the sum of who signed, found by adding participants or subtracting absentees,
//! whichever are fewer. A signature is always checked to be in its group, and one by nobody is never valid
//! (`eth_fast_aggregate_verify` would accept it).
//!
//! [`verify_each`] checks many signatures by one equation; its verdicts are those of [`Committee::verify`].

mod batch;
mod scalar;
mod sum;

use std::fmt;
use std::sync::Arc;

use alloy_primitives::B256;
pub use batch::{Claimed, verify_each};
use blst::min_pk::{AggregatePublicKey, PublicKey, Signature};
use blst::{BLST_ERROR, Pairing, blst_fp12, blst_p1_affine, blst_p2_affine};
use rayon::prelude::*;
pub use scalar::{Scalars, SystemScalars};
use serde::{Deserialize, Serialize};

use super::containers::{BlsPublicKey, BlsSignature, SyncAggregate, SyncCommittee};
use super::ssz::HashTreeRoot;
use crate::VerifyError;

/// Ciphersuite of consensus signatures: public keys in G1, messages hashed to G2.
pub const DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// A sync committee whose keys are valid points and add up to its aggregate. Cheap to clone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "SyncCommittee", into = "SyncCommittee")]
pub struct Committee(Arc<Points>);

struct Points {
    root: B256,
    bytes: SyncCommittee,
    keys: Vec<PublicKey>,
    sum: AggregatePublicKey,
    /// `sum` again, ready to verify under: most signatures are nearly everyone's.
    everyone: PublicKey,
}

impl Committee {
    /// Validates every key (on the curve, in the group, not infinity) and that they add up to the aggregate.
    ///
    /// # Errors
    /// Names `pubkeys[i]` or `aggregate_pubkey`.
    pub fn new(committee: &SyncCommittee) -> Result<Self, VerifyError> {
        let keys: Vec<_> = committee.pubkeys.par_iter().enumerate().map(validate_seat).collect::<Result<_, _>>()?;
        let sum = add_keys(keys.iter()).ok_or_else(|| VerifyError::malformed("pubkeys", "at least one key", 0))?;
        let everyone = sum.to_public_key();
        let found = BlsPublicKey::from(everyone.compress());
        if found != committee.aggregate_pubkey {
            return Err(VerifyError::invalid("aggregate_pubkey", found, committee.aggregate_pubkey));
        }
        let root = committee.hash_tree_root();
        Ok(Self(Arc::new(Points { root, bytes: committee.clone(), keys, sum, everyone })))
    }

    /// `hash_tree_root` of the committee.
    pub fn root(&self) -> B256 {
        self.0.root
    }

    /// The committee, as bytes.
    pub fn bytes(&self) -> &SyncCommittee {
        &self.0.bytes
    }

    /// Bytes it takes in memory, shared by all its clones.
    pub fn memory(&self) -> usize {
        let seat = size_of::<PublicKey>().saturating_add(size_of::<BlsPublicKey>());
        size_of::<Points>().saturating_add(self.0.keys.len().saturating_mul(seat))
    }

    /// Checks that the seats of `aggregate` signed `message`, and returns how many they are.
    ///
    /// # Errors
    /// Names `sync_committee_bits` when nobody signed or the seats are not this committee's, and
    /// `sync_committee_signature` when the signature is not theirs.
    pub fn verify(&self, aggregate: &SyncAggregate, message: B256) -> Result<usize, VerifyError> {
        let signers = self.signers(aggregate)?;
        verify_under(&signers, message.as_slice(), &aggregate.sync_committee_signature)
            .map_err(|error| VerifyError::invalid("sync_committee_signature", "the participants' signature", error))?;
        Ok(aggregate.participants())
    }

    /// The sum of the participants' keys.
    fn signers(&self, aggregate: &SyncAggregate) -> Result<PublicKey, VerifyError> {
        let Points { keys, sum, everyone, .. } = &*self.0;
        if aggregate.seats() != keys.len() {
            return Err(VerifyError::malformed(
                "sync_committee_bits",
                format!("{} seats", keys.len()),
                aggregate.seats(),
            ));
        }
        let participants = aggregate.participants();
        let seats = |signed: bool| {
            let pairs = keys.iter().zip(aggregate.signed());
            pairs.filter(move |(_, bit)| *bit == signed).map(|(key, _)| key)
        };
        if participants == 0 {
            return Err(VerifyError::invalid("sync_committee_bits", "at least one participant", 0));
        }
        let signers = if participants.saturating_mul(2) < keys.len() {
            add_keys(seats(true)).map(|signers| signers.to_public_key())
        } else {
            add_keys(seats(false)).map(|absent| {
                let mut signers = *sum;
                signers.sub_aggregate(&absent);
                signers.to_public_key()
            })
        };
        Ok(signers.unwrap_or(*everyone))
    }
}

/// Checks one signature under the sum of `keys`, each validated first. No keys sign nothing.
///
/// # Errors
/// Names `pubkeys`, `pubkeys[i]` or `signature`.
pub fn verify_aggregate(keys: &[BlsPublicKey], message: &[u8], signature: &BlsSignature) -> Result<(), VerifyError> {
    let keys: Vec<_> = keys.iter().enumerate().map(validate_seat).collect::<Result<_, _>>()?;
    let sum = add_keys(keys.iter()).ok_or_else(|| VerifyError::invalid("pubkeys", "at least one key", 0))?;
    verify_under(&sum.to_public_key(), message, signature)
        .map_err(|error| VerifyError::invalid("signature", "a signature of these keys", error))
}

fn validate_seat((seat, key): (usize, &BlsPublicKey)) -> Result<PublicKey, VerifyError> {
    #[cfg(test)]
    crate::counted::add(&crate::counted::VALIDATED_KEYS, 1);
    PublicKey::key_validate(key.as_slice())
        .map_err(|error| VerifyError::invalid(format!("pubkeys[{seat}]"), "a key in G1", format!("{error:?}")))
}

fn add_keys<'a>(mut keys: impl Iterator<Item = &'a PublicKey>) -> Option<AggregatePublicKey> {
    let first = AggregatePublicKey::from_public_key(keys.next()?);
    keys.try_fold(first, |mut sum, key| sum.add_public_key(key, false).is_ok().then_some(sum))
}

/// One pairing check, whose two sides are two threads' work where there are two, the signature's with its decoding; the
/// signature's group is checked, and blst refuses a key that is infinity.
fn verify_under(key: &PublicKey, message: &[u8], signature: &BlsSignature) -> Result<(), String> {
    let (of_key, decoded) = rayon::join(
        || pair_key(key, message),
        || Signature::from_bytes(signature.as_slice()).map(|point| pair_signature(&point)),
    );
    let (of_signature, pairing) =
        decoded.and_then(|of_signature| Ok((of_signature, of_key?))).map_err(|error| format!("{error:?}"))?;
    let of_signature = of_signature.map_err(|error| format!("{error:?}"))?;
    if pairing.finalverify(of_signature.as_ref()) { Ok(()) } else { Err(format!("another: {signature}")) }
}

/// The pairing of a key with its message.
fn pair_key(key: &PublicKey, message: &[u8]) -> Result<Pairing<'static>, BLST_ERROR> {
    let (key, nothing) = (blst_p1_affine::from(*key), blst_p2_affine::default());
    let mut pairing = Pairing::new(true, DST);
    match pairing.aggregate(&key, false, &nothing, false, message, &[]) {
        BLST_ERROR::BLST_SUCCESS => pairing.commit(),
        error => return Err(error),
    }
    Ok(pairing)
}

/// The pairing of a signature with the generator, once its group is checked. `None` of infinity, whose pairing is one.
fn pair_signature(signature: &Signature) -> Result<Option<blst_fp12>, BLST_ERROR> {
    signature.validate(false)?;
    let point = blst_p2_affine::from(*signature);
    let mut paired = blst_fp12::default();
    Pairing::aggregated(&mut paired, &point);
    Ok((point != blst_p2_affine::default()).then_some(paired))
}

impl TryFrom<SyncCommittee> for Committee {
    type Error = VerifyError;
    fn try_from(committee: SyncCommittee) -> Result<Self, VerifyError> {
        Self::new(&committee)
    }
}

impl From<Committee> for SyncCommittee {
    fn from(committee: Committee) -> Self {
        committee.0.bytes.clone()
    }
}

impl PartialEq for Committee {
    fn eq(&self, other: &Self) -> bool {
        self.root() == other.root()
    }
}

impl Eq for Committee {}

impl fmt::Debug for Committee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Committee({})", self.root())
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, keccak256};
    use blst::min_pk::{AggregateSignature, SecretKey};

    use super::*;
    use crate::counted::{VALIDATED_KEYS, counting, on_one_thread};

    const MESSAGE: B256 = B256::repeat_byte(0x5a);

    pub(super) fn secrets(count: u8) -> Vec<SecretKey> {
        (0..count).map(|n| SecretKey::key_gen(keccak256([n]).as_slice(), &[]).unwrap()).collect()
    }

    pub(super) fn committee_of(keys: &[PublicKey]) -> SyncCommittee {
        let sum = AggregatePublicKey::aggregate(&keys.iter().collect::<Vec<_>>(), false).unwrap();
        SyncCommittee {
            pubkeys: keys.iter().map(|key| BlsPublicKey::from(key.compress())).collect(),
            aggregate_pubkey: sum.to_public_key().compress().into(),
        }
    }

    fn aggregate_by(secrets: &[SecretKey], seats: &[usize]) -> SyncAggregate {
        aggregate_over(secrets, seats, MESSAGE)
    }

    pub(super) fn aggregate_over(secrets: &[SecretKey], seats: &[usize], message: B256) -> SyncAggregate {
        let mut bits = vec![0_u8; secrets.len() / 8];
        let signatures: Vec<_> = seats.iter().map(|seat| secrets[*seat].sign(message.as_slice(), DST, &[])).collect();
        for seat in seats {
            bits[seat / 8] |= 1 << (seat % 8);
        }
        let sum = AggregateSignature::aggregate(&signatures.iter().collect::<Vec<_>>(), false).unwrap();
        SyncAggregate {
            sync_committee_bits: bits.into(),
            sync_committee_signature: sum.to_signature().compress().into(),
        }
    }

    pub(super) fn infinity() -> BlsSignature {
        let mut point = [0; 96];
        point[0] = 0xc0;
        point.into()
    }

    #[test]
    fn adding_participants_and_subtracting_absentees_agree() {
        let secrets = secrets(32);
        let keys: Vec<_> = secrets.iter().map(SecretKey::sk_to_pk).collect();
        let committee = Committee::new(&committee_of(&keys)).unwrap();
        for count in [1, 15, 16, 17, 31, 32] {
            let seats: Vec<usize> = (0..count).map(|n| (n * 5) % 32).collect();
            let aggregate = aggregate_by(&secrets, &seats);
            assert_eq!(committee.verify(&aggregate, MESSAGE).unwrap(), count);
            assert_eq!(committee.verify(&aggregate, B256::ZERO).unwrap_err().field, "sync_committee_signature");
            let mut other = aggregate.clone();
            let mut bits = other.sync_committee_bits.to_vec();
            bits[3] ^= 0x80;
            other.sync_committee_bits = bits.into();
            assert!(committee.verify(&other, MESSAGE).is_err());
        }
    }

    #[test]
    fn duplicate_keys_count_a_seat_each() {
        let mut secrets = secrets(8);
        secrets[7] = secrets[0].clone();
        let keys: Vec<_> = secrets.iter().map(SecretKey::sk_to_pk).collect();
        let committee = Committee::new(&committee_of(&keys)).unwrap();
        for seats in [&[0_usize, 7][..], &[0, 1, 2, 3, 4, 7], &[7, 1, 2, 3, 4, 5]] {
            assert_eq!(committee.verify(&aggregate_by(&secrets, seats), MESSAGE).unwrap(), seats.len());
        }
    }

    #[test]
    fn a_signature_by_nobody_is_refused_even_at_infinity() {
        let secrets = secrets(8);
        let keys: Vec<_> = secrets.iter().map(SecretKey::sk_to_pk).collect();
        let committee = Committee::new(&committee_of(&keys)).unwrap();
        let nobody = SyncAggregate { sync_committee_bits: Bytes::from(vec![0]), sync_committee_signature: infinity() };
        assert_eq!(committee.verify(&nobody, MESSAGE).unwrap_err().field, "sync_committee_bits");
        assert_eq!(verify_aggregate(&[], b"", &infinity()).unwrap_err().field, "pubkeys");
    }

    #[test]
    fn opposite_keys_cannot_sign_with_infinity() {
        // Whoever owns k and -k can register both; together they sum to infinity, and anything would verify.
        let secret = &secrets(1)[0];
        let key = secret.sk_to_pk().compress();
        let mut opposite = key;
        opposite[0] ^= 0x20;
        let keys = [BlsPublicKey::from(key), BlsPublicKey::from(opposite)];
        assert_eq!(verify_aggregate(&keys, b"anything", &infinity()).unwrap_err().field, "signature");
    }

    #[test]
    fn an_aggregate_that_is_not_the_sum_is_refused() {
        let keys: Vec<_> = secrets(8).iter().map(SecretKey::sk_to_pk).collect();
        let mut committee = committee_of(&keys);
        committee.aggregate_pubkey = committee.pubkeys[0];
        assert_eq!(Committee::new(&committee).unwrap_err().field, "aggregate_pubkey");
    }

    #[test]
    fn invalid_keys_are_refused_by_seat() {
        let keys: Vec<_> = secrets(8).iter().map(SecretKey::sk_to_pk).collect();
        let mut infinity = [0; 48];
        infinity[0] = 0xc0;
        // x = 4 is on the curve but not in the group.
        let mut small_order = [0; 48];
        (small_order[0], small_order[47]) = (0x80, 4);
        for bad in [[0; 48], infinity, small_order, [0xff; 48]] {
            let mut committee = committee_of(&keys);
            committee.pubkeys[5] = bad.into();
            assert_eq!(Committee::new(&committee).unwrap_err().field, "pubkeys[5]");
        }
    }

    #[test]
    fn keys_are_validated_when_the_committee_enters_and_never_for_a_signature() {
        let secrets = secrets(8);
        let keys: Vec<_> = secrets.iter().map(SecretKey::sk_to_pk).collect();
        let bytes = committee_of(&keys);
        let (committee, validated) = on_one_thread(|| counting(&VALIDATED_KEYS, || Committee::new(&bytes).unwrap()));
        assert_eq!(validated, 8);
        let aggregates = [aggregate_by(&secrets, &[0, 1, 5]), aggregate_by(&secrets, &[0, 1, 2, 3, 4, 6, 7])];
        let claims =
            aggregates.each_ref().map(|aggregate| Claimed { committee: &committee, aggregate, message: MESSAGE });
        let ((), validated) = on_one_thread(|| {
            counting(&VALIDATED_KEYS, || {
                for claim in &claims {
                    committee.clone().verify(claim.aggregate, MESSAGE).unwrap();
                    committee.verify(claim.aggregate, B256::ZERO).unwrap_err();
                }
                assert!(verify_each(&claims, &mut SystemScalars).iter().all(Result::is_ok));
            })
        });
        assert_eq!(validated, 0);
    }

    #[test]
    fn the_seats_must_be_the_committees() {
        let keys: Vec<_> = secrets(16).iter().map(SecretKey::sk_to_pk).collect();
        let committee = Committee::new(&committee_of(&keys)).unwrap();
        let short = aggregate_by(&secrets(8), &[0]);
        assert_eq!(committee.verify(&short, MESSAGE).unwrap_err().field, "sync_committee_bits");
    }
}
