//! The examples run to their end. What they print is theirs.

#[expect(dead_code, reason = "what starts it alone")]
#[path = "../examples/follow_bitcoin.rs"]
mod follow_bitcoin;
#[expect(dead_code, reason = "what starts it alone")]
#[path = "../examples/verify_cosmos.rs"]
mod verify_cosmos;
#[expect(dead_code, reason = "what starts it alone")]
#[path = "../examples/verify_ethereum.rs"]
mod verify_ethereum;
#[expect(dead_code, reason = "what starts it alone")]
#[path = "../examples/verify_evidence.rs"]
mod verify_evidence;
#[expect(dead_code, reason = "what starts it alone")]
#[path = "../examples/verify_solana.rs"]
mod verify_solana;

#[test]
fn bitcoin_is_followed() {
    follow_bitcoin::run().unwrap();
}

#[test]
fn a_deposit_of_each_chain_is_verified() {
    verify_ethereum::run().unwrap();
    verify_cosmos::run().unwrap();
    verify_solana::run().unwrap();
}

/// Every recorded evidence file is made, read and verified in `wire/files.rs`; this one is none.
#[test]
fn a_file_that_is_none_is_refused() {
    assert!(!verify_evidence::tell(br#"{"version": 2}"#, 0));
}
