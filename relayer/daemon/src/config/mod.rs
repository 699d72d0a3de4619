//! Configuration: one commented TOML file. Unknown keys are refused, secrets come by reference, and what cannot work
//! does not start.

mod api;
mod assets;
mod bus;
mod chains;
mod check;
mod control;
mod late;
mod node_url;
mod prices;
mod roles;
pub mod schema;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spandrel_risk::{LimitTable, WideLimits};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{AssetId, ChainId};

pub use api::{ApiConfig, ProxyConfig, ProxyHeader};
pub use assets::AssetConfig;
pub use bus::BusConfig;
pub use chains::{
    BitcoinNode, BitcoinSource, Destination, EthereumNode, EthereumSource, VaultPauses, WEAK_SUBJECTIVITY,
};
pub use control::ControlConfig;
pub use node_url::NodeUrl;
pub use prices::PriceFeedConfig;
pub use roles::{KeyRef, RoleConfig};
pub use tls::TlsConfig;

use crate::telemetry::LogFormat;

/// A commented example, shown by `spandrel config example`.
pub const EXAMPLE: &str = include_str!("example.toml");

/// How strict the start is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// For value: everything is refused that a single person or machine could abuse.
    Production,
    /// For local chains: cheap key encryption is accepted.
    Dev,
}

/// Everything a process is told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How strict the start is.
    pub profile: Profile,
    /// The ledger's SQLite file.
    pub database: PathBuf,
    /// Folder of the encrypted keystore.
    pub keystore: PathBuf,
    /// Logs and metrics.
    pub telemetry: Telemetry,
    /// The bus between processes; within this one when absent.
    #[serde(default)]
    pub bus: Option<BusConfig>,
    /// The transfer API; not served when absent.
    #[serde(default)]
    pub api: Option<ApiConfig>,
    /// Guardians and the control API; nobody can stop anything by statement when absent.
    #[serde(default)]
    pub control: Option<ControlConfig>,
    /// The verifiers whose quorum proves a deposit.
    #[schemars(with = "schema::Signers")]
    pub verifier_set: SignerSet,
    /// The fast lane's signers, per destination contract the same set.
    #[schemars(with = "schema::Signers")]
    pub signer_set: SignerSet,
    /// How long an automatic pause lasts, seconds; at most five days.
    pub pause_seconds: u64,
    /// Bitcoin chains to follow.
    #[serde(default)]
    pub bitcoin: Vec<BitcoinSource>,
    /// Ethereum chains to follow.
    #[serde(default)]
    pub ethereum: Vec<EthereumSource>,
    /// EVM chains to pay on.
    pub destination: Vec<Destination>,
    /// What may move, by source, destination, asset and lane. What is not listed is closed.
    #[schemars(with = "Vec<schema::LimitRow>")]
    pub limit: LimitTable,
    /// What may move over corridors: by asset, destination, party and depth. What is not listed is closed.
    #[schemars(with = "schema::Wide")]
    pub wide: WideLimits,
    /// Where prices come from. An asset with a price and no feed is worth its floor.
    #[serde(default)]
    pub price_feed: Vec<PriceFeedConfig>,
    /// How amounts are written for people, by asset. Without a row they are shown in base units; of bitcoin and ether it is
    /// known.
    #[serde(default)]
    #[schemars(with = "Vec<assets::Row>")]
    pub asset: Vec<AssetConfig>,
    /// Chains and assets that deposits may still name although no limit does: what names them is rejected on record.
    #[serde(default)]
    pub retired: Retired,
    /// Verifiers that run in this process.
    #[serde(default)]
    pub verifier: Vec<RoleConfig>,
    /// Fast-lane signers that run in this process.
    #[serde(default)]
    pub signer: Vec<RoleConfig>,
}

/// Names that outlive their limits. A deposit on an EVM chain names chains and assets by hash, so one that is in no list
/// cannot be told.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retired {
    /// CAIP-2 ids.
    #[schemars(with = "Vec<schema::Chain>")]
    pub chains: Vec<ChainId>,
    /// CAIP-19 ids.
    #[schemars(with = "Vec<schema::Asset>")]
    pub assets: Vec<AssetId>,
}

/// Logs and metrics.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Where `/metrics`, `/healthz` and `/readyz` are served: a loopback address.
    pub listen: SocketAddr,
    /// Log filter.
    pub log: String,
    /// How log lines look.
    #[serde(default)]
    pub format: LogFormat,
    /// Seconds, by source chain, after which the last block read is too old for the process to be ready. Without a row: 10800
    /// of a Bitcoin chain, 900 of another.
    #[serde(default)]
    #[schemars(with = "BTreeMap<schema::Chain, u64>")]
    pub late_after: BTreeMap<ChainId, u64>,
    /// The traces URL of an OTLP collector (HTTP, protobuf); without it nothing is traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otlp: Option<String>,
}

impl Config {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("config: {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("config: {}", path.display()))
    }

    /// Parses and checks a text.
    pub fn parse(text: &str) -> Result<Self> {
        // The parser's full report quotes the line, which may hold a secret.
        let told = |field: Option<String>, error: &toml::de::Error| {
            let line =
                error.span().map_or(0, |span| text.get(..span.start).map_or(0, |before| before.lines().count().max(1)));
            let field = field.map(|field| format!("{field}: ")).unwrap_or_default();
            anyhow::anyhow!("line {line}: {field}{}", error.message())
        };
        let read = toml::Deserializer::parse(text).map_err(|error| told(None, &error))?;
        let config: Self = serde_path_to_error::deserialize(read)
            .map_err(|error| told(Some(error.path().to_string()), error.inner()))?;
        config.check()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use spandrel_risk::{Corridor, CorridorRules};

    use super::*;

    #[test]
    fn the_example_is_a_valid_configuration() {
        Config::parse(EXAMPLE).unwrap();
    }

    #[test]
    fn a_configuration_survives_writing_and_reading() {
        let config = Config::parse(EXAMPLE).unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::to_string(&Config::parse(&text).unwrap()).unwrap(), text);
    }

    fn refused(from: &str, to: &str) -> String {
        assert!(EXAMPLE.contains(from), "the example has no {from:?}");
        format!("{:#}", Config::parse(&EXAMPLE.replacen(from, to, 1)).unwrap_err())
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        assert!(refused("pause_seconds = 86400", "pause_seconds = 86400\nspeed = 9").contains("speed"));
    }

    #[test]
    fn a_value_of_another_kind_is_refused_with_its_line_and_its_field() {
        let error = refused("pause_seconds = 86400", "pause_seconds = \"long\"");
        assert!(error.contains("line 1") && error.contains(": pause_seconds: invalid type"), "{error}");
        let error = refused("vault = \"0x79be", "vault = \"0x79");
        assert!(error.contains(": bitcoin[0].vault: "), "{error}");
    }

    #[test]
    fn a_single_verifier_or_signer_is_refused() {
        assert!(refused("threshold = 2", "threshold = 1").contains("verifier_set.threshold"));
    }

    #[test]
    fn limits_need_a_known_route_and_plain_amounts() {
        assert!(refused("source = \"bip122:0f91", "source = \"bip122:1f91").contains("limit.source"));
        assert!(refused("per_transfer = \"5000000\"", "per_transfer = \"5e6\"").contains("5e6"));
        assert!(refused("lane = \"light_client\"", "lane = \"fast\"").contains("twice"));
    }

    #[test]
    fn a_large_transfer_waits_no_longer_than_its_deposit_is_good_for() {
        let error = refused("large_delay = 86400", "large_delay = 259200");
        assert!(
            error.contains("limit.large_delay: expected") && error.contains("wide.asset.refill_seconds"),
            "{error}"
        );
        let refill = "sender = { capacity = \"1000000000\", refill_seconds = 86400 }";
        let error = refused(refill, &refill.replace("86400", "259200"));
        assert!(error.contains("limit.large_delay: expected") && error.contains("259200"), "{error}");
        Config::parse(&EXAMPLE.replacen("large_delay = 86400", "large_delay = 172800", 1)).unwrap();
    }

    #[test]
    fn what_a_limit_names_needs_its_rows_over_corridors() {
        let asset = "asset = \"bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0\"\n# Base units in any 24";
        assert!(refused(asset, &asset.replace("slip44:0", "slip44:1")).contains("wide.asset: expected a row"));
        let destination = "chain = \"eip155:31337\"\nnotional";
        assert!(refused(destination, &destination.replace("31337", "1")).contains("wide.destination: expected a row"));
        assert!(refused("fresh_for = 60", "fresh_for = 601").contains("fresh_for"));
        assert!(refused("unit = \"100000000\"", "unit = \"0\"").contains("price.unit"));
        assert!(refused("widest = 100", "widest = 100\nwider = 1").contains("wider"));
        assert!(refused("# exposure = { share = 100,", "exposure = { share = 10001,").contains("exposure.share"));
        let lane = "lane = \"fast\"\nnotional";
        assert!(refused(lane, "lane = \"light_client\"\nnotional").contains("twice"));
    }

    #[test]
    fn what_is_limited_by_value_needs_a_price_and_what_has_one_a_limit() {
        let notional = "notional = \"5000000000\"\n# A transfer of more";
        assert!(refused(notional, "# A transfer of more").contains("slip44:0.notional: expected a limit"));
        let price = "[wide.asset.price]\nunit = \"100000000\"\nfloor = \"20000000\"\nfresh_for = 60\nstale_after = 600\n\
                     widest = 100\n";
        assert!(refused(price, "").contains("slip44:0.notional: expected none"));
        let unpriced = EXAMPLE.replacen(price, "", 1).replacen(notional, "# A transfer of more", 1);
        let refused = format!("{:#}", Config::parse(&unpriced).unwrap_err());
        assert!(refused.contains("slip44:0.price: expected one: eip155:31337 takes 5000000000 by value"), "{refused}");
        let destination = "chain = \"eip155:31337\"\nnotional = \"5000000000\"";
        assert!(unpriced.contains(destination));
        let unlimited = destination.replace("5000000000", "unlimited");
        Config::parse(&unpriced.replacen(destination, &unlimited, 1)).unwrap();
    }

    #[test]
    fn only_the_way_back_makes_room_and_for_one_way_alone() {
        let comment =
            "# netted_with = { source = \"...\", destination = \"...\", asset = \"...\", lane = \"light_client\" }";
        let bitcoin = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328";
        let with = |source: &str, destination: &str| {
            format!(
                "netted_with = {{ source = \"{source}\", destination = \"{destination}\", asset = \"{bitcoin}/slip44:0\", \
                 lane = \"light_client\" }}"
            )
        };
        Config::parse(&EXAMPLE.replacen(comment, &with("eip155:31337", bitcoin), 1)).unwrap();
        for itself in [with(bitcoin, "eip155:31337"), with("eip155:31337", "eip155:31337")] {
            assert!(refused(comment, &itself).contains("netted_with: expected the way back"));
        }
        let mut config = Config::parse(&EXAMPLE.replacen(comment, &with("eip155:31337", bitcoin), 1)).unwrap();
        let (own, rules) = config.wide.corridors.iter().find(|(_, rules)| rules.netted_with.is_some()).unwrap();
        let (own, rules) = (own.clone(), rules.clone());
        let limits = config.limit.limits[&own];
        let other = AssetId::slip44(&own.source, 1);
        let second = Corridor { asset: other.clone(), ..own.clone() };
        config.wide.assets.insert(other, config.wide.assets[&own.asset].clone());
        config.limit.limits.insert(second.clone(), limits);
        config.wide.corridors.insert(second.clone(), CorridorRules { netted_with: None, ..rules.clone() });
        config.check().unwrap();
        config.wide.corridors.insert(second, rules);
        assert!(config.check().unwrap_err().to_string().contains("netted_with: expected each once"));
    }

    #[test]
    fn a_chain_whose_blocks_can_be_bought_needs_a_floor_for_what_comes_from_it() {
        let depth = "# [[wide.depth]]\n# chain = \"bip122:0f9188f13cb7b2c71f2a335e3a4fc328\"\n# block_cost = \"20000000\"\n# least = 6";
        let with_depth = EXAMPLE.replacen(depth, &depth.replace("# ", ""), 1);
        assert_ne!(with_depth, EXAMPLE);
        Config::parse(&with_depth).unwrap();
        let without_floor = with_depth.replacen("floor = \"20000000\"", "floor = \"0\"", 1);
        assert!(format!("{:#}", Config::parse(&without_floor).unwrap_err()).contains("a price floor"));
    }

    #[test]
    fn plain_passwords_and_open_telemetry_are_refused() {
        let error = refused("\"env:RELAYER_PASSWORD\"", "\"hunter2\"");
        assert!(error.contains("file:<path> or env:<NAME>") && !error.contains("hunter2"), "{error}");
        assert!(refused("127.0.0.1:9464", "0.0.0.0:9464").contains("telemetry.listen"));
    }

    #[test]
    fn a_role_without_its_own_node_is_refused() {
        assert!(refused("[verifier.bitcoin.\"bip122:0f91", "[verifier.bitcoin.\"bip122:1f91").contains("its own node"));
    }

    #[test]
    fn a_verifier_on_the_relayers_node_is_refused_in_production() {
        assert!(refused("http://127.0.0.1:18453", "http://127.0.0.1:18443").contains("a node of its own"));
    }

    #[test]
    fn a_quorum_needs_as_many_different_nodes() {
        assert!(refused("quorum = 2", "quorum = 4").contains("quorum: expected 1 to 3"));
        assert!(refused("quorum = 2", "quorum = 0").contains("quorum: expected 1 to 3"));
        assert!(refused("http://127.0.0.1:18445", "http://127.0.0.1:18443").contains("each address once"));
    }

    #[test]
    fn inclusion_is_not_finality() {
        assert!(refused("# confirmations = 12", "confirmations = 0").contains("at least 1"));
    }

    #[test]
    fn the_control_api_is_on_loopback_and_has_two_people() {
        for elsewhere in ["0.0.0.0:8090", "10.0.0.1:8090", "[::]:8090", "[2001:db8::1]:8090"] {
            let error = refused("127.0.0.1:8090", elsewhere);
            assert!(error.contains("control.listen: expected a loopback address"), "{error}");
        }
        assert!(refused("= \"ada\"", "= \"\"").contains("control.guardians"));
        assert!(refused("timelock = 86400", "timelock = 60").contains("control.timelock"));
        assert!(refused("resume_delay = 900", "resume_delay = 60").contains("control.resume_delay"));
    }

    #[test]
    fn with_tls_the_control_api_may_listen_elsewhere() {
        let tls = "[control.tls]\ncertificate = \"control.pem\"\nkey = \"file:control.key\"\n\n[control.guardians]";
        let secured = EXAMPLE.replacen("[control.guardians]", tls, 1);
        Config::parse(&secured.replacen("127.0.0.1:8090", "0.0.0.0:8090", 1)).unwrap();
        let plain_key = secured.replace("file:control.key", "-----BEGIN PRIVATE KEY-----");
        let error = format!("{:#}", Config::parse(&plain_key).unwrap_err());
        assert!(error.contains("file:<path> or env:<NAME>") && !error.contains("BEGIN"), "{error}");
    }

    #[test]
    fn a_pause_is_bounded() {
        assert!(refused("pause_seconds = 86400", "pause_seconds = 864000").contains("432000"));
    }
}
