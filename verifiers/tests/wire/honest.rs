//! An honest deposit of every chain, and the four files of them.

use std::sync::LazyLock;

use spandrel_verifiers::bitcoin::{Anchor, ChainParams, ConfirmationPolicy};
use spandrel_verifiers::file::{BitcoinTrust, EvidenceFile, Trust, VERSION};

use crate::bitcoin_deposits::{Scene as Bitcoin, VAULT};
use crate::cosmos::scene::{Scene as Cosmos, scene};
use crate::ethereum::chain::World;
use crate::solana::scene::Scene as Solana;
use crate::trusts;

/// A scene of each chain; the files are in the order Bitcoin, Ethereum, Cosmos, Solana.
pub struct Honest {
    pub bitcoin: Bitcoin,
    pub ethereum: World,
    pub cosmos: Cosmos,
    pub files: [EvidenceFile; 4],
}

/// The ones that tests share.
pub static HONEST: LazyLock<Honest> = LazyLock::new(|| {
    let (bitcoin, ethereum, cosmos) = (Bitcoin::new(6), World::new(), scene());
    let files =
        [of_bitcoin(&bitcoin), trusts::ethereum(&ethereum), trusts::cosmos(&cosmos), trusts::solana(Solana::shared())];
    Honest { bitcoin, ethereum, cosmos, files }
});

/// The file of a Bitcoin deposit.
pub fn of_bitcoin(scene: &Bitcoin) -> EvidenceFile {
    let params = ChainParams::regtest();
    let trust = BitcoinTrust {
        chain: params.chain(),
        vault: VAULT,
        confirmations: ConfirmationPolicy::flat(6),
        anchor: Anchor::genesis(&params).unwrap(),
        headers: scene.headers.clone(),
    };
    let evidence = scene.evidence.clone().into();
    EvidenceFile { version: VERSION, at: scene.now, trust: Trust::Bitcoin(Box::new(trust)), evidence }
}
