//! What was looked at before something was ordered.

use std::fmt;
use std::str::FromStr;

use spandrel_verifiers::VerifyError;

/// A version of what a guardian looked at. An order that names one is refused when it is not the version that stands, so
/// that nobody orders on what another has changed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Of everything that guardians said.
    Control(u64),
    /// Of the transfer that the order is about: how many events it is made of.
    Transfer(u64),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(version) => write!(f, "v{version}"),
            Self::Transfer(events) => write!(f, "t{events}"),
        }
    }
}

impl FromStr for Seen {
    type Err = VerifyError;

    fn from_str(text: &str) -> Result<Self, VerifyError> {
        let number = |digits: &str| {
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| is_plain)
        };
        let read = match text.split_at_checked(1) {
            Some(("v", digits)) => number(digits).map(Self::Control),
            Some(("t", digits)) => number(digits).map(Self::Transfer),
            _ => None,
        };
        read.ok_or_else(|| VerifyError::invalid("version", "v or t and a number", format!("{text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_shown_and_nothing_else_is_one() {
        for seen in [Seen::Control(0), Seen::Control(u64::MAX), Seen::Transfer(7)] {
            assert_eq!(seen.to_string().parse(), Ok(seen));
        }
        for text in ["", "v", "t", "5", "x5", "v-1", "v+1", "v 1", "v18446744073709551616", "ü5"] {
            assert!(text.parse::<Seen>().is_err(), "{text}");
        }
    }
}
