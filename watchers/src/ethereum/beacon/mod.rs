//! The consensus node's Beacon API and event stream.

mod api;
mod error;
mod hints;
mod transport;
mod updates;

pub use api::{BeaconApi, BlockId, Genesis, ToldHeader};
pub use error::BeaconApiError;
pub(super) use hints::Hints;
pub use transport::Encoding;
pub use updates::decode_updates;
