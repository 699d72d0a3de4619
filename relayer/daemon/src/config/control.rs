//! Guardians and the control API.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use alloy_primitives::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spandrel_risk::control::{ControlPolicy, MIN_RESUME_DELAY, deployment};
use spandrel_verifiers::ChainId;

use super::{Config, TlsConfig, VaultPauses};

/// Who may stop the bridge, and where statements are taken.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlConfig {
    /// Address and port of the control API: loopback, unless it speaks TLS.
    #[serde(default = "listen")]
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

fn listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8_090).into()
}

fn resume_delay() -> u64 {
    MIN_RESUME_DELAY
}

fn timelock() -> u64 {
    86_400
}

impl Config {
    /// The source chains that pauses are brought to, although nothing is paid there.
    pub fn vault_pauses(&self) -> impl Iterator<Item = (&ChainId, &VaultPauses)> {
        self.ethereum.iter().filter_map(|source| Some((&source.network.chain, source.pauses.as_ref()?)))
    }

    /// The source chains where deposits go on under a pause: none is brought there.
    pub fn vaults_without_pauses(&self) -> impl Iterator<Item = &ChainId> {
        let is_paid_on = |chain: &ChainId| self.destination.iter().any(|target| target.chain == *chain);
        let unpaused = self.ethereum.iter().filter(|source| source.pauses.is_none());
        unpaused.map(|source| &source.network.chain).filter(move |chain| !is_paid_on(chain))
    }

    /// The guardians of this deployment, if there are any.
    pub fn control_policy(&self) -> Option<ControlPolicy> {
        let control = self.control.as_ref()?;
        let paying = self.destination.iter().map(|target| (&target.chain, target.inbox.into_word()));
        let taking = self.vault_pauses().map(|(chain, pauses)| (chain, pauses.inbox.into_word()));
        Some(ControlPolicy {
            deployment: deployment(paying.chain(taking)),
            guardians: control.guardians.clone(),
            resume_delay: control.resume_delay,
            timelock: control.timelock,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::EXAMPLE;
    use super::*;

    /// A source chain that nothing is paid on, with the verifier's node of it.
    pub(in crate::config) const SOURCE: &str = r#"
[verifier.ethereum."eip155:1"]
execution = "http://127.0.0.1:8556"
beacon = "http://127.0.0.1:5062"

[[ethereum]]
outbox = "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
start_block = 7
trusted_root = "0x1111111111111111111111111111111111111111111111111111111111111111"
quorum = 1
nodes = [{ execution = "http://127.0.0.1:8546", beacon = "http://127.0.0.1:5052" }]

[ethereum.network]
chain = "eip155:1"
genesis_validators_root = "0x2222222222222222222222222222222222222222222222222222222222222222"
genesis_time = 1606824023
seconds_per_slot = 12
preset = "mainnet"
forks = [{ name = "electra", version = "0x05000000", epoch = 0 }, { name = "fulu", version = "0x06000000", epoch = 9 }]
"#;
    const PAUSES: &str = r#"
[ethereum.pauses]
rpc = "http://127.0.0.1:8546"
inbox = "0x1212121212121212121212121212121212121212"
pause_controller = "0x1313131313131313131313131313131313131313"
account = { name = "vault-pauses", password = "env:PAUSES" }
max_fee_per_gas = 1
escalate_after_seconds = 30
"#;

    fn parsed(text: String) -> Config {
        Config::parse(&text).unwrap()
    }

    fn refused(text: &str) -> String {
        format!("{:#}", Config::parse(text).unwrap_err())
    }

    #[test]
    fn the_control_api_listens_on_loopback_where_no_address_is_given() {
        let line = "listen = \"127.0.0.1:8090\"\n";
        assert!(EXAMPLE.contains(line));
        let listen = |text: &str| parsed(text.to_owned()).control.unwrap().listen;
        assert_eq!(listen(&EXAMPLE.replace(line, "")), SocketAddr::from(([127, 0, 0, 1], 8_090)));
        assert_eq!(listen(&EXAMPLE.replace("8090", "8091")).port(), 8_091);
    }

    #[test]
    fn statements_are_signed_for_the_bridges_of_paused_vaults_too() {
        let of = |config: &Config| config.control_policy().unwrap().deployment;
        let (target, vault) = (ChainId::eip155(31_337), ChainId::eip155(1));
        let paid_on = (&target, Address::repeat_byte(0x77).into_word());
        let paused = (&vault, Address::repeat_byte(0x12).into_word());
        assert_eq!(of(&parsed(EXAMPLE.to_owned() + SOURCE)), deployment([paid_on]));
        assert_eq!(of(&parsed(EXAMPLE.to_owned() + SOURCE + PAUSES)), deployment([paid_on, paused]));
    }

    #[test]
    fn a_vault_that_no_pause_is_brought_to_is_told_of() {
        let told = |text: String| parsed(text).vaults_without_pauses().cloned().collect::<Vec<_>>();
        assert_eq!(told(EXAMPLE.to_owned() + SOURCE), [ChainId::eip155(1)]);
        assert!(told(EXAMPLE.to_owned() + SOURCE + PAUSES).is_empty());
        let both_ways = SOURCE.replace("eip155:1\"", "eip155:31337\"");
        assert!(told(EXAMPLE.to_owned() + &both_ways).is_empty(), "its pauses are the destination's");
    }

    #[test]
    fn a_chain_has_one_account_that_brings_pauses() {
        let both_ways = SOURCE.replace("eip155:1\"", "eip155:31337\"");
        let twice = refused(&(EXAMPLE.to_owned() + &both_ways + PAUSES));
        assert!(twice.contains("ethereum eip155:31337.pauses: expected none: the chain is a destination"), "{twice}");
        let never = refused(&(EXAMPLE.to_owned() + SOURCE + PAUSES + "confirmations = 0\n"));
        assert!(never.contains("ethereum eip155:1.pauses.confirmations: expected at least 1"), "{never}");
    }
}
