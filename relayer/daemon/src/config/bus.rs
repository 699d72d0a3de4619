//! The bus between processes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use alloy_primitives::Address;
use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spandrel_signer::SecretRef;

use super::check::refuse;
use super::{Config, KeyRef, Profile};

/// A NATS server over which roles in different processes speak.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BusConfig {
    /// `tls://host:port`; `nats://` is taken on this machine, and with the profile `dev`.
    pub url: String,
    /// First part of every subject: letters, digits, `-` and `_`. One a deployment.
    pub name: String,
    /// An nkey's seed, or the text of a credentials file, by reference.
    #[serde(default)]
    #[schemars(with = "Option<super::schema::Secret>")]
    pub credentials: Option<SecretRef>,
    /// PEM file of the authority that signed the server's certificate, where the system does not know it.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The addresses of relayers' request keys: signers answer nobody else.
    #[serde(default)]
    #[schemars(with = "BTreeSet<super::schema::Account>")]
    pub requests_by: BTreeSet<Address>,
    /// The relayer's key for what it asks signers; only the relayer has it.
    #[serde(default)]
    pub request_key: Option<KeyRef>,
}

impl Config {
    pub(super) fn check_bus(&self) -> Result<()> {
        let Some(bus) = &self.bus else { return Ok(()) };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if bus.name.is_empty() || bus.name.len() > 64 || !bus.name.bytes().all(is_name) {
            return refuse("bus.name", "1 to 64 letters, digits, - and _", format!("{:?}", bus.name));
        }
        let url = reqwest::Url::parse(&bus.url).ok();
        if url.as_ref().is_some_and(|url| !url.username().is_empty() || url.password().is_some()) {
            return refuse("bus.url", "no user and no password: they come by bus.credentials", "some");
        }
        let (scheme, host) = url.as_ref().map_or(("", None), |url| (url.scheme(), url.host_str()));
        let (Some(host), "nats" | "tls") = (host, scheme) else {
            return refuse("bus.url", "nats://host:port or tls://host:port", &bus.url);
        };
        let is_here = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
        if self.profile == Profile::Production && scheme == "nats" && !is_here {
            return refuse("bus.url", "tls:// to another machine", &bus.url);
        }
        if self.profile == Profile::Production && bus.credentials.is_none() {
            return refuse("bus.credentials", "credentials", "none");
        }
        self.check_requests(bus)
    }

    /// A file without verifiers and signers of its own is the relayer's.
    fn check_requests(&self, bus: &BusConfig) -> Result<()> {
        if bus.request_key.is_none() && self.verifier.is_empty() && self.signer.is_empty() {
            return refuse("bus.request_key", "the relayer's key for what it asks signers", "none");
        }
        if bus.requests_by.is_empty() && (bus.request_key.is_some() || !self.signer.is_empty()) {
            return refuse("bus.requests_by", "the address of the relayer's bus.request_key", "none");
        }
        if bus.requests_by.contains(&Address::ZERO) {
            return refuse("bus.requests_by", "non-zero addresses", Address::ZERO);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::EXAMPLE;
    use super::*;

    #[test]
    fn a_bus_is_named_and_reached_safely() {
        let with =
            |bus: &str| Config::parse(&EXAMPLE.replacen("[telemetry]", &format!("[bus]\n{bus}\n[telemetry]"), 1));
        let refused = |bus: &str| format!("{:#}", with(bus).unwrap_err());
        let credentials = "credentials = \"env:BUS\"";
        with(&format!("url = \"tls://bus.example:4222\"\nname = \"main\"\n{credentials}")).unwrap();
        with(&format!("url = \"nats://127.0.0.1:4222\"\nname = \"main\"\n{credentials}")).unwrap();
        let elsewhere = refused(&format!("url = \"nats://bus.example:4222\"\nname = \"main\"\n{credentials}"));
        assert!(elsewhere.contains("bus.url: expected tls://"), "{elsewhere}");
        let open = refused("url = \"tls://bus.example:4222\"\nname = \"main\"");
        assert!(open.contains("bus.credentials"), "{open}");
        let named = refused(&format!("url = \"tls://bus.example:4222\"\nname = \"a.>\"\n{credentials}"));
        assert!(named.contains("bus.name"), "{named}");
        let told = refused(&format!("url = \"tls://me:secret@bus.example:4222\"\nname = \"main\"\n{credentials}"));
        assert!(told.contains("bus.url") && !told.contains("secret"), "{told}");
    }

    #[test]
    fn who_asks_on_a_bus_has_a_key_and_who_signs_knows_it() {
        const BUS: &str = "url = \"tls://bus.example\"\nname = \"main\"\ncredentials = \"env:BUS\"\n";
        let read = |more: &str| toml::from_str::<BusConfig>(&format!("{BUS}{more}"));
        let with = |more: &str| Config { bus: Some(read(more).unwrap()), ..Config::parse(EXAMPLE).unwrap() };
        let refused = |config: &Config| format!("{:#}", config.check().unwrap_err());
        let key = "request_key = { name = \"requests\", password = \"env:REQUESTS\" }\n";
        let by = |digit: &str| format!("requests_by = [\"0x{}\"]\n", digit.repeat(40));
        let mut config = with("");
        config.check().unwrap();
        config.signer = config.verifier.clone();
        assert!(refused(&config).starts_with("bus.requests_by: expected the address"), "it would answer nobody");
        (config.verifier, config.signer) = (Vec::new(), Vec::new());
        assert!(refused(&config).starts_with("bus.request_key: expected"), "it would be answered by nobody");
        assert!(refused(&with(key)).starts_with("bus.requests_by: expected the address"));
        assert!(refused(&with(&(key.to_owned() + &by("0")))).starts_with("bus.requests_by: expected non-zero"));
        with(&(key.to_owned() + &by("f"))).check().unwrap();
        let plain = read(&key.replace("env:REQUESTS", "hunter2")).unwrap_err().message().to_owned();
        assert!(plain.contains("file:<path> or env:<NAME>") && !plain.contains("hunter2"), "{plain}");
    }
}
