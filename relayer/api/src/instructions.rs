//! How a deposit is made: what a wallet takes, for each kind of source.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Serialize;
use spandrel_contracts::{TestToken, Vault};
use spandrel_store::OrderTerms;
use spandrel_verifiers::bitcoin::{DepositTerms, deposit_address, deposit_script, refund_spend};
use spandrel_verifiers::{AssetId, VerifyError};
use utoipa::ToSchema;

use crate::Problem;
use crate::catalog::{Source, SourceKind};

/// Everything that a wallet needs to make the deposit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Instructions {
    /// Pay a Taproot address.
    Bitcoin {
        /// Where to pay (BIP 350).
        address: String,
        /// BIP-21 payment request.
        uri: String,
        /// The payment request as a QR code, SVG.
        qr: String,
        /// How the deposit is taken back if it is never paid out.
        refund: RefundData,
    },
    /// Send these calls in order.
    Evm {
        /// The calls, each with a request of its own.
        calls: Vec<EvmCall>,
    },
}

/// A contract call to be sent by the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EvmCall {
    /// Contract.
    pub to: String,
    /// Calldata, 0x-hex.
    pub data: String,
    /// Wei, decimal.
    pub value: String,
    /// EIP-681 request of this call.
    pub uri: String,
    /// The request as a QR code, SVG.
    pub qr: String,
}

/// What the owner of the refund key needs, besides a signature, to spend the deposit by its script path (BIP 341).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefundData {
    /// x-only key, hex: the user's own.
    pub key: String,
    /// Blocks after which it can be spent (BIP 68).
    pub after_blocks: u16,
    /// Tapleaf script, hex.
    pub script: String,
    /// Control block, hex.
    pub control_block: String,
}

/// What a Bitcoin deposit on `terms` commits to.
///
/// # Errors
/// 422 without the refund key.
pub fn deposit_terms(terms: &OrderTerms) -> Result<DepositTerms, Problem> {
    let refund = terms.refund.ok_or_else(|| {
        Problem::unprocessable("REFUND_KEY_REQUIRED", "refund_key", "a Bitcoin deposit needs the key of its way back")
    })?;
    Ok(DepositTerms {
        destination_chain: terms.destination_chain.clone(),
        destination_bridge: terms.destination_bridge,
        recipient: terms.recipient,
        lane: terms.lane,
        expiry: terms.expiry,
        refund_key: refund.key,
        refund_delay: refund.delay,
    })
}

/// The announcement that a source needs before it recognises the deposit, if it needs one.
///
/// # Errors
/// What the deposit's rules refuse.
pub fn announcement(source: &Source, terms: &OrderTerms) -> Result<Option<(Bytes, DepositTerms)>, Problem> {
    match &source.kind {
        SourceKind::Bitcoin { vault, .. } => {
            let deposit = deposit_terms(terms)?;
            Ok(Some((deposit_script(*vault, &deposit)?, deposit)))
        }
        SourceKind::Evm { .. } => Ok(None),
    }
}

/// How the deposit of `terms` is made on `source`.
///
/// # Errors
/// What the deposit's rules refuse; an asset that the source has no call for.
pub fn instructions(source: &Source, terms: &OrderTerms) -> Result<Instructions, Problem> {
    match &source.kind {
        SourceKind::Bitcoin { vault, network } => {
            let deposit = deposit_terms(terms)?;
            let address = deposit_address(*vault, &deposit, *network)?;
            let uri = format!("bitcoin:{address}?amount={}", coins(terms.amount));
            let refund = refund_data(*vault, &deposit)?;
            Ok(Instructions::Bitcoin { address, qr: qr(&uri)?, uri, refund })
        }
        SourceKind::Evm { vault } => evm(*vault, terms),
    }
}

/// How `deposit` into `vault` is taken back.
///
/// # Errors
/// What the deposit's rules refuse.
pub fn refund_data(vault: B256, deposit: &DepositTerms) -> Result<RefundData, Problem> {
    let spend = refund_spend(vault, deposit)?;
    Ok(RefundData {
        key: hex::encode(deposit.refund_key),
        after_blocks: deposit.refund_delay,
        script: hex::encode(&spend.script),
        control_block: hex::encode(&spend.control_block),
    })
}

fn evm(vault: Address, terms: &OrderTerms) -> Result<Instructions, Problem> {
    let token = token(&terms.asset)?;
    let value = if token.is_zero() { terms.amount } else { U256::ZERO };
    let lock = Vault::lockCall {
        token,
        amount: terms.amount,
        destinationChain: terms.destination_chain.hash(),
        destinationBridge: terms.destination_bridge,
        recipient: terms.recipient,
        lane: terms.lane as u8,
        expiry: terms.expiry,
    };
    let number = terms.source_chain.eip155_number().unwrap_or_default();
    let call = |to: Address, data: Vec<u8>, value: U256, arguments: String| {
        let uri = format!("ethereum:{to}@{number}/{arguments}&value={value}");
        let (to, data, value) = (to.to_string(), Bytes::from(data).to_string(), value.to_string());
        Ok::<_, Problem>(EvmCall { to, data, value, qr: qr(&uri)?, uri })
    };
    let mut calls = Vec::new();
    if !token.is_zero() {
        let approve = TestToken::approveCall { spender: vault, value: terms.amount };
        let arguments = format!("approve?address={vault}&uint256={}", terms.amount);
        calls.push(call(token, approve.abi_encode(), U256::ZERO, arguments)?);
    }
    let arguments = format!(
        "lock?address={token}&uint256={}&bytes32={}&bytes32={}&bytes32={}&uint8={}&uint64={}",
        terms.amount,
        terms.destination_chain.hash(),
        terms.destination_bridge,
        terms.recipient,
        terms.lane as u8,
        terms.expiry,
    );
    calls.push(call(vault, lock.abi_encode(), value, arguments)?);
    Ok(Instructions::Evm { calls })
}

/// The token contract behind a CAIP-19 name; zero for the native coin.
fn token(asset: &AssetId) -> Result<Address, Problem> {
    let (_, name) = asset.as_str().split_once('/').unwrap_or_default();
    let token = match name.split_once(':') {
        Some(("slip44", _)) => Some(Address::ZERO),
        Some(("erc20", address)) => address.parse().ok(),
        _ => None,
    };
    token.ok_or_else(|| Problem::from(VerifyError::invalid("asset", "slip44 or erc20", asset)))
}

/// Satoshis as a decimal number of coins (BIP 21).
fn coins(satoshis: U256) -> String {
    let (whole, part) = satoshis.div_rem(U256::from(100_000_000_u64));
    format!("{whole}.{part:0>8}")
}

fn qr(text: &str) -> Result<String, Problem> {
    let code = QrCode::new(text).map_err(|error| {
        Problem::unprocessable("NO_QR", "instructions", format!("the request does not fit a QR code: {error}"))
    })?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

/// A transaction hash as its chain's users write it: Bitcoin's reversed, without prefix.
pub fn shown_hash(chain: &str, hash: B256) -> String {
    if chain.starts_with("bip122:") {
        let mut bytes = hash.0;
        bytes.reverse();
        hex::encode(bytes)
    } else {
        hash.to_string()
    }
}

/// Reads a transaction hash as [`shown_hash`] writes it.
///
/// # Errors
/// Names `field`.
pub fn read_hash(field: &str, chain: &str, text: &str) -> Result<B256, Problem> {
    let mut bytes = [0; 32];
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| Problem::invalid(field, "a hash of 64 hex digits", text))?;
    if chain.starts_with("bip122:") {
        bytes.reverse();
    }
    Ok(B256::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn satoshis_become_coins() {
        assert_eq!(coins(U256::from(1_u64)), "0.00000001");
        assert_eq!(coins(U256::from(123_456_789_u64)), "1.23456789");
    }

    #[test]
    fn a_token_is_approved_and_then_locked_without_coins() {
        let (vault, held) = (Address::repeat_byte(6), Address::repeat_byte(0x70));
        let source = spandrel_verifiers::ChainId::eip155(1);
        let terms = OrderTerms {
            asset: AssetId::parse(&format!("{source}/erc20:{held}")).unwrap(),
            source_chain: source,
            amount: U256::from(123_456),
            destination_chain: spandrel_verifiers::ChainId::eip155(9),
            destination_bridge: B256::repeat_byte(7),
            recipient: B256::repeat_byte(8),
            lane: spandrel_verifiers::LanePreference::LightClient,
            expiry: 1_700_000_000,
            refund: None,
        };
        let Instructions::Evm { calls } = evm(vault, &terms).unwrap() else { panic!("an EVM chain's") };
        let [approve, lock] = &calls[..] else { panic!("two calls: {calls:?}") };
        assert_eq!((&approve.to, approve.value.as_str()), (&held.to_string(), "0"));
        // approve(address,uint256), ERC-20.
        let approved =
            format!("0x095ea7b3{}{}", hex::encode(vault.into_word()), hex::encode(terms.amount.to_be_bytes::<32>()));
        assert_eq!(approve.data, approved);
        assert_eq!((&lock.to, lock.value.as_str()), (&vault.to_string(), "0"), "no coins");
        let call = Vault::lockCall::abi_decode(&hex::decode(&lock.data[2..]).unwrap()).unwrap();
        assert_eq!((call.token, call.amount, call.expiry), (held, terms.amount, terms.expiry));
        assert_eq!((call.destinationChain, call.recipient), (terms.destination_chain.hash(), terms.recipient));
        assert_eq!(call.lane, terms.lane as u8);
        let uri = &approve.uri;
        assert!(uri.starts_with(&format!("ethereum:{held}@1/approve?address={vault}&")), "{uri}");
        let uri = &lock.uri;
        assert!(uri.starts_with(&format!("ethereum:{vault}@1/lock?address={held}&")), "{uri}");
        let coin = OrderTerms { asset: AssetId::parse("eip155:1/slip44:60").unwrap(), ..terms.clone() };
        let Instructions::Evm { calls } = evm(vault, &coin).unwrap() else { panic!("an EVM chain's") };
        assert_eq!((calls.len(), calls[0].value.as_str()), (1, "123456"));
        let other = OrderTerms { asset: AssetId::parse("eip155:1/erc721:0x06").unwrap(), ..terms };
        assert!(evm(vault, &other).is_err());
    }

    #[test]
    fn hashes_read_back_as_each_chain_writes_them() {
        let hash = B256::with_last_byte(7);
        for chain in ["bip122:000000000019d6689c085ae165831e93", "eip155:1"] {
            assert_eq!(read_hash("tx", chain, &shown_hash(chain, hash)).unwrap(), hash);
        }
        assert!(shown_hash("bip122:00", hash).starts_with("07"));
        assert!(read_hash("tx", "eip155:1", "0x12").is_err());
    }
}
