//! What is read of a certificate, a footer or a vote account, with any bit flipped: refused, or no more than that bit.

use alloy_primitives::B256;
use spandrel_verifiers::solana::{BlockName, Certificate, Claim, Electorate, Footer, VoteAccount};

use super::maker::{NOW, SHRED_VERSION, certificate, footer, table, validators};

/// `bytes` with each of its bits flipped, and the byte in which that was.
fn flips(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len() * 8).map(move |bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        (bit / 8, flipped)
    })
}

#[test]
fn no_flipped_bit_of_a_certificate_verifies() {
    let electorate = Electorate::new(table(0, &validators())).unwrap();
    let block = BlockName { slot: 300, block_id: B256::repeat_byte(3) };
    let honest = [
        certificate(Claim::Finalize(300), &validators(), &[0, 1, 2], &[]),
        certificate(Claim::FinalizeFast(block), &validators(), &[0, 1, 2], &[]),
        certificate(Claim::NotarizeFallback(block), &validators(), &[0, 1], &[2, 4]),
    ];
    for certificate in honest {
        certificate.verify(electorate.ranks(), SHRED_VERSION).unwrap();
        let (mut unread, mut unproven) = (0, 0);
        for (place, flipped) in flips(&certificate.encode()) {
            let Ok(read) = Certificate::decode(&flipped) else {
                unread += 1;
                continue;
            };
            assert_eq!(read.encode(), flipped);
            match read.verify(electorate.ranks(), SHRED_VERSION) {
                Err(_) => unproven += 1,
                // Notarizations and fast finalizations sign the same payload: the kind alone is another.
                Ok(_) => assert!(place == 1 && !matches!(certificate.claim, Claim::Finalize(_)), "byte {place}"),
            }
        }
        assert!(unread + unproven > 1_500 && unproven > 50, "{unread} {unproven}");
    }
}

/// A footer proves nothing by itself: the shreds that carry it do.
#[test]
fn a_flipped_bit_of_a_footer_changes_what_stands_there_or_is_refused() {
    let honest = footer(B256::repeat_byte(0x5a), NOW);
    let whole = Footer::decode(&honest).unwrap();
    let mut read = 0;
    for (place, flipped) in flips(&honest) {
        let Ok(found) = Footer::decode(&flipped) else {
            assert!(!(14..54).contains(&place), "byte {place}");
            continue;
        };
        read += 1;
        // Marker, lengths and versions (14 bytes), bank hash, nanoseconds; then the producer's name.
        assert_eq!(found.bank_hash == whole.bank_hash, !(14..46).contains(&place), "byte {place}");
        assert!(found.time == whole.time || (46..54).contains(&place), "byte {place}");
    }
    assert!(read >= 40 * 8);
}

/// A vote account proves nothing by itself: who makes a table of it is trusted.
#[test]
fn a_flipped_bit_of_a_vote_account_changes_one_field_or_is_refused() {
    let node = B256::repeat_byte(1);
    let mut honest =
        [&3_u32.to_le_bytes()[..], node.as_slice(), &[2; 32 + 32 + 32 + 2 + 2 + 8], &[1], &[4; 48]].concat();
    honest.extend([&1_u64.to_le_bytes()[..], &[9], &77_u64.to_le_bytes(), &[1, 0, 0, 0]].concat());
    honest.extend([&[1][..], &70_u64.to_le_bytes(), &1_u64.to_le_bytes(), &5_u64.to_le_bytes(), &[6; 32]].concat());
    honest.extend([&1_u64.to_le_bytes()[..], &[7; 3 * 8], &[8; 2 * 8]].concat());
    let whole = VoteAccount::decode(&honest).unwrap();
    assert_eq!((whole.node, whole.last_voted, whole.root), (node, Some(77), Some(70)));
    assert_eq!(whole.authorized_voter(5), Some(B256::repeat_byte(6)));
    let mut refused = 0;
    for (place, flipped) in flips(&honest) {
        let Ok(found) = VoteAccount::decode(&flipped) else {
            refused += 1;
            continue;
        };
        let changed = [
            found.node != whole.node,
            found.bls != whole.bls,
            found.last_voted != whole.last_voted,
            found.root != whole.root,
            found.voters != whole.voters,
        ];
        assert!(changed.into_iter().filter(|is_changed| *is_changed).count() <= 1, "byte {place}: {changed:?}");
    }
    assert!(refused > 100, "{refused}");
}
