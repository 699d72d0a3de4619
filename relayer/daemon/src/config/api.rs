//! The transfer API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;

use alloy_primitives::Address;
use anyhow::Result;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spandrel_api::http::{ForwardedBy, OPEN_ORDERS, Proxies};
use spandrel_signer::SecretRef;
use spandrel_verifiers::ChainId;

use super::TlsConfig;
use super::check::refuse;

/// Where the transfer API is served, and how much of it anyone may use.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiConfig {
    /// Address and port. Where it is not loopback it needs TLS: its own, or a terminator before it.
    pub listen: SocketAddr,
    /// Its certificate; plain HTTP without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsConfig>,
    /// Requests a second from an address without a key.
    pub anonymous_per_second: NonZeroU32,
    /// Requests a second of a key.
    pub key_per_second: NonZeroU32,
    /// Requests a second of a partner's key.
    pub partner_per_second: NonZeroU32,
    /// Keys that one address gets for itself in an hour: they may order transfers, nothing else. Without it keys come from
    /// the operator alone (`spandrel api new-key`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_keys_per_hour: Option<NonZeroU32>,
    /// Orders that wait for their deposits at once, of one address that orders with keys which users get by themselves. One
    /// that was called off counts until it expires.
    #[serde(default = "open_orders")]
    pub open_orders_per_address: NonZeroU32,
    /// Most event streams at once.
    pub max_streams: usize,
    /// Most event streams at once of one key, or of one address without a key.
    pub streams_per_caller: usize,
    /// Where the key is that the secrets of webhooks are derived from, 32 bytes or more; without it webhooks are not
    /// offered. Another key makes other secrets: keep it as long as the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<super::schema::Secret>")]
    pub webhook_key: Option<SecretRef>,
    /// Networks to which no webhook may lead, beside those that are not public: those of one's own that have public addresses.
    #[serde(default)]
    #[schemars(with = "Vec<super::schema::AddressRange>")]
    pub refused_webhook_networks: Vec<IpNet>,
    /// Proxies before it; without them every peer speaks for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxies: Option<ProxyConfig>,
    /// The `Vault` on each Ethereum chain where orders are taken.
    #[serde(default)]
    #[schemars(with = "BTreeMap<super::schema::Chain, super::schema::Account>")]
    pub vaults: BTreeMap<ChainId, Address>,
}

fn open_orders() -> NonZeroU32 {
    OPEN_ORDERS
}

/// Proxies that are believed about who called them, as TLS terminators are.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyConfig {
    /// Their addresses. Nobody else may have one of them.
    #[schemars(with = "Vec<super::schema::AddressRange>")]
    pub networks: Vec<IpNet>,
    /// The header to which all of them add their caller's address.
    pub header: ProxyHeader,
}

/// A header in which proxies tell of callers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// RFC 7239.
    Forwarded,
    /// As it was before.
    XForwardedFor,
}

impl ProxyConfig {
    /// Refuses proxies that are nobody or everybody.
    pub(super) fn check(&self) -> Result<()> {
        if self.networks.is_empty() {
            return refuse("api.proxies.networks", "at least one", "none");
        }
        match self.networks.iter().find(|network| network.prefix_len() == 0) {
            Some(everybody) => refuse("api.proxies.networks", "those of the proxies alone", everybody),
            None => Ok(()),
        }
    }

    /// As the port takes them.
    pub fn proxies(&self) -> Proxies {
        let header = match self.header {
            ProxyHeader::Forwarded => ForwardedBy::Forwarded,
            ProxyHeader::XForwardedFor => ForwardedBy::XForwardedFor,
        };
        Proxies { networks: self.networks.clone(), header }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, EXAMPLE};

    #[test]
    fn proxies_are_believed_in_one_header_and_are_not_everybody() {
        let with = |networks: &str, header: &str| {
            let proxies = format!("[api.proxies]\nnetworks = [{networks}]\nheader = \"{header}\"\n\n[control]");
            Config::parse(&EXAMPLE.replacen("[control]", &proxies, 1)).map_err(|error| format!("{error:#}"))
        };
        let read = with("\"10.0.0.7/32\", \"fd00::/8\"", "x-forwarded-for").unwrap();
        assert_eq!(read.api.unwrap().proxies.unwrap().networks.len(), 2);
        with("\"10.0.0.7/32\"", "forwarded").unwrap();
        for (networks, header, expected) in [
            ("", "forwarded", "api.proxies.networks: expected at least one"),
            ("\"10.0.0.7/32\", \"0.0.0.0/0\"", "forwarded", "found 0.0.0.0/0"),
            ("\"::/0\"", "forwarded", "found ::/0"),
            ("\"10.0.0.7\"", "forwarded", "invalid IP address"),
            ("\"10.0.0.7/32\"", "x-real-ip", "x-real-ip"),
        ] {
            let error = with(networks, header).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
