//! Two guardians, and what they sign.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use spandrel_risk::control::{Act, ControlPolicy, SignedStatement, Statement, deployment};
use spandrel_signer::LocalKey;
use spandrel_verifiers::{ChainId, UnixSeconds};

/// The bridges that statements are signed for.
pub type Bridges = BTreeMap<ChainId, B256>;

pub fn ada() -> LocalKey {
    LocalKey::from_bytes(&[0xad; 32]).unwrap()
}

pub fn bo() -> LocalKey {
    LocalKey::from_bytes(&[0xb0; 32]).unwrap()
}

/// What `key` signs for these bridges.
pub fn signed(bridges: &Bridges, key: &LocalKey, nonce: u64, act: Act, expiry: UnixSeconds) -> SignedStatement {
    let statement = Statement { act, reason: "odd payouts".into(), guardian: key.address(), nonce, expiry };
    let digest = statement.digest(of(bridges));
    SignedStatement::new(statement, &key.sign_digest(digest).unwrap())
}

/// What a book is told of them.
pub fn policy(bridges: &Bridges) -> ControlPolicy {
    ControlPolicy {
        deployment: of(bridges),
        guardians: BTreeMap::from([(ada().address(), "ada".to_owned()), (bo().address(), "bo".to_owned())]),
        resume_delay: 900,
        timelock: 86_400,
    }
}

fn of(bridges: &Bridges) -> B256 {
    deployment(bridges.iter().map(|(chain, inbox)| (chain, *inbox)))
}
