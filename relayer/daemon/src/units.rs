//! Amounts at the command line: in units where they are known, and in base units, which are exact.

use std::path::Path;

use spandrel_api::{Denomination, Denominations};

use crate::config::Config;

/// What a configuration tells of units. Who looks at a ledger may have none at hand, or one that does not read: then of coins
/// alone it is known.
pub fn told_by(config: &Path) -> Denominations {
    if !config.exists() {
        return Denominations::default();
    }
    Config::read(config).map(|config| config.denominations()).unwrap_or_else(|error| {
        eprintln!("amounts of tokens are in base units alone: {error:#}");
        Denominations::default()
    })
}

/// As in `1.25 USDX (1250000 base units)`.
pub fn exact(amount: &str, of: Option<&Denomination>) -> String {
    match of {
        Some(of) => format!("{} ({amount} base units)", of.amount(amount)),
        None => format!("{amount} base units"),
    }
}

/// The same in a table's cell: units, and base units below. What is no number is told once.
pub fn cell(amount: &str, of: Option<&Denomination>) -> String {
    match of.map(|of| of.amount(amount)) {
        Some(units) if units != amount => format!("{units}\n{amount}"),
        _ => amount.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_units_are_always_told() {
        let dollars = Denomination::new("USDX", 6).unwrap();
        assert_eq!(exact("1250000", Some(&dollars)), "1.25 USDX (1250000 base units)");
        assert_eq!(exact("1250000", None), "1250000 base units");
        assert_eq!(cell("1250000", Some(&dollars)), "1.25 USDX\n1250000");
        assert_eq!(cell("unlimited", Some(&dollars)), "unlimited");
        assert_eq!(cell("7", None), "7");
    }
}
