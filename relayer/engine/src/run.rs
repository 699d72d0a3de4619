//! Repeating a step until told to stop: at once while there is work, else on a wake-up or a timer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use spandrel_core::Input;
use spandrel_core::ledger::Ledger;
use spandrel_core::refund::Unpaid;
use spandrel_core::submission::Submitter;
use spandrel_verifiers::follow::{EvidenceSource, Watcher};
use tokio_util::sync::CancellationToken;

use crate::pulse::Beat;
use crate::{
    AttestationDesk, Book, Bus, ChainFollower, Change, Clock, EngineError, EvidenceDesk, Message, PayoutDesk,
    RefundDesk, Step, Subscription, VerdictDesk,
};

const IDLE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Repeats `step`. A transient error pauses it, doubling up to half a minute; any other error ends it.
pub async fn repeat<C, S, F, W, G>(
    name: &str,
    clock: C,
    stop: CancellationToken,
    mut step: S,
    mut idle: W,
) -> Result<(), EngineError>
where
    C: Clock,
    S: FnMut() -> F,
    F: Future<Output = Result<bool, EngineError>>,
    W: FnMut() -> G,
    G: Future<Output = ()>,
{
    let mut pause = IDLE;
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            done = async {
                let _beat = Beat::at(clock.now());
                step().await
            } => done,
        };
        match done {
            Ok(true) => pause = IDLE,
            Ok(false) => {
                pause = IDLE;
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = idle() => {}
                }
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(task = name, %error, "will be tried again");
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = clock.sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

impl<W: Watcher, L: Ledger, C: Clock> ChainFollower<W, L, C> {
    /// Follows until told to stop. A halted chain is not read until a guardian acknowledges; the others go on.
    pub async fn run(&self, clock: C, stop: CancellationToken) -> Result<(), EngineError> {
        let step = || async {
            match self.read_once().await {
                Err(EngineError::Halted { chain, reason }) => {
                    tracing::error!(chain, reason, "halted: not followed until a guardian acknowledges");
                    Ok(false)
                }
                read => read,
            }
        };
        repeat("follow", clock, stop, step, || self.watcher().wait()).await
    }
}

impl<S: EvidenceSource, L: Ledger, C: Clock> EvidenceDesk<S, L, C> {
    /// Builds until told to stop.
    pub async fn run(&self, book: Arc<Book<L, C>>, stop: CancellationToken) -> Result<(), EngineError> {
        let step = || async { Ok(self.build_once().await? > 0) };
        repeat("evidence", book.clock().clone(), stop, step, || woken(&book)).await
    }
}

impl<S: Submitter, L: Ledger, C: Clock> PayoutDesk<S, L, C> {
    /// Submits and follows until told to stop.
    pub async fn run(&self, book: Arc<Book<L, C>>, stop: CancellationToken) -> Result<(), EngineError> {
        let step = || async {
            let submitted = self.submit_once().await?;
            let followed = self.follow_once().await?;
            Ok(submitted + followed > 0)
        };
        repeat("payout", book.clock().clone(), stop, step, || woken(&book)).await
    }
}

/// Assesses held and expiring transfers again, once a second.
pub async fn run_ticks<L: Ledger, C: Clock>(book: Arc<Book<L, C>>, stop: CancellationToken) -> Result<(), EngineError> {
    let step = || async {
        book.record(Change { steps: vec![Step::All(Input::Tick)], ..Change::default() }).await?;
        Ok(false)
    };
    repeat("tick", book.clock().clone(), stop, step, || book.clock().sleep(Duration::from_secs(1))).await
}

/// Carries out what guardians agreed on, once a second. `health` answers what is wrong, if anything.
pub async fn run_control<L: Ledger, C: Clock, H: Future<Output = Option<String>>>(
    book: Arc<Book<L, C>>,
    health: impl Fn() -> H,
    stop: CancellationToken,
) -> Result<(), EngineError> {
    let step = || async {
        book.carry_out(health().await.as_deref()).await?;
        Ok(false)
    };
    repeat("control", book.clock().clone(), stop, step, || book.clock().sleep(Duration::from_secs(1))).await
}

/// The relayer's conversation with verifiers and signers.
pub async fn run_desks<L: Ledger + Unpaid, C: Clock, B: Bus>(
    book: Arc<Book<L, C>>,
    verdicts: VerdictDesk<L, C, B>,
    refunds: Arc<RefundDesk<L, C, B>>,
    attestations: AttestationDesk<L, C, B>,
    mut inbox: B::Subscription,
    stop: CancellationToken,
) -> Result<(), EngineError> {
    let ask = || async {
        let asked = verdicts.ask_once().await? + attestations.ask_once().await?;
        Ok(asked > 0)
    };
    let listen = async {
        while let Some(message) = inbox.next().await {
            let taken = match message {
                Message::Verdict(verdict) => verdicts.take(*verdict).await,
                Message::Attestation { root, signature } => attestations.take(root, signature).await,
                Message::Doubt { deposit, reason } => {
                    tracing::info!(%deposit, reason, "a verifier doubts");
                    Ok(())
                }
                Message::Unseen(unseen) => {
                    attestations.take_unseen(&unseen);
                    Ok(())
                }
                Message::Checkpoint(vote) => refunds.take(&vote).await,
                Message::Evidence(_) | Message::AttestRequest(_) | Message::Block(_) => Ok(()),
            };
            match taken {
                // Whoever sent it will be asked again.
                Err(error) if error.is_transient() => tracing::warn!(%error, "message not stored"),
                other => other?,
            }
        }
        Ok(())
    };
    let asking = repeat("ask", book.clock().clone(), stop.clone(), ask, || woken(&book));
    tokio::select! {
        ended = asking => ended,
        ended = listen => ended,
        () = stop.cancelled() => Ok(()),
    }
}

async fn woken<L: Ledger, C: Clock>(book: &Book<L, C>) {
    tokio::select! {
        () = book.changed() => {}
        () = book.clock().sleep(IDLE) => {}
    }
}
