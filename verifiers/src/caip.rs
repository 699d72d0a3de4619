//! Chain and asset identifiers as CAIP strings, bounded and validated at the edge.
//!
//! Sources: CAIP-2 (chains), CAIP-19 (assets). On-chain both appear as `keccak256` of their UTF-8 bytes.

use std::fmt;
use std::sync::Arc;

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

use crate::VerifyError;

/// A CAIP-2 chain id, such as `eip155:1` or `bip122:000000000019d6689c085ae165831e93`. Copies share
/// the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChainId(Arc<str>);

/// A CAIP-19 asset id, such as `eip155:1/slip44:60` or `eip155:1/erc20:0x…`. Copies share the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AssetId(Arc<str>);

impl ChainId {
    /// Parses a CAIP-2 string: namespace of 3 to 8 `[-a-z0-9]`, reference of 1 to 32 `[-_a-zA-Z0-9]`.
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        let valid = text.split_once(':').is_some_and(|(namespace, reference)| {
            is_token(namespace, 3, 8, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && is_token(reference, 1, 32, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        });
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(VerifyError::malformed("chain id", "a CAIP-2 string `namespace:reference`", shown(text)))
        }
    }

    /// The chain id of an EVM chain: `eip155:<number>`.
    pub fn eip155(number: u64) -> Self {
        Self(format!("eip155:{number}").into())
    }

    /// The chain id of a Bitcoin chain: `bip122:` and the first 32 hex digits of the genesis block's hash as it is
    /// displayed (CAIP-4). `genesis` is in wire order.
    pub fn bip122(genesis: B256) -> Self {
        let displayed: String = genesis.iter().rev().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("bip122:{displayed}").into())
    }

    /// The number of an `eip155` chain, if it is one.
    pub fn eip155_number(&self) -> Option<u64> {
        self.0.strip_prefix("eip155:")?.parse().ok()
    }

    /// The text, as parsed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `keccak256(utf8)`: how contracts name this chain.
    pub fn hash(&self) -> B256 {
        keccak256(self.0.as_bytes())
    }
}

impl AssetId {
    /// Parses a CAIP-19 string `chain/namespace:reference` (namespace 3 to 8, reference 1 to 128 characters).
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        let valid = text.split_once('/').is_some_and(|(chain, asset)| {
            ChainId::parse(chain).is_ok()
                && asset.split_once(':').is_some_and(|(namespace, reference)| {
                    is_token(namespace, 3, 8, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                        && is_token(reference, 1, 128, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '%'))
                })
        });
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(VerifyError::malformed("asset id", "a CAIP-19 string `chain/namespace:reference`", shown(text)))
        }
    }

    /// The native asset of a chain by its SLIP-44 coin type: `<chain>/slip44:<coin type>`.
    pub fn slip44(chain: &ChainId, coin_type: u32) -> Self {
        Self(format!("{chain}/slip44:{coin_type}").into())
    }

    /// The text, as parsed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `keccak256(utf8)`: how contracts name this asset.
    pub fn hash(&self) -> B256 {
        keccak256(self.0.as_bytes())
    }
}

fn is_token(text: &str, min: usize, max: usize, allowed: impl Fn(char) -> bool) -> bool {
    (min..=max).contains(&text.len()) && text.chars().all(allowed)
}

fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(64).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

macro_rules! caip_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = VerifyError;
            fn try_from(text: String) -> Result<Self, VerifyError> {
                Self::parse(&text)
            }
        }
        impl std::str::FromStr for $name {
            type Err = VerifyError;
            fn from_str(text: &str) -> Result<Self, VerifyError> {
                Self::parse(text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().into()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
caip_text!(ChainId);
caip_text!(AssetId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_ids_parse_and_print_unchanged() {
        for text in ["eip155:1", "bip122:000000000019d6689c085ae165831e93", "cosmos:cosmoshub-4"] {
            assert_eq!(ChainId::parse(text).unwrap().to_string(), text);
        }
        let asset = "eip155:1/erc20:0x6b175474e89094c44da98b954eedeac495271d0f";
        assert_eq!(AssetId::parse(asset).unwrap().to_string(), asset);
    }

    #[test]
    fn malformed_ids_are_refused_with_what_was_found() {
        for text in ["", "eip155", "e:1", "EIP155:1", "eip155:", "eip155:1:2", "eip155:é"] {
            let error = ChainId::parse(text).unwrap_err();
            assert_eq!(error.field, "chain id", "{text}");
        }
        assert!(ChainId::parse(&format!("eip155:{}", "1".repeat(33))).is_err());
        assert!(AssetId::parse("eip155:1").is_err());
        assert!(AssetId::parse("eip155:1/erc20:").is_err());
    }
}
