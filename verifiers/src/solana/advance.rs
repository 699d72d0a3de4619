//! Consensus evidence: what each kind of update must show before it moves the trusted state.

use alloy_primitives::{B256, U256};

use super::block::BlockOf;
use super::certificate::{BlockName, Certificate, Claim, verify_each};
use super::config::{Migration, SolanaConfig};
use super::evidence::{CarriedBlock, FinalUpdate, MigrationUpdate, RootUpdate, StakesUpdate, Update, VotesUpdate};
use super::marker::Footer;
use super::quorum;
use super::stakes::{Electorate, StakeTable, is_share};
use super::tower::{Majority, require_majority};
use super::trusted::{Consensus, ProvenBlock, Standing, TrustedSlots};
use super::vote::Ballot;
use crate::ethereum::bls::SystemScalars;
use crate::{ChainId, VerifyError};

/// Slots after which a vote's lockout on an ancestor is complete (`MAX_LOCKOUT_HISTORY + 1`).
pub const ROOT_DISTANCE: u64 = 32;

/// Most banks in one [`RootUpdate`].
pub const MAX_BANKS: usize = 512;

/// What the sources of a stake table sign: the table's digest for this chain, under their set's epoch.
pub fn stakes_digest(chain: &ChainId, table: &StakeTable, set_epoch: u64) -> B256 {
    let words = [U256::from(table.epoch).into(), table.digest()];
    quorum::digest("spandrel.solana.stakes.v1", chain, set_epoch, &words)
}

pub(super) fn advance(config: &SolanaConfig, trusted: &mut TrustedSlots, update: &Update) -> Result<(), VerifyError> {
    match update {
        Update::Stakes(update) => advance_stakes(config, trusted, update).map_err(|error| error.within("stakes")),
        Update::Votes(update) => {
            let block = check_votes(config, trusted, update).map_err(|error| error.within("votes"))?;
            trusted.insert(block)
        }
        Update::Root(update) => {
            check_root(trusted, update).map_err(|error| error.within("root"))?;
            trusted.finalize(update.slot);
            Ok(())
        }
        Update::Final(update) => {
            let block = check_final(config, trusted, update).map_err(|error| error.within("final"))?;
            trusted.insert(block)
        }
        Update::Migration(update) => {
            let genesis = check_migration(config, trusted, update).map_err(|error| error.within("migration"))?;
            trusted.migrate(genesis);
            Ok(())
        }
    }
}

fn check_votes(
    config: &SolanaConfig,
    trusted: &TrustedSlots,
    update: &VotesUpdate,
) -> Result<ProvenBlock, VerifyError> {
    trusted.require_consensus(config.migration, update.slot, Consensus::Tower)?;
    let electorate = trusted.electorate(config.epochs.epoch(update.slot))?;
    Ok(voted_block(&majority(electorate, update)?))
}

fn majority(electorate: &Electorate, update: &VotesUpdate) -> Result<Majority, VerifyError> {
    let ballot = Ballot { slot: update.slot, bank_hash: update.bank_hash, block_id: update.block_id };
    require_majority(electorate, ballot, &update.votes)
}

fn voted_block(majority: &Majority) -> ProvenBlock {
    let Ballot { slot, bank_hash, block_id } = majority.ballot;
    ProvenBlock { slot, bank_hash, block_id, time: majority.time, standing: Standing::Voted }
}

/// The preimages lead from a voted block's hash to that of another, voted too, at least 32 slots before it; or any
/// number of slots before one that is final itself, as the last of TowerBFT is by the genesis certificate. A descendant that
/// is only voted may become that.
fn check_root(trusted: &TrustedSlots, update: &RootUpdate) -> Result<(), VerifyError> {
    let voted = |field: &str, slot: u64| {
        trusted.block(slot).ok_or_else(|| VerifyError::not_yet(field, "the slot of a voted block", slot))
    };
    let (block, descendant) = (voted("slot", update.slot)?, voted("descendant", update.descendant)?);
    let distance = update.descendant.saturating_sub(update.slot);
    if distance == 0 || (distance < ROOT_DISTANCE && descendant.standing < Standing::Final) {
        let expected = format!("final, or at least {ROOT_DISTANCE} slots after {}", update.slot);
        let error = if distance == 0 { VerifyError::invalid } else { VerifyError::not_yet };
        return Err(error("descendant", expected, update.descendant));
    }
    let most = usize::try_from(distance).unwrap_or(usize::MAX).min(MAX_BANKS);
    if update.banks.is_empty() || update.banks.len() > most {
        return Err(VerifyError::malformed("banks", format!("1 to {most}"), update.banks.len()));
    }
    let mut expected = descendant.bank_hash;
    for (index, bank) in update.banks.iter().enumerate() {
        let named = |error: VerifyError| error.within(&format!("banks[{index}]"));
        let found = bank.hash().map_err(named)?;
        if found != expected {
            return Err(named(VerifyError::invalid("hash", expected, found)));
        }
        expected = bank.parent;
    }
    if expected != block.bank_hash {
        return Err(VerifyError::invalid("banks", format!("a line down to {}", block.bank_hash), expected));
    }
    Ok(())
}

fn check_final(
    config: &SolanaConfig,
    trusted: &TrustedSlots,
    update: &FinalUpdate,
) -> Result<ProvenBlock, VerifyError> {
    let certificates = FinalCertificates::decode(update)?;
    trusted.require_consensus(config.migration, certificates.block.slot, Consensus::Alpenglow)?;
    let electorate = trusted.electorate(config.epochs.epoch(certificates.block.slot))?;
    certificates.verify(config, electorate)?;
    final_block(config, certificates.block, update)
}

/// The certificates that make a block final: one of fast finalization, or one that finalizes a slot with the one that
/// notarizes its block. A finalization alone does not say of which block.
struct FinalCertificates {
    block: BlockName,
    certificates: Vec<Certificate>,
}

impl FinalCertificates {
    fn decode(update: &FinalUpdate) -> Result<Self, VerifyError> {
        if update.certificates.len() > 2 {
            return Err(VerifyError::malformed("certificates", "one or two", update.certificates.len()));
        }
        let decode = |(index, bytes): (usize, &alloy_primitives::Bytes)| {
            Certificate::decode(bytes).map_err(|error| error.within(&format!("certificates[{index}]")))
        };
        let certificates: Vec<_> = update.certificates.iter().enumerate().map(decode).collect::<Result<_, _>>()?;
        let claims: Vec<Claim> = certificates.iter().map(|certificate| certificate.claim).collect();
        let block = match claims.as_slice() {
            [Claim::FinalizeFast(block)] => *block,
            [Claim::Finalize(slot), Claim::Notarize(block)] if *slot == block.slot => *block,
            _ => {
                let expected = "FinalizeFast, or Finalize and Notarize of one slot";
                return Err(VerifyError::invalid("certificates", expected, format!("{claims:?}")));
            }
        };
        Ok(Self { block, certificates })
    }

    /// Verifies each, their signatures together; returns the ranks that signed it, and the percentage that it needs.
    fn verify(&self, config: &SolanaConfig, electorate: &Electorate) -> Result<Vec<(Vec<usize>, u8)>, VerifyError> {
        let (ranks, version) = (electorate.ranks(), config.shred_version);
        let verified = verify_each(&self.certificates, ranks, version, &mut SystemScalars).into_iter().enumerate();
        let named = verified.zip(&self.certificates).map(|((index, ranks), certificate)| {
            let ranks = ranks.map_err(|error| error.within(&format!("certificates[{index}]")))?;
            Ok((ranks, certificate.claim.threshold()))
        });
        named.collect()
    }
}

/// The block with what its footer says.
fn final_block(config: &SolanaConfig, block: BlockName, update: &FinalUpdate) -> Result<ProvenBlock, VerifyError> {
    let BlockName { slot, block_id } = block;
    let of = BlockOf { slot, block_id, shred_version: config.shred_version, is_double: true };
    let Footer { bank_hash, time } = update.ending(&of)?;
    Ok(ProvenBlock { slot, bank_hash, block_id, time, standing: Standing::Final })
}

/// A table enters when the sources bring it, it follows the newest, and a block of its epoch is carried by it and by the
/// table before: two thirds of the old stake under TowerBFT, the certificates' shares under Alpenglow, signing with the
/// keys that the old table gives.
fn advance_stakes(config: &SolanaConfig, trusted: &mut TrustedSlots, update: &StakesUpdate) -> Result<(), VerifyError> {
    let old = trusted.newest().ok_or_else(|| VerifyError::invalid("table", "a table before", "none"))?;
    let expected = old.epoch().saturating_add(1);
    if update.table.epoch != expected {
        let error = if update.table.epoch > expected { VerifyError::not_yet } else { VerifyError::invalid };
        return Err(error("table.epoch", expected, update.table.epoch));
    }
    let sources = &config.stake_sources;
    let digest = stakes_digest(&config.chain, &update.table, sources.epoch);
    quorum::require_quorum("signatures", digest, sources, &update.signatures)?;
    let new = old.next(update.table.clone()).map_err(|error| error.within("table"))?;
    let block = check_carried(config, trusted, old, &new, &update.carried).map_err(|error| error.within("carried"))?;
    trusted.insert(block)?;
    trusted.add_electorate(new);
    Ok(())
}

fn check_carried(
    config: &SolanaConfig,
    trusted: &TrustedSlots,
    old: &Electorate,
    new: &Electorate,
    carried: &CarriedBlock,
) -> Result<ProvenBlock, VerifyError> {
    let in_epoch = |slot: u64| match config.epochs.epoch(slot) {
        epoch if epoch == new.epoch() => Ok(()),
        epoch => {
            Err(VerifyError::invalid("slot", format!("a slot of epoch {}", new.epoch()), format!("{slot}, of {epoch}")))
        }
    };
    match carried {
        CarriedBlock::Votes(votes) => {
            in_epoch(votes.slot)?;
            trusted.require_consensus(config.migration, votes.slot, Consensus::Tower)?;
            let majority = majority(new, votes)?;
            let still = majority.votes.iter().filter_map(|vote| {
                old.seat(vote.vote_account).filter(|seat| seat.voter.bytes() == vote.voter).map(|seat| seat.stake)
            });
            require_carried(still.fold(0, u64::saturating_add), old.total(), (2, 3))?;
            Ok(voted_block(&majority))
        }
        CarriedBlock::Final(update) => {
            let certificates = FinalCertificates::decode(update)?;
            in_epoch(certificates.block.slot)?;
            trusted.require_consensus(config.migration, certificates.block.slot, Consensus::Alpenglow)?;
            for (ranks, threshold) in certificates.verify(config, new)? {
                let still = old.ranks().stake_of(new.ranks(), &ranks);
                require_carried(still, old.ranks().total(), (threshold, 100))?;
            }
            final_block(config, certificates.block, update)
        }
    }
}

fn require_carried(still: u64, total: u64, (numerator, denominator): (u8, u8)) -> Result<(), VerifyError> {
    if is_share(still, total, numerator, denominator) {
        return Ok(());
    }
    let expected = format!("{numerator}/{denominator} of the {total} lamports of the table before");
    Err(VerifyError::invalid("stake", expected, still))
}

/// The genesis certificate: more than four fifths of the ranked stake say which block is TowerBFT's last. They are two
/// thirds of all stake too: until all have BLS keys, few of TowerBFT's validators have a rank.
///
/// Validators go on voting while they look for that block, and drop what they voted for past it (Agave
/// `votor-messages/src/migration.rs`): a later block that is only voted is no contradiction, a final one is.
fn check_migration(
    config: &SolanaConfig,
    trusted: &TrustedSlots,
    update: &MigrationUpdate,
) -> Result<BlockName, VerifyError> {
    if config.migration == Migration::Refused {
        return Err(VerifyError::invalid("config.migration", "at_genesis_certificate", "refused"));
    }
    if let Some(genesis) = trusted.genesis() {
        return Err(VerifyError::invalid("certificate", "no migration before", format!("{genesis:?}")));
    }
    let certificate = Certificate::decode(&update.certificate)?;
    let Claim::Genesis(genesis) = certificate.claim else {
        return Err(VerifyError::invalid("certificate", "a genesis certificate", format!("{:?}", certificate.claim)));
    };
    if let Some(known) = trusted.block(genesis.slot).filter(|known| known.block_id != genesis.block_id) {
        return Err(VerifyError::invalid("conflict", known.block_id, genesis.block_id));
    }
    let is_later = |block: &&ProvenBlock| block.slot > genesis.slot && block.standing == Standing::Final;
    if let Some(later) = trusted.blocks().rfind(is_later) {
        return Err(VerifyError::invalid("conflict", "no later block of TowerBFT that is final", later.slot));
    }
    let electorate = trusted.electorate(config.epochs.epoch(genesis.slot))?;
    let signers = certificate.verify(electorate.ranks(), config.shred_version)?;
    let stake = electorate.ranks().stake(&signers);
    if !is_share(stake, electorate.total(), 2, 3) {
        let expected = format!("two thirds of {} lamports, ranked or not", electorate.total());
        return Err(VerifyError::invalid("certificate.stake", expected, stake));
    }
    Ok(genesis)
}
