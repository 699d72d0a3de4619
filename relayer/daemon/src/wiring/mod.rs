//! Wiring: a configuration becomes watchers, desks, verifiers, signers and submitters. Source chains are registered
//! here, one file each.

mod agreement;
mod announced;
mod api;
mod balances;
mod bitcoin;
mod bus;
mod changes;
mod control;
mod destination;
mod ethereum;
mod health;
mod lazy;
mod looks;
mod prices;
mod refunds;
mod requests;
mod roles;
mod sentinel;
mod tls;
mod vaults;

pub use agreement::{agree, agreement, begin_anew, is_draft, require_agreeable, would_agree};
pub use announced::RegisteredTerms;
pub use api::serve_api;
pub use balances::watch_balances;
pub use bitcoin::{bitcoin_consensus, bitcoin_side, endpoint};
pub use bus::bus;
pub use changes::follow_changes;
pub use control::serve_control;
pub use destination::{BATCH, Destination, connect, connect_pauses, least_balance, least_for_pauses, paused_vaults};
pub use ethereum::{ethereum_consensus, ethereum_side, final_blocks};
pub use health::Health;
pub use prices::follow_price;
pub use refunds::{Refunds, refund_desk, registries};
pub use requests::{Requests, require_known_request_key};
pub use roles::{signer_role, unlock, verifier_role};
pub use sentinel::{Sources, destination_view, sentinel, vault};
pub use tls::{read_tls, renew_tls, tls_ports};
pub use vaults::watch_vaults;

use std::time::Duration;

use alloy_primitives::B256;
use spandrel_core::Policy;
use spandrel_risk::RiskPolicy;
use spandrel_verifiers::{ChainId, VerdictDomain};

use crate::config::{Config, Destination as DestinationConfig};

/// Time limit of one call of a node.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The policy that a configuration states.
pub fn policy(config: &Config) -> anyhow::Result<Policy> {
    let bitcoin = config.bitcoin.iter().map(|source| (source.chain.clone(), source.vault));
    let ethereum = config.ethereum.iter().map(|source| (source.network.chain.clone(), source.outbox.into_word()));
    let sources: Vec<(ChainId, B256)> = bitcoin.chain(ethereum).collect();
    let destination = |destination: &DestinationConfig| {
        let target = spandrel_core::Destination {
            domain: domain(destination),
            fast_lane: destination.fast_lane,
            signers: config.signer_set.clone(),
        };
        (destination.chain.clone(), target)
    };
    let policy = Policy {
        sources: sources.into_iter().collect(),
        destinations: config.destination.iter().map(destination).collect(),
        verifiers: config.verifier_set.clone(),
        risk: RiskPolicy { limits: config.limit.limits.clone(), wide: config.wide.clone() },
        pause_ttl: config.pause_seconds,
    };
    policy.validate()?;
    Ok(policy)
}

/// Where verdicts for a destination are used.
pub fn domain(destination: &DestinationConfig) -> VerdictDomain {
    VerdictDomain {
        chain_number: destination.chain.eip155_number().unwrap_or_default(),
        inbox: destination.inbox,
        registry: destination.checkpoint_registry,
    }
}
