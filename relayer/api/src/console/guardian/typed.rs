//! A statement as the typed data that `eth_signTypedData_v4` takes (EIP-712, EIP-1193).

use alloy::primitives::B256;
use serde_json::{Map, Value, json};
use spandrel_risk::control::{Field, Statement, Typed, Word};

/// The typed data. Numbers are decimal strings: wallets take them so, and none is rounded.
pub fn data(statement: &Statement, deployment: B256) -> Value {
    let typed = Typed::of(statement);
    let member = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let members: Vec<Value> = typed.fields.iter().map(|field| member(field.name, field.kind())).collect();
    let message: Map<String, Value> =
        typed.fields.iter().map(|field| (field.name.to_owned(), json_of(&field.value))).collect();
    json!({
        "types": {
            "EIP712Domain": [member("name", "string"), member("version", "string"), member("salt", "bytes32")],
            typed.name: members,
        },
        "primaryType": typed.name,
        "domain": { "name": Statement::DOMAIN, "version": Statement::VERSION, "salt": deployment },
        "message": message,
    })
}

fn json_of(word: &Word) -> Value {
    match word {
        Word::Text(text) => json!(text),
        Word::Number(number) => json!(number.to_string()),
        Word::Hash(hash) => json!(hash),
        Word::Account(account) => json!(account),
        Word::Accounts(accounts) => json!(accounts),
    }
}

/// A value as people read it.
pub fn shown(field: &Field) -> String {
    match json_of(&field.value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
