//! Amounts, names and times as people read them. What is exact stays beside it, in base units and CAIP names.

use axum::http::StatusCode;
use spandrel_verifiers::{ChainId, UnixSeconds, bitcoin::ChainParams};

use crate::denomination::is_decimal;
use crate::service::shown_time;
use crate::{AmountError, Denomination, Denominations, Problem};

/// What amounts are written in.
pub fn symbol(of: Option<&Denomination>) -> &str {
    of.map_or("base units", Denomination::symbol)
}

/// The short name of an asset.
pub fn asset_name(asset: &str, denominations: &Denominations) -> String {
    let reference = || asset.split_once('/').map_or(asset, |(_, name)| name).to_owned();
    denominations.of(asset).map_or_else(reference, |of| of.symbol().to_owned())
}

/// `amount` (base units, or `unlimited`) with its symbol.
pub fn amount(amount: &str, of: Option<&Denomination>) -> String {
    match of {
        Some(of) => of.amount(amount),
        None if is_decimal(amount) => format!("{amount} base units"),
        None => amount.to_owned(),
    }
}

/// Base units of what a person wrote: units where they are known, base units where not.
///
/// # Errors
/// 400 for what is no number, or finer than a base unit.
pub fn base_units(text: &str, of: Option<&Denomination>) -> Result<String, Problem> {
    let text = text.trim();
    match of {
        Some(of) => of.base_units(text).map_err(|error| match error {
            AmountError::NoNumber(symbol) => Problem::invalid("amount", format!("a number of {symbol}"), text),
            too_fine => Problem::new(StatusCode::BAD_REQUEST, "INVALID_PARAMETER", too_fine).about("amount"),
        }),
        None if is_decimal(text) => Ok(text.to_owned()),
        None => Err(Problem::invalid("amount", "a number of base units", text)),
    }
}

/// The name of a chain.
pub fn chain_name(id: &str) -> String {
    let Ok(chain) = ChainId::parse(id) else { return id.to_owned() };
    match (chain.eip155_number(), ChainParams::of_chain(&chain)) {
        (Some(1), _) => "Ethereum".to_owned(),
        (Some(number), _) => format!("EVM chain {number}"),
        (None, Some(params)) if params.network == bitcoin::Network::Bitcoin => "Bitcoin".to_owned(),
        (None, Some(params)) => format!("Bitcoin {}", params.network),
        _ => id.to_owned(),
    }
}

/// A lane, a status or an event as words.
pub fn words(name: &str) -> String {
    match name {
        "light_client" => "light client".to_owned(),
        other => other.replace('_', " "),
    }
}

/// A long hexadecimal name, its middle left out.
pub fn short(id: &str) -> String {
    let is_plain = id.len() > 20 && id.is_ascii();
    match (is_plain, id.get(..10), id.get(id.len().saturating_sub(6)..)) {
        (true, Some(head), Some(tail)) => format!("{head}…{tail}"),
        _ => id.to_owned(),
    }
}

/// An account as its chain's users write it: an address, where 32 bytes hold one.
pub fn account(word: &str) -> String {
    match word.strip_prefix("0x000000000000000000000000") {
        Some(address) if address.len() == 40 => format!("0x{address}"),
        _ => word.to_owned(),
    }
}

/// A length of time, in its two largest units at most.
pub fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) if seconds < 600 && !seconds.is_multiple_of(60) => format!("{minutes} min {} s", seconds % 60),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// An RFC 3339 time as people read it.
pub fn time(text: &str) -> String {
    text.replace('T', " ").replace('Z', " UTC")
}

/// Unix seconds as people read them.
pub fn moment(at: UnixSeconds) -> String {
    time(&shown_time(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_in_units_where_they_are_known_and_in_base_units_where_not() {
        let dollars = Denomination::new("USDX", 6).unwrap();
        assert_eq!(amount("1250000", Some(&dollars)), "1.25 USDX");
        assert_eq!(base_units(" 1.25 ", Some(&dollars)).unwrap(), "1250000");
        assert_eq!(amount("7", None), "7 base units");
        assert_eq!(base_units("7", None).unwrap(), "7");
        for of in [Some(&dollars), None] {
            assert_eq!(amount("unlimited", of), "unlimited");
            for text in ["", "1,5", "-1", "1e3"] {
                let refused = base_units(text, of).unwrap_err();
                assert!(refused.detail.contains(&format!("a number of {}", symbol(of))), "{text}: {refused}");
            }
        }
        assert!(base_units("1.5", None).is_err());
        let refused = base_units("0.0000001", Some(&dollars)).unwrap_err();
        assert!(refused.detail.contains("at most 6 digits after the point") && refused.detail.contains("found 7"));
    }

    #[test]
    fn names_are_shortened_only_when_they_are_long_and_plain() {
        assert_eq!(short("0x1234567890abcdef1234567890abcdef"), "0x12345678…abcdef");
        assert_eq!(short("0x1234"), "0x1234");
        let odd = "ü".repeat(30);
        assert_eq!(short(&odd), odd);
        assert_eq!(account(&format!("0x{}{}", "0".repeat(24), "ab".repeat(20))), format!("0x{}", "ab".repeat(20)));
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let shown = [0, 59, 61, 3_540, 3_600, 5_400, 90_000, 432_000].map(duration);
        assert_eq!(shown, ["0 s", "59 s", "1 min 1 s", "59 min", "1 h", "1 h 30 min", "1 d 1 h", "5 d"]);
    }
}
