//! The hash of everything that a decision depends on: two engines that agree on it must agree on the decision.
//!
//! `keccak256` over the fields in a fixed order: numbers big-endian, texts and what may be absent after their length.

use alloy_primitives::{B256, U256, U512, keccak256};
use spandrel_verifiers::UnixSeconds;

use crate::facts::Shared;
use crate::{Bucket, Lane, Limit, Position, RiskPolicy};

/// Bytes in their order.
struct Inputs(Vec<u8>);

impl Inputs {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    fn amount(&mut self, amount: U256) -> &mut Self {
        self.bytes(&amount.to_be_bytes::<32>())
    }

    fn sum(&mut self, sum: U512) -> &mut Self {
        self.bytes(&sum.to_be_bytes::<64>())
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len().try_into().unwrap_or(u64::MAX)).bytes(text.as_bytes())
    }

    fn maybe(&mut self, amount: Option<U256>) -> &mut Self {
        match amount {
            Some(amount) => self.number(1).amount(amount),
            None => self.number(0),
        }
    }

    fn limit(&mut self, limit: Limit) -> &mut Self {
        match limit {
            Limit::Amount(amount) => self.maybe(Some(amount)),
            Limit::Unlimited => self.maybe(None),
        }
    }

    fn bucket(&mut self, bucket: &Bucket) -> &mut Self {
        self.limit(bucket.capacity).number(bucket.refill_seconds)
    }

    fn lane(&mut self, lane: Option<Lane>) -> &mut Self {
        self.number(match lane {
            None => 0,
            Some(Lane::Fast) => 1,
            Some(Lane::LightClient) => 2,
        })
    }
}

impl Position<'_> {
    /// The hash of everything that the decision depends on: the deposit, the limits, and what is read from the state.
    pub fn inputs(&self, policy: &RiskPolicy, first_asked_at: UnixSeconds) -> B256 {
        let mut all = Inputs(Vec::with_capacity(1_600));
        // The id is the hash of all fields of the deposit.
        all.bytes(self.id.0.as_slice()).lane(Some(self.corridor.lane));
        all.number(self.now).number(self.latest).number(first_asked_at).number(self.confirmations);
        if self.latest > self.deposit.expiry {
            return keccak256(all.0);
        }
        all.text(&self.paused.as_ref().map(ToString::to_string).unwrap_or_default());
        if self.closed.is_some() && self.paid_on().is_none() {
            all.text("over");
        }
        all.lane(self.paid_on()).maybe(self.record.proven.as_ref().map(|locked| locked.amount));
        all.sum(self.sums.proven).sum(self.sums.released).sum(self.sums.exposure).sum(self.window_used);
        let Some(rules) = self.rules(policy) else { return keccak256(all.0) };
        let limits = rules.corridor;
        for limit in [limits.per_transfer, limits.exposure_cap, limits.window, limits.large_from] {
            all.limit(limit);
        }
        all.number(limits.large_delay).amount(limits.dust);
        all.number(rules.by_value.is_some().into()).limit(rules.by_value.map_or(Limit::CLOSED, |rules| rules.notional));
        all.limit(rules.destination).limit(rules.asset.window);
        all.bucket(&rules.asset.sender)
            .bucket(&rules.asset.recipient)
            .limit(rules.asset.most_of_p99)
            .amount(rules.asset.usual);
        if let Some(rule) = &rules.asset.exposure {
            let Shared { locked, exposure } = self.shared(rule);
            all.number(rule.share.into()).sum(locked).sum(exposure);
        }
        if let Some(depth) = policy.wide.depths.get(&self.corridor.source) {
            all.amount(depth.block_cost).number(depth.least);
        }
        let facts = self.facts(policy, &rules);
        all.sum(facts.asset_used).maybe(facts.notional).amount(facts.charged);
        all.sum(facts.corridor_notional).sum(facts.destination_notional).sum(facts.source_notional);
        for filled in facts.filled {
            all.sum(filled);
        }
        all.maybe(facts.p99);
        if let Some(limit) = rules.asset.notional {
            all.limit(limit).sum(facts.asset_notional);
        }
        keccak256(all.0)
    }
}
