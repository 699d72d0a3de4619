//! Evidence of a deposit, as it travels from the relayer to the verifiers. Chains are registered here.

use serde::{Deserialize, Serialize};

use crate::{bitcoin, ethereum};

/// What is needed, beyond the verifier's own trusted state, to prove one deposit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Evidence {
    /// A deposit output in a Bitcoin block.
    Bitcoin(Box<bitcoin::Inclusion>),
    /// A deposit stored by an Ethereum outbox, with the finality update that covers its block.
    Ethereum(Box<ethereum::DepositEvidence>),
}
