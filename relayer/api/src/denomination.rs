//! In what amounts are written for people: an asset's symbol, and how many digits of its base units stand behind the point.
//!
//! All of it is done on decimal strings, so that nothing is rounded. Of an asset whose digits nobody has told none are
//! guessed: its amounts stay in base units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId};
use utoipa::ToSchema;

/// How amounts of a token are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, try_from = "Unchecked")]
pub struct Denomination {
    /// 1 to 12 printable characters of ASCII.
    symbol: String,
    /// A unit is ten to so many base units; at most 36.
    decimals: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    symbol: String,
    decimals: u8,
}

/// Why a symbol or a number of decimals is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DenominationError {
    /// Too long, empty, or not to be read.
    #[error("symbol: expected 1 to 12 printable ASCII characters, no space at either end, found {0:?}")]
    Symbol(String),
    /// More than any token has.
    #[error("decimals: expected at most 36, found {0}")]
    Decimals(u8),
}

/// Why a text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a plain decimal number.
    #[error("expected a number of {0}")]
    NoNumber(String),
    /// Finer than a base unit.
    #[error("expected at most {most} digits after the point, which is all that {symbol} has, found {found}")]
    TooFine {
        /// Of what.
        symbol: String,
        /// How many there may be.
        most: u8,
        /// How many there are.
        found: usize,
    },
}

impl Denomination {
    /// Longest symbol, bytes.
    pub const LONGEST_SYMBOL: usize = 12;
    /// Most digits behind the point.
    pub const MOST_DECIMALS: u8 = 36;
    /// Longest text that is read as an amount.
    const LONGEST_AMOUNT: usize = 128;

    /// A denomination.
    ///
    /// # Errors
    /// Names what is out of bounds.
    pub fn new(symbol: impl Into<String>, decimals: u8) -> Result<Self, DenominationError> {
        let symbol = symbol.into();
        let is_printable = symbol.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if symbol.is_empty() || symbol.len() > Self::LONGEST_SYMBOL || !is_printable || symbol.trim() != symbol {
            return Err(DenominationError::Symbol(symbol.chars().take(40).collect()));
        }
        if decimals > Self::MOST_DECIMALS {
            return Err(DenominationError::Decimals(decimals));
        }
        Ok(Self { symbol, decimals })
    }

    /// Its short name.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// A unit is ten to so many base units.
    pub fn decimals(&self) -> u8 {
        self.decimals
    }

    /// `base` units in units, as in `1.25`. What is no plain number stays as it is.
    pub fn number(&self, base: &str) -> String {
        if !is_decimal(base) {
            return base.to_owned();
        }
        let decimals = usize::from(self.decimals);
        let padded = format!("{:0>width$}", base.trim_start_matches('0'), width = decimals + 1);
        let (whole, part) = padded.split_at(padded.len() - decimals);
        let part = part.trim_end_matches('0');
        if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
    }

    /// `base` units with the symbol, as in `1.25 USDX`. What is no plain number, such as `unlimited`, stays as it is.
    pub fn amount(&self, base: &str) -> String {
        if is_decimal(base) { format!("{} {}", self.number(base), self.symbol) } else { base.to_owned() }
    }

    /// Base units of a number of units that a person wrote.
    ///
    /// # Errors
    /// What is no number, and what is finer than a base unit: nothing is rounded.
    pub fn base_units(&self, text: &str) -> Result<String, AmountError> {
        let (whole, part) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
        if text.len() > Self::LONGEST_AMOUNT || !is_decimal(whole) || !part.is_none_or(is_decimal) {
            return Err(AmountError::NoNumber(self.symbol.clone()));
        }
        let (decimals, part) = (usize::from(self.decimals), part.unwrap_or_default());
        if part.len() > decimals {
            let symbol = self.symbol.clone();
            return Err(AmountError::TooFine { symbol, most: self.decimals, found: part.len() });
        }
        let digits = format!("{whole}{part:0<decimals$}");
        let trimmed = digits.trim_start_matches('0');
        Ok(if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() })
    }
}

impl TryFrom<Unchecked> for Denomination {
    type Error = DenominationError;

    fn try_from(Unchecked { symbol, decimals }: Unchecked) -> Result<Self, DenominationError> {
        Self::new(symbol, decimals)
    }
}

/// Whether it is digits and nothing else.
pub(crate) fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// How amounts of each asset are written, on its own chain and where it is paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denominations {
    assets: BTreeMap<AssetId, Denomination>,
    paid: BTreeMap<AssetId, BTreeMap<ChainId, Denomination>>,
}

impl Denominations {
    /// With `asset` written in `own` on its chain, and in that of the token by which it is paid on each of the chains of
    /// `paid`.
    #[must_use]
    pub fn with(mut self, asset: AssetId, own: Denomination, paid: BTreeMap<ChainId, Denomination>) -> Self {
        self.paid.insert(asset.clone(), paid);
        self.assets.insert(asset, own);
        self
    }

    /// Of an asset (CAIP-19) on its own chain: what was told, or what is known of a chain's own coin (SLIP-44).
    pub fn of(&self, asset: &str) -> Option<Denomination> {
        let told = AssetId::parse(asset).ok().and_then(|id| self.assets.get(&id).cloned());
        told.or_else(|| coin(asset))
    }

    /// Of the token by which `asset` is paid on `destination` (CAIP-2). As many base units are paid as were deposited.
    pub fn paid(&self, asset: &str, destination: &str) -> Option<Denomination> {
        let (asset, destination) = (AssetId::parse(asset).ok()?, ChainId::parse(destination).ok()?);
        self.paid.get(&asset)?.get(&destination).cloned()
    }
}

fn coin(asset: &str) -> Option<Denomination> {
    let (chain, number) = asset.split_once("/slip44:")?;
    let (symbol, decimals) = match (chain.split_once(':')?.0, number) {
        ("bip122", "0") => ("BTC", 8),
        ("bip122", "1") => ("test BTC", 8),
        ("eip155", "60") => ("ETH", 18),
        _ => return None,
    };
    Denomination::new(symbol, decimals).ok()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use proptest::prelude::*;

    use super::*;

    fn dollars(decimals: u8) -> Denomination {
        Denomination::new("USDX", decimals).unwrap()
    }

    proptest! {
        #[test]
        fn every_amount_comes_back_as_it_was(words in any::<[u64; 4]>(), decimals in 0..=Denomination::MOST_DECIMALS) {
            let (base, dollars) = (U256::from_limbs(words).to_string(), dollars(decimals));
            let shown = dollars.number(&base);
            prop_assert_eq!(dollars.base_units(&shown).unwrap(), base.clone());
            prop_assert_eq!(dollars.amount(&base), format!("{shown} USDX"));
            // And it is the number that it says: the point stands `decimals` digits before the end.
            let (whole, part) = shown.split_once('.').unwrap_or((&shown, ""));
            let digits = format!("{whole}{part:0<width$}", width = usize::from(decimals));
            prop_assert_eq!(digits.parse::<U256>().unwrap().to_string(), base);
            prop_assert!(!part.ends_with('0'));
        }

        #[test]
        fn no_text_is_read_as_another_number(text in "[0-9.,+ e-]{0,12}", decimals in 0u8..8) {
            let Ok(base) = dollars(decimals).base_units(&text) else { return Ok(()) };
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
            let plain = text.trim_start_matches('0');
            let plain = if plain.is_empty() || plain.starts_with('.') { format!("0{plain}") } else { plain.to_owned() };
            let plain = if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.') } else { &plain };
            prop_assert_eq!(dollars(decimals).number(&base), plain);
        }
    }

    #[test]
    fn amounts_read_as_units_and_back() {
        for (base, decimals, shown) in [
            ("0", 6, "0 USDX"),
            ("1", 6, "0.000001 USDX"),
            ("1250000", 6, "1.25 USDX"),
            ("7", 0, "7 USDX"),
            ("0012", 1, "1.2 USDX"),
            ("unlimited", 6, "unlimited"),
        ] {
            assert_eq!(dollars(decimals).amount(base), shown);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_and_what_is_too_fine_by_its_digits() {
        for text in ["", ".", ".5", "5.", "-1", "+1", "1e3", "1,5", "0x1", "1.2.3", "½", " 1", &"9".repeat(129)] {
            assert_eq!(dollars(6).base_units(text), Err(AmountError::NoNumber("USDX".to_owned())), "{text}");
        }
        let refused = dollars(6).base_units("1.2345678").unwrap_err().to_string();
        assert_eq!(refused, "expected at most 6 digits after the point, which is all that USDX has, found 7");
        // Zeros are digits too: whoever writes them means another token.
        assert!(dollars(6).base_units("1.0000000").is_err() && dollars(0).base_units("1.0").is_err());
    }

    #[test]
    fn symbols_and_decimals_are_bounded() {
        for symbol in ["U", "USDX", "test BTC", "ABCDEFGHIJKL"] {
            Denomination::new(symbol, 36).unwrap();
        }
        for symbol in ["", "ABCDEFGHIJKLM", " USDX", "USDX ", "US\nDX", "USD₮", "\u{202e}XDSU"] {
            assert!(matches!(Denomination::new(symbol, 6), Err(DenominationError::Symbol(_))), "{symbol:?}");
        }
        assert_eq!(Denomination::new("USDX", 37), Err(DenominationError::Decimals(37)));
    }

    #[test]
    fn coins_are_known_and_tokens_are_not_guessed() {
        let token = "eip155:1/erc20:0x0000000000000000000000000000000000000001";
        let none = Denominations::default();
        let shown = |asset: &str| none.of(asset).map(|of| of.amount("100000000"));
        assert_eq!(shown("bip122:000000000019d6689c085ae165831e93/slip44:0").as_deref(), Some("1 BTC"));
        assert_eq!(shown("eip155:1/slip44:60").as_deref(), Some("0.0000000001 ETH"));
        for unknown in [token, "eip155:1/slip44:0", "eip155:1/slip44:966", "odd", ""] {
            assert_eq!(shown(unknown), None, "{unknown}");
        }
        let paid = BTreeMap::from([(ChainId::eip155(2), dollars(18))]);
        let told = Denominations::default().with(AssetId::parse(token).unwrap(), dollars(6), paid);
        assert_eq!(told.of(token), Some(dollars(6)));
        assert_eq!(told.paid(token, "eip155:2"), Some(dollars(18)), "each side by its own");
        assert_eq!(told.paid(token, "eip155:3"), None);
        assert_eq!(told.paid("eip155:1/slip44:60", "eip155:2"), None, "a coin is paid by whichever token");
    }
}
