//! Ethereum: execution blocks and deposits over JSON-RPC, finality by a light client over the Beacon API.

mod beacon;
mod config;
mod consensus;
mod deposits;
mod endpoint;
mod evidence;
mod execution;
mod light_client;
mod names;
mod outbox;
mod prices;
mod proofs;
mod walk;
mod watcher;

pub use beacon::{BeaconApi, BeaconApiError, BlockId, Encoding, Genesis, ToldHeader, decode_updates};
pub use config::EthereumConfig;
pub use consensus::EthereumConsensus;
pub use endpoint::Endpoint;
pub use evidence::EthereumEvidence;
pub(crate) use execution::Execution;
pub use light_client::{FinalBlock, LightClient};
pub use names::Names;
pub use outbox::DEPOSITED_TOPIC;
pub use prices::{PriceContract, PriceFeed, PublishedPrice};
pub use watcher::EthereumWatcher;
