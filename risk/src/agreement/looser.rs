//! Which parts of an agreement allow something that another does not.
//!
//! Guarantee: a deposit that is allowed under an agreement without such parts is allowed under the other one. What cannot
//! be ordered (contracts, keys, people) is looser whenever it is another.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

use alloy_primitives::Address;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{AssetId, ChainId};

use super::{Agreement, DepthTerms, DestinationTerms, FeedTerms, GuardianTerms, PauseTerms, SourceTerms};
use crate::control::SignerRole;
use crate::{AssetRules, Bucket, Corridor, CorridorRules, DepthRule, ExposureRule, Limit, PriceRule, RiskPolicy};

/// One part that allows more than what was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loosening {
    /// Which, by its name in the configuration.
    pub field: String,
    /// What was agreed on.
    pub agreed: String,
    /// What the file says.
    pub found: String,
    /// Whose set it is, for the sets that guardians change by an order of their own.
    pub set: Option<SignerRole>,
}

impl Display for Loosening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { field, agreed, found, .. } = self;
        write!(f, "{field}: agreed {agreed}, found {found}")
    }
}

/// The parts of `file` that allow what `agreed` does not; none when all of it is stricter or the same. Every field of every
/// part is named here: one that is added does not compile until it is decided which direction is safe.
pub fn looser(file: &Agreement, agreed: &Agreement) -> Vec<Loosening> {
    let Agreement { version: _, is_production, pause_seconds, verifiers, signers, guardians, .. } = file;
    let Agreement { sources, destinations, feeds, vaults, risk, .. } = file;
    let mut look = Look::default();
    look.at("profile", agreed.is_production && !is_production, profile(agreed), profile(file));
    look.at_least("pause_seconds", pause_seconds, &agreed.pause_seconds);
    look.set(SignerRole::Verifiers, "verifier_set", verifiers, &agreed.verifiers);
    look.set(SignerRole::FastLane, "signer_set", signers, &agreed.signers);
    look.guardians(guardians.as_ref(), agreed.guardians.as_ref());
    look.rows("source", sources, &agreed.sources, Look::source);
    look.rows("destination", destinations, &agreed.destinations, Look::destination);
    look.risk(risk, &agreed.risk);
    for asset in feeds.keys().filter(|asset| !agreed.feeds.contains_key(*asset)) {
        let is_opened = is_held_unvalued(asset, risk, &agreed.risk);
        look.at(format!("price_feed {asset}"), is_opened, "none", "a feed");
    }
    look.vaults(vaults.as_ref(), agreed.vaults.as_ref());
    for (asset, feed) in &agreed.feeds {
        let field = format!("price_feed {asset}");
        match feeds.get(asset) {
            Some(found) => look.feed(&field, found, feed),
            None => {
                let is_read = risk.wide.assets.get(asset).is_some_and(|rules| rules.price.is_some());
                look.at(field, is_read, "a feed", "none");
            }
        }
    }
    look.found
}

/// Whether there is a corridor of `found` on which `agreed` holds the asset while nobody can value it: where blocks can be
/// bought, or the destination is limited by value. There a first price opens, and a first feed of one.
fn is_held_unvalued(asset: &AssetId, found: &RiskPolicy, agreed: &RiskPolicy) -> bool {
    let wide = &agreed.wide;
    let price = wide.assets.get(asset).and_then(|rules| rules.price);
    let is_asked = |corridor: &Corridor| {
        let destination = wide.destinations.get(&corridor.destination);
        wide.depths.contains_key(&corridor.source) || matches!(destination, Some(Limit::Amount(_)))
    };
    let has_floor = price.is_some_and(|price| !price.floor.is_zero());
    !has_floor && found.limits.keys().any(|corridor| corridor.asset == *asset && is_asked(corridor))
}

fn profile(agreement: &Agreement) -> &'static str {
    if agreement.is_production { "production" } else { "dev" }
}

/// What was found so far.
#[derive(Default)]
struct Look {
    found: Vec<Loosening>,
}

impl Look {
    fn at(&mut self, field: impl Display, is_looser: bool, agreed: impl Display, found: impl Display) {
        if is_looser {
            let (field, agreed, found) = (field.to_string(), agreed.to_string(), found.to_string());
            self.found.push(Loosening { field, agreed, found, set: None });
        }
    }

    fn at_most<T: Ord + Display>(&mut self, field: impl Display, found: &T, agreed: &T) {
        self.at(field, found > agreed, agreed, found);
    }

    fn at_least<T: Ord + Display>(&mut self, field: impl Display, found: &T, agreed: &T) {
        self.at(field, found < agreed, agreed, found);
    }

    fn same<T: PartialEq + Display>(&mut self, field: impl Display, found: &T, agreed: &T) {
        self.at(field, found != agreed, agreed, found);
    }

    /// Rows that may be taken away, and not added.
    fn rows<K: Ord + Display, V>(
        &mut self,
        name: &str,
        found: &BTreeMap<K, V>,
        agreed: &BTreeMap<K, V>,
        compare: impl Fn(&mut Self, &str, &V, &V),
    ) {
        for (key, row) in found {
            let field = format!("{name} {key}");
            match agreed.get(key) {
                Some(standing) => compare(self, &field, row, standing),
                None => self.at(field, true, "none", "one"),
            }
        }
    }

    fn set(&mut self, role: SignerRole, field: &str, found: &SignerSet, agreed: &SignerSet) {
        let SignerSet { epoch, threshold, members } = found;
        let from = self.found.len();
        self.at_least(format!("{field}.epoch"), epoch, &agreed.epoch);
        self.at_least(format!("{field}.threshold"), threshold, &agreed.threshold);
        for member in members.difference(&agreed.members) {
            self.at(format!("{field}.members"), true, "no such member", member);
        }
        self.found.iter_mut().skip(from).for_each(|loosening| loosening.set = Some(role));
    }

    /// Where there are none, anybody may name some: nothing could be loosened before, and it is written down who is.
    fn guardians(&mut self, found: Option<&GuardianTerms>, agreed: Option<&GuardianTerms>) {
        let Some(agreed) = agreed else { return };
        let Some(GuardianTerms { people, resume_delay, timelock }) = found else {
            return self.at("control", true, "guardians", "none");
        };
        for (key, person) in people {
            let field = format!("control.guardians {key}");
            match agreed.people.get(key) {
                Some(standing) => self.at(field, person != standing, quoted(standing), quoted(person)),
                None => self.at(field, true, "no such key", quoted(person)),
            }
        }
        for (key, person) in agreed.people.iter().filter(|(key, _)| !people.contains_key(*key)) {
            self.at(format!("control.guardians {key}"), true, quoted(person), "no such key");
        }
        self.at_least("control.resume_delay", resume_delay, &agreed.resume_delay);
        self.at_least("control.timelock", timelock, &agreed.timelock);
    }

    fn source(&mut self, field: &str, found: &SourceTerms, agreed: &SourceTerms) {
        let SourceTerms { bridge, quorum, depth, pauses } = found;
        self.same(format!("{field}.bridge"), bridge, &agreed.bridge);
        self.at_least(format!("{field}.quorum"), quorum, &agreed.quorum);
        match (depth, &agreed.depth) {
            (Some(DepthTerms { confirmations, fast_confirmations }), Some(agreed)) => {
                let asks_less = confirmations.asks_less_than(&agreed.confirmations);
                let text = |policy| serde_json::to_string(policy).unwrap_or_default();
                let (standing, stated) = (text(&agreed.confirmations), text(confirmations));
                self.at(format!("{field}.confirmations"), asks_less, standing, stated);
                let field = format!("{field}.fast_confirmations");
                self.at_least(field, fast_confirmations, &agreed.fast_confirmations);
            }
            (None, Some(_)) => self.at(format!("{field}.confirmations"), true, "some", "none"),
            (_, None) => {}
        }
        self.pauses(&format!("{field}.pauses"), pauses.as_ref(), agreed.pauses.as_ref());
    }

    /// What can be stopped stays so: where nothing could be, contracts may be named.
    fn pauses(&mut self, field: &str, found: Option<&PauseTerms>, agreed: Option<&PauseTerms>) {
        let Some(agreed) = agreed else { return };
        let Some(PauseTerms { inbox, pause_controller }) = found else {
            return self.at(field, true, "contracts", "none");
        };
        self.same(format!("{field}.inbox"), inbox, &agreed.inbox);
        self.same(format!("{field}.pause_controller"), pause_controller, &agreed.pause_controller);
    }

    fn destination(&mut self, field: &str, found: &DestinationTerms, agreed: &DestinationTerms) {
        let DestinationTerms { inbox, fast_lane, checkpoint_registry, pause_controller, confirmations, witnesses } =
            found;
        self.same(format!("{field}.inbox"), inbox, &agreed.inbox);
        self.same(format!("{field}.fast_lane"), fast_lane, &agreed.fast_lane);
        self.same(format!("{field}.checkpoint_registry"), checkpoint_registry, &agreed.checkpoint_registry);
        self.same(format!("{field}.pause_controller"), pause_controller, &agreed.pause_controller);
        // A depth and the chain's own word on what is final cannot be ordered.
        let is_less = match (confirmations, agreed.confirmations) {
            (Some(found), Some(agreed)) => *found < agreed,
            (found, agreed) => *found != agreed,
        };
        let text = |confirmations: Option<u64>| confirmations.map_or("the chain's word".to_owned(), |n| n.to_string());
        self.at(format!("{field}.confirmations"), is_less, text(agreed.confirmations), text(*confirmations));
        self.at_least(format!("{field}.witness_rpc"), witnesses, &agreed.witnesses);
    }

    /// Where nothing was said before (by a program that did not ask), the first word is taken: it is written down.
    fn vaults(&mut self, found: Option<&BTreeMap<ChainId, Address>>, agreed: Option<&BTreeMap<ChainId, Address>>) {
        let (Some(found), Some(agreed)) = (found, agreed) else { return };
        self.rows("api.vaults", found, agreed, |look, field, found, agreed| look.same(field, found, agreed));
    }

    fn feed(&mut self, field: &str, found: &FeedTerms, agreed: &FeedTerms) {
        let FeedTerms { chain, contract, digits, publisher, quorum, every_seconds } = found;
        self.same(format!("{field}.chain"), chain, &agreed.chain);
        self.same(format!("{field}.contract"), contract, &agreed.contract);
        self.same(format!("{field}.digits"), digits, &agreed.digits);
        self.same(format!("{field}.publisher"), publisher, &agreed.publisher);
        self.at_least(format!("{field}.quorum"), quorum, &agreed.quorum);
        self.at_most(format!("{field}.every_seconds"), every_seconds, &agreed.every_seconds);
    }

    fn risk(&mut self, found: &RiskPolicy, agreed: &RiskPolicy) {
        for (corridor, limits) in &found.limits {
            let field = named("limit", corridor);
            let Some(standing) = agreed.limits(corridor) else {
                self.at(field, true, "none", "one");
                continue;
            };
            for (name, found, agreed) in limits.looser_than(standing) {
                self.at(format!("{field}.{name}"), true, agreed, found);
            }
            let by_value = |policy: &RiskPolicy| policy.wide.corridors.get(corridor).cloned();
            self.by_value(&named("wide.corridor", corridor), by_value(found), by_value(agreed));
        }
        let (wide, standing) = (&found.wide, &agreed.wide);
        self.rows("wide.asset", &wide.assets, &standing.assets, Self::asset);
        self.rows("wide.destination", &wide.destinations, &standing.destinations, |look, field, found, agreed| {
            look.at_most(format!("{field}.notional"), found, agreed);
        });
        for (asset, rules) in &wide.assets {
            let is_another =
                |rules: &AssetRules| standing.assets.get(asset).is_some_and(|agreed| agreed.price != rules.price);
            let is_opened = is_another(rules) && is_held_unvalued(asset, found, agreed);
            self.at(format!("wide.asset {asset}.price"), is_opened, "none with a floor", "another");
        }
        for (chain, standing) in &standing.depths {
            let field = format!("wide.depth {chain}");
            match wide.depths.get(chain) {
                Some(DepthRule { block_cost, least }) => {
                    self.at_most(format!("{field}.block_cost"), block_cost, &standing.block_cost);
                    self.at_least(format!("{field}.least"), least, &standing.least);
                }
                None => {
                    let is_asked = found.limits.keys().any(|corridor| corridor.source == *chain);
                    self.at(field, is_asked, "one", "none");
                }
            }
        }
    }

    /// Limits by value on a corridor. Without a row it is closed to what has a value, and open to what has none: looser than
    /// what is closed always, and stricter than any other limit.
    fn by_value(&mut self, field: &str, found: Option<CorridorRules>, agreed: Option<CorridorRules>) {
        let freedom = |rules: &Option<CorridorRules>| match rules.as_ref().map(|rules| rules.notional) {
            Some(Limit::CLOSED) => (0, Limit::CLOSED),
            None => (1, Limit::CLOSED),
            Some(limit) => (2, limit),
        };
        let text = |rules: &Option<CorridorRules>| {
            rules.as_ref().map_or("none".to_owned(), |rules| rules.notional.to_string())
        };
        self.at(format!("{field}.notional"), freedom(&found) > freedom(&agreed), text(&agreed), text(&found));
        let netted = |rules: &Option<CorridorRules>| rules.as_ref().and_then(|rules| rules.netted_with.clone());
        let (found, agreed) = (netted(&found), netted(&agreed));
        let is_other = found.is_some() && found != agreed;
        let text = |with: Option<Corridor>| with.map_or("none".to_owned(), |with| named("corridor", &with));
        self.at(format!("{field}.netted_with"), is_other, text(agreed), text(found));
    }

    fn asset(&mut self, field: &str, found: &AssetRules, agreed: &AssetRules) {
        let AssetRules { window, notional, price, sender, recipient, most_of_p99, usual, exposure } = found;
        self.at_most(format!("{field}.window"), window, &agreed.window);
        let [found_value, agreed_value] = [notional, &agreed.notional].map(|limit| limit.unwrap_or(Limit::Unlimited));
        self.at_most(format!("{field}.notional"), &found_value, &agreed_value);
        self.at_most(format!("{field}.most_of_p99"), most_of_p99, &agreed.most_of_p99);
        self.at_most(format!("{field}.usual"), usual, &agreed.usual);
        for (side, found, agreed) in [("sender", sender, &agreed.sender), ("recipient", recipient, &agreed.recipient)] {
            let Bucket { capacity, refill_seconds } = found;
            self.at_most(format!("{field}.{side}.capacity"), capacity, &agreed.capacity);
            self.at_least(format!("{field}.{side}.refill_seconds"), refill_seconds, &agreed.refill_seconds);
        }
        match (price, &agreed.price) {
            (Some(found), Some(agreed)) => self.price(&format!("{field}.price"), found, agreed),
            (None, Some(_)) => self.at(format!("{field}.price"), true, "one", "none"),
            (_, None) => {}
        }
        match (exposure, &agreed.exposure) {
            (Some(found), Some(agreed)) => self.exposure(&format!("{field}.exposure"), found, agreed),
            (None, Some(_)) => self.at(format!("{field}.exposure"), true, "one", "none"),
            (_, None) => {}
        }
    }

    /// What is not counted as come back counts as locked.
    fn exposure(&mut self, field: &str, found: &ExposureRule, agreed: &ExposureRule) {
        let ExposureRule { share, returned_as } = found;
        self.at_most(format!("{field}.share"), share, &agreed.share);
        for asset in agreed.returned_as.difference(returned_as) {
            self.at(format!("{field}.returned_as"), true, asset, "not");
        }
    }

    /// A price can only tighten: what is believed for longer, or at a greater width, is stricter than nothing.
    fn price(&mut self, field: &str, found: &PriceRule, agreed: &PriceRule) {
        let PriceRule { unit, floor, fresh_for, stale_after, widest } = found;
        self.at_most(format!("{field}.unit"), unit, &agreed.unit);
        self.at_least(format!("{field}.floor"), floor, &agreed.floor);
        self.at_most(format!("{field}.fresh_for"), fresh_for, &agreed.fresh_for);
        self.at_least(format!("{field}.stale_after"), stale_after, &agreed.stale_after);
        self.at_least(format!("{field}.widest"), widest, &agreed.widest);
    }
}

/// A row of a corridor, by name.
pub(crate) fn named(row: &str, corridor: &Corridor) -> String {
    let Corridor { source, destination, asset, lane } = corridor;
    format!("{row} {asset} from {source} to {destination}, {lane} lane")
}

/// As it is shown to who agrees: nothing in it can hide what comes after it.
fn quoted(text: &impl Debug) -> String {
    format!("{text:?}")
}
