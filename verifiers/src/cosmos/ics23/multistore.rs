//! Two levels: a key in a store, and the store's root under the app hash.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};

use super::decode::{CommitmentProof, ExistenceProof, MAX_PROOF_LENGTH};
use super::existence::require_root;
use super::hashing::roots;
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
        let proofs = fields.repeated(1, "proofs", 2, WHOLE)?;
        fields.end()?;
        match proofs.as_slice() {
            [in_store, of_store] => Ok(Self { in_store, of_store }),
            other => Err(VerifyError::malformed("merkle_proof.proofs", 2, other.len())),
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

/// App hash, store name, store root and proof: what the check of a store's place depends on.
type StoreClaim<'a> = (B256, &'a [u8], B256, &'a [u8]);

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
    let in_store = CommitmentProof::decode(proof.in_store, key).and_then(|found| found.absence(key)?.root(&IAVL, key));
    let store_root = in_store.map_err(|error| error.within("in_store"))?;
    verify_store(root, store, store_root, proof.of_store)
}

/// Checks many claims, a result per item equal to [`verify_membership`]'s: nodes of all are hashed level by level, and
/// a node that many proofs share is hashed once.
pub fn verify_memberships(claims: &[Membership<'_>]) -> Vec<Result<(), VerifyError>> {
    let proofs: Vec<_> = claims.iter().map(|claim| MerkleProof::decode(claim.proof)).collect();
    let parsed: Vec<Result<ExistenceProof<'_>, VerifyError>> =
        claims.iter().zip(&proofs).map(|(claim, proof)| parse_in_store(claim, proof)).collect();
    let store_roots = roots_where_parsed(&parsed);
    // Proofs of one store under one app hash are mostly the same bytes: each is checked once.
    let mut of_stores: BTreeMap<StoreClaim<'_>, Result<(), VerifyError>> = BTreeMap::new();
    claims
        .iter()
        .zip(proofs.iter().zip(store_roots))
        .map(|(claim, (proof, store_root))| {
            let store_root = store_root?;
            let of_store = proof.as_ref().map_err(Clone::clone)?.of_store;
            let check = || verify_store(claim.root, claim.store, store_root, of_store);
            of_stores.entry((claim.root, claim.store, store_root, of_store)).or_insert_with(check).clone()
        })
        .collect()
}

fn parse_in_store<'a>(
    claim: &Membership<'_>,
    proof: &Result<MerkleProof<'a>, VerifyError>,
) -> Result<ExistenceProof<'a>, VerifyError> {
    let proof = proof.as_ref().map_err(Clone::clone)?;
    let parse = || {
        let proof = existence(proof.in_store, claim.key)?;
        proof.require(claim.key, claim.value)?;
        proof.check(&IAVL)?;
        Ok(proof)
    };
    parse().map_err(|error: VerifyError| error.within("in_store"))
}

/// The root of each proof that parsed, the refusal of each that did not.
fn roots_where_parsed(parsed: &[Result<ExistenceProof<'_>, VerifyError>]) -> Vec<Result<B256, VerifyError>> {
    let good: Vec<&ExistenceProof<'_>> = parsed.iter().filter_map(|proof| proof.as_ref().ok()).collect();
    let mut found = roots(&good).into_iter();
    let root_of = |proof: &Result<ExistenceProof<'_>, VerifyError>| match proof {
        Ok(_) => found.next().ok_or_else(|| VerifyError::malformed("root", 1, 0)),
        Err(error) => Err(error.clone()),
    };
    parsed.iter().map(root_of).collect()
}

fn existence<'a>(bytes: &'a [u8], key: &[u8]) -> Result<ExistenceProof<'a>, VerifyError> {
    CommitmentProof::decode(bytes, key)?.existence(key)
}

/// The store's root is the value under its name.
fn verify_store(root: B256, store: &[u8], store_root: B256, proof: &[u8]) -> Result<(), VerifyError> {
    let check = || {
        let proof = existence(proof, store)?;
        proof.require(store, store_root.as_slice())?;
        require_root(root, proof.root(&TENDERMINT)?)
    };
    check().map_err(|error: VerifyError| error.within("of_store"))
}
