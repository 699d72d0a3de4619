//! EIP-712 typed data of an act: every field by name, so that a wallet shows what is signed.

use alloy_primitives::{Address, B256, U256, keccak256};

use super::{Act, Statement};
use crate::{Corridor, Limits};

/// A value as EIP-712 encodes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// `string`.
    Text(String),
    /// `uint64`.
    Number(u64),
    /// `bytes32`.
    Hash(B256),
    /// `address`.
    Account(Address),
    /// `address[]`.
    Accounts(Vec<Address>),
}

impl Word {
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Number(_) => "uint64",
            Self::Hash(_) => "bytes32",
            Self::Account(_) => "address",
            Self::Accounts(_) => "address[]",
        }
    }

    /// `encodeData` of EIP-712: dynamic values by hash, an array by the hash of its elements' words.
    fn encoded(&self) -> B256 {
        match self {
            Self::Text(text) => keccak256(text),
            Self::Number(number) => U256::from(*number).into(),
            Self::Hash(hash) => *hash,
            Self::Account(account) => account.into_word(),
            Self::Accounts(accounts) => {
                keccak256(accounts.iter().map(|account| account.into_word()).collect::<Vec<B256>>().concat())
            }
        }
    }
}

/// One member of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: Word,
}

impl Field {
    /// Its EIP-712 type.
    pub fn kind(&self) -> &'static str {
        self.value.kind()
    }
}

/// A struct: the primary type of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// Its name.
    pub name: &'static str,
    /// Its members, in order.
    pub fields: Vec<Field>,
}

impl Typed {
    /// `encodeType` of EIP-712, as in `Pause(string scope,uint64 seconds,…)`.
    pub fn type_text(&self) -> String {
        let members: Vec<String> = self.fields.iter().map(|field| format!("{} {}", field.kind(), field.name)).collect();
        format!("{}({})", self.name, members.join(","))
    }

    /// Type hash and values: what `spandrel_verifiers::eip712::digest` takes.
    pub(super) fn words(&self) -> Vec<B256> {
        let values = self.fields.iter().map(|field| field.value.encoded());
        std::iter::once(keccak256(self.type_text())).chain(values).collect()
    }

    /// The typed data of `statement`.
    pub fn of(statement: &Statement) -> Self {
        let (name, mut fields) = act(&statement.act);
        fields.push(text("reason", &statement.reason));
        fields.push(Field { name: "guardian", value: Word::Account(statement.guardian) });
        fields.push(number("nonce", statement.nonce));
        fields.push(number("expiry", statement.expiry));
        Self { name, fields }
    }
}

fn act(act: &Act) -> (&'static str, Vec<Field>) {
    match act {
        Act::Pause { scope, seconds } => ("Pause", vec![text("scope", scope), number("seconds", *seconds)]),
        Act::Freeze { scope } => ("Freeze", vec![text("scope", scope)]),
        Act::Resume { scope } => ("Resume", vec![text("scope", scope)]),
        Act::LowerLimits { corridor, limits } => ("LowerLimits", limited(corridor, limits)),
        Act::RaiseLimits { corridor, limits } => ("RaiseLimits", limited(corridor, limits)),
        Act::LowerWideLimit { limit, value } => ("LowerWideLimit", vec![text("limit", limit), text("value", value)]),
        Act::RaiseWideLimit { limit, value } => ("RaiseWideLimit", vec![text("limit", limit), text("value", value)]),
        Act::DropHeld { transfer } => ("DropHeld", vec![hash("transfer", transfer.0)]),
        Act::ExtendHold { transfer, until } => {
            ("ExtendHold", vec![hash("transfer", transfer.0), number("until", *until)])
        }
        Act::ReleaseHeld { transfer } => ("ReleaseHeld", vec![hash("transfer", transfer.0)]),
        Act::RequeueQuarantined { transfer } => ("RequeueQuarantined", vec![hash("transfer", transfer.0)]),
        Act::DropQuarantined { transfer } => ("DropQuarantined", vec![hash("transfer", transfer.0)]),
        Act::ChangeSigners { role, set } => {
            let members = Word::Accounts(set.members.iter().copied().collect());
            let threshold = u64::try_from(set.threshold).unwrap_or(u64::MAX);
            let fields = vec![
                text("role", role.name()),
                number("epoch", set.epoch),
                number("threshold", threshold),
                Field { name: "members", value: members },
            ];
            ("ChangeSigners", fields)
        }
        Act::ChangePolicy { policy, changes } => {
            ("ChangePolicy", vec![hash("policy", policy.digest()), text("changes", changes)])
        }
        Act::AcknowledgeHalt { chain, halt } => ("AcknowledgeHalt", vec![text("chain", chain), text("halt", halt)]),
        Act::Reobserve { chain, from, to } => {
            ("Reobserve", vec![text("chain", chain), number("from", *from), number("to", *to)])
        }
        Act::AcceptLoss { transfer } => ("AcceptLoss", vec![hash("transfer", transfer.0)]),
        Act::Approve { proposal, what } => ("Approve", vec![hash("proposal", *proposal), text("what", what)]),
        Act::Cancel { proposal, what } => ("Cancel", vec![hash("proposal", *proposal), text("what", what)]),
    }
}

fn limited(corridor: &Corridor, limits: &Limits) -> Vec<Field> {
    vec![
        text("source", &corridor.source),
        text("destination", &corridor.destination),
        text("asset", &corridor.asset),
        text("lane", corridor.lane),
        text("limits", json(limits)),
    ]
}

/// The limits as their JSON, fields in the order of the type: one text for one value.
pub(super) fn json(limits: &Limits) -> String {
    serde_json::to_string(limits).unwrap_or_default()
}

fn text(name: &'static str, value: impl ToString) -> Field {
    Field { name, value: Word::Text(value.to_string()) }
}

fn number(name: &'static str, value: u64) -> Field {
    Field { name, value: Word::Number(value) }
}

fn hash(name: &'static str, value: B256) -> Field {
    Field { name, value: Word::Hash(value) }
}
