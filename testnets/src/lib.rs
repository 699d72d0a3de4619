//! Local chains that speak the real wire formats, and launchers for the real nodes.
//!
//! What these chains produce verifies under the same code as mainnet data.

pub mod bitcoin;
pub mod ethereum;
mod fault_proxy;
pub mod nats;

pub use fault_proxy::FaultProxy;
