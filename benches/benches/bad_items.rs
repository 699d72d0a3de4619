//! What one bad item of a batch costs: the time with one over the time with none, beside the bound that the batch
//! function states. Its neighbours are accepted all the same, and nothing else is refused. On one thread.

use std::cell::RefCell;

use alloy_primitives::Bytes;
use rayon::ThreadPoolBuilder;
use spandrel_benches::cometbft::{NOW, blocks, params};
use spandrel_benches::committee::{SyncNetwork, payload};
use spandrel_benches::compare::print_bound;
use spandrel_benches::inclusions::BlockOfDeposits;
use spandrel_benches::solana_votes::{recorded, with_a_bad_signature};
use spandrel_benches::storage;
use spandrel_benches::stores::{self, Proven, StoreProof};
use spandrel_verifiers::bitcoin::Inclusion;
use spandrel_verifiers::cosmos::ics23::{Membership, verify_memberships};
use spandrel_verifiers::cosmos::{ClientHeader, KeyTables, Outcome, verify_header};
use spandrel_verifiers::ethereum::bls::SystemScalars;
use spandrel_verifiers::ethereum::containers::FinalityUpdate;
use spandrel_verifiers::ethereum::trie::{self, Query};
use spandrel_verifiers::solana::{Electorate, check_votes};
use spandrel_verifiers::{Verifier, VerifyError};

const UPDATES: u64 = 16;
const SLOTS: u64 = 4096;
const PROVEN: u64 = 256;
const VALIDATORS: usize = 150;

/// The bounds that are stated where each batch is verified, as times of the honest batch.
mod at_most {
    /// `ethereum::bls::verify_each`.
    pub const UPDATES_16: f64 = 4.0;
    /// `ethereum::trie::secure_values`.
    pub const STORAGE_PROOFS_256: f64 = 1.05;
    /// `cosmos::ics23::verify_memberships`.
    pub const ICS23_PROOFS_256: f64 = 1.1;
    /// `solana::check_votes`.
    pub const SOLANA_VOTES: f64 = 1.1;
    /// `cosmos::verify_header`.
    pub const COMETBFT_SIGNATURES: f64 = 4.0;
    /// `bitcoin::BitcoinVerifier::verify_batch`.
    pub const BITCOIN_DEPOSITS_256: f64 = 1.05;
}

/// Refuses anything but: the items in `places` are refused, all others are not. Of good batches and of bad ones, so that
/// what is compared is the verification alone.
fn require_refused<T>(places: &[usize], results: &[Result<T, VerifyError>]) {
    let bad: Vec<_> = results.iter().enumerate().filter(|(_, result)| result.is_err()).map(|(at, _)| at).collect();
    assert_eq!(bad, places);
}

/// A signature of the right committee over another message, in the first place: every half that is tried first is bad.
fn ethereum_updates() {
    let network = SyncNetwork::new();
    let (store, now) = (network.store(), network.now());
    let update = |n| network.finality_update(payload(64 + n), network.keys.len()).0;
    let honest: Vec<FinalityUpdate> = (0..UPDATES).map(update).collect();
    let mut bad = honest.clone();
    bad[0].sync_aggregate = honest[1].sync_aggregate.clone();
    let check = |updates: &[FinalityUpdate]| store.prove_final_each(&network.config, updates, now, &mut SystemScalars);
    let name = format!("ethereum_update_512_batch_{UPDATES}_with_one_bad");
    let (honest, bad) = (|| require_refused(&[], &check(&honest)), || require_refused(&[0], &check(&bad)));
    print_bound(&name, at_most::UPDATES_16, honest, bad);
}

/// A root that is none, among proofs that all share the root.
fn storage_proofs() {
    let (root, honest) = storage::proofs(SLOTS, PROVEN);
    let place = honest.len() / 2;
    let mut bad = honest.clone();
    let mut node = bad[place].nodes[0].to_vec();
    *node.last_mut().expect("a node") ^= 1;
    bad[place].nodes[0] = node.into();
    let queries = |proofs: &'static [storage::SlotProof]| -> Vec<Query<'static, _>> {
        proofs.iter().map(|proof| Query { root, key: proof.slot, proof: &proof.nodes }).collect()
    };
    let (honest, bad) = (queries(honest.leak()), queries(bad.leak()));
    let honest = || require_refused(&[], &trie::secure_values("proof", &honest));
    let bad = || require_refused(&[place], &trie::secure_values("proof", &bad));
    print_bound(&format!("storage_proofs_{PROVEN}_with_one_bad"), at_most::STORAGE_PROOFS_256, honest, bad);
}

/// A false sibling right below the root, between two honest neighbours that share it.
fn ics23_proofs() {
    let (root, honest) = stores::proofs(SLOTS, PROVEN, Proven::Spread);
    let place = honest.len() / 2;
    let mut bad = honest.clone();
    let StoreProof { encoded, levels: [in_store, _], .. } = &mut bad[place];
    let at = encoded.windows(in_store.len()).position(|part| part == in_store).expect("the proof holds its level");
    encoded[at + in_store.len() - 1] ^= 1;
    let claims = |proofs: &'static [StoreProof]| -> Vec<Membership<'static>> {
        let claim = |proof: &'static StoreProof| Membership {
            root,
            store: stores::STORE,
            key: &proof.key,
            value: &proof.value,
            proof: &proof.encoded,
        };
        proofs.iter().map(claim).collect()
    };
    let (honest, bad) = (claims(honest.leak()), claims(bad.leak()));
    let honest = || require_refused(&[], &verify_memberships(&honest));
    let bad = || require_refused(&[place], &verify_memberships(&bad));
    print_bound(&format!("ics23_proofs_{PROVEN}_with_one_bad"), at_most::ICS23_PROOFS_256, honest, bad);
}

fn solana_votes() {
    let Some(recorded) = recorded() else {
        println!("skipped: solana_votes_with_one_bad: no vectors in SPANDREL_VECTORS");
        return;
    };
    let electorate = Electorate::new(recorded.table).expect("a valid table");
    let batch = recorded.transactions;
    let place = batch.len() / 2;
    let (good, bad) = (batch[place].clone(), with_a_bad_signature(&batch[place]));
    let name = format!("solana_votes_{}_with_one_bad", batch.len());
    // Both in the same memory: where a batch lies tells in its time more than one bad vote does.
    let batch = RefCell::new(batch);
    let check = |vote: &Bytes, refused: &[usize]| {
        batch.borrow_mut()[place].clone_from(vote);
        require_refused(refused, &check_votes(&electorate, &batch.borrow()));
    };
    let (honest, bad) = (|| check(&good, &[]), || check(&bad, &[place]));
    print_bound(&name, at_most::SOLANA_VOTES, honest, bad);
}

/// A block with a bad signature is refused as a whole, and the signature named; its neighbour is the block with a good one.
fn cometbft_signatures() {
    let blocks = blocks(VALIDATORS);
    let (params, tables) = (params(), KeyTables::new());
    let check = |header: &ClientHeader| verify_header(&params, &blocks.trusted, header, NOW, &tables);
    let honest = || assert!(matches!(check(&blocks.untrusted), Ok(Outcome::Verified(_))));
    (0..2).for_each(|_| honest());
    let bad = blocks.with_a_bad_signature();
    let bad = || {
        let error = check(&bad).expect_err("a bad signature");
        assert_eq!(error.field, format!("commit.signatures[{}].signature", VALIDATORS * 2 / 3));
    };
    let name = format!("cometbft_light_block_{VALIDATORS}_cached_with_one_bad");
    print_bound(&name, at_most::COMETBFT_SIGNATURES, honest, bad);
    honest();
}

/// A false sibling of a leaf whose index has seven bits: for the fault's name all that is searched is searched.
fn bitcoin_deposits() {
    let block = BlockOfDeposits::of(4_000, PROVEN as usize);
    let place = block.evidence.iter().position(|item| item.index.ilog2() == 6).expect("an index from 64 to 127");
    let mut bad = block.evidence.clone();
    bad[place].path[0].0[0] ^= 1;
    let check = |evidence: &[Inclusion]| block.verifier.verify_batch(&block.chain, evidence, block.now);
    let name = format!("bitcoin_deposits_{PROVEN}_with_one_bad");
    let (honest, bad) = (|| require_refused(&[], &check(&block.evidence)), || require_refused(&[place], &check(&bad)));
    print_bound(&name, at_most::BITCOIN_DEPOSITS_256, honest, bad);
}

fn main() {
    let single = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    single.install(|| {
        ethereum_updates();
        storage_proofs();
        ics23_proofs();
        solana_votes();
        cometbft_signatures();
        bitcoin_deposits();
    });
}
