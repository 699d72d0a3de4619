//! Sentinels: rules over what chains and ledger say, which raise an alarm and, where a rule says so, a pause.
//!
//! [`DestinationWatch`] and [`VaultWatch`] read chains. Every rule is a pure function: facts in, findings out. What is to be
//! paused is named as narrowly as the fact allows; pausing it, and remembering that it was done, is the engine's part.

mod checkpoint;
mod destination;
mod dispute;
mod finding;
mod freeze;
mod funds;
mod inbox;
mod ledger;
mod overdue;
mod pace;
mod pauses;
mod payout;
mod payout_pause;
mod place;
mod sets;
mod source;
mod unpaused;
mod vault;
mod vault_pause;

pub use checkpoint::{Registered, SourceWord, judge_checkpoint, passed_over};
pub use destination::{DestinationView, DestinationWatch, Watched};
pub use dispute::judge_dispute;
pub use finding::{Concern, Finding, Rule};
pub use freeze::{BROUGHT, Unfrozen, judge_unfrozen};
pub use funds::{Funds, judge_funds};
pub use ledger::{Account, judge_account};
pub use overdue::{UNPROVEN, Unsettled, judge_unsettled};
pub use pace::Pace;
pub use pauses::{Pause, judge_pauses};
pub use payout::{Judgement, Known, PaidOut, PayoutLane, Reading, SeenStanding, judge};
pub use payout_pause::{Payable, PayoutPause};
pub use sets::{SetOf, judge_set};
pub use source::SourceView;
pub use unpaused::{Unpaused, judge_unpaused};
pub use vault::{Holding, VaultView, VaultWatch, judge_vault};
pub use vault_pause::VaultPause;
