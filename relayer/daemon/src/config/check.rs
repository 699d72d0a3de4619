//! What must hold before anything starts; every complaint names the field.

use std::collections::BTreeSet;
use std::fmt::Display;

use anyhow::{Result, bail};
use spandrel_api::SourceKind;
use spandrel_core::Policy;
use spandrel_risk::{ExposureRule, Lane, Limit};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::bitcoin::ChainParams;
use spandrel_watchers::ethereum::Endpoint;

use super::{Config, ControlConfig, EthereumNode, Profile, RoleConfig};

/// Seconds that are left for finality and depth, where a transfer waits for more than that.
const TO_FINALITY: u64 = 6 * 3_600;
/// More decimal digits than any unit of value has.
const MOST_DIGITS: u8 = 30;

pub(super) fn refuse<T>(field: impl Display, expected: impl Display, found: impl Display) -> Result<T> {
    bail!("{field}: expected {expected}, found {found}")
}

/// A quorum that the nodes can reach, and no node counted twice.
fn check_pool<'a>(field: &str, quorum: usize, nodes: impl ExactSizeIterator<Item = Vec<&'a str>>) -> Result<()> {
    if !(1..=nodes.len()).contains(&quorum) {
        return refuse(format!("{field}.quorum"), format!("1 to {}, the number of nodes", nodes.len()), quorum);
    }
    let mut seen = BTreeSet::new();
    for (position, node) in (1..).zip(nodes) {
        for address in node {
            if !seen.insert(address) {
                return refuse(format!("{field}.nodes"), "each address once", format!("one again at node {position}"));
            }
        }
    }
    Ok(())
}

impl Config {
    /// Checks everything that can be checked without a network.
    pub fn check(&self) -> Result<()> {
        self.verifier_set.validate().map_err(|error| error.within("verifier_set"))?;
        self.signer_set.validate().map_err(|error| error.within("signer_set"))?;
        if !(1..=Policy::MAX_PAUSE_TTL).contains(&self.pause_seconds) {
            return refuse("pause_seconds", format!("1 to {}", Policy::MAX_PAUSE_TTL), self.pause_seconds);
        }
        if !self.telemetry.listen.ip().is_loopback() {
            return refuse("telemetry.listen", "a loopback address", self.telemetry.listen);
        }
        if let Some(otlp) = &self.telemetry.otlp {
            let scheme = reqwest::Url::parse(otlp).map(|url| url.scheme().to_owned()).unwrap_or_default();
            if !["http", "https"].contains(&&*scheme) {
                return refuse("telemetry.otlp", "an http or https URL", otlp);
            }
        }
        self.check_bus()?;
        let is_open = |control: &&ControlConfig| !control.listen.ip().is_loopback() && control.tls.is_none();
        if let Some(control) = self.control.as_ref().filter(is_open) {
            let expected = "a loopback address, or a certificate in control.tls";
            return refuse("control.listen", expected, control.listen);
        }
        if let Some(policy) = self.control_policy() {
            policy.validate().map_err(|error| error.within("control"))?;
        }
        if let Some(proxies) = self.api.as_ref().and_then(|api| api.proxies.as_ref()) {
            proxies.check()?;
        }
        let sources = self.check_sources()?;
        self.check_late_after(&sources)?;
        if let Some(unknown) = self.api.iter().flat_map(|api| api.vaults.keys()).find(|chain| !sources.contains(chain))
        {
            return refuse("api.vaults", "a configured source chain", unknown);
        }
        let destinations = self.check_destinations()?;
        self.check_vault_pauses(&destinations)?;
        self.check_limits(&sources, &destinations)?;
        self.check_assets(&destinations)?;
        for (kind, roles) in [("verifier", &self.verifier), ("signer", &self.signer)] {
            for role in roles {
                self.check_role(kind, role)?;
            }
        }
        if self.profile == Profile::Production {
            if self.verifier.len() > 1 || self.signer.len() > 1 {
                return refuse("verifier, signer", "at most one of each in one production process", "more");
            }
            self.check_independence()?;
        }
        Ok(())
    }

    fn check_sources(&self) -> Result<BTreeSet<ChainId>> {
        let mut sources = BTreeSet::new();
        for source in &self.bitcoin {
            let field = format!("bitcoin {}", source.chain);
            let Some(params) = ChainParams::of_chain(&source.chain) else {
                return refuse(format!("{field}.chain"), "a known Bitcoin network", &source.chain);
            };
            source.anchor.check(&params).map_err(|error| error.within(&field))?;
            check_pool(&field, source.quorum, source.nodes.iter().map(|node| vec![node.rpc.as_str()]))?;
            if source.fast_confirmations == 0 {
                return refuse(format!("{field}.fast_confirmations"), "at least 1", 0);
            }
            if !sources.insert(source.chain.clone()) {
                return refuse(format!("{field}.chain"), "each chain once", &source.chain);
            }
        }
        for source in &self.ethereum {
            let chain = &source.network.chain;
            source.network.validate().map_err(|error| error.within(&format!("ethereum {chain}.network")))?;
            let nodes = source.nodes.iter().map(|node| vec![node.execution.as_str(), node.beacon.as_str()]);
            check_pool(&format!("ethereum {chain}"), source.quorum, nodes)?;
            if !sources.insert(chain.clone()) {
                return refuse(format!("ethereum {chain}"), "each chain once", chain);
            }
        }
        if sources.is_empty() {
            return refuse("bitcoin, ethereum", "at least one source chain", "none");
        }
        Ok(sources)
    }

    fn check_destinations(&self) -> Result<BTreeSet<ChainId>> {
        let mut destinations = BTreeSet::new();
        for destination in &self.destination {
            let chain = &destination.chain;
            if chain.eip155_number().is_none() {
                return refuse("destination.chain", "an eip155 chain", chain);
            }
            if destination.confirmations == Some(0) {
                return refuse(format!("destination {chain}.confirmations"), "at least 1", 0);
            }
            if !destinations.insert(chain.clone()) {
                return refuse("destination.chain", "each chain once", chain);
            }
        }
        if destinations.is_empty() {
            return refuse("destination", "at least one", "none");
        }
        Ok(destinations)
    }

    /// One account brings pauses to a chain, and one controller takes them.
    fn check_vault_pauses(&self, destinations: &BTreeSet<ChainId>) -> Result<()> {
        for (chain, pauses) in self.vault_pauses() {
            let field = format!("ethereum {chain}.pauses");
            if destinations.contains(chain) {
                return refuse(field, "none: the chain is a destination, whose pauses are the vault's too", "some");
            }
            if pauses.confirmations == Some(0) {
                return refuse(format!("{field}.confirmations"), "at least 1", 0);
            }
        }
        Ok(())
    }

    fn check_limits(&self, sources: &BTreeSet<ChainId>, destinations: &BTreeSet<ChainId>) -> Result<()> {
        for corridor in self.limit.limits.keys() {
            if !sources.contains(&corridor.source) {
                return refuse("limit.source", "a configured source chain", &corridor.source);
            }
            if !destinations.contains(&corridor.destination) {
                return refuse("limit.destination", "a configured destination", &corridor.destination);
            }
            if !self.wide.assets.contains_key(&corridor.asset) {
                return refuse("wide.asset", format!("a row for {}, which a limit names", corridor.asset), "none");
            }
            if !self.wide.destinations.contains_key(&corridor.destination) {
                let expected = format!("a row for {}, which a limit names", corridor.destination);
                return refuse("wide.destination", expected, "none");
            }
        }
        self.check_wide()?;
        self.check_waits()?;
        self.check_price_feeds()
    }

    /// What waits longer than its deposit is good for is never paid.
    fn check_waits(&self) -> Result<()> {
        for (corridor, limits) in &self.limit.limits {
            let waits = limits.large_from != Limit::Unlimited && limits.per_transfer != Limit::CLOSED;
            if corridor.lane == Lane::Fast || !waits {
                continue;
            }
            let is_bitcoin = self.bitcoin.iter().any(|source| source.chain == corridor.source);
            let longest = if is_bitcoin { SourceKind::LONGEST_ON_BITCOIN } else { SourceKind::LONGEST_ON_EVM };
            let most = longest.saturating_sub(TO_FINALITY);
            let parties = self.wide.assets.get(&corridor.asset).map(|rules| [&rules.sender, &rules.recipient]);
            let bounded = parties.into_iter().flatten().filter(|bucket| bucket.capacity != Limit::Unlimited);
            let refill = bounded.map(|bucket| bucket.refill_seconds).max().unwrap_or_default();
            if limits.large_delay.saturating_add(refill) > most {
                let expected = format!(
                    "at most {most} seconds together with wide.asset.refill_seconds, {refill}: deposits on {} are good for no \
                     longer",
                    corridor.source
                );
                return refuse("limit.large_delay", expected, limits.large_delay);
            }
        }
        Ok(())
    }

    fn check_price_feeds(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for feed in &self.price_feed {
            let field = format!("price_feed {}", feed.asset);
            if self.wide.assets.get(&feed.asset).is_none_or(|rules| rules.price.is_none()) {
                return refuse(format!("{field}.asset"), "an asset whose wide.asset row has a price", &feed.asset);
            }
            if !seen.insert(&feed.asset) {
                return refuse(format!("{field}.asset"), "each asset once", &feed.asset);
            }
            if feed.chain.eip155_number().is_none() {
                return refuse(format!("{field}.chain"), "an eip155 chain", &feed.chain);
            }
            if feed.digits > MOST_DIGITS {
                return refuse(format!("{field}.digits"), format!("at most {MOST_DIGITS}"), feed.digits);
            }
            if feed.every_seconds == 0 {
                return refuse(format!("{field}.every_seconds"), "at least 1", 0);
            }
            check_pool(&field, feed.quorum, feed.nodes.iter().map(|node| vec![node.as_str()]))?;
            if feed.quorum <= feed.nodes.len() / 2 {
                return refuse(format!("{field}.quorum"), "more than half of the nodes", feed.quorum);
            }
            for node in &feed.nodes {
                Endpoint::parse("price_feed.nodes", node)?;
            }
        }
        Ok(())
    }

    /// What would hold everything, or nothing, without saying so.
    fn check_wide(&self) -> Result<()> {
        for (asset, rules) in &self.wide.assets {
            let field = format!("wide.asset {asset}");
            if rules.sender.refill_seconds == 0 || rules.recipient.refill_seconds == 0 {
                return refuse(format!("{field}.refill_seconds"), "at least 1", 0);
            }
            if let Some(rule) = rules.exposure.as_ref().filter(|rule| rule.share > ExposureRule::WHOLE) {
                let expected = format!("at most {}, all of it", ExposureRule::WHOLE);
                return refuse(format!("{field}.exposure.share"), expected, rule.share);
            }
            let Some(price) = &rules.price else {
                if let Some(limit @ Limit::Amount(_)) = rules.notional {
                    return refuse(format!("{field}.notional"), "none where the asset has no price", limit);
                }
                continue;
            };
            if rules.notional.is_none() {
                return refuse(
                    format!("{field}.notional"),
                    "a limit, or \"unlimited\", where there is a price",
                    "none",
                );
            }
            if price.unit.is_zero() {
                return refuse(format!("{field}.price.unit"), "at least 1", 0);
            }
            if price.fresh_for > price.stale_after {
                let expected = format!("at most stale_after, {}", price.stale_after);
                return refuse(format!("{field}.price.fresh_for"), expected, price.fresh_for);
            }
        }
        if let Some(corridor) = self.wide.corridors.keys().find(|corridor| !self.limit.limits.contains_key(*corridor)) {
            return refuse("wide.corridor", "a corridor that a limit names", format!("{corridor:?}"));
        }
        let mut netted = BTreeSet::new();
        for (corridor, rules) in &self.wide.corridors {
            let Some(with) = &rules.netted_with else { continue };
            if (&with.source, &with.destination) != (&corridor.destination, &corridor.source) {
                return refuse(
                    "wide.corridor.netted_with",
                    format!("the way back of {corridor:?}"),
                    format!("{with:?}"),
                );
            }
            if !netted.insert(with) {
                return refuse("wide.corridor.netted_with", "each once: it makes room once", format!("{with:?}"));
            }
        }
        for corridor in self.limit.limits.keys() {
            let is_priced = self.wide.assets.get(&corridor.asset).is_some_and(|rules| rules.price.is_some());
            let limit = self.wide.destinations.get(&corridor.destination);
            if let (false, Some(limit @ Limit::Amount(_))) = (is_priced, limit) {
                let expected = format!("one: {} takes {limit} by value, and nothing without one", corridor.destination);
                return refuse(format!("wide.asset {}.price", corridor.asset), expected, "none");
            }
        }
        for corridor in self.limit.limits.keys().filter(|corridor| self.wide.depths.contains_key(&corridor.source)) {
            let rules = self.wide.assets.get(&corridor.asset);
            let has_floor = rules.and_then(|rules| rules.price).is_some_and(|price| !price.floor.is_zero());
            if !has_floor {
                let expected = format!("a price floor for {}, or nothing from there has a value", corridor.asset);
                return refuse(format!("wide.depth {}", corridor.source), expected, "none");
            }
        }
        Ok(())
    }

    /// A verifier that asks the relayer's node believes the relayer.
    fn check_independence(&self) -> Result<()> {
        for role in self.verifier.iter().chain(&self.signer) {
            let name = &role.key.name;
            for source in &self.bitcoin {
                let own = role.bitcoin.get(&source.chain);
                if own.is_some_and(|own| source.nodes.iter().any(|node| node.rpc == own.rpc)) {
                    return refuse(format!("{name}.bitcoin"), "a node of its own", "the relayer's");
                }
            }
            for source in &self.ethereum {
                let own = role.ethereum.get(&source.network.chain);
                let is_shared = |own: &EthereumNode| {
                    source.nodes.iter().any(|node| node.execution == own.execution || node.beacon == own.beacon)
                };
                if own.is_some_and(is_shared) {
                    return refuse(format!("{name}.ethereum"), "nodes of its own", "the relayer's");
                }
            }
        }
        Ok(())
    }

    fn check_role(&self, kind: &str, role: &RoleConfig) -> Result<()> {
        for source in &self.bitcoin {
            if !role.bitcoin.contains_key(&source.chain) {
                return refuse(format!("{kind} {}.bitcoin", role.key.name), "its own node", &source.chain);
            }
        }
        for source in &self.ethereum {
            if !role.ethereum.contains_key(&source.network.chain) {
                return refuse(format!("{kind} {}.ethereum", role.key.name), "its own node", &source.network.chain);
            }
        }
        Ok(())
    }
}
