//! How amounts of assets are written for people: by symbol and decimals, on an asset's own chain and where it is paid.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spandrel_api::{Denomination, DenominationError, Denominations};
use spandrel_verifiers::{AssetId, ChainId};

use super::Config;
use super::check::refuse;

/// How amounts of an asset are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Row", into = "Row")]
pub struct AssetConfig {
    /// Which.
    pub id: AssetId,
    /// On its own chain.
    pub own: Denomination,
    /// That of the token by which it is paid, by destination.
    pub paid_as: BTreeMap<ChainId, Denomination>,
}

/// How amounts of an asset are written: nothing else depends on it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AssetConfig")]
pub(super) struct Row {
    /// CAIP-19 id, as limits name it.
    #[schemars(with = "super::schema::Asset")]
    id: AssetId,
    /// Its short name: 1 to 12 printable ASCII characters.
    #[schemars(with = "super::schema::Symbol")]
    symbol: String,
    /// How many digits of base units stand behind the point of a unit.
    #[schemars(range(max = 36))]
    decimals: u8,
    /// The token by which it is paid, by destination. As many base units are paid as were deposited, whatever its decimals.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<super::schema::Chain, super::schema::PaidAs>")]
    paid_as: BTreeMap<ChainId, Denomination>,
}

impl TryFrom<Row> for AssetConfig {
    type Error = DenominationError;

    fn try_from(Row { id, symbol, decimals, paid_as }: Row) -> Result<Self, DenominationError> {
        Ok(Self { id, own: Denomination::new(symbol, decimals)?, paid_as })
    }
}

impl From<AssetConfig> for Row {
    fn from(AssetConfig { id, own, paid_as }: AssetConfig) -> Self {
        Self { id, symbol: own.symbol().to_owned(), decimals: own.decimals(), paid_as }
    }
}

impl Config {
    /// How amounts are written for people.
    pub fn denominations(&self) -> Denominations {
        let with =
            |all: Denominations, row: &AssetConfig| all.with(row.id.clone(), row.own.clone(), row.paid_as.clone());
        self.asset.iter().fold(Denominations::default(), with)
    }

    /// A row that is for nothing is a row that was meant for something else.
    pub(super) fn check_assets(&self, destinations: &BTreeSet<ChainId>) -> Result<()> {
        let named: BTreeSet<&AssetId> =
            self.limit.limits.keys().map(|corridor| &corridor.asset).chain(&self.retired.assets).collect();
        let mut seen = BTreeSet::new();
        for AssetConfig { id, paid_as, .. } in &self.asset {
            if !named.contains(id) {
                return refuse("asset.id", "an asset that a limit names, or a retired one", id);
            }
            if !seen.insert(id) {
                return refuse("asset.id", "each asset once", id);
            }
            if let Some(chain) = paid_as.keys().find(|chain| !destinations.contains(chain)) {
                return refuse(format!("asset {id}.paid_as"), "configured destinations", chain);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::EXAMPLE;
    use super::*;

    fn refused(from: &str, to: &str) -> String {
        assert!(EXAMPLE.contains(from), "the example has no {from:?}");
        format!("{:#}", Config::parse(&EXAMPLE.replacen(from, to, 1)).unwrap_err())
    }

    #[test]
    fn the_example_tells_each_side_by_its_own_token() {
        let told = Config::parse(EXAMPLE).unwrap().denominations();
        let bitcoin = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0";
        assert_eq!(told.of(bitcoin).unwrap().amount("125000000"), "1.25 BTC");
        assert_eq!(told.paid(bitcoin, "eip155:31337").unwrap().amount("125000000"), "1.25 sBTC");
    }

    #[test]
    fn symbols_and_decimals_are_bounded_and_rows_are_for_what_crosses() {
        let symbol = "symbol = \"BTC\"";
        for odd in ["", "ABCDEFGHIJKLM", "B\\u20bfC", "B\\nC"] {
            let error = refused(symbol, &format!("symbol = \"{odd}\""));
            assert!(error.contains("symbol: expected 1 to 12 printable ASCII"), "{error}");
        }
        let error = refused("decimals = 8\n", "decimals = 37\n");
        assert!(error.contains("decimals: expected at most 36, found 37"), "{error}");
        assert!(refused("decimals = 8 }", "decimals = 37 }").contains("decimals: expected at most 36"));
        let id = "id = \"bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0\"";
        assert!(refused(id, &id.replace("slip44:0", "slip44:1")).contains("asset.id: expected an asset that a limit"));
        let paid = "paid_as = { \"eip155:31337\"";
        assert!(refused(paid, &paid.replace("31337", "1")).contains("paid_as: expected configured destinations"));
        let row = "symbol = \"BTC\"\ndecimals = 8\n";
        let twice = format!("{row}\n[[asset]]\n{id}\n{row}");
        assert!(refused(row, &twice).contains("asset.id: expected each asset once"));
        Config::parse(&EXAMPLE.replacen(symbol, "symbol = \"B C\"", 1)).unwrap();
    }
}
