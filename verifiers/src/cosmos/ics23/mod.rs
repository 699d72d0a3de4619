//! ICS-23 proofs of existence and absence, by two fixed specs and through two levels: a store's IAVL tree, and the tree
//! of the stores' roots under the app hash.
//!
//! The specs are constants here and never part of a message. Beyond ICS-23 an inner node has exactly two children, so
//! that no step can be read two ways [BNB Bridge 2022], and a compressed proof is never inflated beyond the one
//! entry that is asked for.

mod absence;
mod batch;
mod compressed;
mod decode;
mod existence;
mod hashing;
mod multistore;
mod spec;

pub use batch::verify_memberships;
pub use decode::{
    BatchEntry, CommitmentProof, ExistenceProof, InnerOp, LeafOp, MAX_DEPTH, MAX_ENTRIES, MAX_PROOF_LENGTH,
    NonExistenceProof,
};
pub use multistore::{Membership, MerkleProof, proof_ops, verify_absence, verify_membership};
pub use spec::{IAVL, ProofSpec, TENDERMINT};
