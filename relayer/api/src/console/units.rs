//! Amounts, names and times as people read them. What is exact stays beside it, in base units and CAIP names.

use spandrel_verifiers::{ChainId, UnixSeconds, bitcoin::ChainParams};

use crate::Problem;
use crate::service::shown_time;

/// Decimals and symbol of a chain's own coin by its SLIP-44 number; other assets are shown in base units.
fn coin(asset: &str) -> Option<(usize, &'static str)> {
    match asset.split_once("/slip44:")?.1 {
        "0" => Some((8, "BTC")),
        "1" => Some((8, "test BTC")),
        "60" => Some((18, "ETH")),
        _ => None,
    }
}

/// What amounts of `asset` are written in.
pub fn symbol(asset: &str) -> &'static str {
    coin(asset).map_or("base units", |(_, symbol)| symbol)
}

/// The short name of an asset.
pub fn asset_name(asset: &str) -> &str {
    coin(asset).map_or_else(|| asset.split_once('/').map_or(asset, |(_, name)| name), |(_, symbol)| symbol)
}

/// `amount` (base units, or `unlimited`) with its symbol.
pub fn amount(amount: &str, asset: &str) -> String {
    if !is_decimal(amount) {
        return amount.to_owned();
    }
    format!("{} {}", number(amount, asset), symbol(asset))
}

/// `amount` in whole coins, where they are known.
pub fn number(amount: &str, asset: &str) -> String {
    let Some((decimals, _)) = coin(asset) else { return amount.to_owned() };
    let padded = format!("{amount:0>width$}", width = decimals + 1);
    let (whole, part) = padded.split_at(padded.len() - decimals);
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// Base units of what a person wrote in the symbol of `asset`.
///
/// # Errors
/// 400 for what is no number, or finer than a base unit.
pub fn base_units(text: &str, asset: &str) -> Result<String, Problem> {
    let text = text.trim();
    let invalid = || Problem::invalid("amount", format!("a number of {}", symbol(asset)), text);
    let Some((decimals, _)) = coin(asset) else {
        return if is_decimal(text) { Ok(text.to_owned()) } else { Err(invalid()) };
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = is_decimal(whole) && part.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 100;
    if !is_number || part.len() > decimals {
        return Err(invalid());
    }
    let digits = format!("{whole}{part:0<decimals$}");
    let trimmed = digits.trim_start_matches('0');
    Ok(if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() })
}

fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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

    const ETHER: &str = "eip155:1/slip44:60";
    const TOKEN: &str = "eip155:1/erc20:0x0000000000000000000000000000000000000001";

    #[test]
    fn amounts_read_as_coins_and_back() {
        for (base, coins) in [
            ("0", "0"),
            ("1", "0.000000000000000001"),
            ("500000000000000000", "0.5"),
            ("1000000000000000000", "1"),
            ("123450000000000000000", "123.45"),
        ] {
            assert_eq!(number(base, ETHER), coins);
            assert_eq!(base_units(coins, ETHER).unwrap(), base);
        }
        assert_eq!(amount("7", TOKEN), "7 base units");
        assert_eq!(amount("unlimited", ETHER), "unlimited");
        assert_eq!(base_units("7", TOKEN).unwrap(), "7");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let finer = format!("0.{}1", "0".repeat(18));
        for text in ["", ".", ".5", "-1", "1e3", "1,5", "0x1", "1.2.3", "½", &finer] {
            assert!(base_units(text, ETHER).is_err(), "{text}");
        }
        assert!(base_units("1.5", TOKEN).is_err());
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
