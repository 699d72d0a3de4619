//! Which epoch a slot is in. Source: Solana `epoch-schedule` (`get_epoch`).

use serde::{Deserialize, Serialize};

use crate::VerifyError;

/// Slots of the first epoch of a warm-up (`MINIMUM_SLOTS_PER_EPOCH`).
const FIRST_EPOCH_SLOTS: u64 = 32;

/// The lengths of a cluster's epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochSchedule {
    /// Slots in an epoch after the warm-up.
    pub slots_per_epoch: u64,
    /// Whether the first epochs had 32, 64, 128, … slots (testnet and devnet did, mainnet did not).
    pub warmup: bool,
}

impl EpochSchedule {
    /// Mainnet's: 432,000 slots from the beginning.
    pub const MAINNET: Self = Self { slots_per_epoch: 432_000, warmup: false };

    /// Testnet's and devnet's: 432,000 slots after a warm-up.
    pub const TESTNET: Self = Self { slots_per_epoch: 432_000, warmup: true };

    /// Refuses epochs shorter than 32 slots.
    pub fn validate(&self) -> Result<(), VerifyError> {
        if self.slots_per_epoch < FIRST_EPOCH_SLOTS {
            let expected = format!("at least {FIRST_EPOCH_SLOTS}");
            return Err(VerifyError::invalid("epochs.slots_per_epoch", expected, self.slots_per_epoch));
        }
        Ok(())
    }

    /// The epoch of `slot`.
    pub fn epoch(&self, slot: u64) -> u64 {
        let (first_epoch, first_slot) = self.first_normal();
        match slot.checked_sub(first_slot) {
            Some(after) => first_epoch.saturating_add(after.checked_div(self.slots_per_epoch).unwrap_or_default()),
            // Epoch n of the warm-up has 32·2^n slots, and 32·(2^n - 1) come before it.
            None => u64::from(slot.saturating_add(FIRST_EPOCH_SLOTS).ilog2()).saturating_sub(5),
        }
    }

    /// The first epoch of full length, and its first slot.
    fn first_normal(&self) -> (u64, u64) {
        if !self.warmup {
            return (0, 0);
        }
        let full = self.slots_per_epoch.checked_next_power_of_two().unwrap_or(u64::MAX);
        let epochs = u64::from(full.trailing_zeros()).saturating_sub(5);
        (epochs, full.saturating_sub(FIRST_EPOCH_SLOTS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_fall_into_the_epochs_that_the_clusters_say() {
        assert_eq!(EpochSchedule::TESTNET.epoch(417_955_321), 980);
        for (slot, epoch) in [(0, 0), (31, 0), (32, 1), (95, 1), (96, 2), (524_255, 13), (524_256, 14), (956_256, 15)] {
            assert_eq!(EpochSchedule::TESTNET.epoch(slot), epoch, "{slot}");
        }
        for (slot, epoch) in [(0, 0), (431_999, 0), (432_000, 1), (410_010_000, 949)] {
            assert_eq!(EpochSchedule::MAINNET.epoch(slot), epoch, "{slot}");
        }
        assert_eq!(EpochSchedule::MAINNET.epoch(u64::MAX), u64::MAX / 432_000);
    }

    #[test]
    fn epochs_of_no_slots_are_refused() {
        let none = EpochSchedule { slots_per_epoch: 0, warmup: false };
        assert_eq!(none.validate().unwrap_err().field, "epochs.slots_per_epoch");
    }
}
