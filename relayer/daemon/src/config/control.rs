//! Guardians and the control API.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use alloy_primitives::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spandrel_risk::control::{ControlPolicy, MIN_RESUME_DELAY, deployment};

use super::{Config, TlsConfig};

/// Who may stop the bridge, and where statements are taken.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlConfig {
    /// Address and port of the control API: loopback, unless it speaks TLS.
    pub listen: SocketAddr,
    /// Its certificate; plain HTTP without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsConfig>,
    /// The guardians' keys, and whose each is: at least two people.
    #[schemars(with = "BTreeMap<super::schema::Account, String>")]
    pub guardians: BTreeMap<Address, String>,
    /// Seconds from the second approval to a resumption or early release: at least 15 minutes.
    #[serde(default = "resume_delay")]
    pub resume_delay: u64,
    /// Seconds from the second approval to higher limits or other signers: 24 to 48 hours.
    #[serde(default = "timelock")]
    pub timelock: u64,
}

fn resume_delay() -> u64 {
    MIN_RESUME_DELAY
}

fn timelock() -> u64 {
    86_400
}

impl Config {
    /// The guardians of this deployment, if there are any.
    pub fn control_policy(&self) -> Option<ControlPolicy> {
        let control = self.control.as_ref()?;
        let bridges = self.destination.iter().map(|target| (&target.chain, target.inbox.into_word()));
        Some(ControlPolicy {
            deployment: deployment(bridges),
            guardians: control.guardians.clone(),
            resume_delay: control.resume_delay,
            timelock: control.timelock,
        })
    }
}
