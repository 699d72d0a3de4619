//! What a chain's `RiskGuard` bounds, beside what is configured. More there bounds nothing of what goes wrong here; less
//! refuses what is cleared here.

use std::fmt;

use alloy_primitives::{Address, U256};
use anyhow::Result;
use spandrel_contracts::{RiskGuard, lane};
use spandrel_risk::{Corridor, Lane, Limit, Limits};
use spandrel_verifiers::ChainId;

use super::Row;
use super::evm::Evm;
use crate::config::{Config, Destination};

/// A row for each limit of the file towards `target`, whose guard is `guard`.
pub async fn look(config: &Config, target: &Destination, guard: Address, evm: &Evm) -> Vec<Row> {
    let mut rows = Vec::new();
    for (corridor, limits) in config.limit.limits.iter().filter(|(corridor, _)| corridor.destination == target.chain) {
        let Corridor { source, asset, lane, .. } = corridor;
        let what = format!("destination {} {lane} limits of {asset} from {source}", target.chain);
        rows.push(match read(corridor, guard, evm).await {
            Ok(found) => compare(what, limits, &found, corridor, guard),
            Err(error) => Row::wrong(what, format!("{error:#}"), "look at the node, and at the inbox's guard"),
        });
    }
    rows
}

/// The contracts' number of the lane by which deposits of `source` are paid.
pub(super) fn claim_lane(source: &ChainId, lane: Lane) -> u8 {
    match lane {
        Lane::Fast => lane::FAST,
        Lane::LightClient if source.eip155_number().is_some() => lane::ETHEREUM,
        Lane::LightClient => lane::BITCOIN,
    }
}

async fn read(corridor: &Corridor, guard: Address, evm: &Evm) -> Result<RiskGuard::Limits> {
    let (asset, source) = (corridor.asset.hash(), corridor.source.hash());
    let number = claim_lane(&corridor.source, corridor.lane);
    evm.read(guard, &RiskGuard::limitsCall { lane: number, asset, sourceChain: source }).await
}

/// One bound, here and on the chain.
struct Bound {
    name: &'static str,
    here: U256,
    there: u128,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |amount: U256| match amount {
            amount if amount >= U256::from(u128::MAX) => "unlimited".to_owned(),
            amount => amount.to_string(),
        };
        write!(f, "{} {}, found {}", self.name, shown(self.here), shown(U256::from(self.there)))
    }
}

fn compare(what: String, limits: &Limits, found: &RiskGuard::Limits, corridor: &Corridor, guard: Address) -> Row {
    let is_fast = corridor.lane == Lane::Fast;
    // The contract's largest number is its word for unlimited.
    let bound = |name, here: &Limit, there| Bound { name, here: here.amount().min(U256::from(u128::MAX)), there };
    let mut bounds = vec![
        bound("per_transfer", &limits.per_transfer, found.perTransfer),
        bound("window", &limits.window, found.perWindow),
    ];
    if is_fast {
        bounds.push(bound("exposure_cap", &limits.exposure_cap, found.exposureCap));
    }
    let is_open = bounds.iter().all(|bound| !bound.here.is_zero());
    let raise = format!("by the role that raises limits, RiskGuard.raise at {guard}");
    if is_open && bounds.iter().all(|bound| bound.there == 0) {
        let found = "expected limits on the chain, found none: it pays nothing on this lane";
        return Row::wrong(what, found, format!("set them there: {raise}; or close the lane here with 0"));
    }
    if is_open && is_fast && found.settleWithin == 0 {
        let found = "settleWithin: expected seconds, found 0: the chain pays nothing on the fast lane";
        return Row::wrong(what, found, format!("set it there: {raise}"));
    }
    let delays = found.bigFrom != u128::MAX && found.bigFrom <= found.perTransfer;
    if is_open && is_fast && delays && found.bigDelay >= found.settleWithin {
        let (delay, within) = (found.bigDelay, found.settleWithin);
        let found = format!(
            "bigDelay: expected less than settleWithin, {within} s, found {delay} s: what is delayed is overdue before it is \
             paid, and whoever likes closes the lane for it"
        );
        let mend =
            format!("have bigDelay lowered or settleWithin raised there: {raise}; or close the lane here with 0");
        return Row::wrong(what, found, mend);
    }
    let told = |is_off: fn(&Bound) -> bool| {
        let off: Vec<String> = bounds.iter().filter(|bound| is_off(bound)).map(Bound::to_string).collect();
        (!off.is_empty()).then(|| off.join("; "))
    };
    if let Some(less) = told(|bound| U256::from(bound.there) < bound.here) {
        let found =
            format!("expected at least what is configured, {less} on the chain: it refuses what is cleared here");
        return Row::wrong(what, found, format!("lower it here (spandrel limits lower), or raise it there: {raise}"));
    }
    match told(|bound| U256::from(bound.there) > bound.here) {
        Some(more) => {
            let found = format!("what is bounded on-chain is more than configured: expected {more}");
            let mend = format!("lower it there: any guardian, RiskGuard.lower at {guard}; or two raise it here");
            Row::warn(what, found, mend)
        }
        None => Row::ok(what, "the same on the chain"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn corridor(source: &str, lane: Lane) -> Corridor {
        let asset = format!("{source}/slip44:0").parse().unwrap();
        Corridor { source: source.parse().unwrap(), destination: ChainId::eip155(2), asset, lane }
    }

    fn configured(per_transfer: Limit, exposure: u64) -> Limits {
        let exposure_cap = Limit::Amount(U256::from(exposure));
        Limits { per_transfer, window: Limit::Amount(U256::from(100)), exposure_cap, ..Limits::CLOSED }
    }

    fn there(per_transfer: u128, window: u128, exposure: u128, settle: u32) -> RiskGuard::Limits {
        RiskGuard::Limits {
            perTransfer: per_transfer,
            perWindow: window,
            exposureCap: exposure,
            bigFrom: u128::MAX,
            bigDelay: 0,
            settleWithin: settle,
        }
    }

    #[test]
    fn each_bound_is_compared_and_only_the_fast_lane_has_exposure() {
        let (ten, lanes) = (Limit::Amount(U256::from(10)), [Lane::Fast, Lane::LightClient]);
        for (lane, here, found, expected, part) in [
            (Lane::Fast, configured(ten, 50), there(10, 100, 50, 60), State::Ok, "the same"),
            (Lane::Fast, configured(ten, 50), there(0, 0, 0, 0), State::Wrong, "found none"),
            (Lane::Fast, configured(ten, 50), there(10, 100, 50, 0), State::Wrong, "settleWithin"),
            (Lane::Fast, configured(ten, 50), there(9, 100, 51, 60), State::Wrong, "per_transfer 10, found 9 on"),
            (Lane::Fast, configured(ten, 50), there(10, 100, 49, 60), State::Wrong, "exposure_cap 50, found 49"),
            (
                Lane::Fast,
                configured(ten, 50),
                there(10, 101, 51, 60),
                State::Warn,
                "window 100, found 101; exposure_cap",
            ),
            (Lane::Fast, configured(ten, 0), there(0, 0, 0, 0), State::Wrong, "per_transfer 10, found 0"),
            (Lane::LightClient, configured(ten, 50), there(10, 100, 0, 0), State::Ok, "the same"),
            (Lane::LightClient, configured(Limit::Unlimited, 0), there(u128::MAX, 100, 0, 0), State::Ok, "the same"),
            (
                Lane::LightClient,
                configured(Limit::Unlimited, 0),
                there(7, 100, 0, 0),
                State::Wrong,
                "unlimited, found 7",
            ),
            (Lane::LightClient, configured(ten, 0), there(u128::MAX, 100, 0, 0), State::Warn, "10, found unlimited"),
        ] {
            let row = compare("limits".to_owned(), &here, &found, &corridor("eip155:1", lane), Address::ZERO);
            assert!(row.state == expected && row.found.contains(part), "{expected:?} {part}: {row:?}");
        }
        for lane in lanes {
            let row = compare(
                "limits".to_owned(),
                &Limits::CLOSED,
                &there(0, 0, 0, 0),
                &corridor("eip155:1", lane),
                Address::ZERO,
            );
            assert_eq!(row.state, State::Ok, "closed here and there: {row:?}");
        }
    }

    /// The time in which a fast payout is to be proven runs from its claim, in which a large one is not paid yet.
    #[test]
    fn a_large_fast_payout_is_not_overdue_before_it_is_paid() {
        let limits = configured(Limit::Amount(U256::from(10)), 50);
        let state = |lane, from, delay| {
            let found = RiskGuard::Limits { bigFrom: from, bigDelay: delay, ..there(10, 100, 50, 60) };
            compare("limits".to_owned(), &limits, &found, &corridor("eip155:1", lane), Address::ZERO).state
        };
        assert_eq!(state(Lane::Fast, 10, 60), State::Wrong);
        assert_eq!(
            (state(Lane::Fast, 10, 59), state(Lane::Fast, 11, 60)),
            (State::Ok, State::Ok),
            "none is delayed so long"
        );
        assert_ne!(state(Lane::LightClient, 10, 60), State::Wrong, "nothing is to be proven after it");
    }

    #[test]
    fn the_lane_is_that_of_the_source() {
        let bitcoin = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328".parse().unwrap();
        assert_eq!(claim_lane(&bitcoin, Lane::Fast), lane::FAST);
        assert_eq!(claim_lane(&bitcoin, Lane::LightClient), lane::BITCOIN);
        assert_eq!(claim_lane(&ChainId::eip155(1), Lane::LightClient), lane::ETHEREUM);
    }
}
