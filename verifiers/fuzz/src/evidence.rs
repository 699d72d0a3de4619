//! Evidence of every chain, honest, and who judges it.

use std::sync::LazyLock;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::ethereum::EthereumVerifier;
use spandrel_verifiers::{Deposit, Evidence, Verified, Verifier, VerifyError};

use crate::cosmos::scene as cosmos;
use crate::ethereum::chain::{OUTBOX, World};
use crate::scene::Scene;
use crate::solana::NOW as SOLANA_NOW;
use crate::solana::scene::Scene as Solana;

/// A Bitcoin deposit that verifies.
pub static BITCOIN: LazyLock<Scene> = LazyLock::new(Scene::new);
/// Ethereum deposits that verify.
pub static ETHEREUM: LazyLock<(EthereumVerifier, World)> = LazyLock::new(|| {
    let world = World::new();
    (EthereumVerifier::new(world.network.config.clone(), OUTBOX).expect("an outbox"), world)
});
/// Cosmos deposits that verify.
pub static COSMOS: LazyLock<cosmos::Scene> = LazyLock::new(cosmos::scene);

static HONEST: LazyLock<[(Evidence, Verified<Deposit>); 4]> = LazyLock::new(|| {
    let (_, world) = &*ETHEREUM;
    let all: [Evidence; 4] = [
        BITCOIN.evidence.clone().into(),
        world.execution.evidence(1, Some(&world.finality)).into(),
        COSMOS.evidence(5).into(),
        Solana::shared().evidence.clone().into(),
    ];
    all.map(|evidence| {
        let verified = verify(&evidence).expect("honest evidence verifies");
        (evidence, verified)
    })
});

/// Which chain's evidence.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Kind {
    /// [`BITCOIN`].
    Bitcoin,
    /// [`ETHEREUM`].
    Ethereum,
    /// [`COSMOS`].
    Cosmos,
    /// [`Solana::shared`].
    Solana,
}

impl Kind {
    /// Honest evidence of this kind.
    pub fn evidence(self) -> &'static Evidence {
        &HONEST[self as usize].0
    }
}

/// The verdict of its chain's scene.
pub fn verify(evidence: &Evidence) -> Result<Verified<Deposit>, VerifyError> {
    match evidence {
        Evidence::Bitcoin(inclusion) => BITCOIN.verifier.verify(&BITCOIN.chain, inclusion, BITCOIN.now),
        Evidence::Ethereum(evidence) => {
            let (verifier, world) = &*ETHEREUM;
            verifier.verify(&world.store, evidence, world.network.now())
        }
        Evidence::Cosmos(evidence) => COSMOS.verifier.verify(&COSMOS.trusted, evidence, cosmos::NOW),
        Evidence::Solana(evidence) => {
            let scene = Solana::shared();
            scene.verifier.verify(&scene.trusted, evidence, SOLANA_NOW)
        }
    }
}

/// Nothing but what the honest evidence of its chain means is ever verified. On Bitcoin no other bytes mean it. Others
/// carry what no rule reads, such as votes beyond those needed.
///
/// # Panics
/// When evidence proves something else, or the honest evidence does not.
pub fn assert_refused_unless_honest(evidence: &Evidence) {
    let place = match evidence {
        Evidence::Bitcoin(_) => Kind::Bitcoin,
        Evidence::Ethereum(_) => Kind::Ethereum,
        Evidence::Cosmos(_) => Kind::Cosmos,
        Evidence::Solana(_) => Kind::Solana,
    };
    let (honest, expected) = &HONEST[place as usize];
    let is_honest = evidence == honest;
    match verify(evidence) {
        Ok(verified) => {
            assert_eq!(verified, *expected);
            assert!(is_honest || !matches!(place, Kind::Bitcoin));
        }
        Err(error) => assert!(!is_honest, "{error}"),
    }
}
