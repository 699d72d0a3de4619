//! The outbox contract as a watcher knows it: its event, its storage, and how a log becomes a [`Deposit`].

use alloy::rpc::types::Log;
use alloy::sol;
use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, U256, keccak256};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{ChainId, Deposit, LanePreference};

use super::Names;

sol! {
    /// A deposit in the contract's words: chains and assets are `keccak256` of their CAIP text.
    #[derive(Debug, PartialEq, Eq)]
    struct DepositWords {
        uint8 version;
        bytes32 sourceChain;
        bytes32 sourceBridge;
        bytes32 sourceKey;
        bytes32 asset;
        uint256 amount;
        bytes32 destinationChain;
        bytes32 destinationBridge;
        bytes32 recipient;
        bytes32 sender;
        uint8 lane;
        uint64 expiry;
    }

    /// `Outbox.Deposited`.
    #[derive(Debug, PartialEq, Eq)]
    event Deposited(uint256 indexed nonce, bytes32 indexed id, DepositWords deposit);
}

/// First topic of [`Deposited`].
pub const DEPOSITED_TOPIC: B256 = Deposited::SIGNATURE_HASH;

/// Slot of `Outbox.count`, the number of deposits made.
pub(super) const COUNT_SLOT: B256 = B256::with_last_byte(1);

/// What a genuine log of the outbox turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OutboxLog {
    /// A deposit this bridge can name.
    Deposit(Box<SeenDeposit>),
    /// A deposit of which this bridge cannot name the chain, asset or lane: it is not for us.
    Unnamed {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
}

/// Why a log cannot be genuine: the contract emits no such thing.
pub(super) type Impossible = String;

/// Reads a log of the outbox at `outbox` on `chain`, emitted in `block`; also its nonce.
pub(super) fn read_log(
    log: &Log,
    block: &BlockRef,
    chain: &ChainId,
    outbox: Address,
    names: &Names,
) -> Result<(U256, OutboxLog), Impossible> {
    let decoded = Deposited::decode_log_validate(&log.inner).map_err(|error| error.to_string())?;
    let (Deposited { nonce, id, deposit }, _) = (decoded.data, decoded.address);
    let transaction = log.transaction_hash.ok_or("a log without transaction")?;
    let position = log.log_index.and_then(|index| u32::try_from(index).ok()).ok_or("a log without index")?;
    require("deposit.sourceKey", nonce.into(), deposit.sourceKey)?;
    require("deposit.sourceBridge", outbox.into_word(), deposit.sourceBridge)?;
    require("deposit.sourceChain", chain.hash(), deposit.sourceChain)?;
    require("id", keccak256(<DepositWords as alloy::sol_types::SolValue>::abi_encode(&deposit)), id)?;
    let outcome = match named(deposit, chain, names) {
        Err((field, value)) => OutboxLog::Unnamed { field, value },
        Ok(deposit) => OutboxLog::Deposit(Box::new(SeenDeposit { deposit, block: *block, transaction, position })),
    };
    Ok((nonce, outcome))
}

fn require(field: &str, expected: B256, found: B256) -> Result<(), Impossible> {
    if expected == found { Ok(()) } else { Err(format!("{field}: expected {expected}, found {found}")) }
}

fn named(words: DepositWords, chain: &ChainId, names: &Names) -> Result<Deposit, (&'static str, String)> {
    if words.version != Deposit::VERSION {
        return Err(("version", words.version.to_string()));
    }
    Ok(Deposit {
        version: words.version,
        source_chain: chain.clone(),
        source_bridge: words.sourceBridge,
        source_key: words.sourceKey,
        asset: names.asset(words.asset).ok_or(("asset", words.asset.to_string()))?,
        amount: words.amount,
        destination_chain: names
            .chain(words.destinationChain)
            .ok_or(("destinationChain", words.destinationChain.to_string()))?,
        destination_bridge: words.destinationBridge,
        recipient: words.recipient,
        sender: words.sender,
        lane: LanePreference::try_from(words.lane).map_err(|_| ("lane", words.lane.to_string()))?,
        expiry: words.expiry,
    })
}
