//! Ethereum: sync-committee light client, execution headers, account and storage proofs.
//!
//! The path of a proof: trusted root → sync committee → signed beacon header → finalized beacon header → execution
//! block hash → `keccak256` of the RLP header → state root → outbox account → storage slot → deposit id.

pub mod account;
pub mod bls;
pub mod containers;
mod deposit;
mod evidence;
pub mod fork;
mod gindex;
mod header;
mod rlp;
mod signing;
pub mod ssz;
mod sync;
pub mod trie;
mod verify;

pub use deposit::deposit_slot;
pub use evidence::{DepositEvidence, Inclusion};
pub use fork::{ChainConfig, Fork, ForkEpoch, ForkVersion, Form, Preset};
pub use gindex::Gindex;
pub use header::ExecutionHeader;
pub use signing::{DOMAIN_SYNC_COMMITTEE, signing_root, sync_committee_domain};
pub use sync::LightClientStore;
pub use verify::{EthereumVerifier, Included, Update};
