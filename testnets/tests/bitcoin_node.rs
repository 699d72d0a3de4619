//! The embedded Bitcoin node against the rules of the network and the shapes of Core, and the same operations on a
//! real `bitcoind` where there is one.

use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::hashes::Hash;
use bitcoin::key::{TapTweak, UntweakedPublicKey};
use bitcoin::opcodes::all::{OP_CHECKSIG, OP_CSV, OP_DROP, OP_RETURN};
use bitcoin::script::Builder;
use bitcoin::secp256k1::{Keypair, Message, Secp256k1, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::{LeafVersion, TapLeafHash, TaprootBuilder};
use bitcoin::{
    Address, Amount, Block, BlockHash, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
    absolute, transaction,
};
use serde_json::{Value, json};
use spandrel_testnets::bitcoin::{AnyNode, BitcoinNode, Bitcoind, Dropped, Fault, NodeError, NodeOptions, RegtestNode};

async fn node() -> BitcoinNode {
    BitcoinNode::start(NodeOptions { spendable_coinbases: 5, ..NodeOptions::default() }).await.unwrap()
}

async fn block(node: &impl RegtestNode, hash: &BlockHash) -> Block {
    deserialize_hex(node.rpc().call("getblock", json!([hash, 0])).await.unwrap().as_str().unwrap()).unwrap()
}

fn fault(outcome: Result<Value, NodeError>) -> Fault {
    match outcome {
        Err(NodeError::Refused { fault, .. }) => fault,
        other => panic!("expected the node to refuse, found {other:?}"),
    }
}

fn someone() -> ScriptBuf {
    let key = Keypair::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&[7; 32]).unwrap());
    Address::p2tr(&Secp256k1::new(), key.x_only_public_key().0, None, Network::Regtest).script_pubkey()
}

#[tokio::test]
async fn every_node_mines_pays_and_reorganises_alike() {
    for node in AnyNode::every().await.unwrap() {
        node.mine(101).await.unwrap();
        let paid = node.pay(&someone(), 70_000).await.unwrap();
        let mined = node.mine(1).await.unwrap();
        let holds_payment = |block: &Block| block.txdata.iter().any(|tx| tx.compute_txid() == paid.txid);
        assert!(holds_payment(&block(&node, &mined[0]).await));

        let (old, new) = node.reorg(1, 2, Dropped::LeftOut).await.unwrap();
        assert_eq!(old, mined);
        assert_eq!(node.tip_height().await.unwrap(), 103);
        for hash in &new {
            assert!(!holds_payment(&block(&node, hash).await));
        }
        let header = node.rpc().call("getblockheader", json!([old[0], true])).await.unwrap();
        assert_eq!(header["confirmations"], -1);

        let (_, new) = node.reorg(1, 2, Dropped::Mined).await.unwrap();
        assert!(holds_payment(&block(&node, &new[0]).await));
        let (_, _) = node.reorg(2, 2, Dropped::LeftOut).await.unwrap();
        node.double_spend(paid.txid).await.unwrap();
        let last = node.mine(1).await.unwrap();
        assert!(!holds_payment(&block(&node, &last[0]).await));
        assert_eq!(block(&node, &last[0]).await.txdata.len(), 2, "the replacement is mined");
    }
}

#[tokio::test]
async fn its_blocks_hold_the_rules_of_regtest() {
    let node = node().await;
    for _ in 0..3 {
        node.pay(&someone(), 10_000).await.unwrap();
    }
    node.mine(1).await.unwrap();
    let mut parent = bitcoin::constants::genesis_block(Network::Regtest).header;
    for height in 1..=node.height() {
        let block = block(&node, &node.block_hash(height).await.unwrap()).await;
        assert_eq!(block.header.prev_blockhash, parent.block_hash());
        assert_eq!(block.header.bits, parent.bits);
        block.header.validate_pow(block.header.target()).unwrap();
        assert!(block.check_merkle_root() && block.check_witness_commitment());
        let height_push = Builder::new().push_int(i64::from(height)).into_script();
        assert!(block.txdata[0].input[0].script_sig.as_bytes().starts_with(height_push.as_bytes()));
        parent = block.header;
    }
    let last = block(&node, &parent.block_hash()).await;
    let minted: Amount = last.txdata[0].output.iter().map(|output| output.value).sum();
    assert_eq!(last.txdata.len(), 4);
    assert!(minted > Amount::from_sat(5_000_000_000), "the coinbase takes the fees");
}

#[tokio::test]
async fn branches_mined_in_the_same_second_never_repeat_a_block() {
    let node = node().await;
    node.rpc().call("setmocktime", json!([2_000_000_000])).await.unwrap();
    let (old, new) = node.reorg(0, 3, Dropped::LeftOut).await.unwrap();
    assert!(old.is_empty());
    let (old, newer) = node.reorg(3, 3, Dropped::LeftOut).await.unwrap();
    assert_eq!(old, new);
    assert!(newer.iter().all(|hash| !old.contains(hash)));
}

#[tokio::test]
async fn reconsidering_goes_back_to_the_branch_of_most_work() {
    let node = node().await;
    let (old, _) = node.reorg(2, 2, Dropped::LeftOut).await.unwrap();
    let branch = node.mine(1).await.unwrap();
    node.rpc().call("reconsiderblock", json!([old[0]])).await.unwrap();
    assert_eq!(node.block_hash(node.height()).await.unwrap(), branch[0], "three blocks outweigh two");
    node.rpc().call("invalidateblock", json!([branch[0]])).await.unwrap();
    assert_eq!(node.block_hash(node.height()).await.unwrap(), old[1], "of two equal branches the first seen");
    let tips = node.rpc().call("getchaintips", json!([])).await.unwrap();
    let statuses: Vec<&str> = tips.as_array().unwrap().iter().map(|tip| tip["status"].as_str().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == "active").count(), 1);
    assert!(statuses.contains(&"invalid"), "{tips}");
}

#[tokio::test]
async fn answers_have_the_shapes_of_core() {
    let node = node().await;
    let paid = node.pay(&someone(), 123_456_789).await.unwrap();
    let waiting = node.rpc().call("getrawtransaction", json!([paid.txid, 1])).await.unwrap();
    assert!(waiting.get("blockhash").is_none());
    let hash = node.mine(1).await.unwrap()[0];
    let call = |method, params| node.rpc().call(method, params);

    let info = call("getblockchaininfo", json!([])).await.unwrap();
    assert_eq!((&info["chain"], &info["bestblockhash"]), (&json!("regtest"), &json!(hash)));
    assert_eq!(info["blocks"], node.height());
    assert_eq!(call("getbestblockhash", json!([])).await.unwrap(), json!(hash));

    let header = call("getblockheader", json!([hash])).await.unwrap();
    for field in ["hash", "height", "version", "merkleroot", "time", "mediantime", "nonce", "chainwork", "nTx"] {
        assert!(!header[field].is_null(), "{field}");
    }
    assert_eq!((&header["confirmations"], &header["bits"]), (&json!(1), &json!("207fffff")));
    assert!(header.get("nextblockhash").is_none());
    let raw = call("getblockheader", json!([hash, false])).await.unwrap();
    assert_eq!(raw.as_str().unwrap().len(), 160);

    let ids = call("getblock", json!([hash])).await.unwrap();
    assert_eq!(ids["tx"][1], json!(paid.txid));
    let full = call("getblock", json!({ "blockhash": hash, "verbosity": 2 })).await.unwrap();
    let output = &full["tx"][1]["vout"][paid.vout as usize];
    assert_eq!(output["value"], 1.234_567_89);
    assert_eq!(output["scriptPubKey"]["type"], "witness_v1_taproot");
    assert!(full["tx"][1]["fee"].as_f64().unwrap() > 0.0);
    assert!(full["tx"][0]["vin"][0].get("coinbase").is_some());

    let mined = call("getrawtransaction", json!([paid.txid, true])).await.unwrap();
    assert_eq!((&mined["blockhash"], &mined["confirmations"]), (&json!(hash), &json!(1)));
    let coin = call("gettxout", json!([paid.txid, paid.vout])).await.unwrap();
    assert_eq!((&coin["value"], &coin["coinbase"]), (&json!(1.234_567_89), &json!(false)));
    let published = call("getzmqnotifications", json!([])).await.unwrap();
    assert_eq!(published[1]["type"], "pubrawblock");
    assert_eq!(published[1]["address"], node.zmq_endpoint());
    assert!(call("estimatesmartfee", json!([2])).await.unwrap()["errors"][0].is_string());
}

#[tokio::test]
async fn errors_have_the_codes_of_core() {
    let node = node().await;
    let unknown = "00".repeat(32);
    for (method, params, code) in [
        ("getblock", json!([unknown]), -5),
        ("getblockheader", json!([unknown]), -5),
        ("getblockhash", json!([1_000_000]), -8),
        ("getblockhash", json!([-1]), -8),
        ("getblock", json!(["zz"]), -8),
        ("getblockhash", json!(["one"]), -3),
        ("getblockhash", json!([]), -1),
        ("getrawtransaction", json!([unknown]), -5),
        ("sendrawtransaction", json!(["00"]), -22),
        ("sendtoaddress", json!(["nowhere", 1]), -5),
        ("sendtoaddress", json!([Address::from_script(&someone(), Network::Regtest).unwrap(), 100_000]), -6),
        ("invalidateblock", json!([unknown]), -5),
        ("getpeerinfo", json!([]), -32601),
    ] {
        assert_eq!(fault(node.rpc().call(method, params.clone()).await).code, code, "{method} {params}");
    }
}

#[tokio::test]
async fn only_the_right_password_is_let_in() {
    let node = node().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({ "method": "getblockcount", "params": [], "id": 1 });
    let post = || client.post(&node.rpc().url).json(&body);
    assert_eq!(post().send().await.unwrap().status(), 401);
    assert_eq!(post().basic_auth("spandrel", Some("guess")).send().await.unwrap().status(), 401);
    let let_in = post().basic_auth(&node.rpc().user, Some(&node.rpc().password)).send().await.unwrap();
    assert_eq!(let_in.status(), 200);
    assert!(!format!("{:?}", node.rpc()).contains(&node.rpc().password));
}

#[tokio::test]
async fn batches_and_version_two_calls_are_answered_in_their_shape() {
    let node = node().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = async |body: Value| {
        let request = client.post(&node.rpc().url).basic_auth(&node.rpc().user, Some(&node.rpc().password));
        let response = request.json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, answer) = post(json!({ "jsonrpc": "2.0", "method": "nothing", "id": 7 })).await;
    assert_eq!((status, &answer["error"]["code"], &answer["id"]), (200, &json!(-32601), &json!(7)));
    assert!(answer.get("result").is_none());
    let (status, answer) = post(json!({ "method": "nothing", "id": 7 })).await;
    assert_eq!((status, &answer["result"]), (404, &Value::Null));
    let (status, answers) = post(json!([
        { "method": "getblockcount", "id": 1 },
        { "method": "getblockhash", "params": [0], "id": 2 },
    ]))
    .await;
    assert_eq!((status, answers.as_array().unwrap().len()), (200, 2));
    assert_eq!(answers[0]["result"], node.height());
}

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
async fn submitted_blocks_are_checked_and_bad_ones_never_become_the_tip() {
    let options = NodeOptions { wallet_seed: [9; 32], ..NodeOptions::default() };
    let (from, to) = (node().await, BitcoinNode::start(options).await.unwrap());
    let submit = async |block: &Block| {
        let answer = to.rpc().call("submitblock", json!([serialize_hex(block)])).await.unwrap();
        answer.as_str().map(str::to_owned)
    };
    let first = block(&from, &from.block_hash(1).await.unwrap()).await;
    let mut altered = first.clone();
    altered.txdata[0].output[0].value += Amount::from_sat(1);
    assert_eq!(submit(&altered).await.as_deref(), Some("bad-txnmrklroot"));
    resolve(&mut altered);
    assert_eq!(submit(&altered).await.as_deref(), Some("bad-cb-amount"));
    assert_eq!(to.height(), 0);
    let orphan = block(&from, &from.block_hash(2).await.unwrap()).await;
    assert_eq!(submit(&orphan).await.as_deref(), Some("prev-blk-not-found"));
    assert_eq!(submit(&first).await, None);
    assert_eq!(submit(&orphan).await, None);
    assert_eq!(submit(&orphan).await.as_deref(), Some("duplicate"));
    assert_eq!(to.height(), 2);

    to.mine(1).await.unwrap();
    let side = block(&from, &from.block_hash(3).await.unwrap()).await;
    assert_eq!(submit(&side).await.as_deref(), Some("inconclusive"), "equal work, seen later");
}

#[tokio::test]
async fn its_headers_verify_under_the_verifiers_header_chain_on_every_branch() {
    use spandrel_verifiers::bitcoin::{Anchor, ChainParams, HeaderChain};

    for node in AnyNode::every().await.unwrap() {
        let params = ChainParams::regtest();
        let mut chain = HeaderChain::new(params.clone(), Anchor::genesis(&params).unwrap()).unwrap();
        let mut hashes = node.mine(30).await.unwrap();
        for (depth, blocks) in [(1, 2), (5, 7)] {
            hashes.extend(node.reorg(depth, blocks, Dropped::Mined).await.unwrap().1);
        }
        let mut headers = Vec::new();
        for hash in hashes {
            let header = node.rpc().call("getblockheader", json!([hash, false])).await.unwrap();
            headers.push(hex::decode(header.as_str().unwrap()).unwrap().into());
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        chain.extend(&headers, now).unwrap();
        let tip = node.block_hash(node.tip_height().await.unwrap()).await.unwrap();
        assert_eq!((chain.best().height, chain.best().hash.0), (33, tip.to_byte_array()));
        assert_eq!(chain.forked(), 6);
    }
}

#[tokio::test]
async fn a_node_that_takes_the_blocks_of_another_follows_the_work_and_not_the_invalidation() {
    let one = node().await;
    let options = NodeOptions { wallet_seed: [9; 32], ..NodeOptions::default() };
    let two = BitcoinNode::start(options).await.unwrap();
    assert_eq!(two.sync_from(&one).await.unwrap(), one.height() as usize);
    let tip = two.block_hash(two.height()).await.unwrap();
    one.reorg(2, 2, Dropped::LeftOut).await.unwrap();
    assert_eq!(two.sync_from(&one).await.unwrap(), 2);
    assert_eq!(two.block_hash(two.height()).await.unwrap(), tip, "equal work: the first seen stays");
    one.mine(1).await.unwrap();
    assert_eq!(two.sync_from(&one).await.unwrap(), 1);
    assert_eq!(two.block_hash(two.height()).await.unwrap(), one.block_hash(one.height()).await.unwrap());
    assert_eq!(two.sync_from(&one).await.unwrap(), 0);
}

#[tokio::test]
async fn a_bitcoind_that_is_not_one_is_reported_and_not_waited_for() {
    let missing = Bitcoind::start(std::path::Path::new("no-such-folder/bitcoind")).await;
    assert!(matches!(missing, Err(NodeError::Io { .. })));
    let path = std::env::var_os("PATH").unwrap();
    let Some(echo) = std::env::split_paths(&path).map(|folder| folder.join("echo")).find(|file| file.is_file()) else {
        println!("skipped: echo not found");
        return;
    };
    let Err(NodeError::Ended { log }) = Bitcoind::start(&echo).await else { panic!("echo is no bitcoind") };
    assert!(log.contains("-datadir="), "its last lines are shown: {log}");
    assert!(!log.contains("rpcpassword"), "{log}");
}

/// Makes an altered block's header agree with its transactions again.
fn resolve(block: &mut Block) {
    block.header.merkle_root = block.compute_merkle_root().unwrap();
    while block.header.validate_pow(block.header.target()).is_err() {
        block.header.nonce += 1;
    }
}

#[tokio::test]
async fn a_transaction_with_missing_inputs_is_refused() {
    let node = node().await;
    let tx = unsigned(OutPoint::new(Txid::all_zeros(), 0), Sequence::MAX, 1_000);
    let refused = fault(node.rpc().call("sendrawtransaction", json!([serialize_hex(&tx)])).await);
    assert_eq!((refused.code, refused.message.as_str()), (-25, "bad-txns-inputs-missingorspent"));
}
