//! Alpenglow on a small cluster: the migration, what makes a block final, deposits in it, how a stake table is handed over.

use std::sync::LazyLock;

use alloy_primitives::{B256, Bytes, keccak256};
use spandrel_verifiers::solana::{
    Ballot, BlockName, BlockPath, CarriedBlock, Certificate, Claim, Consensus, FinalUpdate, Inclusion, Migration,
    MigrationUpdate, SolanaConfig, SolanaVerifier, StakesUpdate, Standing, TrustedSlots, Update, stakes_digest,
};
use spandrel_verifiers::{ErrorKind, Verifier, VerifyError};

use super::certificates::{made, name};
use super::maker::{
    Block, NOW, Validator, certificate, config, entries, footer, key, quorum, table, terms, transfer, validators,
    votes, witnesses,
};
use super::scene::{attested, ballot, depositor};

const GENESIS: u64 = 200;
const SLOT: u64 = 300;
const BANK: B256 = B256::repeat_byte(0xba);

/// A cluster that has migrated after slot 200, with a block of Alpenglow in slot 300 that holds a deposit.
struct Scene {
    verifier: SolanaVerifier,
    trusted: TrustedSlots,
    block: Block,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let verifier = SolanaVerifier::new(config()).unwrap();
    let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
    verifier.advance(&mut trusted, &migration(), NOW).unwrap();
    let deposit = transfer(&depositor(), 5_000_000, &terms().memo());
    let filler = transfer(&key("other"), 1, "a memo of another kind");
    let batches = [entries(&[vec![filler; 120]]), entries(&[vec![deposit]]), footer(BANK, NOW)];
    let block = Block::new(SLOT, (299, keccak256("parent")), &batches, &key("leader"));
    Scene { verifier, trusted, block }
});

fn migration() -> Update {
    let certificate = made(Claim::Genesis(name(GENESIS)), &[0, 1, 2], &[]).encode().into();
    Update::Migration(MigrationUpdate { certificate })
}

impl Scene {
    fn name(&self) -> BlockName {
        BlockName { slot: SLOT, block_id: self.block.double_id() }
    }

    fn update(&self, certificates: &[Certificate]) -> FinalUpdate {
        let certificates = certificates.iter().map(|certificate| certificate.encode().into()).collect();
        FinalUpdate { certificates, footer: self.block.double(2) }
    }

    fn fast(&self) -> FinalUpdate {
        self.update(&[made(Claim::FinalizeFast(self.name()), &[0, 1, 2], &[])])
    }

    fn slow(&self) -> [Certificate; 2] {
        [made(Claim::Finalize(SLOT), &[0, 1], &[]), made(Claim::Notarize(self.name()), &[0, 2, 4], &[])]
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
fn the_footer_must_end_the_block_that_is_certified() {
    let scene = &*SCENE;
    let with = |batch: usize| FinalUpdate { footer: scene.block.double(batch), ..scene.fast() };
    assert_eq!(scene.refused(with(1)), "final.footer");
    let other = Block::new(SLOT, (299, B256::ZERO), &[footer(B256::ZERO, NOW)], &key("leader"));
    assert_eq!(scene.refused(FinalUpdate { footer: other.double(0), ..scene.fast() }), "final.footer.block_id");
    assert_eq!(scene.refused(FinalUpdate { footer: scene.block.chained(2), ..scene.fast() }), "final.footer.block");
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

#[test]
fn a_deposit_in_a_block_of_alpenglow_verifies() {
    let scene = &*SCENE;
    let trusted = scene.advance(scene.fast()).unwrap();
    let block_id = scene.block.double_id();
    let inclusion =
        Inclusion { slot: SLOT, block_id, shreds: scene.block.double(1), entry: 0, transaction: 0, instruction: 1 };
    let evidence = attested(&scene.verifier, &trusted, inclusion);
    let verified = scene.verifier.verify(&trusted, &evidence, NOW).unwrap();
    assert_eq!(verified.fact().recipient, terms().recipient);
    let mut chained = evidence.clone();
    chained.inclusion.shreds = scene.block.chained(1);
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
    // A block that votes have proven already is neither replaced nor passed over.
    let mut voted = fresh();
    let update = Update::Votes(votes(ballot(GENESIS, BANK), &validators()));
    scene.verifier.advance(&mut voted, &update, NOW).unwrap();
    let genesis = made(Claim::Genesis(name(GENESIS)), &[0, 1, 2], &[]);
    assert_eq!(refused(genesis, voted.clone()), "migration.conflict");
    let earlier = made(Claim::Genesis(name(GENESIS - 1)), &[0, 1, 2], &[]);
    assert_eq!(refused(earlier, voted), "migration.conflict");
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
    let mut before = TrustedSlots::new(table(0, &validators())).unwrap();
    let error = scene.verifier.advance(&mut before, &Update::Final(scene.fast()), NOW).unwrap_err();
    assert_eq!(error.field, "final.slot");
}

#[test]
fn a_table_is_handed_over_under_alpenglow_too() {
    let scene = &*SCENE;
    let block = Block::new(1_100, (1_099, B256::ZERO), &[footer(BANK, NOW)], &key("leader"));
    let hand_over = |next: &[Validator], ranked: &[Validator], ranks: &[usize]| {
        let name = BlockName { slot: 1_100, block_id: block.double_id() };
        let bytes: Bytes = certificate(Claim::FinalizeFast(name), ranked, ranks, &[]).encode().into();
        let carried = CarriedBlock::Final(FinalUpdate { certificates: vec![bytes], footer: block.double(0) });
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
