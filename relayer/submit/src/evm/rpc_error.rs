//! What a node means when it does not take a transaction. The only place where this crate reads error texts.
//!
//! Nodes say the same thing in different words, under the one code -32000 or their own; `fixtures/rpc_errors.json`
//! holds their answers (anvil's as recorded, the others' as those nodes word them), and the test below reads every one.

use alloy::transports::{RpcError, TransportErrorKind};

/// Why `eth_sendRawTransaction` did not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendFault {
    /// The node has these very bytes already. As good as accepted.
    AlreadyKnown,
    /// The nonce is used: by this transaction, by another attempt, or by a stranger. Ambiguous.
    NonceTooLow,
    /// Another transaction with this nonce is in the pool and offers too much to be replaced.
    ReplacementUnderpriced,
    /// It offers less than the node asks for.
    Underpriced,
    /// The account cannot pay for it.
    InsufficientFunds,
    /// The node is full, limits us, or could not be understood: nothing is known. Ambiguous.
    Unanswered,
    /// The node refuses it for what it is.
    Rejected,
}

/// Classifies the error of a broadcast.
pub fn classify(error: &RpcError<TransportErrorKind>) -> SendFault {
    match error.as_error_resp() {
        Some(answer) => classify_answer(answer.code, &answer.message),
        None => SendFault::Unanswered,
    }
}

/// Phrases in lower case, first match wins: the more special ones stand first.
const PHRASES: [(&str, SendFault); 28] = [
    ("already known", SendFault::AlreadyKnown),
    ("alreadyknown", SendFault::AlreadyKnown),
    ("already_exists", SendFault::AlreadyKnown),
    ("already imported", SendFault::AlreadyKnown),
    ("known transaction", SendFault::AlreadyKnown),
    ("existing tx with same hash", SendFault::AlreadyKnown),
    ("replacement transaction underpriced", SendFault::ReplacementUnderpriced),
    ("could not replace existing tx", SendFault::ReplacementUnderpriced),
    ("replacementnotallowed", SendFault::ReplacementUnderpriced),
    ("feetoolowtocompete", SendFault::ReplacementUnderpriced),
    ("another transaction with same nonce", SendFault::ReplacementUnderpriced),
    ("nonce too low", SendFault::NonceTooLow),
    ("nonce_too_low", SendFault::NonceTooLow),
    ("oldnonce", SendFault::NonceTooLow),
    ("nonce is too low", SendFault::NonceTooLow),
    ("transaction underpriced", SendFault::Underpriced),
    ("underpriced", SendFault::Underpriced),
    ("feetoolow", SendFault::Underpriced),
    ("fee too low", SendFault::Underpriced),
    ("less than block base fee", SendFault::Underpriced),
    ("gas price below", SendFault::Underpriced),
    ("insufficient funds", SendFault::InsufficientFunds),
    ("insufficientfunds", SendFault::InsufficientFunds),
    ("upfront cost exceeds account balance", SendFault::InsufficientFunds),
    ("txpool is full", SendFault::Unanswered),
    ("too many requests", SendFault::Unanswered),
    ("rate limit", SendFault::Unanswered),
    ("timeout", SendFault::Unanswered),
];

fn classify_answer(code: i64, message: &str) -> SendFault {
    let message = message.to_ascii_lowercase();
    let known = PHRASES.iter().find(|(phrase, _)| message.contains(phrase)).map(|(_, fault)| *fault);
    match known {
        Some(fault) => fault,
        // EIP-1474: limit exceeded, internal error; and the HTTP status some gateways repeat.
        None if matches!(code, -32005 | -32603 | 429) => SendFault::Unanswered,
        None => SendFault::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Recorded {
        node: String,
        code: i64,
        message: String,
        means: SendFault,
    }

    #[test]
    fn every_recorded_answer_is_understood() {
        let recorded: Vec<Recorded> = serde_json::from_str(include_str!("../../fixtures/rpc_errors.json")).unwrap();
        assert!(recorded.len() >= 25);
        for answer in recorded {
            let found = classify_answer(answer.code, &answer.message);
            assert_eq!(found, answer.means, "{}: {}", answer.node, answer.message);
        }
    }

    #[test]
    fn silence_is_ambiguous_and_never_a_rejection() {
        let silence = RpcError::Transport(TransportErrorKind::BackendGone);
        assert_eq!(classify(&silence), SendFault::Unanswered);
        assert_eq!(classify(&RpcError::NullResp), SendFault::Unanswered);
    }
}
