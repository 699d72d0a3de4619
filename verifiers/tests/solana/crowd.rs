//! A block with deposits in several batches of entries, whose shreds stand in the same sets.

use alloy_primitives::{B256, Bytes, keccak256};
use spandrel_verifiers::Verifier;
use spandrel_verifiers::solana::{
    BlockName, Claim, DepositEvidence, FinalUpdate, Inclusion, MigrationUpdate, SolanaVerifier, TrustedSlots, Update,
};

use super::super::maker::{
    Block, NOW, certificate, config, entries, footer, header, key, table, terms, tick, transfer, validators,
};
use super::{attested, depositor, filler, finalize};

/// What trusts the block, and evidence of each of its deposits, in the block's order.
pub struct Crowd {
    pub verifier: SolanaVerifier,
    pub trusted: TrustedSlots,
    pub evidence: Vec<DepositEvidence>,
}

/// Last slot of TowerBFT, once there is Alpenglow.
pub const LAST_OF_TOWER: u64 = 200;
/// Deposits in each batch.
pub const EACH: usize = 2;

/// The genesis certificate of Alpenglow, by the first three validators.
pub fn migration() -> Update {
    let genesis = BlockName { slot: LAST_OF_TOWER, block_id: keccak256(LAST_OF_TOWER.to_be_bytes()) };
    let certificate = certificate(Claim::Genesis(genesis), &validators(), &[0, 1, 2], &[]).encode().into();
    Update::Migration(MigrationUpdate { certificate })
}

impl Crowd {
    /// Six batches with deposits: the second is over several sets, the others are less than one.
    pub fn of_tower() -> Self {
        Self::new(100, false)
    }

    /// The same under Alpenglow.
    pub fn of_alpenglow() -> Self {
        Self::new(300, true)
    }

    fn new(slot: u64, is_double: bool) -> Self {
        let batch = |n: u64| {
            let fillers: Vec<Bytes> = (0..if n == 1 { 90 } else { 10 }).map(filler).collect();
            let deposits = (0..EACH as u64).map(|k| transfer(&depositor(), 1_000 + 10 * n + k, &terms().memo()));
            entries(&[fillers, deposits.collect()])
        };
        let parent = (slot - 1, keccak256("parent"));
        let mut batches: Vec<Vec<u8>> = (0..6).map(batch).collect();
        if is_double {
            batches.insert(0, header(parent));
            batches.extend([footer(B256::repeat_byte(0xba), NOW), tick()]);
        }
        let block = Block::new(slot, parent, &batches, &key("leader"));
        let verifier = SolanaVerifier::new(config()).unwrap();
        let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
        let proof = |batch| if is_double { block.double(batch) } else { block.chained(batch) };
        let block_id = if is_double { block.double_id() } else { block.chained_id() };
        if is_double {
            verifier.advance(&mut trusted, &migration(), NOW).unwrap();
            let fast = Claim::FinalizeFast(BlockName { slot, block_id });
            let certificates = vec![certificate(fast, &validators(), &[0, 1, 2], &[]).encode().into()];
            let update = Update::Final(FinalUpdate { certificates, footer: proof(7), tick: proof(8) });
            verifier.advance(&mut trusted, &update, NOW).unwrap();
        } else {
            finalize(&verifier, &mut trusted, slot, block_id);
        }
        let evidence = (0..6 * EACH).map(|n| {
            let shreds = proof(usize::from(is_double) + n / EACH);
            let transaction = (n % EACH) as u32;
            let parent = block.shreds.first().cloned().filter(|_| is_double).into_iter().collect();
            let inclusion = Inclusion { slot, block_id, shreds, entry: 1, transaction, instruction: 1, parent };
            attested(&verifier, &trusted, inclusion)
        });
        let evidence = evidence.collect();
        Self { verifier, trusted, evidence }
    }
}
