//! Vote accounts of every version: bounded, nothing of them read behind their history, and the voter of an epoch is one
//! that is named for it or for an earlier one.

use crate::patch::{Patch, patched};
use spandrel_verifiers::solana::VoteAccount;

/// Most bytes that an account has.
const MAX_ACCOUNT: usize = 3_762;

/// An account of two lockouts and two voters, with credits of one epoch.
fn honest(version: u32) -> Vec<u8> {
    let mut bytes = [&version.to_le_bytes()[..], &[1; 32], &[2; 32]].concat();
    match version {
        3 => bytes.extend([&[3; 32 + 32 + 2 + 2 + 8][..], &[1], &[4; 48]].concat()),
        _ => bytes.push(5),
    }
    bytes.extend(2_u64.to_le_bytes());
    for (slot, confirmations) in [(100_u64, 2_u32), (101, 1)] {
        if version > 1 {
            bytes.push(1);
        }
        bytes.extend(slot.to_le_bytes());
        bytes.extend(confirmations.to_le_bytes());
    }
    bytes.push(1);
    bytes.extend(99_u64.to_le_bytes());
    bytes.extend(2_u64.to_le_bytes());
    for epoch in [7_u64, 9] {
        bytes.extend(epoch.to_le_bytes());
        bytes.extend([epoch as u8; 32]);
    }
    if version < 3 {
        bytes.extend([6; 32 * 48 + 8]);
        bytes.push(0);
    }
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend([7; 3 * 8 + 2 * 8]);
    bytes
}

fuzz_target!(|input: (u8, u64, Vec<Patch>)| {
    let (version, epoch, patches) = input;
    let honest = honest(1 + u32::from(version) % 3);
    let whole = VoteAccount::decode(&honest).expect("an account");
    assert_eq!((whole.last_voted, whole.root, whole.voters.len()), (Some(101), Some(99), 2));
    assert!((0..honest.len()).all(|length| VoteAccount::decode(&honest[..length]).is_err()));
    let mut bytes = patched(honest, &patches);
    let Ok(account) = VoteAccount::decode(&bytes) else { return };
    assert!(bytes.len() <= MAX_ACCOUNT);
    let named = account.voters.iter().filter(|(from, _)| **from <= epoch).max_by_key(|(from, _)| **from);
    assert_eq!(account.authorized_voter(epoch), named.map(|(_, voter)| *voter));
    if bytes.len() < MAX_ACCOUNT {
        bytes.push(0xff);
        assert_eq!(VoteAccount::decode(&bytes), Ok(account));
    }
});
