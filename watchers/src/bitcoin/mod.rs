//! Bitcoin: a watcher, evidence and headers from a Bitcoin Core node.
//!
//! ZMQ notifications are hints; everything that is reported comes from the JSON-RPC and is checked as far as bytes
//! can be checked by themselves: hashes, Merkle roots, and the rules of the header chain with its work.

mod ancestry;
mod block;
mod config;
mod consensus;
mod endpoint;
mod evidence;
mod headers;
mod hint;
mod hints;
mod intents;
mod node;
mod rpc;
mod watcher;
mod zmtp;

pub use config::BitcoinConfig;
pub use consensus::BitcoinConsensus;
pub use endpoint::{RpcAuth, RpcEndpoint};
pub use evidence::BitcoinEvidence;
pub use hint::{Continuity, Counters, Happened, Hint, TOPICS};
pub use hints::HintStats;
pub use intents::{IntentBook, Intents};
pub use rpc::{BitcoinRpc, HeaderStatus, RpcError};
pub use watcher::{Backfill, BitcoinWatcher};
pub use zmtp::{MAX_FRAMES, MAX_MESSAGE, Subscription, ZmtpError};
