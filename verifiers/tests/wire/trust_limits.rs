//! What is trusted and the consensus evidence after it have limits, field by field, in both forms of a file.

use alloy_primitives::Bytes;
use spandrel_verifiers::file::{BitcoinTrust, CosmosTrust, EthereumTrust, MAX_TRUST, SolanaTrust, Trust};
use spandrel_verifiers::solana::{FinalUpdate, MigrationUpdate, RootUpdate, StakesUpdate, Update, VotesUpdate};
use spandrel_verifiers::{ErrorKind, cosmos};

use crate::cosmos::store::field;
use crate::honest::HONEST;
use crate::updates::every_trust;

fn zeros(length: usize) -> Bytes {
    Bytes::from(vec![0; length])
}

/// A field whose limit is told, and how it is made so long.
type Field<T> = (&'static str, usize, fn(&mut T, usize));

/// At its limit each field is read, one beyond it the field is named.
fn assert_limits<T: Clone>(honest: &T, trust: fn(Box<T>) -> Trust, fields: &[Field<T>]) {
    for (name, limit, change) in fields {
        let read = |length: usize| {
            let mut changed = honest.clone();
            change(&mut changed, length);
            Trust::from_bytes(&trust(Box::new(changed)).to_bytes())
        };
        read(*limit).unwrap_or_else(|error| panic!("{name} of {limit}: {error}"));
        let error = read(limit + 1).expect_err(name);
        assert_eq!((error.field.as_str(), error.kind), (*name, ErrorKind::Malformed));
        assert!(error.expected.contains(&limit.to_string()), "{error}");
    }
}

#[test]
fn all_of_it_is_bounded_before_it_is_looked_at() {
    let error = Trust::from_bytes(&vec![0; MAX_TRUST + 1]).unwrap_err();
    assert_eq!((error.field.as_str(), error.found), ("trust", (MAX_TRUST + 1).to_string()));
    assert_ne!(Trust::from_bytes(&vec![0; MAX_TRUST]).unwrap_err().field, "trust");
}

/// Text is the one part that is parsed as it comes: its length and depth are known first.
#[test]
fn text_is_no_longer_and_no_deeper_than_the_limits() {
    let refused = |text: &[u8]| {
        let anchored = [field(1, b"bip122:x"), field(2, &[1; 32]), field(3, text)].concat();
        let error = Trust::from_bytes(&field(1, &anchored)).unwrap_err();
        assert!(error.field.starts_with("confirmations"), "{error}");
        error.expected
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(refused(nested(9).as_bytes()), "at most 8 levels of nesting");
    assert_ne!(refused(nested(8).as_bytes()), "at most 8 levels of nesting");
    assert_eq!(refused(&vec![b'"'; (1 << 20) + 1]), "at most 1048576 bytes");
    assert_ne!(refused(&vec![b'"'; 1 << 20]), "at most 1048576 bytes");
}

#[test]
fn limits_of_bitcoin_headers_hold() {
    let Trust::Bitcoin(honest) = &HONEST.files[0].trust else { panic!("the first file is Bitcoin's") };
    assert_limits::<BitcoinTrust>(
        honest,
        Trust::Bitcoin,
        &[
            ("headers", 200_000, |trust, count| trust.headers = vec![zeros(80); count]),
            ("headers[1]", 80, |trust, length| trust.headers = vec![zeros(80), zeros(length)]),
        ],
    );
    let short = BitcoinTrust { headers: vec![zeros(79)], ..*honest.clone() };
    assert_eq!(Trust::from_bytes(&Trust::Bitcoin(Box::new(short)).to_bytes()).unwrap_err().field, "headers[0]");
}

#[test]
fn limits_of_cosmos_updates_hold() {
    let Trust::Cosmos(honest) = &HONEST.files[2].trust else { panic!("the third file is Cosmos's") };
    assert_limits::<CosmosTrust>(
        honest,
        Trust::Cosmos,
        &[
            ("updates", 1_024, |trust, count| trust.updates = vec![cosmos::Update::Header(zeros(1)); count]),
            ("updates[0].header", 4 << 20, |trust, length| trust.updates = vec![cosmos::Update::Header(zeros(length))]),
            ("updates[0].misbehaviour", 8 << 20, |trust, length| {
                trust.updates = vec![cosmos::Update::Misbehaviour(zeros(length))];
            }),
        ],
    );
}

#[test]
fn limits_of_solana_updates_hold() {
    let every = every_trust();
    let Some(Trust::Solana(honest)) = every.iter().find(|trust| matches!(trust, Trust::Solana(_))) else {
        panic!("one is Solana's")
    };
    let bare = SolanaTrust { updates: Vec::new(), ..*honest.clone() };
    let update = |kind: fn(&Update) -> bool| honest.updates.iter().find(|update| kind(update)).unwrap().clone();
    assert_limits::<SolanaTrust>(
        &bare,
        Trust::Solana,
        &[
            ("table.stakes", 16_384, |trust, count| trust.table.stakes = vec![trust.table.stakes[0].clone(); count]),
            ("updates", 1_024, |trust, count| trust.updates = vec![migration(1); count]),
            ("updates[0].migration.certificate", 2_247, |trust, length| trust.updates = vec![migration(length)]),
        ],
    );
    let Update::Votes(votes) = update(|update| matches!(update, Update::Votes(_))) else { unreachable!() };
    assert_limits::<VotesUpdate>(
        &votes,
        |votes| of_update(&HONEST.files[3].trust, Update::Votes(*votes)),
        &[
            ("updates[0].votes.votes", 16_384, |update, count| update.votes = vec![zeros(1); count]),
            ("updates[0].votes.votes[0]", 4_096, |update, length| update.votes = vec![zeros(length)]),
        ],
    );
    let Update::Root(root) = update(|update| matches!(update, Update::Root(_))) else { unreachable!() };
    assert_limits::<RootUpdate>(
        &root,
        |root| of_update(&HONEST.files[3].trust, Update::Root(*root)),
        &[
            ("updates[0].root.banks", 512, |update, count| update.banks = vec![update.banks[0].clone(); count]),
            ("updates[0].root.banks[0].accounts", 2_048, |update, length| update.banks[0].accounts = zeros(length)),
        ],
    );
    let Update::Final(certified) = update(|update| matches!(update, Update::Final(_))) else { unreachable!() };
    assert_limits::<FinalUpdate>(
        &certified,
        |certified| of_update(&HONEST.files[3].trust, Update::Final(*certified)),
        &[
            ("updates[0].final.certificates", 2, |update, count| update.certificates = vec![zeros(1); count]),
            ("updates[0].final.certificates[1]", 2_247, |update, length| update.certificates[1] = zeros(length)),
            ("updates[0].final.tick.batch[0]", 1_228, |update, length| update.tick.batch = vec![zeros(length)]),
        ],
    );
    let Update::Stakes(stakes) = update(|update| matches!(update, Update::Stakes(_))) else { unreachable!() };
    assert_limits::<StakesUpdate>(
        &stakes,
        |stakes| of_update(&HONEST.files[3].trust, Update::Stakes(stakes)),
        &[
            ("updates[0].stakes.signatures", 256, |update, count| {
                update.signatures = vec![update.signatures[0]; count]
            }),
            ("updates[0].stakes.table.stakes", 16_384, |update, count| {
                update.table.stakes = vec![update.table.stakes[0].clone(); count];
            }),
        ],
    );
}

fn migration(length: usize) -> Update {
    Update::Migration(MigrationUpdate { certificate: zeros(length) })
}

/// With this update alone.
fn of_update(trust: &Trust, update: Update) -> Trust {
    let Trust::Solana(solana) = trust else { panic!("trust in a Solana cluster") };
    Trust::Solana(Box::new(SolanaTrust { updates: vec![update], ..*solana.clone() }))
}

/// Beyond its limit SSZ is not looked at.
#[test]
fn limits_of_ethereum_updates_hold() {
    let Trust::Ethereum(honest) = &HONEST.files[1].trust else { panic!("the second file is Ethereum's") };
    let bootstrapped = |ssz: &[u8]| {
        let network = serde_json::to_vec(&honest.network).unwrap();
        let parts = [field(1, &network), field(2, &[1; 20]), field(3, &[2; 32]), field(4, ssz)];
        Trust::from_bytes(&field(2, &parts.concat())).unwrap_err()
    };
    let updated = |kind: u8, length: usize| {
        let bare = EthereumTrust { updates: Vec::new(), ..*honest.clone() };
        let bytes = Trust::Ethereum(Box::new(bare)).to_bytes();
        // What stands behind the tag and the length.
        let (tag, bare) = (bytes[0], &bytes[1 + bytes[1..].iter().take_while(|byte| **byte >= 0x80).count() + 1..]);
        assert_eq!(tag, 0x12);
        let update = field(5, &field(kind, &vec![0; length]));
        Trust::from_bytes(&field(2, &[bare, &update[..]].concat())).unwrap_err()
    };
    let most = |limit: usize| format!("at most {limit} bytes");
    assert_eq!(
        (bootstrapped(&vec![0; 32_769]).field, bootstrapped(&vec![0; 32_769]).expected),
        ("bootstrap".into(), most(32_768))
    );
    assert_ne!(bootstrapped(&vec![0; 32_768]).expected, most(32_768));
    for (kind, name, limit) in [(1, "period", 32_768), (2, "finality", 16_384), (3, "optimistic", 16_384)] {
        let error = updated(kind, limit + 1);
        assert_eq!((error.field, error.expected), (format!("updates[0].{name}"), most(limit)));
        assert_ne!(updated(kind, limit).expected, most(limit));
    }
    let every = every_trust();
    let Trust::Ethereum(filled) = &every[0] else { panic!("the first is Ethereum's") };
    assert_limits::<EthereumTrust>(
        filled,
        Trust::Ethereum,
        &[("updates", 1_024, |trust, count| {
            trust.updates = vec![trust.updates[0].clone(); count];
        })],
    );
}
