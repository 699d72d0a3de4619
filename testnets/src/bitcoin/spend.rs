//! Whether a transaction may spend what it spends: amounts, maturity, time locks, and signatures of the scripts
//! this node knows.
//!
//! Known scripts: P2WPKH (BIP 143), Taproot by key (BIP 341), and a Taproot leaf
//! `<delay> OP_CSV OP_DROP <key> OP_CHECKSIG` (BIP 342), the refund of a bridge deposit. An input of any other
//! kind is refused: nothing is accepted unchecked.

use bitcoin::hashes::Hash;
use bitcoin::opcodes::all::{OP_CHECKSIG, OP_CSV, OP_DROP};
use bitcoin::script::Instruction;
use bitcoin::secp256k1::{Message, Secp256k1, VerifyOnly, XOnlyPublicKey};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache};
use bitcoin::taproot::{ControlBlock, LeafVersion, TapLeafHash};
use bitcoin::{Amount, OutPoint, PublicKey, Script, Sequence, Transaction, TxOut, ecdsa, relative, taproot};

use super::coins::Coin;
use super::error::Fault;
use super::rules::COINBASE_MATURITY;

/// Where a transaction is to stand.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Height of its block.
    pub height: u32,
    /// Median time past of the block before (BIP 113).
    pub median_time_past: u32,
}

/// Checks `tx` at `place` and returns its fee. `coin` finds the outputs that it spends.
pub fn check(tx: &Transaction, place: Place, coin: impl Fn(&OutPoint) -> Option<Coin>) -> Result<Amount, Fault> {
    if tx.input.is_empty() || tx.output.is_empty() {
        return Err(Fault::rejected("bad-txns-vin-empty"));
    }
    if tx.is_coinbase() {
        return Err(Fault::rejected("coinbase"));
    }
    let mut outpoints: Vec<OutPoint> = tx.input.iter().map(|input| input.previous_output).collect();
    outpoints.sort_unstable();
    if outpoints.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Fault::rejected("bad-txns-inputs-duplicate"));
    }
    let coins: Vec<Coin> = tx
        .input
        .iter()
        .map(|input| coin(&input.previous_output).ok_or_else(Fault::missing_inputs))
        .collect::<Result<_, _>>()?;
    check_locks(tx, place, &coins)?;
    let fee = fee(tx, &coins)?;
    let prevouts: Vec<TxOut> = coins.into_iter().map(|coin| coin.output).collect();
    for index in 0..tx.input.len() {
        check_signature(tx, index, &prevouts)
            .map_err(|reason| Fault::rejected(format!("mandatory-script-verify-flag-failed ({reason})")))?;
    }
    Ok(fee)
}

fn fee(tx: &Transaction, coins: &[Coin]) -> Result<Amount, Fault> {
    let paid = total(coins.iter().map(|coin| coin.output.value))?;
    let received = total(tx.output.iter().map(|output| output.value))?;
    paid.checked_sub(received).ok_or_else(|| Fault::rejected("bad-txns-in-belowout"))
}

fn total(mut values: impl Iterator<Item = Amount>) -> Result<Amount, Fault> {
    values
        .try_fold(Amount::ZERO, |sum, value| sum.checked_add(value))
        .filter(|sum| *sum <= Amount::MAX_MONEY)
        .ok_or_else(|| Fault::rejected("bad-txns-txouttotal-toolarge"))
}

fn check_locks(tx: &Transaction, place: Place, coins: &[Coin]) -> Result<(), Fault> {
    let immature = |coin: &Coin| coin.coinbase && place.height < coin.height + COINBASE_MATURITY;
    if coins.iter().any(immature) {
        return Err(Fault::rejected("bad-txns-premature-spend-of-coinbase"));
    }
    let lock = tx.lock_time.to_consensus_u32();
    let reached = if tx.lock_time.is_block_height() { lock < place.height } else { lock < place.median_time_past };
    if lock != 0 && tx.is_lock_time_enabled() && !reached {
        return Err(Fault::rejected("non-final"));
    }
    for (input, coin) in tx.input.iter().zip(coins) {
        let open = match input.sequence.to_relative_lock_time().filter(|_| tx.version.0 >= 2) {
            None => true,
            Some(relative::LockTime::Blocks(blocks)) => place.height >= coin.height + u32::from(blocks.value()),
            Some(relative::LockTime::Time(_)) => {
                return Err(Fault::rejected("relative time locks are not known to this node"));
            }
        };
        if !open {
            return Err(Fault::rejected("non-BIP68-final"));
        }
    }
    Ok(())
}

fn check_signature(tx: &Transaction, index: usize, prevouts: &[TxOut]) -> Result<(), String> {
    let script = &prevouts[index].script_pubkey;
    let secp = Secp256k1::verification_only();
    if !tx.input[index].script_sig.is_empty() {
        return Err("Witness requires empty scriptSig".to_owned());
    }
    if script.is_p2wpkh() {
        check_p2wpkh(&secp, tx, index, &prevouts[index])
    } else if script.is_p2tr() {
        let key = XOnlyPublicKey::from_slice(&script.as_bytes()[2..]).map_err(|error| error.to_string())?;
        check_taproot(&secp, tx, index, prevouts, key)
    } else {
        Err(format!("this node does not know how to spend {script}"))
    }
}

fn check_p2wpkh(secp: &Secp256k1<VerifyOnly>, tx: &Transaction, index: usize, prevout: &TxOut) -> Result<(), String> {
    let items: Vec<&[u8]> = tx.input[index].witness.iter().collect();
    let [signature, key] = items[..] else { return Err("Witness program mismatch".to_owned()) };
    let key = PublicKey::from_slice(key).map_err(|error| error.to_string())?;
    let program = key.wpubkey_hash().map_err(|error| error.to_string())?;
    if prevout.script_pubkey.as_bytes()[2..] != program.to_byte_array() {
        return Err("Witness program hash mismatch".to_owned());
    }
    let signature = ecdsa::Signature::from_slice(signature).map_err(|error| error.to_string())?;
    let hash = SighashCache::new(tx)
        .p2wpkh_signature_hash(index, &prevout.script_pubkey, prevout.value, signature.sighash_type)
        .map_err(|error| error.to_string())?;
    EcdsaSighashType::from_standard(signature.sighash_type.to_u32()).map_err(|error| error.to_string())?;
    secp.verify_ecdsa(&Message::from(hash), &signature.signature, &key.inner)
        .map_err(|_| "Signature must be zero for failed CHECK(MULTI)SIG operation".to_owned())
}

fn check_taproot(
    secp: &Secp256k1<VerifyOnly>,
    tx: &Transaction,
    index: usize,
    prevouts: &[TxOut],
    output_key: XOnlyPublicKey,
) -> Result<(), String> {
    let items: Vec<&[u8]> = tx.input[index].witness.iter().collect();
    match items[..] {
        [signature] => check_schnorr(secp, tx, index, prevouts, signature, &output_key, None),
        [signature, script, control] => {
            let script = Script::from_bytes(script);
            let control = ControlBlock::decode(control).map_err(|error| error.to_string())?;
            if control.leaf_version != LeafVersion::TapScript
                || !control.verify_taproot_commitment(secp, output_key, script)
            {
                return Err("Witness program hash mismatch".to_owned());
            }
            let (delay, key) = refund_leaf(script).ok_or("this node knows no leaf but the refund")?;
            let sequence = tx.input[index].sequence;
            if tx.version.0 < 2 || !satisfies(sequence, delay) {
                return Err("Locktime requirement not satisfied".to_owned());
            }
            let leaf = TapLeafHash::from_script(script, LeafVersion::TapScript);
            check_schnorr(secp, tx, index, prevouts, signature, &key, Some(leaf))
        }
        _ => Err("Witness program was passed the wrong number of elements".to_owned()),
    }
}

fn check_schnorr(
    secp: &Secp256k1<VerifyOnly>,
    tx: &Transaction,
    index: usize,
    prevouts: &[TxOut],
    signature: &[u8],
    key: &XOnlyPublicKey,
    leaf: Option<TapLeafHash>,
) -> Result<(), String> {
    let signature = taproot::Signature::from_slice(signature).map_err(|error| error.to_string())?;
    let prevouts = Prevouts::All(prevouts);
    let mut cache = SighashCache::new(tx);
    let hash = match leaf {
        None => cache.taproot_key_spend_signature_hash(index, &prevouts, signature.sighash_type),
        Some(leaf) => cache.taproot_script_spend_signature_hash(index, &prevouts, leaf, signature.sighash_type),
    };
    let message = Message::from(hash.map_err(|error| error.to_string())?);
    secp.verify_schnorr(&signature.signature, &message, key).map_err(|_| "Invalid Schnorr signature".to_owned())
}

/// BIP 112: the input's sequence must be a height lock of at least `delay` blocks.
fn satisfies(sequence: Sequence, delay: u16) -> bool {
    match sequence.to_relative_lock_time() {
        Some(relative::LockTime::Blocks(blocks)) => blocks.value() >= delay,
        _ => false,
    }
}

/// Reads `<delay> OP_CSV OP_DROP <x-only key> OP_CHECKSIG`.
fn refund_leaf(script: &Script) -> Option<(u16, XOnlyPublicKey)> {
    let parts: Vec<Instruction<'_>> = script.instructions_minimal().collect::<Result<_, _>>().ok()?;
    match parts[..] {
        [
            Instruction::PushBytes(delay),
            Instruction::Op(OP_CSV),
            Instruction::Op(OP_DROP),
            Instruction::PushBytes(key),
            Instruction::Op(OP_CHECKSIG),
        ] => {
            let delay = u16::from_le_bytes(delay.as_bytes().try_into().ok()?);
            let key = XOnlyPublicKey::from_slice(key.as_bytes()).ok()?;
            (delay <= 0x7fff).then_some((delay, key))
        }
        _ => None,
    }
}
