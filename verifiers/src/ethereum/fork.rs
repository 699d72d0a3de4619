//! Consensus forks, presets and the schedule of one network: everything a light client must know beforehand.
//!
//! Source: ethereum/consensus-specs `specs/*/light-client/sync-protocol.md`, `configs/mainnet.yaml`, `presets/`.

use alloy_primitives::{B256, FixedBytes, b256};
use serde::{Deserialize, Serialize};

use super::gindex::Gindex;
use crate::{ChainId, UnixSeconds, VerifyError};

/// A consensus fork, oldest first. Phase 0 has no light client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fork {
    /// Sync committees begin.
    Altair,
    /// The merge; light-client headers still carry no execution header.
    Bellatrix,
    /// Light-client headers carry the execution header.
    Capella,
    /// Adds blob gas to the execution header.
    Deneb,
    /// The beacon state outgrows 32 fields: branches into it are one longer.
    Electra,
    /// Same light-client data as Electra.
    Fulu,
    /// Light-client headers name the parent payload's block by its hash alone, and the state's tree is another.
    Gloas,
}

/// Sizes fixed at compile time of a beacon node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Small sizes, for development networks and the official test vectors.
    Minimal,
    /// Mainnet and the public test networks.
    Mainnet,
}

/// From which epoch on a fork is active, and the version that enters signing domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForkEpoch {
    /// Which fork.
    pub name: Fork,
    /// Fork version, as it enters the fork data root.
    pub version: ForkVersion,
    /// First epoch of the fork.
    pub epoch: u64,
}

/// Four bytes that name a fork in signing domains.
pub type ForkVersion = FixedBytes<4>;

/// How light-client containers of one fork and preset are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// Which fork.
    pub fork: Fork,
    /// Which preset.
    pub preset: Preset,
}

/// What identifies one network to its light clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainConfig {
    /// The execution chain, such as `eip155:1`.
    pub chain: ChainId,
    /// `genesis_validators_root` of the beacon chain: separates networks in signing domains.
    pub genesis_validators_root: B256,
    /// Unix seconds of slot 0.
    pub genesis_time: UnixSeconds,
    /// Seconds a slot lasts.
    pub seconds_per_slot: u64,
    /// Sizes.
    pub preset: Preset,
    /// Scheduled forks, oldest first, epochs not falling.
    pub forks: Vec<ForkEpoch>,
}

impl Preset {
    /// `SLOTS_PER_EPOCH`.
    pub const fn slots_per_epoch(self) -> u64 {
        match self {
            Self::Minimal => 8,
            Self::Mainnet => 32,
        }
    }

    /// `EPOCHS_PER_SYNC_COMMITTEE_PERIOD`.
    pub const fn epochs_per_period(self) -> u64 {
        match self {
            Self::Minimal => 8,
            Self::Mainnet => 256,
        }
    }

    /// `SLOTS_PER_EPOCH * EPOCHS_PER_SYNC_COMMITTEE_PERIOD`, also `UPDATE_TIMEOUT`.
    pub const fn slots_per_period(self) -> u64 {
        self.slots_per_epoch().saturating_mul(self.epochs_per_period())
    }

    /// `SYNC_COMMITTEE_SIZE`.
    pub const fn committee_size(self) -> usize {
        match self {
            Self::Minimal => 32,
            Self::Mainnet => 512,
        }
    }

    /// Epoch of a slot.
    pub fn epoch_at(self, slot: u64) -> u64 {
        slot.checked_div(self.slots_per_epoch()).unwrap_or_default()
    }

    /// Sync-committee period of a slot.
    pub fn period_at(self, slot: u64) -> u64 {
        slot.checked_div(self.slots_per_period()).unwrap_or_default()
    }
}

impl Fork {
    /// Whether light-client headers of this fork carry an execution header.
    pub const fn has_execution(self) -> bool {
        matches!(self, Self::Capella | Self::Deneb | Self::Electra | Self::Fulu)
    }

    /// Whether light-client headers of this fork carry the hash of an execution block, and nothing else of it.
    pub fn has_block_hash(self) -> bool {
        self >= Self::Gloas
    }

    /// Whether execution headers of this fork carry blob gas.
    pub fn has_blob_gas(self) -> bool {
        self >= Self::Deneb
    }

    /// `FINALIZED_ROOT_GINDEX` in the beacon state.
    pub const fn finalized_root_gindex(self) -> Gindex {
        match self {
            Self::Altair | Self::Bellatrix | Self::Capella | Self::Deneb => Gindex::new(105),
            Self::Electra | Self::Fulu => Gindex::new(169),
            Self::Gloas => Gindex::new(735),
        }
    }

    /// `CURRENT_SYNC_COMMITTEE_GINDEX` in the beacon state.
    pub const fn current_committee_gindex(self) -> Gindex {
        match self {
            Self::Altair | Self::Bellatrix | Self::Capella | Self::Deneb => Gindex::new(54),
            Self::Electra | Self::Fulu => Gindex::new(86),
            Self::Gloas => Gindex::new(2945),
        }
    }

    /// `NEXT_SYNC_COMMITTEE_GINDEX` in the beacon state.
    pub const fn next_committee_gindex(self) -> Gindex {
        match self {
            Self::Altair | Self::Bellatrix | Self::Capella | Self::Deneb => Gindex::new(55),
            Self::Electra | Self::Fulu => Gindex::new(87),
            Self::Gloas => Gindex::new(2946),
        }
    }

    /// `EXECUTION_BLOCK_HASH_GINDEX` in the beacon block body: of the block's own payload from Capella to Fulu, of the
    /// parent payload from Gloas on.
    pub const fn block_hash_gindex(self) -> Option<Gindex> {
        match self {
            Self::Altair | Self::Bellatrix => None,
            Self::Capella => Some(Gindex::new(412)),
            Self::Deneb | Self::Electra | Self::Fulu => Some(Gindex::new(812)),
            Self::Gloas => Some(Gindex::new(2856)),
        }
    }

    /// `EXECUTION_PAYLOAD_GINDEX` in the beacon block body, Capella to Fulu.
    pub const EXECUTION_PAYLOAD_GINDEX: Gindex = Gindex::new(25);
}

impl ChainConfig {
    /// Ethereum mainnet, through Fulu (2025-12-03).
    pub fn mainnet() -> Self {
        let fork = |name, version: [u8; 4], epoch| ForkEpoch { name, version: version.into(), epoch };
        Self {
            chain: ChainId::eip155(1),
            genesis_validators_root: b256!("4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95"),
            genesis_time: 1_606_824_023,
            seconds_per_slot: 12,
            preset: Preset::Mainnet,
            forks: vec![
                fork(Fork::Altair, [1, 0, 0, 0], 74_240),
                fork(Fork::Bellatrix, [2, 0, 0, 0], 144_896),
                fork(Fork::Capella, [3, 0, 0, 0], 194_048),
                fork(Fork::Deneb, [4, 0, 0, 0], 269_568),
                fork(Fork::Electra, [5, 0, 0, 0], 364_032),
                fork(Fork::Fulu, [6, 0, 0, 0], 411_392),
            ],
        }
    }

    /// Refuses a slot time of zero, an empty schedule, and forks out of order.
    ///
    /// # Errors
    /// Names `seconds_per_slot`, `chain`, `forks` or `forks[i]`.
    pub fn validate(&self) -> Result<(), VerifyError> {
        if self.seconds_per_slot == 0 {
            return Err(VerifyError::invalid("seconds_per_slot", "at least 1", 0));
        }
        if self.chain.eip155_number().is_none() {
            return Err(VerifyError::invalid("chain", "an eip155 chain", &self.chain));
        }
        if self.forks.is_empty() {
            return Err(VerifyError::invalid("forks", "at least one fork", "none"));
        }
        for (index, (earlier, later)) in self.forks.iter().zip(self.forks.iter().skip(1)).enumerate() {
            if later.name <= earlier.name || later.epoch < earlier.epoch {
                let expected = format!("a fork after {:?} at epoch {} or later", earlier.name, earlier.epoch);
                let found = format!("{:?} at {}", later.name, later.epoch);
                return Err(VerifyError::invalid(format!("forks[{}]", index.saturating_add(1)), expected, found));
            }
        }
        Ok(())
    }

    /// All of it, for who must compare it with what they know.
    pub(crate) fn said(&self) -> Vec<String> {
        let Self { chain, genesis_validators_root, genesis_time, seconds_per_slot, preset, forks } = self;
        let fork = |fork: &ForkEpoch| format!("{:?} {} from epoch {}", fork.name, fork.version, fork.epoch);
        vec![
            format!("network {chain}, genesis validators root {genesis_validators_root}"),
            format!("slot 0 at {genesis_time}, {seconds_per_slot} seconds a slot, {preset:?} preset"),
            format!("forks: {}", forks.iter().map(fork).collect::<Vec<_>>().join(", ")),
        ]
    }

    /// The fork active at `slot`; refuses slots before the first scheduled fork.
    ///
    /// # Errors
    /// Names `slot` when it is before the first scheduled fork.
    pub fn fork_at(&self, slot: u64) -> Result<ForkEpoch, VerifyError> {
        let epoch = self.preset.epoch_at(slot);
        let active = self.forks.iter().rev().find(|fork| fork.epoch <= epoch);
        active.copied().ok_or_else(|| {
            VerifyError::invalid("slot", "a slot of Altair or later", format!("slot {slot} (epoch {epoch})"))
        })
    }

    /// How containers whose fork is told by `slot` are laid out.
    ///
    /// # Errors
    /// As [`Self::fork_at`].
    pub fn form_at(&self, slot: u64) -> Result<Form, VerifyError> {
        Ok(Form { fork: self.fork_at(slot)?.name, preset: self.preset })
    }

    /// The slot at time `now`; 0 before genesis.
    pub fn slot_at(&self, now: UnixSeconds) -> u64 {
        now.saturating_sub(self.genesis_time).checked_div(self.seconds_per_slot).unwrap_or_default()
    }

    /// Unix seconds at which `slot` begins.
    pub fn time_of(&self, slot: u64) -> UnixSeconds {
        self.genesis_time.saturating_add(slot.saturating_mul(self.seconds_per_slot))
    }

    /// Version under which a sync committee signs at `signature_slot`: the fork of the slot before it
    /// (sync-protocol.md, `validate_light_client_update`).
    ///
    /// # Errors
    /// As [`Self::fork_at`], for the slot before.
    pub fn signing_version(&self, signature_slot: u64) -> Result<ForkVersion, VerifyError> {
        Ok(self.fork_at(signature_slot.max(1).saturating_sub(1))?.version)
    }

    /// The first slot after `attested` at which a signature means what it means at `signature_slot`: by the same
    /// committee, under the same version. No committee signs the slot itself, so that any other slot between the two
    /// would do as well; what must have one form takes this one.
    ///
    /// # Errors
    /// Names `signature_slot` when it is before the first fork with sync committees.
    pub fn first_signature_slot(&self, attested: u64, signature_slot: u64) -> Result<u64, VerifyError> {
        let period_begins = self.preset.period_at(signature_slot).saturating_mul(self.preset.slots_per_period());
        let fork =
            self.fork_at(signature_slot.max(1).saturating_sub(1)).map_err(|error| error.within("signature_slot"))?;
        let version_begins = fork.epoch.saturating_mul(self.preset.slots_per_epoch()).saturating_add(1);
        Ok(attested.saturating_add(1).max(period_begins).max(version_begins))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signing_version_is_that_of_the_slot_before_the_signature() {
        let config = ChainConfig::mainnet();
        let electra = 364_032 * 32;
        assert_eq!(config.signing_version(electra).unwrap(), ForkVersion::from([4, 0, 0, 0]));
        assert_eq!(config.signing_version(electra + 1).unwrap(), ForkVersion::from([5, 0, 0, 0]));
        assert_eq!(config.fork_at(electra).unwrap().name, Fork::Electra);
        assert_eq!(config.fork_at(electra - 1).unwrap().name, Fork::Deneb);
        assert_eq!(config.fork_at(74_240 * 32 - 1).unwrap_err().field, "slot");
    }

    #[test]
    fn the_first_signature_slot_keeps_committee_and_version() {
        let config = ChainConfig::mainnet();
        let (electra, period) = (364_032 * 32, 8192);
        // Skipped slots within a period and a fork: the one after the attested slot.
        assert_eq!(config.first_signature_slot(electra + 10, electra + 13).unwrap(), electra + 11);
        // Across the fork: Electra's version signs from the slot after its first.
        assert_eq!(config.first_signature_slot(electra - 3, electra + 9).unwrap(), electra + 1);
        // Its first slot is signed under Deneb's; it is a period's first as well, so no earlier one means the same.
        assert_eq!(config.first_signature_slot(electra - 3, electra).unwrap(), electra);
        // Across a period: the next committee signs from its first slot.
        let begins = 1500 * period;
        assert_eq!(config.first_signature_slot(begins - 5, begins + 3).unwrap(), begins);
        assert_eq!(config.first_signature_slot(begins - 5, begins - 1).unwrap(), begins - 4);
        assert_eq!(config.first_signature_slot(0, 1).unwrap_err().field, "signature_slot.slot");
        for (attested, signature) in [(electra - 3, electra + 9), (begins - 5, begins + 3), (begins - 5, begins - 1)] {
            let first = config.first_signature_slot(attested, signature).unwrap();
            assert!(attested < first && first <= signature);
            assert_eq!(config.signing_version(first).unwrap(), config.signing_version(signature).unwrap());
            assert_eq!(first / period, signature / period);
        }
    }

    #[test]
    fn slots_epochs_and_periods_follow_the_preset() {
        let config = ChainConfig::mainnet();
        assert_eq!(config.slot_at(config.time_of(7)), 7);
        assert_eq!(config.slot_at(config.time_of(8) - 1), 7);
        assert_eq!(config.slot_at(0), 0);
        assert_eq!(Preset::Mainnet.period_at(8192), 1);
        assert_eq!(Preset::Minimal.period_at(63), 0);
        assert_eq!(Preset::Minimal.epoch_at(64), 8);
    }

    #[test]
    fn a_schedule_out_of_order_is_refused() {
        let config = ChainConfig::mainnet();
        config.validate().unwrap();
        let refused = |change: fn(&mut ChainConfig)| {
            let mut config = config.clone();
            change(&mut config);
            config.validate().unwrap_err().field
        };
        assert_eq!(refused(|config| config.forks.swap(1, 2)), "forks[2]");
        assert_eq!(refused(|config| config.forks[5].epoch = 1), "forks[5]");
        assert_eq!(refused(|config| config.forks.clear()), "forks");
        assert_eq!(refused(|config| config.seconds_per_slot = 0), "seconds_per_slot");
    }

    #[test]
    fn branches_are_as_deep_as_their_index() {
        let depths = |fork: Fork| {
            [fork.finalized_root_gindex(), fork.current_committee_gindex(), fork.next_committee_gindex()]
                .map(Gindex::depth)
        };
        assert_eq!(depths(Fork::Deneb), [6, 5, 5]);
        assert_eq!(depths(Fork::Fulu), [7, 6, 6]);
        assert_eq!(depths(Fork::Gloas), [9, 11, 11]);
        assert_eq!(Fork::EXECUTION_PAYLOAD_GINDEX.depth(), 4);
        let hash = [Fork::Bellatrix, Fork::Capella, Fork::Fulu, Fork::Gloas].map(Fork::block_hash_gindex);
        assert_eq!(hash.map(|index| index.map(Gindex::depth)), [None, Some(8), Some(9), Some(11)]);
    }
}
