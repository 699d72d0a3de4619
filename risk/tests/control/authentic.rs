//! Who may speak, once, for which deployment, until when.

use alloy_primitives::{Address, B256, Bytes, U256};
use spandrel_risk::control::{Act, ControlPolicy, SignedStatement, Statement};

use crate::world::{NOW, World, code, key, pause, resume};

#[test]
fn a_guardians_statement_counts_once() {
    let mut world = World::new();
    let signed = world.sign(0, world.statement(0, pause(60)));
    world.take(&signed).unwrap();
    assert_eq!(code(world.take(&signed)), "ALREADY_TAKEN");
    world.now += 500;
    assert_eq!(code(world.take(&signed)), "ALREADY_TAKEN");
}

#[test]
fn a_used_nonce_or_one_ahead_is_refused() {
    let mut world = World::new();
    let early = Statement { nonce: 1, ..world.statement(0, pause(60)) };
    assert_eq!(code(world.take(&world.sign(0, early))), "WRONG_NONCE");
    world.say(0, pause(60)).unwrap();
    let again = Statement { nonce: 0, ..world.statement(0, pause(61)) };
    assert_eq!(code(world.take(&world.sign(0, again))), "WRONG_NONCE");
    // Each key counts by itself.
    world.say(2, pause(60)).unwrap();
}

#[test]
fn a_refused_statement_uses_no_nonce() {
    let mut world = World::new();
    let signed = world.sign(0, world.statement(0, resume()));
    assert_eq!(code(world.take(&signed)), "NOT_PAUSED");
    world.say(2, pause(60)).unwrap();
    world.take(&signed).unwrap();
}

#[test]
fn a_stranger_is_refused() {
    let world = World::new();
    assert_eq!(code(world.judge(&world.sign(9, world.statement(9, pause(60))))), "UNKNOWN_GUARDIAN");
}

#[test]
fn a_statement_for_another_deployment_is_void() {
    let world = World::new();
    let statement = world.statement(0, pause(60));
    let elsewhere = key(0).sign_digest(statement.digest(B256::repeat_byte(0xee))).unwrap();
    let signed = SignedStatement::new(statement, &elsewhere);
    assert_eq!(code(world.judge(&signed)), "WRONG_SIGNER");
}

#[test]
fn the_same_words_by_two_guardians_are_two_statements() {
    let mut world = World::new();
    let [ada, bo] = [0, 2].map(|n| world.sign(n, world.statement(n, pause(60))));
    world.take(&ada).unwrap();
    world.take(&bo).unwrap();
}

#[test]
fn a_word_changed_after_signing_makes_it_a_strangers() {
    let world = World::new();
    let signed = world.sign(0, world.statement(0, pause(60)));
    let changed = [
        Statement { act: pause(61), ..signed.statement.clone() },
        Statement { act: Act::Freeze { scope: spandrel_risk::Scope::Global }, ..signed.statement.clone() },
        Statement { reason: "no drill".to_owned(), ..signed.statement.clone() },
        Statement { guardian: key(2).address(), ..signed.statement.clone() },
        Statement { expiry: signed.statement.expiry + 1, ..signed.statement.clone() },
    ];
    for statement in changed {
        let forged = SignedStatement { statement, ..signed.clone() };
        assert_eq!(code(world.judge(&forged)), "WRONG_SIGNER");
    }
}

#[test]
fn a_statement_is_void_at_its_expiry_and_may_not_be_good_for_long() {
    let world = World::new();
    let until = |expiry| world.judge(&world.sign(0, Statement { expiry, ..world.statement(0, pause(60)) }));
    assert_eq!(code(until(NOW)), "STATEMENT_EXPIRED");
    assert!(until(NOW + 1).is_ok());
    assert!(until(NOW + 86_400).is_ok());
    assert_eq!(code(until(NOW + 86_401)), "EXPIRY_TOO_FAR");
}

#[test]
fn the_other_signature_of_the_same_words_is_refused() {
    let mut world = World::new();
    let signed = world.sign(0, world.statement(0, pause(60)));
    let order = U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16).unwrap();
    let s = U256::from_be_slice(&signed.signature[32..64]);
    let v = if signed.signature[64] == 27 { 28 } else { 27 };
    let bytes = [&signed.signature[..32], &(order - s).to_be_bytes::<32>(), &[v]].concat();
    let high = SignedStatement { signature: Bytes::from(bytes), ..signed };
    assert_eq!(code(world.take(&high)), "BAD_SIGNATURE");
}

#[test]
fn what_is_no_signature_is_refused() {
    let world = World::new();
    let signed = world.sign(0, world.statement(0, pause(60)));
    let mut odd_v = signed.signature.to_vec();
    odd_v[64] -= 27;
    let long = [&signed.signature[..], &[27]].concat();
    for bytes in [vec![], vec![27], vec![0; 65], odd_v, long, [vec![0; 64], vec![27]].concat()] {
        let forged = SignedStatement { signature: Bytes::from(bytes), ..signed.clone() };
        assert_eq!(code(world.judge(&forged)), "BAD_SIGNATURE");
    }
}

#[test]
fn a_statement_says_why_in_one_short_line() {
    let world = World::new();
    for reason in ["", "  ", "one\ntwo", "\u{1b}[2J", &"x".repeat(501)] {
        let statement = Statement { reason: reason.to_owned(), ..world.statement(0, pause(60)) };
        assert_eq!(code(world.judge(&world.sign(0, statement))), "REASON_MISSING", "{reason:?}");
    }
}

#[test]
fn a_policy_of_one_person_or_without_delays_is_refused() {
    let good = World::new().policy;
    let refused = |change: &dyn Fn(&mut ControlPolicy)| {
        let mut policy = good.clone();
        change(&mut policy);
        policy.validate().unwrap_err().field
    };
    assert_eq!(refused(&|policy| policy.guardians.retain(|_, person| person == "ada")), "guardians");
    assert_eq!(
        refused(&|policy| policy.guardians.values_mut().for_each(|person| *person = String::new())),
        "guardians"
    );
    let name = |policy: &mut ControlPolicy, n: u8, person: &str| {
        policy.guardians.insert(key(n).address(), person.to_owned());
    };
    assert_eq!(refused(&|policy| name(policy, 3, " ")), "guardians");
    for (first, second) in [("ada", " ada"), ("ada", "Ada"), ("ada b", "ada\u{a0} B "), ("Maß", "MASS"), ("σ", "ς")]
    {
        let spelt_twice = |policy: &mut ControlPolicy| {
            policy.guardians.retain(|_, person| person == "ada");
            name(policy, 0, first);
            name(policy, 1, second);
        };
        assert_eq!(refused(&spelt_twice), "guardians", "{first:?} and {second:?}");
    }
    // Beside others, too: who reads the list would count one more.
    assert_eq!(refused(&|policy| name(policy, 3, "BO")), "guardians");
    let nobody = |policy: &mut ControlPolicy| drop(policy.guardians.insert(Address::ZERO, "di".to_owned()));
    assert_eq!(refused(&nobody), "guardians", "a signature that names nobody is not hers");
    assert_eq!(refused(&|policy| policy.resume_delay = 899), "resume_delay");
    assert_eq!(refused(&|policy| policy.timelock = 86_399), "timelock");
    assert_eq!(refused(&|policy| policy.timelock = 172_801), "timelock");
}
