//! The Taproot output of a Bitcoin deposit: what its script tree commits to, its address, and the way back.
//!
//! Internal key: the vault. Script tree (BIP 341, leaf version 0xc0), one level deep:
//! leaf A `OP_RETURN <commitment>` binds what is to be paid and can never be spent; leaf B
//! `<refund_delay> OP_CSV OP_DROP <refund_key> OP_CHECKSIG` lets the depositor take the deposit back (BIP 112).
//! An output matches its [`DepositTerms`] exactly or not at all: every field moves the output key.

use std::sync::LazyLock;

use alloy_primitives::{B256, Bytes, U256, keccak256};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Parity, Scalar, Secp256k1, VerifyOnly, XOnlyPublicKey};
use bitcoin::taproot::{LeafVersion, TapNodeHash, TapTweakHash};
use bitcoin::{Address, Network, Script, ScriptBuf};

use super::DepositTerms;
use crate::VerifyError;

/// Fewest blocks before a refund: a week, so that a payout never races the depositor.
pub const MIN_REFUND_DELAY: u16 = 1008;

/// Most blocks before a refund: the largest two-byte script number.
pub const MAX_REFUND_DELAY: u16 = 32_767;

/// Domain of [`DepositTerms::commitment`].
const COMMITMENT_DOMAIN: &str = "spandrel.bitcoin.deposit.v1";

static CURVE: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// The tweaked key of a deposit output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepositOutputKey {
    /// The x coordinate, as it stands in the output script.
    pub x: B256,
    /// Parity of y, as the control block needs it.
    pub parity: Parity,
}

/// What a depositor needs, besides a signature of the refund key, to take a deposit back by the script path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundSpend {
    /// Leaf B, the script to execute.
    pub script: Bytes,
    /// Control block (BIP 341): leaf version and parity, vault key, hash of leaf A; 65 bytes.
    pub control_block: Bytes,
    /// TapLeaf hash of [`RefundSpend::script`], as the signature hash needs it (BIP 342).
    pub leaf_hash: B256,
    /// The `nSequence` the spending input must carry at least (BIP 68, blocks).
    pub sequence: u32,
}

impl DepositTerms {
    /// `keccak256` of six ABI words: `keccak256("spandrel.bitcoin.deposit.v1")`, hash of the destination chain,
    /// destination bridge, recipient, lane, expiry.
    pub fn commitment(&self) -> B256 {
        let words: [B256; 6] = [
            keccak256(COMMITMENT_DOMAIN),
            self.destination_chain.hash(),
            self.destination_bridge,
            self.recipient,
            B256::with_last_byte(self.lane as u8),
            U256::from(self.expiry).into(),
        ];
        keccak256(words.concat())
    }

    /// Leaf A: `OP_RETURN <commitment>`, 34 bytes.
    pub fn commitment_script(&self) -> Vec<u8> {
        [&[0x6a, 0x20][..], self.commitment().as_slice()].concat()
    }

    /// Leaf B: `<refund_delay> OP_CSV OP_DROP <refund_key> OP_CHECKSIG`, 39 bytes. Errors when the delay is outside
    /// [`MIN_REFUND_DELAY`] to [`MAX_REFUND_DELAY`] (`terms.refund_delay`).
    pub fn refund_script(&self) -> Result<Vec<u8>, VerifyError> {
        if !(MIN_REFUND_DELAY..=MAX_REFUND_DELAY).contains(&self.refund_delay) {
            let expected = format!("{MIN_REFUND_DELAY} to {MAX_REFUND_DELAY} blocks");
            return Err(VerifyError::invalid("terms.refund_delay", expected, self.refund_delay));
        }
        let [low, high] = self.refund_delay.to_le_bytes();
        Ok([&[0x02, low, high, 0xb2, 0x75, 0x20][..], self.refund_key.as_slice(), &[0xac]].concat())
    }

    /// The rules terms must obey on their own, whatever output they are shown with.
    ///
    /// Refused: a zero destination bridge or recipient; on an `eip155` destination, either of them with a non-zero
    /// byte before the 20 of the address; a refund key that is no x coordinate of the curve (the depositor could
    /// never be refunded); a refund delay out of bounds. Fields are named `terms.…`.
    pub fn check(&self) -> Result<(), VerifyError> {
        let is_evm = self.destination_chain.eip155_number().is_some();
        for (field, value) in
            [("terms.destination_bridge", self.destination_bridge), ("terms.recipient", self.recipient)]
        {
            if value.is_zero() {
                return Err(VerifyError::invalid(field, "a non-zero address", value));
            }
            if is_evm && value.iter().take(12).any(|byte| *byte != 0) {
                return Err(VerifyError::invalid(field, "20 bytes left-padded with zeros", value));
            }
        }
        x_only("terms.refund_key", self.refund_key)?;
        self.refund_script().map(|_| ())
    }
}

/// The output key of a deposit into `vault` (x-only internal key) under `terms`.
///
/// `Q = lift_x(P) + t·G` with `t = TapTweak(P ‖ branch)` (BIP 341). Errors name `vault`, or what
/// [`DepositTerms::check`] refuses.
pub fn deposit_output_key(vault: B256, terms: &DepositTerms) -> Result<DepositOutputKey, VerifyError> {
    terms.check()?;
    let internal = x_only("vault", vault)?;
    let tweak = TapTweakHash::from_key_and_tweak(internal, Some(branch(terms)?));
    let (output, parity) = Scalar::from_be_bytes(tweak.to_byte_array())
        .ok()
        .and_then(|tweak| internal.add_tweak(&CURVE, &tweak).ok())
        .ok_or_else(|| VerifyError::invalid("vault", "a key that this tweak can be added to", vault))?;
    Ok(DepositOutputKey { x: B256::new(output.serialize()), parity })
}

/// The 34-byte output script of a deposit: `OP_1 <output key>`.
pub fn deposit_script(vault: B256, terms: &DepositTerms) -> Result<Bytes, VerifyError> {
    let key = deposit_output_key(vault, terms)?;
    Ok([&[0x51, 0x20][..], key.x.as_slice()].concat().into())
}

/// The bech32m address a depositor pays to.
pub fn deposit_address(vault: B256, terms: &DepositTerms, network: Network) -> Result<String, VerifyError> {
    let script = ScriptBuf::from_bytes(deposit_script(vault, terms)?.to_vec());
    Address::from_script(&script, network.params())
        .map(|address| address.to_string())
        .map_err(|error| VerifyError::invalid("terms", "a Taproot output script", error))
}

/// What the refund key's owner needs to spend the deposit after the delay.
pub fn refund_spend(vault: B256, terms: &DepositTerms) -> Result<RefundSpend, VerifyError> {
    let key = deposit_output_key(vault, terms)?;
    let script = terms.refund_script()?;
    let first = LeafVersion::TapScript.to_consensus() | key.parity.to_u8();
    let hidden = leaf_hash(&terms.commitment_script());
    let control_block = [&[first][..], vault.as_slice(), hidden.as_ref()].concat();
    Ok(RefundSpend {
        leaf_hash: B256::from_slice(leaf_hash(&script).as_ref()),
        script: script.into(),
        control_block: control_block.into(),
        sequence: u32::from(terms.refund_delay),
    })
}

/// Whether `script` is exactly the deposit output of `terms` into `vault`; errors when the terms or the vault are
/// themselves refused.
pub fn is_deposit_script(script: &[u8], vault: B256, terms: &DepositTerms) -> Result<bool, VerifyError> {
    Ok(deposit_script(vault, terms)?.as_ref() == script)
}

fn branch(terms: &DepositTerms) -> Result<TapNodeHash, VerifyError> {
    Ok(TapNodeHash::from_node_hashes(leaf_hash(&terms.commitment_script()), leaf_hash(&terms.refund_script()?)))
}

fn leaf_hash(script: &[u8]) -> TapNodeHash {
    TapNodeHash::from_script(Script::from_bytes(script), LeafVersion::TapScript)
}

pub(super) fn x_only(field: &str, key: B256) -> Result<XOnlyPublicKey, VerifyError> {
    XOnlyPublicKey::from_slice(key.as_slice())
        .map_err(|_| VerifyError::invalid(field, "the x coordinate of a curve point", key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;
    use bitcoin::taproot::{ControlBlock, TaprootBuilder};

    use crate::{ChainId, LanePreference};

    /// x of 2·G and of 3·G.
    const VAULT: [u8; 32] = hex!("c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5");
    const REFUND: [u8; 32] = hex!("f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9");

    fn terms() -> DepositTerms {
        DepositTerms {
            destination_chain: ChainId::eip155(31_338),
            destination_bridge: B256::left_padding_from(&[0x11; 20]),
            recipient: B256::left_padding_from(&[0x22; 20]),
            lane: LanePreference::Fast,
            expiry: 1_900_000_000,
            refund_key: REFUND.into(),
            refund_delay: 1008,
        }
    }

    #[test]
    fn the_output_is_the_one_the_bitcoin_crate_builds_from_the_same_leaves() {
        let terms = terms();
        let internal = x_only("vault", VAULT.into()).unwrap();
        let leaf_a = bitcoin::script::Builder::new()
            .push_opcode(bitcoin::opcodes::all::OP_RETURN)
            .push_slice(terms.commitment().0)
            .into_script();
        let leaf_b = bitcoin::script::Builder::new()
            .push_int(terms.refund_delay.into())
            .push_opcode(bitcoin::opcodes::all::OP_CSV)
            .push_opcode(bitcoin::opcodes::all::OP_DROP)
            .push_x_only_key(&x_only("refund", REFUND.into()).unwrap())
            .push_opcode(bitcoin::opcodes::all::OP_CHECKSIG)
            .into_script();
        assert_eq!(leaf_a.as_bytes(), terms.commitment_script());
        assert_eq!(leaf_b.as_bytes(), terms.refund_script().unwrap());
        let info = TaprootBuilder::new()
            .add_leaf(1, leaf_a)
            .and_then(|builder| builder.add_leaf(1, leaf_b.clone()))
            .unwrap()
            .finalize(&CURVE, internal)
            .unwrap();
        let key = deposit_output_key(VAULT.into(), &terms).unwrap();
        assert_eq!((key.x.0, key.parity), (info.output_key().serialize(), info.output_key_parity()));
        let script = ScriptBuf::new_p2tr_tweaked(info.output_key());
        assert_eq!(deposit_script(VAULT.into(), &terms).unwrap().as_ref(), script.as_bytes());
        let refund = refund_spend(VAULT.into(), &terms).unwrap();
        let control = info.control_block(&(leaf_b, LeafVersion::TapScript)).unwrap();
        assert_eq!(refund.control_block.as_ref(), control.serialize());
        assert_eq!(refund.sequence, 1008);
    }

    #[test]
    fn the_refund_leaf_opens_the_output() {
        for delay in [1008, 2000, 32_767] {
            let terms = DepositTerms { refund_delay: delay, ..terms() };
            let refund = refund_spend(VAULT.into(), &terms).unwrap();
            let control = ControlBlock::decode(&refund.control_block).unwrap();
            let output = x_only("output", deposit_output_key(VAULT.into(), &terms).unwrap().x).unwrap();
            assert!(control.verify_taproot_commitment(&CURVE, output, Script::from_bytes(&refund.script)));
            assert_eq!((refund.script.len(), refund.control_block.len()), (39, 65));
        }
    }

    #[test]
    fn every_term_and_the_vault_move_the_output() {
        let base = terms();
        let key = deposit_output_key(VAULT.into(), &base).unwrap().x;
        let address = |byte: u8| B256::left_padding_from(&[byte; 20]);
        for other in [
            DepositTerms { destination_chain: ChainId::eip155(1), ..base.clone() },
            DepositTerms { destination_bridge: address(3), ..base.clone() },
            DepositTerms { recipient: address(3), ..base.clone() },
            DepositTerms { lane: LanePreference::Any, ..base.clone() },
            DepositTerms { expiry: 1_900_000_001, ..base.clone() },
            DepositTerms { refund_key: VAULT.into(), ..base.clone() },
            DepositTerms { refund_delay: 1009, ..base.clone() },
        ] {
            assert_ne!(deposit_output_key(VAULT.into(), &other).unwrap().x, key, "{other:?}");
        }
        assert_ne!(deposit_output_key(REFUND.into(), &base).unwrap().x, key);
    }

    #[test]
    fn terms_that_could_strand_a_depositor_are_refused_by_name() {
        let base = terms();
        let refused = |terms: DepositTerms| deposit_script(VAULT.into(), &terms).unwrap_err().field;
        assert_eq!(refused(DepositTerms { recipient: B256::ZERO, ..base.clone() }), "terms.recipient");
        assert_eq!(refused(DepositTerms { recipient: B256::repeat_byte(1), ..base.clone() }), "terms.recipient");
        assert_eq!(
            refused(DepositTerms { destination_bridge: B256::ZERO, ..base.clone() }),
            "terms.destination_bridge"
        );
        // 5 is the x coordinate of no point of the curve.
        let no_point = B256::with_last_byte(5);
        assert_eq!(refused(DepositTerms { refund_key: no_point, ..base.clone() }), "terms.refund_key");
        assert_eq!(refused(DepositTerms { refund_delay: 1007, ..base.clone() }), "terms.refund_delay");
        assert_eq!(refused(DepositTerms { refund_delay: 32_768, ..base.clone() }), "terms.refund_delay");
        assert_eq!(deposit_script(no_point, &base).unwrap_err().field, "vault");
        let elsewhere = ChainId::parse("cosmos:cosmoshub-4").unwrap();
        let full = DepositTerms { destination_chain: elsewhere, recipient: B256::repeat_byte(1), ..base };
        deposit_script(VAULT.into(), &full).unwrap();
    }

    #[test]
    fn the_known_answers_stand() {
        let terms = terms();
        assert_eq!(hex::encode(terms.commitment()), KNOWN_COMMITMENT);
        assert_eq!(hex::encode(deposit_output_key(VAULT.into(), &terms).unwrap().x), KNOWN_OUTPUT_KEY);
        for (network, prefix) in [(Network::Bitcoin, "bc1p"), (Network::Signet, "tb1p"), (Network::Regtest, "bcrt1p")] {
            let address = deposit_address(VAULT.into(), &terms, network).unwrap();
            assert!(address.starts_with(prefix), "{address}");
        }
    }

    // Computed by an independent implementation of keccak, secp256k1 and BIP 341.
    const KNOWN_COMMITMENT: &str = "fa2e4c1ca761d05396b2390a2225880c90e030c057cc6a42e3ce3b20ead89945";
    const KNOWN_OUTPUT_KEY: &str = "33bba1016945e33f59217dc04f5887740c1c95f1814cae52aefb32feda7fa0cf";
}
