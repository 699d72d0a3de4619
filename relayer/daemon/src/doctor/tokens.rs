//! Whether amounts are written as the tokens say: symbol and decimals of an asset on its own chain, and where it is paid.

use alloy_primitives::Address;
use anyhow::Result;
use spandrel_api::Denomination;
use spandrel_contracts::{Inbox, TestToken};
use spandrel_verifiers::{AssetId, ChainId};

use super::Row;
use super::evm::Evm;
use crate::config::{Config, Destination};

/// As much of a symbol as is shown: it is a stranger's text.
const SHOWN: usize = 40;

/// What a token says of itself (ERC-20, both optional).
struct Told {
    symbol: String,
    decimals: u8,
}

impl Told {
    async fn by(token: Address, evm: &Evm) -> Result<Self> {
        let decimals = evm.read(token, &TestToken::decimalsCall {}).await?;
        let symbol = evm.read(token, &TestToken::symbolCall {}).await?;
        Ok(Self { symbol, decimals })
    }

    /// As it is written into the configuration.
    fn fields(&self) -> String {
        let symbol: String = self.symbol.chars().take(SHOWN).collect();
        format!("symbol = {symbol:?}, decimals = {}", self.decimals)
    }
}

/// Of `asset` on its own chain, by the node of `who`; nothing of a coin, whose contract is none.
pub async fn own(config: &Config, chain: &ChainId, asset: &AssetId, who: &str, evm: &Evm) -> Option<Row> {
    let (of_chain, token) = asset.as_str().rsplit_once("/erc20:")?;
    let token = (of_chain == chain.as_str()).then(|| token.parse().ok()).flatten()?;
    let what = format!("ethereum {chain} {who}: units of {asset}");
    let configured = config.denominations().of(asset.as_str());
    Some(compare(what, configured.as_ref(), Told::by(token, evm).await, &format!("the [[asset]] row of {asset}")))
}

/// Of the token by which `asset` from `source` is paid; nothing where it is a coin, or none is set.
pub async fn paid(config: &Config, target: &Destination, source: &ChainId, asset: &AssetId, evm: &Evm) -> Option<Row> {
    let asked = Inbox::payoutOfCall { sourceChain: source.hash(), asset: asset.hash() };
    let token = evm.read(target.inbox, &asked).await.ok()?.token;
    if token.is_zero() {
        return None;
    }
    let what = format!("destination {} units of {asset} from {source}", target.chain);
    let configured = config.denominations().paid(asset.as_str(), target.chain.as_str());
    let place = format!("`paid_as` of {} in the [[asset]] row of {asset}", target.chain);
    Some(compare(what, configured.as_ref(), Told::by(token, evm).await, &place))
}

/// Other decimals are wrong by powers of ten. Another symbol may be meant, and no symbol may be all there is.
fn compare(what: String, configured: Option<&Denomination>, told: Result<Told>, place: &str) -> Row {
    match (configured, told) {
        (Some(of), Ok(told)) => {
            let fields = told.fields();
            let here = format!("symbol = {:?}, decimals = {}", of.symbol(), of.decimals());
            let found = format!("expected what the token says, {fields}, found {here}");
            if of.decimals() != told.decimals {
                let mend = format!("correct {place}: {fields}. Until then every amount of it is shown wrongly");
                Row::wrong(what, found, mend)
            } else if of.symbol() != told.symbol {
                let mend = format!("correct {place}: {fields}; or leave it, if users know the token by the other name");
                Row::warn(what, found, mend)
            } else {
                Row::ok(what, here)
            }
        }
        (Some(_), Err(error)) => Row::warn(
            what,
            format!("{error:#}"),
            format!("compare {place} with the token's own documents: on the chain it does not tell"),
        ),
        (None, Ok(told)) => {
            let fields = told.fields();
            let found = "expected a symbol and decimals, found none: amounts are shown in base units";
            Row::warn(what, found, format!("the token says {fields}: write it into {place}"))
        }
        (None, Err(error)) => Row::skipped(what, format!("neither configured nor told by the token: {error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::super::State;
    use super::*;

    #[test]
    fn other_decimals_are_wrong_and_other_names_are_looked_at() {
        let of = |symbol: &str, decimals| Denomination::new(symbol, decimals).unwrap();
        let says = |symbol: &str, decimals| Ok(Told { symbol: symbol.to_owned(), decimals });
        let (usdx, silent) = (of("USDX", 6), || Err(anyhow!("it reverts")));
        for (configured, told, state, parts) in [
            (Some(&usdx), says("USDX", 6), State::Ok, ["\"USDX\"", "decimals = 6"]),
            (Some(&usdx), says("USDX", 18), State::Wrong, ["expected what the token says", "decimals = 18"]),
            (Some(&usdx), says("USDY", 18), State::Wrong, ["correct the row", "symbol = \"USDY\""]),
            (Some(&usdx), says("USD\u{202e}", 6), State::Warn, ["USD\\u{202e}", "correct the row"]),
            (Some(&usdx), silent(), State::Warn, ["it reverts", "compare the row"]),
            (None, says("USDX", 6), State::Warn, ["shown in base units", "decimals = 6: write it into the row"]),
            (None, silent(), State::Skipped, ["neither configured", "it reverts"]),
        ] {
            let row = compare("units".to_owned(), configured, told, "the row");
            let text = format!("{} {}", row.found, row.mend.as_deref().unwrap_or_default());
            assert!(row.state == state && parts.iter().all(|part| text.contains(part)), "{state:?} {parts:?}: {row:?}");
        }
        let long = compare("units".to_owned(), Some(&usdx), says(&"X".repeat(10_000), 6), "the row");
        assert!(long.found.len() < 300, "a stranger's text is cut");
    }
}
