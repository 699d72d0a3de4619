//! A node of a price feed: whether it tells a price, and one that is believed.

use anyhow::Result;
use spandrel_risk::{Price, PriceRule, PriceState};
use spandrel_watchers::ethereum::{Endpoint, PriceFeed, PublishedPrice};

use super::{PATIENCE, Row, Seen};
use crate::clock::unix_now;
use crate::config::PriceFeedConfig;

pub async fn look(feed: &PriceFeedConfig, rule: Option<&PriceRule>, who: String, node: &str) -> Seen {
    let what = format!("price of {} {who}", feed.asset);
    let row = match read(feed, node).await {
        Ok(told) => judge(rule, told, what),
        Err(error) => {
            let mend = "start the node, or correct `nodes`, `chain`, `contract` or `publisher` of this price_feed";
            Row::wrong(what, format!("{error:#}"), mend)
        }
    };
    vec![row].into()
}

/// What this node alone tells.
async fn read(feed: &PriceFeedConfig, node: &str) -> Result<PublishedPrice> {
    let nodes = vec![Endpoint::parse("price_feed.nodes", node)?];
    let alone = PriceFeed::new(&feed.chain, feed.contract, feed.publisher, feed.digits, nodes, 1, PATIENCE)?;
    Ok(alone.read().await?)
}

/// As limits will take it.
fn judge(rule: Option<&PriceRule>, told: PublishedPrice, what: String) -> Row {
    let PublishedPrice { value, confidence, published_at } = told;
    let now = unix_now();
    let found = format!("{value} with a confidence of {confidence}, {} s old", now.saturating_sub(published_at));
    let price = Price { value, confidence, published_at };
    match rule {
        Some(rule) if price.state(rule, now) == PriceState::Stale => {
            let (age, widest) = (rule.stale_after, rule.widest);
            let expected = format!("one of the last {age} s, no wider than {widest} hundredths of a percent");
            let mend = "look whether the contract is still published to, and at this machine's clock; value goes by \
                        the configured floor meanwhile";
            Row::wrong(what, format!("expected {expected}, found {found}"), mend)
        }
        _ => Row::ok(what, found),
    }
}
