//! The books: what is proven and released of each asset on each source, and what is paid to each destination and not
//! proven.

use alloy_primitives::{U256, U512};
use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{ChainId, DepositId};

use super::{RiskState, change};
use crate::as_list;
use crate::record::{Account, Payout, Record};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    pub(super) proven: U512,
    pub(super) released: U512,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exposure {
    #[serde(with = "as_list")]
    open: RedBlackTreeMapSync<DepositId, U256>,
    pub(super) sum: U512,
}

impl RiskState {
    /// Takes what a record adds out of the books.
    pub(super) fn uncount(&mut self, id: DepositId, record: &Record) {
        if let Some(locked) = &record.proven {
            change(&mut self.ledger, &locked.account, |book| {
                book.proven = book.proven.saturating_sub(U512::from(locked.amount));
            });
        }
        if let Some(payout) = record.payout.as_ref().filter(|_| record.is_released()) {
            change(&mut self.ledger, &payout.account(), |book| {
                book.released = book.released.saturating_sub(U512::from(payout.amount));
            });
        }
        if let Some(payout) = record.payout.as_ref().filter(|payout| payout.is_exposed()) {
            change(&mut self.exposures, &payout.exposure_key(), |exposure| exposure.close(id));
        }
    }

    /// Enters what a record adds into the books.
    pub(super) fn count(&mut self, id: DepositId, record: &Record) {
        if let Some(locked) = &record.proven {
            change(&mut self.ledger, &locked.account, |book| {
                book.proven = book.proven.saturating_add(U512::from(locked.amount));
            });
        }
        if let Some(payout) = record.payout.as_ref().filter(|_| record.is_released()) {
            change(&mut self.ledger, &payout.account(), |book| {
                book.released = book.released.saturating_add(U512::from(payout.amount));
            });
        }
        if let Some(payout) = record.payout.as_ref().filter(|payout| payout.is_exposed()) {
            change(&mut self.exposures, &payout.exposure_key(), |exposure| exposure.open(id, payout.amount));
        }
    }
}

impl Exposure {
    fn open(&mut self, id: DepositId, amount: U256) {
        self.open.insert_mut(id, amount);
        self.sum = self.sum.saturating_add(U512::from(amount));
    }

    fn close(&mut self, id: DepositId) {
        if let Some(amount) = self.open.get(&id).copied() {
            self.open.remove_mut(&id);
            self.sum = self.sum.saturating_sub(U512::from(amount));
        }
    }
}

impl Payout {
    fn account(&self) -> Account {
        Account { source: self.corridor.source.clone(), asset: self.corridor.asset.clone() }
    }

    fn exposure_key(&self) -> (Account, ChainId) {
        (self.account(), self.corridor.destination.clone())
    }
}
