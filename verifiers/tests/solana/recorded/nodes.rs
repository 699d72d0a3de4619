//! Blocks as nodes of a local cluster gave them, and who votes there.

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::solana::{Electorate, Stake, StakeTable, Transaction, Vote, require_majority, verify_strict};

use super::transactions::is_tower_sync;
use crate::corpus::{Kind, of_kind};
use crate::support::{Tally, base58, json, unbase64};

/// Vote accounts that sign for themselves.
fn electorate(bytes: &[u8]) -> Electorate {
    let answer = json(bytes);
    let rows = answer["current"].as_array().unwrap().iter().map(|row| {
        let vote_account = base58(&row["votePubkey"]);
        let stake = row["activatedStake"].as_u64().unwrap();
        Stake { vote_account, stake, authorized_voter: vote_account, alpenglow: None }
    });
    Electorate::new(StakeTable::new(0, rows.collect()).unwrap()).unwrap()
}

#[test]
fn recorded_blocks_of_nodes_decode_and_their_votes_count() {
    let mut tally = Tally::new("blocks of a local validator");
    let electorates: Vec<_> = of_kind(Kind::NodeVoteAccounts).iter().map(|(_, bytes)| electorate(bytes)).collect();
    for (_, bytes) in of_kind(Kind::NodeBlock) {
        let block = json(&bytes);
        for transaction in block["base64"]["transactions"].as_array().unwrap() {
            let bytes: Bytes = unbase64(transaction["transaction"][0].as_str().unwrap()).into();
            let decoded = Transaction::decode(&bytes).unwrap();
            let message = &decoded.message;
            for (key, signature) in message.keys.iter().zip(decoded.signatures) {
                assert!(verify_strict(&B256::new(*key), message.bytes, signature));
            }
            match Vote::of(&decoded) {
                Ok(vote) => {
                    assert_eq!(vote.ballot.slot + 1, block["slot"].as_u64().unwrap());
                    let votes = |electorate: &&Electorate| {
                        electorate.table().stakes.iter().any(|row| row.vote_account == vote.vote_account)
                    };
                    let Some(electorate) = electorates.iter().find(votes) else {
                        tally.skip("a vote of a block without its vote accounts");
                        continue;
                    };
                    let majority = require_majority(electorate, vote.ballot, std::slice::from_ref(&bytes)).unwrap();
                    assert_eq!(majority.stake, electorate.total());
                    tally.pass();
                }
                Err(error) => {
                    assert_eq!((error.field.as_str(), is_tower_sync(&decoded)), ("vote", false));
                    tally.refused += 1;
                }
            }
        }
    }
}
