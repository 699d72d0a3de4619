//! Coins are spent by the rules of the network only.

use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::hashes::Hash;
use bitcoin::key::{TapTweak, UntweakedPublicKey};
use bitcoin::opcodes::all::{OP_CHECKSIG, OP_CSV, OP_DROP, OP_RETURN};
use bitcoin::script::Builder;
use bitcoin::secp256k1::{Keypair, Message, Secp256k1, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::{LeafVersion, TapLeafHash, TaprootBuilder};
use bitcoin::{
    Address, Amount, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness, absolute,
    transaction,
};
use serde_json::{Value, json};
use spandrel_testnets::bitcoin::{BitcoinNode, NodeError, NodeOptions, RegtestNode};

use crate::scene::{block, fault, node, someone};

#[tokio::test]
async fn a_coinbase_is_not_spent_before_its_hundredth_block() {
    let node = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    node.mine(99).await.unwrap();
    assert!(node.pay(&someone(), 1_000).await.is_err(), "99 blocks: the first coinbase would be spent in block 100");
    let first = block(&node, &node.block_hash(1).await.unwrap()).await.txdata[0].compute_txid();
    let early = spend_to(&node, OutPoint::new(first, 0), 1_000).await;
    assert_eq!(fault(early).message, "bad-txns-premature-spend-of-coinbase");
    node.mine(1).await.unwrap();
    node.pay(&someone(), 1_000).await.unwrap();
}

async fn spend_to(node: &BitcoinNode, coin: OutPoint, value: u64) -> Result<Value, NodeError> {
    let address = Address::from_script(&someone(), Network::Regtest).unwrap().to_string();
    let outputs = json!([{ address: Amount::from_sat(value).to_btc() }]);
    let inputs = json!([{ "txid": coin.txid, "vout": coin.vout }]);
    let raw = node.rpc().call("createrawtransaction", json!([inputs, outputs])).await?;
    let signed = node.rpc().call("signrawtransactionwithwallet", json!([raw])).await?;
    assert_eq!(signed["complete"], true);
    node.rpc().call("sendrawtransaction", json!([signed["hex"]])).await
}

#[tokio::test]
async fn taproot_and_segwit_coins_of_the_wallet_are_really_signed() {
    let node = node().await;
    for kind in ["bech32", "bech32m"] {
        let address = node.rpc().call("getnewaddress", json!(["", kind])).await.unwrap();
        let txid = node.rpc().call("sendtoaddress", json!([address, "0.5"])).await.unwrap();
        node.mine(1).await.unwrap();
        let shown = node.rpc().call("getrawtransaction", json!([txid, true])).await.unwrap();
        let outputs = shown["vout"].as_array().unwrap();
        let vout = outputs.iter().position(|output| output["scriptPubKey"]["address"] == address).unwrap();
        let coin = OutPoint::new(txid.as_str().unwrap().parse().unwrap(), vout as u32);
        let spent = spend_to(&node, coin, 49_000_000).await.unwrap();
        let hex = node.rpc().call("getrawtransaction", json!([spent])).await.unwrap();
        let good: Transaction = deserialize_hex(hex.as_str().unwrap()).unwrap();

        let mut forged = good.clone();
        forged.output[0].value -= Amount::from_sat(100_000);
        let refused = fault(node.rpc().call("sendrawtransaction", json!([serialize_hex(&forged)])).await);
        assert_eq!(refused.code, -26, "{kind}");
        assert!(refused.message.starts_with("mandatory-script-verify-flag-failed"), "{kind}: {}", refused.message);
        node.mine(1).await.unwrap();
        let again = fault(node.rpc().call("sendrawtransaction", json!([serialize_hex(&good)])).await);
        assert_eq!(again.code, -27);
    }
}

#[tokio::test]
async fn a_refund_leaf_opens_after_its_delay_and_only_to_its_key() {
    let node = node().await;
    let secp = Secp256k1::new();
    let key = |byte| Keypair::from_secret_key(&secp, &SecretKey::from_slice(&[byte; 32]).unwrap());
    let (vault, refund, stranger) = (key(1), key(2), key(3));
    let internal: UntweakedPublicKey = vault.x_only_public_key().0;
    let commitment = Builder::new().push_opcode(OP_RETURN).push_slice([9; 32]).into_script();
    let leaf = Builder::new()
        .push_int(1008)
        .push_opcode(OP_CSV)
        .push_opcode(OP_DROP)
        .push_x_only_key(&refund.x_only_public_key().0)
        .push_opcode(OP_CHECKSIG)
        .into_script();
    let tree = TaprootBuilder::new().add_leaf(1, commitment).unwrap().add_leaf(1, leaf.clone()).unwrap();
    let tree = tree.finalize(&secp, internal).unwrap();
    let script = ScriptBuf::new_p2tr_tweaked(tree.output_key());
    let paid = node.pay(&script, 1_000_000).await.unwrap();
    node.mine(1).await.unwrap();

    let control = tree.control_block(&(leaf.clone(), LeafVersion::TapScript)).unwrap();
    let prevout = TxOut { value: Amount::from_sat(1_000_000), script_pubkey: script };
    let spend = |sequence: u16, signer: &Keypair| {
        let mut tx = unsigned(paid, Sequence::from_height(sequence), 990_000);
        let leaf_hash = TapLeafHash::from_script(&leaf, LeafVersion::TapScript);
        let hash = SighashCache::new(&tx)
            .taproot_script_spend_signature_hash(
                0,
                &Prevouts::All(std::slice::from_ref(&prevout)),
                leaf_hash,
                TapSighashType::Default,
            )
            .unwrap();
        let signature = secp.sign_schnorr_no_aux_rand(&Message::from(hash), signer);
        tx.input[0].witness =
            Witness::from_slice(&[signature.as_ref().as_slice(), leaf.as_bytes(), &control.serialize()]);
        json!([serialize_hex(&tx)])
    };
    let send = |params| node.rpc().call("sendrawtransaction", params);
    assert_eq!(fault(send(spend(1008, &refund)).await).message, "non-BIP68-final");
    assert!(fault(send(spend(10, &refund)).await).message.contains("68-final"));
    node.mine(1007).await.unwrap();
    assert!(fault(send(spend(10, &refund)).await).message.contains("Locktime requirement"));
    assert!(fault(send(spend(1008, &stranger)).await).message.contains("Schnorr"));
    send(spend(1008, &refund)).await.unwrap();

    let paid = node.pay(&prevout.script_pubkey, 1_000_000).await.unwrap();
    let mut by_key = unsigned(paid, Sequence::ENABLE_RBF_NO_LOCKTIME, 990_000);
    let prevouts = Prevouts::All(std::slice::from_ref(&prevout));
    let hash =
        SighashCache::new(&by_key).taproot_key_spend_signature_hash(0, &prevouts, TapSighashType::Default).unwrap();
    let tweaked = vault.tap_tweak(&secp, tree.merkle_root()).to_keypair();
    let signature = secp.sign_schnorr_no_aux_rand(&Message::from(hash), &tweaked);
    by_key.input[0].witness = Witness::from_slice(&[signature.as_ref()]);
    send(json!([serialize_hex(&by_key)])).await.unwrap();
}

fn unsigned(coin: OutPoint, sequence: Sequence, value: u64) -> Transaction {
    let input = TxIn { previous_output: coin, script_sig: ScriptBuf::new(), sequence, witness: Witness::new() };
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![input],
        output: vec![TxOut { value: Amount::from_sat(value), script_pubkey: someone() }],
    }
}

#[tokio::test]
async fn a_transaction_with_missing_inputs_is_refused() {
    let node = node().await;
    let tx = unsigned(OutPoint::new(Txid::all_zeros(), 0), Sequence::MAX, 1_000);
    let refused = fault(node.rpc().call("sendrawtransaction", json!([serialize_hex(&tx)])).await);
    assert_eq!((refused.code, refused.message.as_str()), (-25, "bad-txns-inputs-missingorspent"));
}
