//! The way back of a Bitcoin deposit, by what the API told alone: on the embedded node, and on a real one where there is one.

use bitcoin::address::NetworkUnchecked;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::secp256k1::{Keypair, Message, Secp256k1, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::{ControlBlock, LeafVersion, TapLeafHash};
use bitcoin::{
    Address, Amount, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, XOnlyPublicKey,
    absolute, transaction,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_testnets::bitcoin::{AnyNode, RegtestNode};

use crate::world::{World, answer, bitcoin as regtest};

const AMOUNT: u64 = 40_000;

/// The user's key: its x coordinate is `world::REFUND_KEY`.
fn key(scalar: u8) -> Keypair {
    let mut bytes = [0; 32];
    bytes[31] = scalar;
    Keypair::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&bytes).unwrap())
}

/// A deposit as its instructions tell it.
struct Told {
    output: TxOut,
    script: ScriptBuf,
    control: Vec<u8>,
    blocks: u16,
}

impl Told {
    fn of(instructions: &Value) -> Self {
        let address: Address<NetworkUnchecked> = instructions["address"].as_str().unwrap().parse().unwrap();
        let script_pubkey = address.require_network(Network::Regtest).unwrap().script_pubkey();
        let bytes = |field: &str| hex::decode(instructions["refund"][field].as_str().unwrap()).unwrap();
        let told = Self {
            output: TxOut { value: Amount::from_sat(AMOUNT), script_pubkey },
            script: ScriptBuf::from_bytes(bytes("script")),
            control: bytes("control_block"),
            blocks: instructions["refund"]["after_blocks"].as_u64().unwrap().try_into().unwrap(),
        };
        // BIP 341: the control block leads from the script to the very output that the address is of.
        let control = ControlBlock::decode(&told.control).unwrap();
        let output_key = XOnlyPublicKey::from_slice(&told.output.script_pubkey.as_bytes()[2..]).unwrap();
        assert!(control.verify_taproot_commitment(&Secp256k1::new(), output_key, &told.script));
        told
    }

    /// A spend of `coin` to `to`, `blocks` after it, signed by `by`.
    fn spend(&self, coin: OutPoint, blocks: u16, by: &Keypair, to: &ScriptBuf) -> Transaction {
        let sequence = Sequence::from_height(blocks);
        let input = TxIn { previous_output: coin, script_sig: ScriptBuf::new(), sequence, witness: Witness::new() };
        let mut tx = Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: vec![input],
            output: vec![TxOut { value: Amount::from_sat(AMOUNT - 1_000), script_pubkey: to.clone() }],
        };
        let leaf = TapLeafHash::from_script(&self.script, LeafVersion::TapScript);
        let prevouts = Prevouts::All(std::slice::from_ref(&self.output));
        let hash = SighashCache::new(&tx)
            .taproot_script_spend_signature_hash(0, &prevouts, leaf, TapSighashType::Default)
            .unwrap();
        let signature = Secp256k1::new().sign_schnorr_no_aux_rand(&Message::from(hash), by);
        let witness = [signature.as_ref().as_slice(), self.script.as_bytes(), &self.control];
        tx.input[0].witness = Witness::from_slice(&witness);
        tx
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_that_is_not_paid_is_taken_back_by_what_the_instructions_say() {
    let world = World::new().await;
    let quote = world.quote(&regtest(), AMOUNT).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let told = Told::of(&order["instructions"]);
    for node in AnyNode::every().await.unwrap() {
        let name = if matches!(node, AnyNode::Embedded(_)) { "the embedded node" } else { "bitcoind" };
        node.mine(101).await.unwrap();
        let coin = node.pay(&told.output.script_pubkey, AMOUNT).await.unwrap();
        node.mine(1).await.unwrap();
        let home = node.new_address().await.unwrap().script_pubkey();
        let send = async |blocks: u16, by: &Keypair| {
            let spend = told.spend(coin, blocks, by, &home);
            node.rpc().call("sendrawtransaction", json!([serialize_hex(&spend)])).await
        };
        let early = send(told.blocks, &key(2)).await.unwrap_err().to_string();
        assert!(early.contains("non-BIP68-final"), "{name}: {early}");
        node.mine(u32::from(told.blocks) - 1).await.unwrap();
        let impatient = send(told.blocks - 1, &key(2)).await.unwrap_err().to_string();
        assert!(impatient.contains("Locktime requirement"), "{name}: {impatient}");
        let stranger = send(told.blocks, &key(3)).await.unwrap_err().to_string();
        assert!(stranger.contains("Schnorr"), "{name}: {stranger}");
        send(told.blocks, &key(2)).await.unwrap();
        node.mine(1).await.unwrap();
        let spent = node.rpc().call("gettxout", json!([coin.txid, coin.vout])).await.unwrap();
        assert!(spent.is_null(), "{name}: {spent}");
        println!("{name}: taken back {} blocks after it was made", told.blocks);
    }
}
