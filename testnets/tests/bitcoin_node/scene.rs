//! A node, what it has and refuses, and somebody to be paid.

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::secp256k1::{Keypair, Secp256k1, SecretKey};
use bitcoin::{Address, Block, BlockHash, Network, ScriptBuf};
use serde_json::{Value, json};
use spandrel_testnets::bitcoin::{BitcoinNode, Fault, NodeError, NodeOptions, RegtestNode};

pub async fn node() -> BitcoinNode {
    BitcoinNode::start(NodeOptions { spendable_coinbases: 5, ..NodeOptions::default() }).await.unwrap()
}

pub async fn block(node: &impl RegtestNode, hash: &BlockHash) -> Block {
    deserialize_hex(node.rpc().call("getblock", json!([hash, 0])).await.unwrap().as_str().unwrap()).unwrap()
}

pub fn fault(outcome: Result<Value, NodeError>) -> Fault {
    match outcome {
        Err(NodeError::Refused { fault, .. }) => fault,
        other => panic!("expected the node to refuse, found {other:?}"),
    }
}

pub fn someone() -> ScriptBuf {
    let key = Keypair::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&[7; 32]).unwrap());
    Address::p2tr(&Secp256k1::new(), key.x_only_public_key().0, None, Network::Regtest).script_pubkey()
}
