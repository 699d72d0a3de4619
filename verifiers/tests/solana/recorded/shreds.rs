//! Recorded shreds: sets and the roots that they lead to, what is in them, and two of one place.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use spandrel_verifiers::solana::{Shred, decode_entries, equivocation};

use crate::corpus::{Kind, batch_of, framed, of_kind, payloads, short};
use crate::support::Tally;

/// Members of a Unix archive.
fn archived(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut members) = (bytes.strip_prefix(b"!<arch>\n").unwrap(), Vec::new());
    while rest.len() > 60 {
        let length: usize = std::str::from_utf8(&rest[48..58]).unwrap().trim().parse().unwrap();
        members.push(&rest[60..60 + length]);
        rest = rest.get(60 + length.next_multiple_of(2)..).unwrap_or_default();
    }
    members
}

/// Parses shreds of sets. Those of one set that a leader signed with one signature lead to one root: other signatures are
/// made to conflict. Returns how many sets there are.
fn check_sets(name: &str, shreds: &[&[u8]], tally: &mut Tally) -> usize {
    let mut roots = BTreeMap::new();
    let mut differ = 0;
    for (place, (bytes, shred)) in shreds.iter().zip(Shred::parse_each(shreds)).enumerate() {
        match shred {
            Ok(shred) => {
                let set = (shred.slot, shred.fec_set_index, shred.version, *shred.signature);
                differ += usize::from(*roots.entry(set).or_insert(shred.root) != shred.root);
                assert_eq!(Shred::parse(bytes).unwrap(), shred);
                tally.pass();
            }
            // Legacy shreds carry no proof.
            Err(error) if matches!(bytes[64], 0x5a | 0xa5) => {
                assert!(error.found.contains("variant"), "{error}");
                tally.refused += 1;
            }
            Err(error) => panic!("{name} {place}: {error}"),
        }
    }
    if differ > 0 {
        // All of them then, or it is a fault of ours: a shred held its root as well, before version 1.14.
        assert_eq!(differ + roots.len(), shreds.len(), "{name}");
        tally.skip("shreds that lead to no root of their set: of before version 1.14");
    }
    let sets: std::collections::BTreeSet<_> =
        roots.into_keys().map(|(slot, set, version, _)| (slot, set, version)).collect();
    sets.len()
}

#[test]
fn recorded_shreds_lead_to_the_roots_of_their_sets() {
    let mut tally = Tally::new("shreds of sets");
    for (name, bytes) in of_kind(Kind::FramedShreds) {
        let shreds = framed(&bytes).unwrap();
        let sets = check_sets(&name, &shreds, &mut tally);
        println!("{}: {} shreds, {sets} sets", short(&name), shreds.len());
    }
    for (name, bytes) in of_kind(Kind::ShredArchive) {
        check_sets(&name, &archived(&bytes), &mut tally);
    }
    for (name, bytes) in of_kind(Kind::Shred) {
        check_sets(&name, &[&bytes], &mut tally);
    }
}

/// The shreds of a file, if all of them parse.
fn all_of((_, bytes): &(String, Vec<u8>)) -> Option<Vec<Shred<'_>>> {
    Shred::parse_each(&framed(bytes)?).into_iter().collect::<Result<_, _>>().ok()
}

#[test]
fn recorded_entries_are_those_of_recorded_shreds() {
    let mut tally = Tally::new("entries of shreds");
    let files = of_kind(Kind::FramedShreds);
    for (name, bytes) in of_kind(Kind::FramedEntries) {
        let expected = framed(&bytes).unwrap();
        let batch = batch_of(&expected);
        assert_eq!(decode_entries(&batch).unwrap().len(), expected.len());
        tally.pass();
        let is_of = |shreds: &Vec<Shred<'_>>| payloads(shreds).is_some_and(|payloads| payloads.concat() == batch);
        match files.iter().filter_map(all_of).filter(is_of).count() {
            0 => tally.skip("entries without their shreds"),
            count => {
                println!("{}: in {count} files of shreds", short(&name));
                tally.pass();
            }
        }
    }
}

#[test]
fn recorded_shreds_hold_what_another_decoder_found_in_them() {
    let mut tally = Tally::new("sets that another decoder read");
    let files = of_kind(Kind::FramedShreds);
    for (name, bytes) in of_kind(Kind::DecodedSet) {
        let text = std::str::from_utf8(&bytes).unwrap();
        let number = |key: &str| -> usize {
            let after = text.split_once(&format!(".{key} = ")).unwrap().1;
            after.split(',').next().unwrap().trim().parse().unwrap()
        };
        let is_of = |shreds: &Vec<Shred<'_>>| {
            let named = (number("slot") as u64, number("fec_set_index") as u32, number("shred_version") as u16);
            shreds.iter().all(|shred| (shred.slot, shred.fec_set_index, shred.version) == named)
        };
        let Some(shreds) = files.iter().filter_map(all_of).find(is_of) else {
            tally.skip("what is in a set, without the set");
            continue;
        };
        let data: Vec<_> = shreds.iter().filter(|shred| shred.is_data()).cloned().collect();
        assert_eq!(data[0].index as usize, number("first_data_index"));
        assert_eq!(data.last().unwrap().index as usize, number("last_data_index"));
        if !text.contains(".decoded = true") || !text.contains("\"entry_batch\"") {
            tally.skip("a set that the other does not decode either");
            continue;
        }
        let payload = payloads(&data).unwrap().concat();
        assert_eq!(payload.len(), number("entry_payload_len"), "{name}");
        let entries = decode_entries(&payload).unwrap();
        assert_eq!(entries.len(), number("entry_count"));
        let transactions: Vec<_> = entries.iter().flat_map(|entry| &entry.transactions).collect();
        assert_eq!(transactions.len(), number("transaction_count"));
        for transaction in transactions {
            let ids = transaction.signatures.iter().map(|signature| bitcoin::base58::encode(signature));
            assert!(ids.into_iter().all(|id| text.contains(&id)));
            tally.pass();
        }
    }
}

#[test]
fn a_recorded_equivocation_is_seen() {
    let mut tally = Tally::new("equivocation");
    let found = of_kind(Kind::Shred);
    let shreds: Vec<_> = found.iter().filter_map(|(_, bytes)| Shred::parse(bytes).ok()).collect();
    for (place, a) in shreds.iter().enumerate() {
        for b in &shreds[place + 1..] {
            let set = |shred: &Shred<'_>| (shred.slot, shred.version, shred.fec_set_index);
            if set(a) == set(b) && a.root != b.root {
                println!("{:?} {:?}", (a.slot, a.index, a.fec_set_index), (b.slot, b.index, b.fec_set_index));
                tally.skip("the fixtures do not say who the leader is, so its signatures are not checked");
                tally.refuse(equivocation(a, b, B256::ZERO), "shred");
            }
        }
    }
}
