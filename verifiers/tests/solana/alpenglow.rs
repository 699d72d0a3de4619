//! Alpenglow on a small cluster: the migration, what makes a block final, deposits in it, how a stake table is handed over.

use std::sync::LazyLock;

use alloy_primitives::{B256, Bytes, keccak256};
use spandrel_verifiers::solana::{
    Ballot, BlockName, BlockPath, CarriedBlock, Certificate, Claim, Consensus, FinalUpdate, Inclusion, Migration,
    MigrationUpdate, RootUpdate, SolanaConfig, SolanaVerifier, StakesUpdate, Standing, TrustedSlots, Update,
    stakes_digest,
};
use spandrel_verifiers::{ErrorKind, Verifier, VerifyError};

use super::certificates::{made, name};
use super::maker::{
    Block, NOW, Validator, bank, certificate, config, entries, footer, header, key, quorum, table, terms, tick,
    transfer, validators, votes, witnesses,
};
use super::scene::crowd::{LAST_OF_TOWER, migration};
use super::scene::{attested, ballot, depositor, finalize};

const GENESIS: u64 = LAST_OF_TOWER;
pub const SLOT: u64 = 300;
pub const BANK: B256 = B256::repeat_byte(0xba);

/// A cluster that has migrated after slot 200, with a block of Alpenglow in slot 300 that holds a deposit.
pub struct Scene {
    pub verifier: SolanaVerifier,
    trusted: TrustedSlots,
    block: Block,
}

pub static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let verifier = SolanaVerifier::new(config()).unwrap();
    let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
    verifier.advance(&mut trusted, &migration(), NOW).unwrap();
    let deposit = transfer(&depositor(), 5_000_000, &terms().memo());
    let filler = transfer(&key("other"), 1, "a memo of another kind");
    let batches = [entries(&[vec![filler; 120]]), entries(&[vec![deposit]])];
    let block = block(&batches, &[footer(BANK, NOW), tick()]);
    Scene { verifier, trusted, block }
});

/// The block of slot 300: a header, batches, and what ends it.
fn block(batches: &[Vec<u8>], end: &[Vec<u8>]) -> Block {
    let parent = (299, keccak256("parent"));
    Block::aligned(SLOT, parent, &[&[header(parent)], batches, end].concat(), &key("leader"))
}

/// Places of batches in it.
const DEPOSIT: usize = 2;
const FOOTER: usize = 3;
const TICK: usize = 4;

impl Scene {
    fn name(&self) -> BlockName {
        BlockName { slot: SLOT, block_id: self.block.double_id() }
    }

    fn update(&self, certificates: &[Certificate]) -> FinalUpdate {
        let certificates = certificates.iter().map(|certificate| certificate.encode().into()).collect();
        FinalUpdate { certificates, footer: self.block.double(FOOTER), tick: self.block.double(TICK) }
    }

    fn fast(&self) -> FinalUpdate {
        self.update(&[made(Claim::FinalizeFast(self.name()), &[0, 1, 2], &[])])
    }

    fn slow(&self) -> [Certificate; 2] {
        [made(Claim::Finalize(SLOT), &[0, 1], &[]), made(Claim::Notarize(self.name()), &[0, 2, 4], &[])]
    }

    /// What is trusted once `block` of slot 300 is certified, its last two batches being its footer and its tick.
    pub fn finalize(&self, block: &Block) -> Result<TrustedSlots, VerifyError> {
        let name = BlockName { slot: SLOT, block_id: block.double_id() };
        let certificates = vec![made(Claim::FinalizeFast(name), &[0, 1, 2], &[]).encode().into()];
        let last = block.batches.len() - 1;
        self.advance(FinalUpdate { certificates, footer: block.double(last - 1), tick: block.double(last) })
    }

    fn advance(&self, update: FinalUpdate) -> Result<TrustedSlots, VerifyError> {
        let mut trusted = self.trusted.clone();
        let result = self.verifier.advance(&mut trusted, &Update::Final(update), NOW);
        assert!(result.is_ok() || trusted == self.trusted);
        result.map(|()| trusted)
    }

    fn refused(&self, update: FinalUpdate) -> String {
        self.advance(update).unwrap_err().field
    }
}

#[test]
fn certificates_make_a_block_final_and_its_footer_says_the_rest() {
    let scene = &*SCENE;
    for update in [scene.fast(), scene.update(&scene.slow())] {
        let trusted = scene.advance(update).unwrap();
        let block = trusted.block(SLOT).unwrap();
        assert_eq!((block.standing, block.bank_hash, block.time), (Standing::Final, BANK, NOW));
        assert_eq!(block.block_id, scene.block.double_id());
    }
}

#[test]
fn a_finalization_alone_does_not_say_which_block() {
    let scene = &*SCENE;
    let [finalize, notarize] = scene.slow();
    let field = "final.certificates";
    assert_eq!(scene.refused(scene.update(std::slice::from_ref(&finalize))), field);
    assert_eq!(scene.refused(scene.update(std::slice::from_ref(&notarize))), field);
    assert_eq!(scene.refused(scene.update(&[notarize.clone(), finalize.clone()])), field);
    assert_eq!(scene.refused(scene.update(&[finalize.clone(), finalize.clone(), notarize.clone()])), field);
    assert_eq!(scene.refused(scene.update(&[])), field);
    let later = made(Claim::Finalize(SLOT + 1), &[0, 1], &[]);
    assert_eq!(scene.refused(scene.update(&[later, notarize.clone()])), field);
    let fallback = made(Claim::NotarizeFallback(scene.name()), &[0, 1], &[]);
    assert_eq!(scene.refused(scene.update(&[finalize.clone(), fallback])), field);
    let weak = made(Claim::Notarize(scene.name()), &[0, 2], &[]);
    assert_eq!(scene.refused(scene.update(&[finalize, weak])), "final.certificates[1].bitmap");
}

#[test]
fn the_footer_is_of_the_block_that_is_certified() {
    let scene = &*SCENE;
    let with = |batch: usize| FinalUpdate { footer: scene.block.double(batch), ..scene.fast() };
    assert_eq!(scene.refused(with(DEPOSIT)), "final.footer");
    let other = block(&[], &[footer(B256::ZERO, NOW), tick()]);
    assert_eq!(scene.refused(FinalUpdate { footer: other.double(1), ..scene.fast() }), "final.footer.block_id");
    assert_eq!(scene.refused(FinalUpdate { tick: other.double(2), ..scene.fast() }), "final.tick.block_id");
    let chained = scene.block.chained(FOOTER);
    assert_eq!(scene.refused(FinalUpdate { footer: chained, ..scene.fast() }), "final.footer.block");
    // A set left out or put in, or another parent, is another block.
    let mut fewer = scene.fast();
    let BlockPath::DoubleMerkle { fec_set_roots, .. } = &mut fewer.footer.block else { panic!() };
    fec_set_roots.remove(0);
    assert!(scene.refused(fewer).starts_with("final.footer."));
    let mut parent = scene.fast();
    let BlockPath::DoubleMerkle { parent_slot, .. } = &mut parent.footer.block else { panic!() };
    *parent_slot -= 1;
    assert_eq!(scene.refused(parent.clone()), "final.footer.block_id");
    let BlockPath::DoubleMerkle { parent_slot, .. } = &mut parent.footer.block else { panic!() };
    *parent_slot = SLOT;
    assert_eq!(scene.refused(parent), "final.footer.block.parent_slot");
}

/// Whether a block that ends with these batches is final, the last two being shown as its footer and its tick.
fn ends_with(end: &[Vec<u8>]) -> Result<TrustedSlots, String> {
    SCENE.finalize(&block(&[tick()], end)).map_err(|error| error.field)
}

#[test]
fn a_block_ends_with_its_footer_and_one_tick() {
    let refused = |field: &str| Err(field.to_owned());
    let footer = footer(BANK, NOW);
    let transfer = || transfer(&depositor(), 1, "");
    assert_eq!(ends_with(&[footer.clone(), tick()]).map(|trusted| trusted.block(SLOT).unwrap().bank_hash), Ok(BANK));
    // What follows the two within their batches is ignored.
    let with_tails = [footer.clone(), tick()].map(|batch| [&batch[..], &[1]].concat());
    assert_eq!(ends_with(&with_tails).map(|trusted| trusted.block(SLOT).unwrap().bank_hash), Ok(BANK));
    // Nothing after the footer, as no node takes it.
    assert_eq!(ends_with(std::slice::from_ref(&footer)), refused("final.tick.entries"));
    // Two ticks: in one batch, or each in its own.
    assert_eq!(ends_with(&[footer.clone(), entries(&[vec![], vec![]])]), refused("final.tick.entries"));
    assert_eq!(ends_with(&[footer.clone(), tick(), tick()]), refused("final.footer"));
    // What is a tick's place, and no tick.
    assert_eq!(ends_with(&[footer.clone(), entries(&[vec![transfer()]])]), refused("final.tick.entries"));
    let mut slow = tick();
    slow[8] = 2;
    assert_eq!(ends_with(&[footer.clone(), slow]), refused("final.tick.entries"));
    assert_eq!(ends_with(&[tick(), footer.clone()]), refused("final.tick.entries"));
    // Entries between the two, or after them.
    assert_eq!(ends_with(&[footer.clone(), entries(&[vec![transfer()]]), tick()]), refused("final.footer"));
    assert_eq!(ends_with(&[footer, tick(), entries(&[vec![transfer()]])]), refused("final.tick.entries"));
}

/// A leader may put a footer of his own into a part that `UpdateParent` abandons, and no node reads it.
#[test]
fn another_footer_than_the_last_says_nothing() {
    let scene = &*SCENE;
    let lie = footer(B256::repeat_byte(1), NOW);
    let block = block(&[lie, tick(), tick()], &[footer(BANK, NOW), tick()]);
    let name = BlockName { slot: SLOT, block_id: block.double_id() };
    let certificates = vec![made(Claim::FinalizeFast(name), &[0, 1, 2], &[]).encode().into()];
    let last = block.batches.len() - 1;
    let shown = |footer: usize, tick: usize| {
        scene.refused(FinalUpdate {
            certificates: certificates.clone(),
            footer: block.double(footer),
            tick: block.double(tick),
        })
    };
    assert_eq!(shown(1, 2), "final.tick");
    assert_eq!(shown(1, last), "final.footer");
    assert_eq!(shown(last - 1, 2), "final.tick");
}

#[test]
fn what_is_written_without_the_tick_is_not_read() {
    let mut written = serde_json::to_value(SCENE.fast()).unwrap();
    written.as_object_mut().unwrap().remove("tick").unwrap();
    let error = serde_json::from_value::<FinalUpdate>(written).unwrap_err().to_string();
    assert!(error.contains("missing field `tick`"), "{error}");
}

#[test]
fn a_deposit_in_a_block_of_alpenglow_verifies() {
    let scene = &*SCENE;
    let trusted = scene.advance(scene.fast()).unwrap();
    let block_id = scene.block.double_id();
    let inclusion = Inclusion {
        slot: SLOT,
        block_id,
        shreds: scene.block.double(DEPOSIT),
        entry: 0,
        transaction: 0,
        instruction: 1,
        parent: vec![scene.block.shreds[0].clone()],
    };
    let evidence = attested(&scene.verifier, &trusted, inclusion);
    let verified = scene.verifier.verify(&trusted, &evidence, NOW).unwrap();
    assert_eq!(verified.fact().recipient, terms().recipient);
    let mut chained = evidence.clone();
    chained.inclusion.shreds = scene.block.chained(DEPOSIT);
    assert_eq!(scene.verifier.verify(&trusted, &chained, NOW).unwrap_err().field, "inclusion.shreds.block");
    let mut moved = evidence;
    let BlockPath::DoubleMerkle { fec_set_roots, .. } = &mut moved.inclusion.shreds.block else { panic!() };
    fec_set_roots.reverse();
    assert!(scene.verifier.verify(&trusted, &moved, NOW).unwrap_err().field.starts_with("inclusion.shreds."));
}

#[test]
fn the_migration_is_believed_by_its_certificate_once_and_where_the_config_says_so() {
    let scene = &*SCENE;
    assert_eq!(scene.trusted.consensus(GENESIS), Consensus::Tower);
    assert_eq!(scene.trusted.consensus(GENESIS + 1), Consensus::Alpenglow);
    let again = scene.verifier.advance(&mut scene.trusted.clone(), &migration(), NOW).unwrap_err();
    assert_eq!(again.field, "migration.certificate");
    let fresh = || TrustedSlots::new(table(0, &validators())).unwrap();
    let refusing = SolanaVerifier::new(SolanaConfig { migration: Migration::Refused, ..config() });
    let refused = refusing.unwrap().advance(&mut fresh(), &migration(), NOW).unwrap_err();
    assert_eq!(refused.field, "migration.config.migration");
    let refused = |certificate: Certificate, mut trusted: TrustedSlots| {
        let update = Update::Migration(MigrationUpdate { certificate: certificate.encode().into() });
        scene.verifier.advance(&mut trusted, &update, NOW).unwrap_err().field
    };
    let weak = made(Claim::Genesis(name(GENESIS)), &[0, 1, 3], &[]);
    assert_eq!(refused(weak, fresh()), "migration.bitmap");
    let notarized = made(Claim::Notarize(name(GENESIS)), &[0, 1, 2], &[]);
    assert_eq!(refused(notarized, fresh()), "migration.certificate");
    // Another block that votes have proven in its slot is not replaced.
    let mut voted = fresh();
    let update = Update::Votes(votes(ballot(GENESIS, BANK), &validators()));
    scene.verifier.advance(&mut voted, &update, NOW).unwrap();
    let genesis = made(Claim::Genesis(name(GENESIS)), &[0, 1, 2], &[]);
    assert_eq!(refused(genesis, voted), "migration.conflict");
}

/// Validators vote on while they agree on the last block of TowerBFT, and drop what they voted for past it.
#[test]
fn who_followed_the_votes_past_the_last_block_goes_on_with_alpenglow() {
    let scene = &*SCENE;
    let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
    let mut advance =
        |update: Update| scene.verifier.advance(&mut trusted, &update, NOW).map_err(|error| (error.field, error.kind));
    let (_, before) = bank(B256::ZERO, 0);
    let (child, last) = bank(before, 1);
    let BlockName { slot, block_id } = name(GENESIS);
    let voted = |ballot: Ballot| Update::Votes(votes(ballot, &validators()));
    for ballot in [ballot(slot - 10, before), Ballot { slot, bank_hash: last, block_id }, ballot(slot + 40, BANK)] {
        advance(voted(ballot)).unwrap();
    }
    // Ten slots are too few for votes; the certificate makes the block final, and with it what it stands on.
    let root = Update::Root(RootUpdate { slot: slot - 10, descendant: slot, banks: vec![child] });
    assert_eq!(advance(root.clone()), Err(("root.descendant".to_owned(), ErrorKind::NotYet)));
    advance(migration()).unwrap();
    advance(root).unwrap();
    advance(Update::Final(scene.fast())).unwrap();
    let blocks: Vec<_> = trusted.blocks().map(|block| (block.slot, block.standing)).collect();
    assert_eq!(blocks, [(slot - 10, Standing::Final), (slot, Standing::Final), (SLOT, Standing::Final)]);
}

#[test]
fn a_block_that_was_final_past_the_last_one_contradicts_the_migration() {
    let scene = &*SCENE;
    let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
    finalize(&scene.verifier, &mut trusted, GENESIS + 1, keccak256("rooted"));
    let held = trusted.clone();
    let error = scene.verifier.advance(&mut trusted, &migration(), NOW).unwrap_err();
    assert_eq!((error.field.as_str(), trusted), ("migration.conflict", held));
}

#[test]
fn votes_count_up_to_the_migration_and_certificates_after_it() {
    let scene = &*SCENE;
    let mut trusted = scene.trusted.clone();
    let late = Update::Votes(votes(ballot(GENESIS + 1, BANK), &validators()));
    assert_eq!(scene.verifier.advance(&mut trusted, &late, NOW).unwrap_err().field, "votes.slot");
    // The block that the certificate names may still be voted; another in its slot may not.
    let other = Update::Votes(votes(ballot(GENESIS, BANK), &validators()));
    assert_eq!(scene.verifier.advance(&mut trusted, &other, NOW).unwrap_err().field, "conflict");
    let BlockName { slot, block_id } = name(GENESIS);
    let early = Update::Votes(votes(Ballot { slot, bank_hash: BANK, block_id }, &validators()));
    scene.verifier.advance(&mut trusted, &early, NOW).unwrap();
    assert_eq!(trusted.block(slot).unwrap().standing, Standing::Final);
    // A certificate of a slot up to the migration proves nothing at any time.
    let name = BlockName { slot: GENESIS, block_id: scene.block.double_id() };
    let certificates = vec![made(Claim::FinalizeFast(name), &[0, 1, 2], &[]).encode().into()];
    let old = Update::Final(FinalUpdate { certificates, ..scene.fast() });
    let error = scene.verifier.advance(&mut trusted, &old, NOW).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("final.slot", ErrorKind::Invalid));
}

/// Updates may come out of order: who drops what is not valid must not drop what the next update makes valid.
#[test]
fn what_comes_before_the_migration_that_it_rests_on_is_not_yet_valid() {
    let scene = &*SCENE;
    let fresh = || TrustedSlots::new(table(0, &validators())).unwrap();
    let refused = |trusted: &mut TrustedSlots, update: &Update, verifier: &SolanaVerifier| {
        let error = verifier.advance(trusted, update, NOW).unwrap_err();
        (error.field, error.kind)
    };
    let update = Update::Final(scene.fast());
    let mut trusted = fresh();
    let early = refused(&mut trusted, &update, &scene.verifier);
    assert_eq!(early, ("final.slot".to_owned(), ErrorKind::NotYet));
    scene.verifier.advance(&mut trusted, &migration(), NOW).unwrap();
    scene.verifier.advance(&mut trusted, &update, NOW).unwrap();
    assert_eq!(trusted.block(SLOT).unwrap().standing, Standing::Final);
    // Where the config refuses the migration, it never comes.
    let refusing = SolanaVerifier::new(SolanaConfig { migration: Migration::Refused, ..config() }).unwrap();
    assert_eq!(refused(&mut fresh(), &update, &refusing), ("final.slot".to_owned(), ErrorKind::Invalid));
}

#[test]
fn a_table_is_handed_over_under_alpenglow_too() {
    let scene = &*SCENE;
    let parent = (1_099, B256::ZERO);
    let block = Block::aligned(1_100, parent, &[header(parent), footer(BANK, NOW), tick()], &key("leader"));
    let hand_over = |next: &[Validator], ranked: &[Validator], ranks: &[usize]| {
        let name = BlockName { slot: 1_100, block_id: block.double_id() };
        let bytes: Bytes = certificate(Claim::FinalizeFast(name), ranked, ranks, &[]).encode().into();
        let (footer, tick) = (block.double(1), block.double(2));
        let carried = CarriedBlock::Final(FinalUpdate { certificates: vec![bytes], footer, tick });
        let table = table(1, next);
        let signatures = quorum(stakes_digest(&config().chain, &table, 7), &witnesses("source").1);
        let update = Update::Stakes(Box::new(StakesUpdate { table, signatures, carried }));
        scene.verifier.advance(&mut scene.trusted.clone(), &update, NOW)
    };
    hand_over(&validators(), &validators(), &[0, 1, 2]).unwrap();
    let strangers: Vec<Validator> = (0..5).map(|n| Validator::new(&format!("stranger {n}"), 20 - n)).collect();
    let error = hand_over(&strangers, &strangers, &[0, 1, 2, 3, 4]).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("stakes.carried.stake", ErrorKind::Invalid));
}

/// Where few have BLS keys yet, four fifths of the ranked stake are little of the stake.
#[test]
fn a_migration_that_a_small_part_of_all_stake_signs_is_refused() {
    let verifier = SolanaVerifier::new(config()).unwrap();
    let migrate = |unranked: &[usize]| {
        let mut table = table(0, &validators());
        for place in unranked {
            let validator = &validators()[*place];
            let row = table.stakes.iter_mut().find(|row| row.vote_account == validator.vote_account());
            row.unwrap().alpenglow = None;
        }
        let mut trusted = TrustedSlots::new(table).unwrap();
        let ranked: Vec<_> = (0..5).filter(|place| !unranked.contains(place)).collect();
        let left: Vec<_> = ranked.iter().map(|place| validators()[*place].clone()).collect();
        let all: Vec<_> = (0..left.len()).collect();
        let certificate = certificate(Claim::Genesis(name(GENESIS)), &left, &all, &[]).encode().into();
        let result = verifier.advance(&mut trusted, &Update::Migration(MigrationUpdate { certificate }), NOW);
        result.map(|()| trusted.genesis()).map_err(|error| error.field)
    };
    let refused = Err("migration.certificate.stake".to_owned());
    // Of a hundred, 15, 60 and 70 have ranks, and all of them sign.
    assert_eq!(migrate(&[0, 1, 2]), refused);
    assert_eq!(migrate(&[0]), refused);
    assert_eq!(migrate(&[1, 4]), refused);
    assert_eq!(migrate(&[2, 3, 4]), Ok(Some(name(GENESIS))));
}
