//! Deposits and names between the Rust vocabulary and the contracts'.

use alloy::primitives::{Address, B256, U256, keccak256};
use spandrel_verifiers::{AssetId, ChainId, Deposit, DepositId, VerifyError};

use crate::{BitcoinInclusionVerifier, EthereumStorageVerifier, FastLane, Inbox, Outbox, RiskGuard, Vault};

/// The deposit as `Inbox` takes it; chains and assets become the `keccak256` of their names.
pub fn solidity_deposit(deposit: &Deposit) -> Inbox::Deposit {
    Inbox::Deposit {
        version: deposit.version,
        sourceChain: deposit.source_chain.hash(),
        sourceBridge: deposit.source_bridge,
        sourceKey: deposit.source_key,
        asset: deposit.asset.hash(),
        amount: deposit.amount,
        destinationChain: deposit.destination_chain.hash(),
        destinationBridge: deposit.destination_bridge,
        recipient: deposit.recipient,
        sender: deposit.sender,
        lane: deposit.lane as u8,
        expiry: deposit.expiry,
    }
}

macro_rules! same_deposit {
    ($($contract:ident),+) => {$(
        impl From<Inbox::Deposit> for $contract::Deposit {
            fn from(deposit: Inbox::Deposit) -> Self {
                let Inbox::Deposit {
                    version, sourceChain, sourceBridge, sourceKey, asset, amount, destinationChain, destinationBridge,
                    recipient, sender, lane, expiry,
                } = deposit;
                Self {
                    version, sourceChain, sourceBridge, sourceKey, asset, amount, destinationChain, destinationBridge,
                    recipient, sender, lane, expiry,
                }
            }
        }
    )+};
}
same_deposit!(BitcoinInclusionVerifier, EthereumStorageVerifier, FastLane, Outbox, RiskGuard, Vault);

impl Outbox::Deposit {
    /// The deposit an `Outbox` announced, once the names behind its hashes are known.
    ///
    /// `source` and `destination` name the chains and `asset` the asset; a hash that is not theirs is an error, as is an
    /// unknown lane preference.
    pub fn named(&self, source: &ChainId, destination: &ChainId, asset: &AssetId) -> Result<Deposit, VerifyError> {
        require_name("deposit.sourceChain", source.hash(), self.sourceChain)?;
        require_name("deposit.destinationChain", destination.hash(), self.destinationChain)?;
        require_name("deposit.asset", asset.hash(), self.asset)?;
        Ok(Deposit {
            version: self.version,
            source_chain: source.clone(),
            source_bridge: self.sourceBridge,
            source_key: self.sourceKey,
            asset: asset.clone(),
            amount: self.amount,
            destination_chain: destination.clone(),
            destination_bridge: self.destinationBridge,
            recipient: self.recipient,
            sender: self.sender,
            lane: self.lane.try_into()?,
            expiry: self.expiry,
        })
    }
}

fn require_name(field: &'static str, expected: B256, found: B256) -> Result<(), VerifyError> {
    if expected == found { Ok(()) } else { Err(VerifyError::invalid(field, expected, found)) }
}

/// Storage key of `Outbox.deposits[nonce]`, as `eth_getProof` takes it: `keccak256(abi.encode(nonce, 0))`.
pub fn deposit_slot(nonce: U256) -> B256 {
    keccak256([B256::from(nonce), B256::ZERO].concat())
}

/// Storage key of `Inbox.nullifiers[id]`, as `eth_getProof` takes it.
pub fn nullifier_slot(id: DepositId) -> B256 {
    keccak256([id.0, B256::ZERO].concat())
}

/// CAIP-19 name that `Vault.registerAsset` gives an ERC-20: the address in lower case.
pub fn erc20_asset(chain: &ChainId, token: Address) -> Result<AssetId, VerifyError> {
    AssetId::parse(&format!("{chain}/erc20:{token:#x}"))
}

/// CAIP-19 name that `Vault.registerAsset` gives the native coin.
pub fn native_asset(chain: &ChainId) -> Result<AssetId, VerifyError> {
    AssetId::parse(&format!("{chain}/slip44:60"))
}
