//! Guardians with keys, and a log of what they said.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256};
use spandrel_risk::control::{
    Act, ConfigureRefusal, ControlEvent, ControlPolicy, ControlRefusal, ControlState, SignedStatement, SignerRole,
    Statement, View, Wait, configure, decide, execute,
};
use spandrel_risk::{
    Agreement, AssetLimit, Corridor, Lane, Limit, Limits, RiskEvent, RiskPolicy, RiskState, Scope, WideLimit,
};
use spandrel_signer::LocalKey;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{AssetId, ChainId, DepositId};

pub const NOW: u64 = 1_700_000_000;
pub const QUARTER: u64 = 900;
pub const DAY: u64 = 86_400;

/// Ada has two keys (0 and 1), Bo one (2), Cy one (3); key 9 is a stranger's.
pub fn key(n: u8) -> LocalKey {
    LocalKey::from_bytes(&[n + 1; 32]).unwrap()
}

pub fn chain(n: u64) -> ChainId {
    ChainId::eip155(n)
}

pub fn corridor() -> Corridor {
    Corridor { source: chain(1), destination: chain(9), asset: AssetId::slip44(&chain(1), 60), lane: Lane::Fast }
}

/// The window of the corridor's asset, over all corridors.
pub fn asset_window() -> WideLimit {
    WideLimit::Asset { asset: corridor().asset, limit: AssetLimit::Window }
}

pub fn limits(n: u64) -> Limits {
    let amount = Limit::Amount(U256::from(n));
    Limits {
        per_transfer: amount,
        exposure_cap: amount,
        window: amount,
        large_from: amount,
        large_delay: 60,
        dust: U256::ONE,
    }
}

pub fn transfer() -> DepositId {
    DepositId(B256::repeat_byte(5))
}

pub fn set(epoch: u64) -> SignerSet {
    SignerSet::new(epoch, 2, (1..=3).map(Address::repeat_byte).collect::<BTreeSet<_>>()).unwrap()
}

pub struct World {
    pub state: ControlState,
    pub policy: ControlPolicy,
    pub limits: RiskPolicy,
    pub signers: BTreeMap<SignerRole, SignerSet>,
    pub risk: RiskState,
    pub is_held: bool,
    pub held_until: Option<u64>,
    pub is_quarantined: bool,
    pub is_idle: bool,
    pub halt: Option<&'static str>,
    pub now: u64,
    pub log: Vec<ControlEvent>,
}

impl World {
    pub fn new() -> Self {
        let people = [(0, "ada"), (1, "ada"), (2, "bo"), (3, "cy")];
        let policy = ControlPolicy {
            deployment: B256::repeat_byte(0xdd),
            guardians: people.map(|(n, person)| (key(n).address(), person.to_owned())).into(),
            resume_delay: QUARTER,
            timelock: DAY,
        };
        policy.validate().unwrap();
        Self {
            state: ControlState::default(),
            policy,
            limits: RiskPolicy::of_corridors(BTreeMap::from([(corridor(), limits(100))])),
            signers: BTreeMap::from([(SignerRole::FastLane, set(1)), (SignerRole::Verifiers, set(1))]),
            risk: RiskState::default(),
            is_held: false,
            held_until: None,
            is_quarantined: false,
            is_idle: true,
            halt: None,
            now: NOW,
            log: Vec::new(),
        }
    }

    /// Gives the person of a key another name, as a changed configuration does.
    pub fn name(&mut self, n: u8, person: &str) {
        self.policy.guardians.insert(key(n).address(), person.to_owned());
    }

    pub fn statement(&self, n: u8, act: Act) -> Statement {
        let guardian = key(n).address();
        let nonce = self.state.next_nonce(&guardian);
        Statement { act, reason: "a drill".to_owned(), guardian, nonce, expiry: self.now + 600 }
    }

    pub fn sign(&self, n: u8, statement: Statement) -> SignedStatement {
        let signature = key(n).sign_digest(statement.digest(self.policy.deployment)).unwrap();
        SignedStatement::new(statement, &signature)
    }

    pub fn judge(&self, signed: &SignedStatement) -> Result<Vec<ControlEvent>, ControlRefusal> {
        let limits = self.state.limited(&self.limits);
        decide(&self.state, signed, &self.view(&limits))
    }

    fn view<'a>(&'a self, limits: &'a RiskPolicy) -> View<'a> {
        let Self { policy, signers, risk, .. } = self;
        let Self { is_held, held_until, is_quarantined, is_idle, halt, now, .. } = *self;
        View { policy, limits, signers, risk, is_held, held_until, is_quarantined, is_idle, halt, now }
    }

    fn store(&mut self, events: &[ControlEvent]) {
        for event in events {
            self.state.apply(event, self.now);
            if let Some(risk) = event.risk() {
                self.risk.apply(&risk, self.now);
            }
            self.log.push(event.clone());
        }
    }

    /// Judges and stores.
    pub fn take(&mut self, signed: &SignedStatement) -> Result<Vec<ControlEvent>, ControlRefusal> {
        let events = self.judge(signed)?;
        self.store(&events);
        Ok(events)
    }

    /// Key `n` says `act`.
    pub fn say(&mut self, n: u8, act: Act) -> Result<Vec<ControlEvent>, ControlRefusal> {
        let signed = self.sign(n, self.statement(n, act));
        self.take(&signed)
    }

    /// Key `n` proposes `act`.
    pub fn propose(&mut self, n: u8, act: Act) -> B256 {
        let signed = self.sign(n, self.statement(n, act));
        self.take(&signed).unwrap();
        signed.statement.digest(self.policy.deployment)
    }

    /// Key `n` approves `proposal`, reading what it is.
    pub fn approve(&mut self, n: u8, proposal: B256) -> Result<Vec<ControlEvent>, ControlRefusal> {
        let what = self.state.proposal(&proposal).map_or_else(String::new, |proposal| proposal.act.to_string());
        self.say(n, Act::Approve { proposal, what })
    }

    /// Carries out what is due; answers what became of the proposal.
    pub fn execute(&mut self, proposal: B256, health: Option<&str>) -> Result<ControlEvent, Wait> {
        let limits = self.state.limited(&self.limits);
        let events = execute(&self.state, proposal, &self.view(&limits), health)?;
        self.store(&events);
        Ok(events.into_iter().next().unwrap())
    }

    /// Starts a process with `file`.
    pub fn start(&mut self, file: &Agreement) -> Result<Vec<ControlEvent>, ConfigureRefusal> {
        let events = configure(&self.state, file, self.now)?;
        self.store(&events);
        Ok(events)
    }

    /// A fast payout whose deposit is gone.
    pub fn lose(&mut self, id: DepositId) {
        let Corridor { source, destination, asset, lane } = corridor();
        let cleared =
            RiskEvent::Cleared { id, source, destination, asset, amount: U256::from(5), lane, until_paid: true };
        self.risk.apply(&cleared, self.now);
        self.risk.apply(&RiskEvent::Shortfall { id }, self.now);
    }

    pub fn is_paused(&self, scope: &Scope) -> bool {
        self.risk.pauses_at(self.now).any(|(paused, _)| paused == scope)
    }
}

pub fn pause(seconds: u64) -> Act {
    Act::Pause { scope: Scope::Global, seconds }
}

pub fn resume() -> Act {
    Act::Resume { scope: Scope::Global }
}

pub fn freeze() -> Act {
    Act::Freeze { scope: Scope::Global }
}

pub fn raise(n: u64) -> Act {
    Act::RaiseLimits { corridor: corridor(), limits: limits(n) }
}

/// The refusal's code; panics when it was not refused.
pub fn code(result: Result<Vec<ControlEvent>, ControlRefusal>) -> &'static str {
    result.unwrap_err().code()
}
