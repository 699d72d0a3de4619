//! What the outside tells a transfer.

use alloy_primitives::B256;
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{Evidence, SignedVerdict, UnixSeconds};

use crate::submission::Progress;
use crate::{Contradiction, EffectId, FastAttestation};

/// An input of [`crate::step`]. Every input may come twice, late, or out of order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "made once and moved along; boxing would only cost its readers")]
pub enum Input {
    /// The watcher saw the deposit in a block.
    Seen(SeenDeposit),
    /// Blocks of the source chain were replaced.
    SourceReorged {
        /// Last block both branches share.
        ancestor: BlockRef,
        /// Hashes of the blocks that are gone.
        dropped: Vec<B256>,
    },
    /// The source chain is final up to this block, by the watcher's word.
    SourceFinal(BlockRef),
    /// Evidence was built.
    EvidenceBuilt(Evidence),
    /// The verdicts collected so far. The quorum is checked by the machine, not by the caller.
    Verdicts(Vec<SignedVerdict>),
    /// The fast lane's signers attested. The quorum is checked by the machine.
    Attested(FastAttestation),
    /// The signers do not attest it.
    AttestationRefused(String),
    /// How far an effect on a destination is.
    Progress(EffectId, Progress),
    /// The destination shows a payment of it, by the word of one node, in a block that need not be final.
    ShownPaid,
    /// Another deposit is proven under the source key of this one.
    Contradicted(Contradiction),
    /// Time has passed: held transfers are assessed again, expired ones end.
    Tick,
    /// An error nobody foresaw.
    Broken(String),
    /// An operator sends a quarantined transfer back to work.
    Requeue,
    /// A guardian takes a held or quarantined transfer out: it is not paid, its depositor takes it back.
    Drop(String),
    /// A guardian makes a held transfer wait at least until then, Unix seconds.
    Extend(UnixSeconds),
    /// Two guardians let a held transfer pass that waits for its delay or for the window.
    Release,
}
