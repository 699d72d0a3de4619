//! Keys of the embedded node's wallet and of a [`Purse`](super::purse::Purse): BIP 84 (P2WPKH) and BIP 86 (Taproot) keys from a seed, and really signed payments.

use std::collections::HashMap;

use bitcoin::absolute::LockTime;
use bitcoin::bip32::{ChildNumber, DerivationPath, Xpriv};
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::{All, Keypair, Message, Secp256k1};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::{
    Address, Amount, CompressedPublicKey, KnownHrp, Network, NetworkKind, OutPoint, ScriptBuf, Sequence, Transaction,
    TxIn, TxOut, Witness, ecdsa, taproot, transaction,
};

use super::chain::Chain;
use super::coins::Coin;
use super::error::Fault;
use super::rules::COINBASE_MATURITY;

/// Smallest change worth an output, in satoshis.
const DUST: Amount = Amount::from_sat(546);

/// Which address the wallet gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// P2WPKH, BIP 84.
    Bech32,
    /// Taproot by key, BIP 86.
    Bech32m,
}

/// Keys and payments.
pub struct Wallet {
    secp: Secp256k1<All>,
    master: Xpriv,
    given: HashMap<AddressKind, u32>,
    keys: HashMap<ScriptBuf, (AddressKind, Keypair)>,
}

impl Wallet {
    /// A wallet whose keys all follow from `seed`.
    pub fn new(seed: &[u8]) -> Result<Self, bitcoin::bip32::Error> {
        let master = Xpriv::new_master(NetworkKind::Test, seed)?;
        Ok(Self { secp: Secp256k1::new(), master, given: HashMap::new(), keys: HashMap::new() })
    }

    /// A new address, `m/84h/1h/0h/0/i` or `m/86h/1h/0h/0/i`.
    pub fn new_address(&mut self, kind: AddressKind) -> Result<Address, Fault> {
        let index = self.given.entry(kind).or_default();
        let purpose = match kind {
            AddressKind::Bech32 => 84,
            AddressKind::Bech32m => 86,
        };
        let path: DerivationPath = [
            ChildNumber::Hardened { index: purpose },
            ChildNumber::Hardened { index: 1 },
            ChildNumber::Hardened { index: 0 },
            ChildNumber::Normal { index: 0 },
            ChildNumber::Normal { index: *index },
        ]
        .into_iter()
        .collect();
        *index += 1;
        let key = self.master.derive_priv(&self.secp, &path).map_err(|error| Fault::new(-4, error.to_string()))?;
        let keypair = key.to_keypair(&self.secp);
        let address = match kind {
            AddressKind::Bech32 => Address::p2wpkh(&CompressedPublicKey(keypair.public_key()), KnownHrp::Regtest),
            AddressKind::Bech32m => Address::p2tr(&self.secp, keypair.x_only_public_key().0, None, Network::Regtest),
        };
        self.keys.insert(address.script_pubkey(), (kind, keypair));
        Ok(address)
    }

    /// Whether the wallet can spend this script.
    pub fn owns(&self, script: &ScriptBuf) -> bool {
        self.keys.contains_key(script)
    }

    /// Sum of what the wallet could spend in the next block.
    pub fn balance(&self, chain: &Chain) -> Amount {
        self.spendable(chain).iter().map(|(_, coin)| coin.value).sum()
    }

    /// Builds and signs a payment of `outputs` from `coins`, in their order, at `fee_rate` satoshis per virtual byte.
    /// What is left, if it is worth an output, goes to `change`, last.
    pub fn pay(
        &self,
        coins: impl IntoIterator<Item = (OutPoint, TxOut)>,
        outputs: &[TxOut],
        change: &ScriptBuf,
        fee_rate: u64,
    ) -> Result<Transaction, Fault> {
        let wanted: Amount = outputs.iter().map(|output| output.value).sum();
        let mut chosen: Vec<(OutPoint, TxOut)> = Vec::new();
        let mut total = Amount::ZERO;
        for (outpoint, coin) in coins {
            total += coin.value;
            chosen.push((outpoint, coin));
            if total < wanted {
                continue;
            }
            let with_change = self.signed(&chosen, outputs, Some(TxOut { value: DUST, script_pubkey: change.clone() }));
            let fee = Amount::from_sat(with_change.vsize() as u64 * fee_rate);
            let Some(rest) = total.checked_sub(wanted + fee) else { continue };
            let change = (rest >= DUST).then_some(TxOut { value: rest, script_pubkey: change.clone() });
            return Ok(self.signed(&chosen, outputs, change));
        }
        Err(Fault::new(Fault::WALLET_INSUFFICIENT_FUNDS, "Insufficient funds"))
    }

    /// Signs the inputs that the wallet owns; true if all are.
    pub fn sign(&self, tx: &mut Transaction, prevouts: &[TxOut]) -> bool {
        let mut complete = true;
        for index in 0..tx.input.len() {
            match self.witness(tx, index, prevouts) {
                Some(witness) => tx.input[index].witness = witness,
                None => complete = false,
            }
        }
        complete
    }

    fn signed(&self, chosen: &[(OutPoint, TxOut)], outputs: &[TxOut], change: Option<TxOut>) -> Transaction {
        let input = chosen.iter().map(|(outpoint, _)| TxIn {
            previous_output: *outpoint,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        });
        let mut tx = Transaction {
            version: transaction::Version::TWO,
            lock_time: LockTime::ZERO,
            input: input.collect(),
            output: outputs.iter().cloned().chain(change).collect(),
        };
        let prevouts: Vec<TxOut> = chosen.iter().map(|(_, coin)| coin.clone()).collect();
        self.sign(&mut tx, &prevouts);
        tx
    }

    fn witness(&self, tx: &Transaction, index: usize, prevouts: &[TxOut]) -> Option<Witness> {
        let prevout = prevouts.get(index)?;
        let (kind, keypair) = self.keys.get(&prevout.script_pubkey)?;
        let mut cache = SighashCache::new(tx);
        match kind {
            AddressKind::Bech32 => {
                let sighash_type = EcdsaSighashType::All;
                let hash =
                    cache.p2wpkh_signature_hash(index, &prevout.script_pubkey, prevout.value, sighash_type).ok()?;
                let signature = self.secp.sign_ecdsa_low_r(&Message::from(hash), &keypair.secret_key());
                Some(Witness::p2wpkh(&ecdsa::Signature { signature, sighash_type }, &keypair.public_key()))
            }
            AddressKind::Bech32m => {
                let sighash_type = TapSighashType::Default;
                let hash =
                    cache.taproot_key_spend_signature_hash(index, &Prevouts::All(prevouts), sighash_type).ok()?;
                let tweaked = keypair.tap_tweak(&self.secp, None);
                let signature = self.secp.sign_schnorr_no_aux_rand(&Message::from(hash), &tweaked.to_keypair());
                Some(Witness::p2tr_key_spend(&taproot::Signature { signature, sighash_type }))
            }
        }
    }

    /// What may be spent in the next block: confirmed coins oldest first, then own waiting change.
    pub fn spendable(&self, chain: &Chain) -> Vec<(OutPoint, TxOut)> {
        let next = chain.tree.tip_height() + 1;
        let mature = |coin: &Coin| !coin.coinbase || next >= coin.height + COINBASE_MATURITY;
        let mut coins: Vec<(OutPoint, Coin)> = chain
            .coins
            .iter()
            .filter(|(_, coin)| mature(coin))
            .map(|(outpoint, coin)| (*outpoint, coin.clone()))
            .collect();
        for waiting in chain.mempool.iter() {
            let txid = waiting.tx.compute_txid();
            let own = waiting.tx.input.iter().all(|input| {
                chain.coin(&input.previous_output).is_some_and(|coin| self.owns(&coin.output.script_pubkey))
            });
            let outpoints = (0..waiting.tx.output.len() as u32).map(|vout| OutPoint::new(txid, vout));
            coins.extend(outpoints.filter(|_| own).filter_map(|outpoint| Some((outpoint, chain.coin(&outpoint)?))));
        }
        coins.retain(|(outpoint, coin)| self.owns(&coin.output.script_pubkey) && !chain.mempool.is_spent(outpoint));
        coins.sort_by_key(|(outpoint, coin)| (coin.height, *outpoint));
        coins.into_iter().map(|(outpoint, coin)| (outpoint, coin.output)).collect()
    }
}
