//! A token transfer with a memo, as a deposit.
//!
//! The transfer is a `TransferChecked` of SPL Token, which names the mint, into one of the vault's token accounts; the
//! instruction right before it is a memo with the terms. Source: `spl-token` (`instruction.rs`), `spl-memo`.

use alloy_primitives::{B256, U256, keccak256};

use super::address::{MEMO_PROGRAM, TOKEN_PROGRAM, to_base58};
use super::config::{SolanaConfig, token_id};
use super::memo::MemoTerms;
use super::message::{Instruction, Message};
use super::transaction::Transaction;
use crate::{Deposit, VerifyError};

const TRANSFER_CHECKED: u8 = 12;

/// `keccak256(signature ‖ instruction index)`, the index as 4 bytes little-endian: what is unique of a deposit.
pub fn source_key(signature: &[u8; 64], instruction: u32) -> B256 {
    keccak256([&signature[..], &instruction.to_le_bytes()].concat())
}

/// The deposit that an instruction of a transaction is, if the transaction succeeded.
pub(super) fn deposit_of(
    config: &SolanaConfig,
    transaction: &Transaction<'_>,
    index: u32,
) -> Result<Deposit, VerifyError> {
    let message = &transaction.message;
    let at = |place: Option<u32>| {
        place.and_then(|place| usize::try_from(place).ok()).and_then(|place| message.instructions.get(place))
    };
    let Some(instruction) = at(Some(index)) else {
        let expected = format!("below {}", message.instructions.len());
        return Err(VerifyError::invalid("instruction", expected, index));
    };
    let transfer = Transfer::of(message, instruction)?;
    let mint = config.token_accounts.get(&transfer.destination).ok_or_else(|| {
        let found = to_base58(transfer.destination);
        VerifyError::invalid("instruction.destination", "a token account of the vault", found)
    })?;
    if *mint != transfer.mint {
        return Err(VerifyError::invalid("instruction.mint", to_base58(*mint), to_base58(transfer.mint)));
    }
    if transfer.authority == config.vault {
        return Err(VerifyError::invalid("instruction.authority", "a depositor", "the vault itself"));
    }
    if transfer.amount == 0 {
        return Err(VerifyError::invalid("instruction.amount", "some", 0));
    }
    let Some(memo) = at(index.checked_sub(1)).filter(|memo| message.program(memo) == Some(MEMO_PROGRAM)) else {
        return Err(VerifyError::invalid("instruction", "a memo right before the transfer", "none"));
    };
    let terms = MemoTerms::parse(memo.data)?;
    let signature = transaction.id().ok_or_else(|| VerifyError::malformed("transaction", "a signature", "none"))?;
    Ok(Deposit {
        version: Deposit::VERSION,
        source_chain: config.chain.clone(),
        source_bridge: config.vault,
        source_key: source_key(signature, index),
        asset: token_id(&config.chain, transfer.mint)?,
        amount: U256::from(transfer.amount),
        destination_chain: terms.destination_chain,
        destination_bridge: terms.destination_bridge,
        recipient: terms.recipient,
        sender: transfer.authority,
        lane: terms.lane,
        expiry: terms.expiry,
    })
}

/// Source, mint, destination, authority; amount and decimals, which the program compares with the mint's.
struct Transfer {
    mint: B256,
    destination: B256,
    authority: B256,
    amount: u64,
}

impl Transfer {
    fn of(message: &Message<'_>, instruction: &Instruction<'_>) -> Result<Self, VerifyError> {
        if message.program(instruction) != Some(TOKEN_PROGRAM) {
            let found = message.program_name(instruction);
            return Err(VerifyError::invalid("instruction", "one of the SPL Token program", found));
        }
        let Some((TRANSFER_CHECKED, amount_and_decimals)) =
            instruction.data.split_first().map(|(tag, rest)| (*tag, rest))
        else {
            return Err(VerifyError::invalid(
                "instruction",
                "TransferChecked (12)",
                format!("{:?}", instruction.data.first()),
            ));
        };
        let Some((amount, [_decimals])) = amount_and_decimals.split_first_chunk::<8>() else {
            return Err(VerifyError::malformed("instruction", "10 bytes of data", instruction.data.len()));
        };
        // An account that a lookup table names could be any: nothing here commits to the table's content.
        let listed = |place: usize, name: &str| {
            message.account(instruction, place).ok_or_else(|| {
                VerifyError::invalid(format!("instruction.{name}"), "a key that the message lists", "none")
            })
        };
        Ok(Self {
            mint: listed(1, "mint")?,
            destination: listed(2, "destination")?,
            authority: listed(3, "authority")?,
            amount: u64::from_le_bytes(*amount),
        })
    }
}
