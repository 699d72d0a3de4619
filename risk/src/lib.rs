//! What may move: a deterministic, integer-only risk engine over events.
//!
//! Pure: no clock, no floats, no I/O. [`assess`] reads a [`RiskState`] and says what may happen to one deposit on one
//! lane; the state changes only by folding [`RiskEvent`]s, which the ledger stores with everything else.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod agreement;
mod as_list;
mod assess;
mod charge;
pub mod control;
mod decision;
mod event;
mod facts;
mod free_at;
mod inputs;
mod lane;
mod limit;
mod parts;
mod policy;
mod position;
mod price;
mod record;
mod replay;
mod state;
mod velocity;
mod wide;
mod wide_limit;
mod window;
mod windows;

pub use agreement::{
    Agreement, AgreementVersion, DepthTerms, DestinationTerms, FeedTerms, GuardianTerms, Loosening, PauseTerms,
    SourceTerms, looser,
};
pub use assess::{assess, is_paused};
pub use charge::{Charge, Tank};
pub use decision::{Decision, Reason};
pub use event::{Direction, RiskEvent, Scope};
pub use lane::Lane;
pub use limit::{Limit, Limits};
pub use policy::{Corridor, RiskPolicy};
pub use position::Position;
pub use price::{Price, PriceRule, PriceState};
pub use replay::{Mismatch, SecondEngine};
pub use state::{Pause, RiskState};
pub use velocity::{Bucket, Fill, LEAST_SIZES, SIZES, Side, Terms};
pub use wide::{AssetRules, CorridorRules, DepthRule, ExposureRule, LimitTable, WideLimits};
pub use wide_limit::{AssetLimit, WideLimit};
pub use window::WINDOW_SECONDS;
