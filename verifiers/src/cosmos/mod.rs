//! Cosmos: CometBFT light client, ICS-23 proofs, IBC v2 packet commitments.
//!
//! The path of a proof: trusted header → headers signed by more than a third of the trusted power and more than two
//! thirds of their own → app hash → root of the `ibc` store → packet commitment → deposit.
//!
//! What is proven: validators with more than two thirds of the power signed a header under whose app hash the packet
//! stands, and, for each step that skips heights, more than a third of those trusted before signed too. What is
//! trusted: the anchor, and that fewer than a third of the trusted power lies while it can still lose its bonds (the
//! trusting period). Two headers that one chain cannot have are evidence: the client freezes and keeps them.

mod bisection;
mod commit;
#[cfg(feature = "edge")]
mod edge;
mod evidence;
mod header;
pub mod ics23;
mod light_block;
mod merkle;
mod misbehaviour;
mod packet;
mod params;
mod route;
mod signature;
mod state;
mod tally;
mod timestamp;
mod transfer;
mod validators;
mod verifier;
mod verify;

pub use bisection::{Bisection, Step};
pub use commit::{Commit, CommitSig, Vote, VoteSignature};
pub use evidence::{DepositEvidence, Inclusion, MAX_HEADERS};
pub use header::{BlockId, Header, MAX_CHAIN_ID, ValidatorAddress};
pub use light_block::{ClientHeader, LightBlock, MAX_CLIENT_HEADER_LENGTH, Misbehaviour, SignedHeader, revision};
pub use misbehaviour::{Attack, Proven};
pub use packet::{MAX_PACKET_LENGTH, MAX_PAYLOADS, Packet, Payload, commitment_key, source_key};
pub use params::{ClientParams, Fraction};
pub use route::{IBC_STORE, Route};
pub use signature::{KeyTables, verify_signature};
pub use state::{Frozen, MAX_STATES, Status, TrustedState};
pub use timestamp::Timestamp;
pub use transfer::{TRANSFER_PORT, TRANSFER_VERSION, Transfer};
pub use validators::{MAX_TOTAL_POWER, MAX_VALIDATORS, PublicKey, Validator, ValidatorSet};
pub use verifier::{CosmosVerifier, Update};
pub use verify::{ConsensusState, Outcome, verify_header};
