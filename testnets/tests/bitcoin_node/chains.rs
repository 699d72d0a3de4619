//! Mining, branches, and blocks that come from elsewhere.

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::Hash;
use bitcoin::script::Builder;
use bitcoin::{Amount, Block, Network};
use serde_json::json;
use spandrel_testnets::bitcoin::{AnyNode, BitcoinNode, Dropped, NodeOptions, RegtestNode};

use crate::scene::{block, node, someone};

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

/// Makes an altered block's header agree with its transactions again.
fn resolve(block: &mut Block) {
    block.header.merkle_root = block.compute_merkle_root().unwrap();
    while block.header.validate_pow(block.header.target()).is_err() {
        block.header.nonce += 1;
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
