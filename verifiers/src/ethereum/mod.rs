//! Ethereum: sync-committee light client, execution headers, account, storage and receipt proofs.
//!
//! # The path of a proof
//!
//! trusted root → sync committee → signed beacon header → finalized beacon header → execution block hash →
//! `keccak256` of the RLP header → state root → outbox account → storage slot → deposit id. From the header's receipts
//! root the same path leads to a log ([`Receipt::prove_log`]), and from its parent hash to older blocks
//! ([`ExecutionHeader::ancestors`]). It holds from Capella to Gloas: only what names the execution block differs, a
//! whole header until Fulu and its hash from Gloas on ([`NamedBlock`]).
//!
//! # What finality means here
//!
//! At least two thirds of a sync committee of 512 signed a beacon header, and the state of that header holds another
//! block final. The validators behind that finality are not checked: a committee that lies cannot be slashed for it.
//! The first committee is taken from a block root that someone trusted gave (weak subjectivity).
//!
//! # What a proof proves, and what not
//!
//! A storage proof says what a contract's slot holds, or that it holds nothing, after a block. A receipt proof says that
//! a transaction succeeded and emitted a log. Neither says that the contract is honest. A bloom proves nothing, and is
//! never looked at. An optimistic update is signed, not final ([`Included`]).
//!
//! # Many at once
//!
//! [`crate::Verifier::verify_batch`] answers each item as `verify` would. Finality updates are told apart and checked
//! once, their signatures by one equation ([`bls::verify_each`]); storage proofs under one root walk together, each of
//! their nodes hashed and decoded once ([`trie::secure_values`]).

pub mod account;
pub mod bls;
pub mod containers;
mod contradiction;
mod deposit;
mod evidence;
pub mod fork;
mod gindex;
mod header;
mod receipt;
mod rlp;
mod signing;
pub mod ssz;
mod sync;
pub mod trie;
mod verify;

pub use contradiction::{Contradiction, SigningCommittee};
pub use deposit::deposit_slot;
pub use evidence::{DepositEvidence, Inclusion, finality_bytes};
pub use fork::{ChainConfig, Fork, ForkEpoch, ForkVersion, Form, Preset};
pub use gindex::Gindex;
pub use header::ExecutionHeader;
pub use receipt::{Log, LogPosition, Outcome, Receipt};
pub use signing::{DOMAIN_SYNC_COMMITTEE, signing_root, sync_committee_domain};
pub use sync::{LightClientStore, NamedBlock};
pub(crate) use verify::verify_in_block;
pub use verify::{EthereumVerifier, Included, Update};
