//! A transfer in a block, from its shreds to a deposit, and what stands in the way of a forged one.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use ed25519_dalek::{Signer, SigningKey};
use solana_message::v1::TransactionConfig;
use solana_message::{VersionedMessage, v1};
use solana_transaction::versioned::VersionedTransaction;
use spandrel_verifiers::solana::{
    Ballot, BlockPath, Body, Equivocation, ExecutionAttestation, Inclusion, MEMO_PROGRAM, MessageVersion, Shred,
    SolanaVerifier, Standing, TOKEN_PROGRAM, TrustedSlots, Update, decode_entries, equivocation, source_key, to_base58,
    verify_strict,
};
use spandrel_verifiers::{ErrorKind, Verifier};

use super::maker::{
    Block, NOW, config, entries, key, mint, public, quorum, table, terms, transaction, transfer, validators, vault,
    vault_account, votes, witnesses,
};
use super::scene::{BATCH, SLOT, Scene, depositor, filler, finalize};

#[test]
fn a_transfer_with_its_memo_becomes_the_deposit() {
    let scene = Scene::shared();
    let verified = scene.verify(&scene.evidence).unwrap();
    let deposit = verified.fact();
    let signature: [u8; 64] = transfer(&depositor(), 5_000_000, &terms().memo())[1..65].try_into().unwrap();
    assert_eq!(deposit.source_key, source_key(&signature, 1));
    assert_eq!(deposit.amount, U256::from(5_000_000));
    assert_eq!((deposit.sender, deposit.source_bridge), (public(&depositor()), vault()));
    assert_eq!(deposit.asset.as_str(), format!("{}/token:{}", config().chain, to_base58(mint())));
    assert_eq!((deposit.recipient, deposit.destination_bridge), (terms().recipient, terms().destination_bridge));
    assert_eq!((deposit.lane, deposit.expiry), (terms().lane, terms().expiry));
    let under = verified.under();
    assert_eq!((under.height, under.root, under.time), (SLOT, scene.block.chained_id(), NOW + 3));
}

/// A transaction of one signature as a transaction of version 1.
fn as_version_one(legacy: &[u8], signer: &SigningKey) -> Bytes {
    let transaction: VersionedTransaction = wincode::deserialize_exact(legacy).unwrap();
    let VersionedMessage::Legacy(message) = transaction.message else { panic!("no legacy message") };
    let message = VersionedMessage::V1(v1::Message {
        header: message.header,
        config: TransactionConfig::empty().with_priority_fee(5).with_heap_size(65_536),
        lifetime_specifier: message.recent_blockhash,
        account_keys: message.account_keys,
        instructions: message.instructions,
    });
    let signatures = vec![signer.sign(&message.serialize()).to_bytes().into()];
    wincode::serialize(&VersionedTransaction { signatures, message }).unwrap().into()
}

/// SIMD-0385. Were they not read, whoever sends one would keep everything else in its batch from being proven.
#[test]
fn transfers_in_and_beside_transactions_of_version_1_are_deposits() {
    let legacy = transfer(&depositor(), 5_000_000, &terms().memo());
    let transaction = as_version_one(&legacy, &depositor());
    let scene = Scene::with(transaction.clone(), 1);
    let verified = scene.verify(&scene.evidence).unwrap();
    let signature: [u8; 64] = transaction[transaction.len() - 64..].try_into().unwrap();
    assert_eq!(verified.fact().source_key, source_key(&signature, 1));
    let both = entries(&[vec![transaction, legacy.clone()]]);
    let read = decode_entries(&both).unwrap();
    let [first, second] = &read[0].transactions[..] else { panic!("two transactions") };
    assert_eq!((first.message.version, second.message.version), (MessageVersion::One, MessageVersion::Legacy));
    assert_eq!(first.message.instructions, second.message.instructions);
    for transaction in [first, second] {
        assert!(verify_strict(&public(&depositor()), transaction.message.bytes, &transaction.signatures[0]));
    }
}

/// A leader could else keep all of a batch from being proven.
#[test]
fn what_follows_the_entries_of_a_batch_changes_nothing() {
    let scene = Scene::shared();
    let transfer = transfer(&depositor(), 5_000_000, &terms().memo());
    for tail in [&[][..], &[1], &[0; 2_000]] {
        let batches = [entries(&[vec![]]), [&entries(&[vec![transfer.clone()]]), tail].concat(), entries(&[vec![]])];
        let block = Block::new(SLOT, (99, B256::ZERO), &batches, &key("leader"));
        let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
        finalize(&scene.verifier, &mut trusted, SLOT, block.chained_id());
        let (block_id, shreds) = (block.chained_id(), block.chained(1));
        let inclusion =
            Inclusion { slot: SLOT, block_id, shreds, entry: 0, transaction: 0, instruction: 1, parent: vec![] };
        let included = scene.verifier.include(&trusted, &inclusion, Standing::Final, NOW).unwrap();
        assert_eq!(included.if_executed(), scene.verify(&scene.evidence).unwrap().fact());
    }
}

/// One proof has one form: of each later set, the first of its 32 shreds.
#[test]
fn the_tail_is_the_first_shred_of_each_later_set() {
    let scene = Scene::shared();
    let first = scene.block.batches[BATCH].1 / 32 + 1;
    let tail = |evidence: &mut spandrel_verifiers::solana::DepositEvidence, shred: usize| {
        let BlockPath::Chained { tail } = &mut evidence.inclusion.shreds.block else { panic!("a block of TowerBFT") };
        tail[0] = scene.block.shreds[first * 32 + shred].clone();
    };
    for shred in [1, 31] {
        let error = scene.refused(|evidence| tail(evidence, shred));
        assert_eq!(error.field, "inclusion.shreds.block.tail[0].index");
    }
    let mut same = scene.evidence.clone();
    tail(&mut same, 0);
    assert_eq!(same, scene.evidence);
}

/// Nor could a leader do so by many transactions in one entry.
#[test]
fn an_entry_has_as_many_transactions_as_its_bytes_hold() {
    let transfer = transfer(&depositor(), 5_000_000, "");
    assert_eq!(decode_entries(&entries(&[vec![transfer; 5_000]])).unwrap()[0].transactions.len(), 5_000);
}

#[test]
fn inclusion_alone_is_no_deposit() {
    let scene = Scene::shared();
    let included = scene.verifier.include(&scene.trusted, &scene.evidence.inclusion, Standing::Final, NOW).unwrap();
    assert_eq!(included.if_executed().amount, U256::from(5_000_000));
    // A failed transaction stands in the block as well, so nothing but the witnesses' word makes it a deposit.
    let refused =
        |change: fn(&mut ExecutionAttestation)| scene.refused(|evidence| change(&mut evidence.execution)).field;
    assert_eq!(refused(|execution| execution.signatures.clear()), "execution.signatures");
    assert_eq!(refused(|execution| execution.signatures.truncate(1)), "execution.signatures");
    assert_eq!(refused(|execution| execution.signatures[1] = execution.signatures[0]), "execution.signatures[1]");
    assert_eq!(refused(|execution| execution.signatures.reverse()), "execution.signatures[1]");
    assert!(refused(|execution| execution.time += 1).starts_with("execution.signatures["));
    assert_eq!(refused(|execution| execution.time += 700), "execution.time");
    // The word of other witnesses, or on another transaction, counts for nothing.
    let digest = included.execution_digest(7, NOW + 3);
    let strangers = quorum(digest, &witnesses("stranger").1);
    assert_eq!(scene.refused(|evidence| evidence.execution.signatures = strangers).field, "execution.signatures[0]");
    let other = Scene::with(transfer(&depositor(), 6_000_000, &terms().memo()), 1);
    let execution = other.evidence.execution.clone();
    assert!(scene.refused(|evidence| evidence.execution = execution).field.starts_with("execution.signatures["));
}

#[test]
fn a_block_that_is_only_voted_is_enough_to_see_but_not_to_verify() {
    let scene = Scene::shared();
    let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
    let voted = Ballot { slot: SLOT, bank_hash: B256::ZERO, block_id: scene.block.chained_id() };
    scene.verifier.advance(&mut trusted, &Update::Votes(votes(voted, &validators())), NOW).unwrap();
    let inclusion = &scene.evidence.inclusion;
    scene.verifier.include(&trusted, inclusion, Standing::Voted, NOW).unwrap();
    let error = scene.verifier.verify(&trusted, &scene.evidence, NOW).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("inclusion.slot", ErrorKind::NotYet));
    let unknown = scene.refused(|evidence| evidence.inclusion.slot = 101);
    assert_eq!((unknown.field.as_str(), unknown.kind), ("inclusion.slot", ErrorKind::NotYet));
    let old = scene.refused(|evidence| evidence.inclusion.slot = 99);
    assert_eq!((old.field.as_str(), old.kind), ("inclusion.slot", ErrorKind::Expired));
    let late = scene.verifier.verify(&scene.trusted, &scene.evidence, NOW + 86_401).unwrap_err();
    assert_eq!((late.field.as_str(), late.kind), ("inclusion.trusted", ErrorKind::Expired));
}

/// The sender of a transaction chooses its data, and so the bytes of whole shreds. If a reader could begin inside a
/// batch, it would read there an entry that no validator ever executed.
#[test]
fn entries_hidden_in_a_transactions_data_are_not_read() {
    let forged = entries(&[vec![transfer(&depositor(), u64::MAX, &terms().memo())]]);
    let scene = Scene::shared();
    let honest = &scene.evidence.inclusion.shreds;
    // Begin one shred late, with the shred before it as `before`.
    assert!(honest.batch.len() > 2, "{}", honest.batch.len());
    let late = scene.refused(|evidence| {
        let shreds = &mut evidence.inclusion.shreds;
        shreds.before = Some(shreds.batch.remove(0));
    });
    assert_eq!(late.field, "inclusion.shreds.before.flags");
    let without = scene.refused(|evidence| evidence.inclusion.shreds.before = None);
    assert_eq!(without.field, "inclusion.shreds.batch[0].index");
    let short = scene.refused(|evidence| evidence.inclusion.shreds.batch.truncate(2));
    assert_eq!(short.field, "inclusion.shreds.batch[1].flags");
    // Bytes that are a batch by themselves, at the beginning of a shred in the middle of a batch of the block's.
    let mut payload = entries(&[vec![filler(1), filler(2), filler(3)]]);
    payload.resize(963, 0);
    payload.extend(forged);
    let block = Block::new(SLOT, (99, B256::ZERO), &[entries(&[vec![]]), payload, entries(&[vec![]])], &key("leader"));
    let verifier = SolanaVerifier::new(config()).unwrap();
    let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
    finalize(&verifier, &mut trusted, SLOT, block.chained_id());
    let mut shreds = block.chained(1);
    shreds.before = Some(shreds.batch.remove(0));
    let Body::Data { data, .. } = Shred::parse(&shreds.batch[0]).unwrap().body else { panic!() };
    assert_eq!(decode_entries(data).unwrap()[0].transactions.len(), 1);
    let inclusion = Inclusion {
        slot: SLOT,
        block_id: block.chained_id(),
        shreds,
        entry: 0,
        transaction: 0,
        instruction: 1,
        parent: vec![],
    };
    let error = verifier.include(&trusted, &inclusion, Standing::Final, NOW).unwrap_err();
    assert_eq!(error.field, "shreds.before.flags");
}

#[test]
fn a_batch_is_whole_and_its_sets_lead_to_the_block_id() {
    let scene = Scene::shared();
    let refused = |change: fn(&mut Inclusion)| scene.refused(|evidence| change(&mut evidence.inclusion)).field;
    let tail = |inclusion: &mut Inclusion| match &mut inclusion.shreds.block {
        BlockPath::Chained { tail } => std::mem::take(tail),
        BlockPath::DoubleMerkle { .. } => panic!(),
    };
    let mut changed = scene.evidence.clone();
    let whole = tail(&mut changed.inclusion);
    assert!(!whole.is_empty());
    let with = |tail: Vec<Bytes>| {
        scene.refused(|evidence| evidence.inclusion.shreds.block = BlockPath::Chained { tail }).field
    };
    assert_eq!(with(vec![]), "inclusion.block_id");
    let mut twice = whole.clone();
    twice.push(whole[whole.len() - 1].clone());
    assert_eq!(with(twice), format!("inclusion.shreds.block.tail[{}].fec_set_index", whole.len()));
    assert_eq!(with(vec![scene.block.shreds[0].clone()]), "inclusion.shreds.block.tail[0].chained_root");
    assert_eq!(refused(|inclusion| inclusion.shreds.batch.swap(0, 1)), "inclusion.shreds.batch[0].index");
    assert_eq!(
        refused(|inclusion| {
            inclusion.shreds.batch.remove(1);
        }),
        "inclusion.shreds.batch[1].index"
    );
    assert_eq!(refused(|inclusion| inclusion.shreds.batch.clear()), "inclusion.shreds.batch");
    assert_eq!(refused(|inclusion| inclusion.block_id = B256::ZERO), "inclusion.block_id");
    assert_eq!(refused(|inclusion| inclusion.entry = 2), "inclusion.entry");
    assert_eq!(refused(|inclusion| inclusion.transaction = 2), "inclusion.transaction");
    assert_eq!(refused(|inclusion| inclusion.instruction = 2), "inclusion.instruction");
    assert_eq!(refused(|inclusion| inclusion.instruction = 0), "inclusion.instruction");
    let double = scene.block.double(BATCH).block;
    assert_eq!(scene.refused(|evidence| evidence.inclusion.shreds.block = double).field, "inclusion.shreds.block");
    // A shred of another block by the same leader, honestly signed.
    let other = Block::new(SLOT, (99, B256::ZERO), &[entries(&[(0..99).map(filler).collect()])], &key("leader"));
    let place = scene.block.batches[BATCH].0;
    let foreign = other.shreds[place].clone();
    let error = scene.refused(|evidence| evidence.inclusion.shreds.batch[0] = foreign);
    assert_eq!(error.field, "inclusion.shreds.batch[0].root");
}

fn refused_transfer(transaction: Bytes, instruction: u32) -> String {
    let scene = Scene::with(transaction, instruction);
    let inclusion = &scene.evidence.inclusion;
    scene.verifier.include(&scene.trusted, inclusion, Standing::Final, NOW).unwrap_err().field
}

#[test]
fn only_a_checked_transfer_into_the_vault_with_its_memo_is_a_deposit() {
    let depositor = depositor();
    let memo = terms().memo();
    let data = |amount: u64| [&[12][..], &amount.to_le_bytes(), &[6]].concat();
    let keys = [public(&depositor), keccak256("source"), vault_account(), mint(), TOKEN_PROGRAM, MEMO_PROGRAM];
    let make = |keys: &[B256], instructions: &[(u8, &[u8], &[u8])]| transaction(&[&depositor], keys, 3, instructions);
    let (memo_part, transfer_part) = ((5, &[][..], memo.as_bytes()), (4, &[1, 3, 2, 0][..]));
    let with = |accounts: &[u8], data: &[u8]| refused_transfer(make(&keys, &[memo_part, (4, accounts, data)]), 1);
    assert_eq!(with(&[1, 3, 1, 0], &data(5)), "instruction.destination");
    assert_eq!(with(&[1, 1, 2, 0], &data(5)), "instruction.mint");
    assert_eq!(with(&[1, 3, 2], &data(5)), "instruction.authority");
    assert_eq!(with(transfer_part.1, &data(0)), "instruction.amount");
    assert_eq!(with(transfer_part.1, &[&[3][..], &data(5)[1..]].concat()), "instruction");
    assert_eq!(with(transfer_part.1, &data(5)[..9]), "instruction");
    assert_eq!(with(transfer_part.1, &[&data(5)[..], &[0]].concat()), "instruction");
    assert_eq!(with(transfer_part.1, &[]), "instruction");
    let mut other = keys;
    other[4] = keccak256("another token program");
    assert_eq!(refused_transfer(make(&other, &[memo_part, (4, transfer_part.1, &data(5))]), 1), "instruction");
    // The memo stands right before the transfer, and is the memo program's.
    let good = data(5);
    let transfer = (4, transfer_part.1, &good[..]);
    assert_eq!(refused_transfer(make(&keys, &[transfer]), 0), "instruction");
    assert_eq!(refused_transfer(make(&keys, &[transfer, memo_part]), 0), "instruction");
    assert_eq!(refused_transfer(make(&keys, &[memo_part, transfer, transfer]), 2), "instruction");
    let mut other = keys;
    other[5] = keccak256("another memo program");
    assert_eq!(refused_transfer(make(&other, &[memo_part, transfer]), 1), "instruction");
    assert_eq!(refused_transfer(make(&keys, &[(5, &[], b"spandrel1|"), transfer]), 1), "memo");
    // The vault does not deposit into itself.
    let vault = key("vault");
    let keys = [public(&vault), keys[1], keys[2], keys[3], keys[4], keys[5]];
    let own = transaction(&[&vault], &keys, 3, &[memo_part, transfer]);
    assert_eq!(refused_transfer(own, 1), "instruction.authority");
}

#[test]
fn accounts_of_lookup_tables_are_unknown() {
    let depositor = depositor();
    // A version 0 message that lists all but the vault's account, which a table would name.
    let keys = [public(&depositor), keccak256("source"), mint(), TOKEN_PROGRAM, MEMO_PROGRAM];
    let data = [&[12][..], &5_u64.to_le_bytes(), &[6]].concat();
    let legacy =
        transaction(&[&depositor], &keys, 3, &[(4, &[], terms().memo().as_bytes()), (3, &[1, 2, 5, 0], &data)]);
    let lookup = [&[1][..], &[0xaa; 32], &[1, 0], &[0]].concat();
    let v0 = [&legacy[..65], &[0x80], &legacy[65..], &lookup].concat();
    assert_eq!(refused_transfer(v0.into(), 1), "instruction.destination");
}

#[test]
fn a_leader_who_makes_two_blocks_in_a_slot_is_shown_by_two_of_its_shreds() {
    let leader = key("leader");
    let block = |n: u8| Block::new(SLOT, (99, B256::ZERO), &[entries(&[vec![filler(n); 100]])], &leader);
    let (one, other) = (block(1), block(2));
    fn parse(block: &Block, place: usize) -> Shred<'_> {
        Shred::parse(&block.shreds[place]).unwrap()
    }
    let found = |a: &Shred<'_>, b: &Shred<'_>| equivocation(a, b, public(&leader));
    assert_eq!(found(&parse(&one, 3), &parse(&other, 3)).unwrap(), Some(Equivocation::SameIndex));
    assert_eq!(found(&parse(&one, 3), &parse(&other, 4)).unwrap(), Some(Equivocation::SetRoot));
    assert_eq!(found(&parse(&one, 3), &parse(&one, 4)).unwrap(), None);
    let short = Block::new(SLOT, (99, B256::ZERO), &[entries(&[vec![]])], &leader);
    let last = Shred::parse(&short.shreds[31]).unwrap();
    assert_eq!(found(&last, &parse(&one, 40)).unwrap(), Some(Equivocation::AfterLast));
    // Nothing is shown about a leader who did not sign both.
    assert_eq!(equivocation(&parse(&one, 3), &parse(&other, 3), public(&depositor())).unwrap_err().field, "shred");
    let elsewhere = Block::new(SLOT + 1, (99, B256::ZERO), &[entries(&[vec![]])], &leader);
    let elsewhere = Shred::parse(&elsewhere.shreds[0]).unwrap();
    assert_eq!(found(&parse(&one, 0), &elsewhere).unwrap_err().field, "shred");
}
