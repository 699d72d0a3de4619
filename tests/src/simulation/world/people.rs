//! What people do: guardians pause, acknowledge and resume; operators put things right.

use alloy::primitives::B256;
use spandrel_core::ledger::{Commit, CursorMove, Ledger, TransferFilter};
use spandrel_core::{Input, Status};
use spandrel_engine::{Change, Clock, OrderError};
use spandrel_risk::control::{Act, SignedStatement, Statement};
use spandrel_risk::{Direction, Lane, RiskEvent, Scope};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::follow::Cursor;

use super::{World, short};
use crate::simulation::check::Finding;
use crate::simulation::clock::START;
use crate::simulation::guardians;
use crate::simulation::keys;
use crate::simulation::relayer::now;
use crate::simulation::universe::Breakage;

impl World {
    pub(super) fn pause(&mut self) -> Finding {
        self.count("pause");
        let sources = keys::sources();
        let (scope, until, is_guarded) = self.chance(|dice| {
            let source = dice.pick(&sources);
            let lane = dice.pick(&[Lane::Fast, Lane::LightClient]);
            let scope = match dice.below(8) {
                0 => Scope::Global,
                1 => Scope::Chain { chain: source },
                2 => Scope::Asset { asset: keys::asset(&source) },
                3 => Scope::Route { source, destination: keys::destination() },
                4 => Scope::Lane { lane, source: Some(source) },
                5 => Scope::Direction { chain: source, direction: Direction::Deposits },
                6 => Scope::Direction { chain: keys::destination(), direction: Direction::Payouts },
                _ => Scope::Lane { lane, source: None },
            };
            (scope, self.clock.now() + 10 + dice.below(200), dice.percent(50))
        });
        self.note(|| format!("pause {scope} until {}", until - START));
        if is_guarded {
            self.universe.lock().destination.guarded.insert(scope.clone(), until);
        }
        let event = RiskEvent::Paused { scope, until, reason: "guardian".to_owned() };
        self.work("record pause", |relayer| now(relayer.book.record_risk(event)))
    }

    /// A guardian lifts what a guardian paused; what a halt paused, two do.
    pub(super) fn resume(&mut self) -> Finding {
        let risk = self.relayer.book.risk_now().state;
        let Some((scope, _)) = risk.pauses_at(self.clock.now()).next() else { return Ok(()) };
        let is_broken = self.universe.lock().breakage == Some(Breakage::LoneResumption);
        if self.checker.halts.has_paused(scope) && !is_broken {
            return self.resume_by_two(scope);
        }
        let event = RiskEvent::Resumed { scope: scope.clone() };
        self.universe.lock().destination.guarded.remove(scope);
        self.work("record resume", |relayer| now(relayer.book.record_risk(event)))
    }

    /// Two who have looked at what sentinels found lift its pauses: a payout that the chain took the deposit of is no news.
    pub(super) fn settle_findings(&mut self) -> Finding {
        let risk = self.relayer.book.risk_now().state;
        let found = risk.pauses_at(self.clock.now()).filter(|(_, pause)| pause.reason.starts_with("sentinel: "));
        let scopes: Vec<Scope> = found.map(|(scope, _)| scope.clone()).collect();
        scopes.iter().try_for_each(|scope| self.resume_by_two(scope))
    }

    fn resume_by_two(&mut self, scope: &Scope) -> Finding {
        self.count("resumption by two");
        self.note(|| format!("two guardians resume {scope}"));
        let act = Act::Resume { scope: scope.clone() };
        let what = act.to_string();
        let Some(proposal) = self.say(0, act)? else { return Ok(()) };
        self.say(1, Act::Approve { proposal, what }).map(drop)
    }

    /// Guardian number `place` says it. Answers the statement's name, unless it was refused.
    fn say(&mut self, place: usize, act: Act) -> Result<Option<B256>, String> {
        let guardian = guardians::address(place);
        let nonce = now(self.relayer.book.control()).0.next_nonce(&guardian);
        let expiry = self.clock.now() + 600;
        let statement = Statement { act, reason: "simulated".to_owned(), guardian, nonce, expiry };
        let digest = statement.digest(guardians::policy().deployment);
        let signed = SignedStatement::new(statement, &guardians::sign(place, digest));
        let mut is_taken = false;
        self.work("order", |relayer| match now(relayer.book.order(&signed, None)) {
            Ok(_) => {
                is_taken = true;
                Ok(())
            }
            Err(OrderError::Engine(error)) => Err(error),
            Err(_) => Ok(()),
        })?;
        Ok(is_taken.then_some(digest))
    }

    /// Whoever looked at the halt says so, and names it; or somebody writes into the ledger.
    fn acknowledge(&mut self, chain: &ChainId, halt: &str) -> Result<bool, String> {
        if self.universe.lock().breakage != Some(Breakage::UnsignedAcknowledgement) {
            let act = Act::AcknowledgeHalt { chain: chain.clone(), halt: halt.to_owned() };
            return Ok(self.say(0, act)?.is_some());
        }
        let acknowledged = Some((chain.clone(), "operator".to_owned()));
        let commit = Commit { now: self.clock.now(), acknowledged, ..Commit::default() };
        let ledger = self.relayer.ledger.clone();
        self.work("acknowledge", |_| Ok(now(ledger.commit(commit))?))?;
        Ok(true)
    }

    /// Look at a halted chain, put its node right, go on; send quarantined transfers back to work.
    pub(super) fn operate(&mut self) -> Finding {
        for place in 0..2 {
            let chain = keys::sources()[place].clone();
            let halt = now(self.relayer.ledger.halted(&chain)).map_err(|error| error.to_string())?;
            let Some(halt) = halt else { continue };
            self.count("halt");
            self.note(|| format!("operator: {chain}"));
            self.sync_node(place);
            let scope = Scope::Chain { chain: chain.clone() };
            // Some resume first: what is halted stays so.
            if self.chance(|dice| dice.percent(30)) {
                self.resume_by_two(&scope)?;
                continue;
            }
            if !self.acknowledge(&chain, &halt)? {
                continue;
            }
            let ledger = self.relayer.ledger.clone();
            let Some(cursor) = now(ledger.cursor(&chain)).map_err(|error| error.to_string())? else { continue };
            let next = self.forget_false_finality(place, &cursor);
            let moved = CursorMove { chain, expected: Some(cursor), next };
            let commit = Commit { now: self.clock.now(), cursor: Some(moved), ..Commit::default() };
            self.work("correct cursor", |_| Ok(now(ledger.commit(commit))?))?;
        }
        let transfers = now(self.relayer.ledger.transfers(&TransferFilter { source: None, open_only: true }));
        for transfer in transfers.map_err(|error| error.to_string())? {
            if let Status::Quarantined { error } = &transfer.status {
                self.note(|| format!("operator: requeue {}: {error}", short(transfer.id)));
                self.count("quarantine");
                let requeue = Change::one(transfer.id, Input::Requeue);
                self.work("requeue", |relayer| now(relayer.book.record(requeue)).map(drop))?;
            }
        }
        Ok(())
    }

    pub(super) fn forget_false_finality(&self, place: usize, cursor: &Cursor) -> Cursor {
        let universe = self.universe.lock();
        let chain = &universe.sources[place];
        let is_true = |hash: B256, height: u64| {
            height <= chain.final_height() && chain.best().get(height as usize) == Some(&hash)
        };
        let mut finals = cursor.recent.iter().rev().filter(|block| is_true(block.hash, block.height));
        let known = cursor.finalized.map_or(0, |block| block.height);
        Cursor { recent: cursor.recent.clone(), finalized: finals.find(|block| block.height <= known).copied() }
    }
}
