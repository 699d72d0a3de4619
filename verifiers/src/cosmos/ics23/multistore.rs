//! Two levels: a key in a store, and the store's root under the app hash.

use alloy_primitives::{B256, Bytes};

use super::decode::{CommitmentProof, ExistenceProof, MAX_PROOF_LENGTH};
use super::existence::require_root;
use super::spec::{IAVL, TENDERMINT};
use crate::VerifyError;
use crate::protobuf::{Reader, WHOLE, Writer};

/// Most bytes of both proofs together.
const MAX_LENGTH: usize = 2 * MAX_PROOF_LENGTH + 64;

/// The two encoded proofs of a key: in its store, and of the store's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MerkleProof<'a> {
    /// `cosmos.ics23.v1.CommitmentProof` of the key, by [`IAVL`].
    pub in_store: &'a [u8],
    /// `cosmos.ics23.v1.CommitmentProof` of the store's root, by [`TENDERMINT`].
    pub of_store: &'a [u8],
}

/// A claim that a key has a value.
#[derive(Clone, Copy, Debug)]
pub struct Membership<'a> {
    /// The app hash.
    pub root: B256,
    /// Name of the store.
    pub store: &'a [u8],
    /// The key in it.
    pub key: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// Canonical protobuf of `ibc.core.commitment.v1.MerkleProof`.
    pub proof: &'a [u8],
}

impl<'a> MerkleProof<'a> {
    /// Decodes canonical `ibc.core.commitment.v1.MerkleProof` protobuf of exactly two proofs.
    ///
    /// # Errors
    /// Names the field under `merkle_proof`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::bounded("merkle_proof", bytes, MAX_LENGTH)?;
        let mut next = || fields.optional(1, "proofs", WHOLE);
        match (next()?, next()?, next()?) {
            (Some(in_store), Some(of_store), None) => {
                fields.end()?;
                Ok(Self { in_store, of_store })
            }
            (one, two, three) => {
                let found = [one, two, three].iter().flatten().count();
                Err(VerifyError::malformed("merkle_proof.proofs", 2, found))
            }
        }
    }

    /// The canonical protobuf that [`Self::decode`] reads.
    pub fn encode(&self) -> Bytes {
        Writer::new().message(1, self.in_store).message(1, self.of_store).finish().into()
    }
}

/// Reads `tendermint.crypto.ProofOps`, as nodes answer `abci_query`, into the two proofs of `key` in `store`.
///
/// # Errors
/// Names what is not the pair of an `ics23:iavl` and an `ics23:simple` operation for this key and store.
pub fn proof_ops<'a>(bytes: &'a [u8], store: &[u8], key: &[u8]) -> Result<MerkleProof<'a>, VerifyError> {
    let mut fields = Reader::bounded("proof_ops", bytes, MAX_LENGTH)?;
    let operations = fields.repeated(1, "ops", 2, WHOLE)?;
    fields.end()?;
    let operations: Vec<_> = operations.into_iter().map(decode_operation).collect::<Result<_, _>>()?;
    match operations.as_slice() {
        [(b"ics23:iavl", found_key, in_store), (b"ics23:simple", found_store, of_store)]
            if *found_key == key && *found_store == store =>
        {
            Ok(MerkleProof { in_store, of_store })
        }
        _ => {
            let kinds: Vec<_> = operations.iter().map(|(kind, ..)| String::from_utf8_lossy(kind)).collect();
            Err(VerifyError::malformed(
                "proof_ops.ops",
                "ics23:iavl of the key, ics23:simple of the store",
                kinds.join(", "),
            ))
        }
    }
}

/// Type, key and data of a proof operation.
type Operation<'a> = (&'a [u8], &'a [u8], &'a [u8]);

fn decode_operation(bytes: &[u8]) -> Result<Operation<'_>, VerifyError> {
    let mut fields = Reader::of("proof_ops.ops", bytes);
    let operation = (fields.bytes(1, "type", WHOLE)?, fields.bytes(2, "key", WHOLE)?, fields.bytes(3, "data", WHOLE)?);
    fields.end()?;
    Ok(operation)
}

/// Checks that the store named `store` has `value` under `key`, under the app hash `root`.
///
/// # Errors
/// Names the field under `in_store` or `of_store`.
pub fn verify_membership(claim: &Membership<'_>) -> Result<(), VerifyError> {
    let proof = MerkleProof::decode(claim.proof)?;
    let in_store = existence(proof.in_store, claim.key).and_then(|proof| {
        proof.require(claim.key, claim.value)?;
        proof.root(&IAVL)
    });
    let store_root = in_store.map_err(|error| error.within("in_store"))?;
    verify_store(claim.root, claim.store, store_root, proof.of_store)
}

/// Checks that the store named `store` has no value under `key`, under the app hash `root`.
///
/// # Errors
/// Names the field under `in_store` or `of_store`.
pub fn verify_absence(root: B256, store: &[u8], key: &[u8], proof: &[u8]) -> Result<(), VerifyError> {
    let proof = MerkleProof::decode(proof)?;
    let in_store = alone(proof.in_store, key).and_then(|found| found.absence(key)?.root(&IAVL, key));
    let store_root = in_store.map_err(|error| error.within("in_store"))?;
    verify_store(root, store, store_root, proof.of_store)
}

fn existence<'a>(bytes: &'a [u8], key: &[u8]) -> Result<ExistenceProof<'a>, VerifyError> {
    alone(bytes, key)?.existence(key)
}

/// A proof that is no entry of a batch: what stands beside it there would be another form of the same proof. Chains
/// answer with one, and take no other (ibc-go, `23-commitment/types/merkle.go`).
fn alone<'a>(bytes: &'a [u8], key: &[u8]) -> Result<CommitmentProof<'a>, VerifyError> {
    match CommitmentProof::decode(bytes, key)? {
        CommitmentProof::Batch(_) => Err(VerifyError::malformed("proof", "a proof of one key", "a batch")),
        proof => Ok(proof),
    }
}

/// The store's root is the value under its name.
pub(super) fn verify_store(root: B256, store: &[u8], store_root: B256, proof: &[u8]) -> Result<(), VerifyError> {
    let check = || {
        let proof = existence(proof, store)?;
        proof.require(store, store_root.as_slice())?;
        require_root(root, proof.root(&TENDERMINT)?)
    };
    check().map_err(|error: VerifyError| error.within("of_store"))
}
