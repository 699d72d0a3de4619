//! Dual control: what guardians may order, alone or together, by signed statements (docs/control.md).
//!
//! Pure: [`decide`] judges one statement on a [`ControlState`], [`execute`] carries an approved proposal out when its
//! delay has passed; both only answer [`ControlEvent`]s, which the state folds. The safe direction is one person and now,
//! the dangerous direction is two people and later.
//!
//! Guarantees: a statement counts once, for one deployment, until its expiry, and only by a guardian's low-s signature;
//! no proposal is carried out without two different people, whatever keys they hold; a resumption waits for its delay
//! and for green health, and never lifts a pause that came after it was proposed.

mod act;
mod before;
mod configure;
mod decide;
mod event;
mod execute;
mod freeze;
mod limits;
mod policy;
mod refusal;
mod seen;
mod state;
mod statement;
mod typed;

pub use act::{Act, SignerRole, said_changes};
pub use before::Before;
pub use configure::{ConfigureRefusal, NotYet, configure};
pub use decide::{by_a_guardian, decide};
pub use event::{ControlEvent, Outcome, ProposalEnd};
pub use execute::{Wait, execute};
pub use policy::{ControlPolicy, MAX_TTL, MIN_RESUME_DELAY, TIMELOCK, View, deployment};
pub use refusal::ControlRefusal;
pub use seen::Seen;
pub use state::{Approval, ControlState, Proposal, Unread};
pub use statement::{MAX_LIFETIME, SignedStatement, Statement};
pub use typed::{Field, Typed, Word};
