//! A recorded block, from its shreds to its transactions and back.

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::solana::{Consensus, Shred, ShredProof, check_poh, decode_entries, verify_strict};

use super::votes::recordings;
use crate::corpus::{Kind, block_shreds, of_kind, payloads, short};
use crate::support::{Tally, hash};

#[test]
fn a_recorded_block_leads_from_its_shreds_to_its_transactions() {
    let mut tally = Tally::new("recorded blocks of shreds");
    for (name, bytes) in of_kind(Kind::BlockShreds) {
        let shreds = block_shreds(&bytes);
        let slices: Vec<&[u8]> = shreds.iter().map(Vec::as_slice).collect();
        let shreds: Vec<Shred<'_>> = Shred::parse_each(&slices).into_iter().map(Result::unwrap).collect();
        let mut sets: Vec<(u32, B256, Option<B256>)> =
            shreds.iter().map(|shred| (shred.fec_set_index, shred.root, shred.chained_root)).collect();
        sets.dedup();
        for pair in sets.windows(2) {
            assert!(pair[0].0 < pair[1].0);
            assert_eq!(pair[1].2, Some(pair[0].1), "a chained root");
            tally.pass();
        }
        let payloads = payloads(&shreds).unwrap();
        let entries: Vec<_> = payloads.iter().flat_map(|payload| decode_entries(payload).unwrap()).collect();
        let transactions: usize = entries.iter().map(|entry| entry.transactions.len()).sum();
        println!("{}: {} sets, {} entries, {transactions} transactions", short(&name), sets.len(), entries.len());
        for transaction in entries.iter().flat_map(|entry| &entry.transactions) {
            let message = &transaction.message;
            for (key, signature) in message.keys.iter().zip(transaction.signatures) {
                assert!(verify_strict(&B256::new(*key), message.bytes, signature));
            }
            tally.pass();
        }
        let Some(recording) =
            recordings().into_iter().find(|recording| recording.file["child_block"]["slot"] == shreds[0].slot)
        else {
            tally.skip("no recorded parent and id");
            continue;
        };
        let (bank, child) = (&recording.file["bank"], &recording.file["child_block"]);
        assert_eq!(sets[0].2, Some(hash(&bank["block_id"])), "the first set carries the parent's id");
        assert_eq!(sets.last().unwrap().1, hash(&child["block_id"]));
        assert_eq!(sets.len() as u64, child["fec_sets"].as_u64().unwrap());
        assert_eq!(entries.last().unwrap().hash, hash(&child["blockhash"]));
        assert_eq!(transactions, recording.votes.len());
        check_poh(hash(&bank["last_blockhash"]), &entries).unwrap();
        tally.pass();
        let mut wrong = entries.clone();
        wrong[5].hash.0[0] ^= 1;
        tally.refuse(check_poh(hash(&bank["last_blockhash"]), &wrong[..7]), "entries[5].hash");
        tally.refuse(check_poh(B256::ZERO, &entries[..1]), "entries[0].hash");
    }
}

#[test]
fn every_transaction_of_a_recorded_block_is_proven_under_its_id() {
    let mut tally = Tally::new("transactions under a recorded block id");
    for (name, bytes) in of_kind(Kind::BlockShreds) {
        let shreds: Vec<Bytes> = block_shreds(&bytes).into_iter().map(Bytes::from).collect();
        let last = Shred::parse(shreds.last().unwrap()).unwrap();
        let (slot, version, id) = (last.slot, last.version, last.root);
        let mut batch = 0;
        while let Ok(proof) = ShredProof::of_block(&shreds, batch) {
            let payload = proof.payload(slot, id, version, Consensus::Tower).unwrap();
            decode_entries(&payload).unwrap().iter().flat_map(|entry| &entry.transactions).for_each(|_| tally.pass());
            tally.refuse(proof.payload(slot, B256::ZERO, version, Consensus::Tower), "block_id");
            tally.refuse(proof.payload(slot, id, version, Consensus::Alpenglow), "block");
            tally.refuse(
                proof.payload(slot + 1, id, version, Consensus::Tower),
                if batch == 0 { "batch[0].slot" } else { "before.slot" },
            );
            // A bit of the data, of the header, of the chained root and of the proof.
            for place in [65, 74, 90, 1_060, 1_100, 1_202] {
                let mut changed = proof.clone();
                let mut bytes = changed.batch[0].to_vec();
                bytes[place] ^= 1;
                changed.batch[0] = bytes.into();
                // Retransmitters sign the last set anew: their signature, at its end, is no part of the proof.
                let is_signature = proof.batch[0][64] & 0x20 != 0 && place >= 1_203 - 64;
                assert_eq!(
                    changed.payload(slot, id, version, Consensus::Tower).is_ok(),
                    is_signature,
                    "{name} {batch} {place}"
                );
                tally.refused += usize::from(!is_signature);
            }
            batch += 1;
        }
        println!("{}: {batch} batches", short(&name));
    }
}
